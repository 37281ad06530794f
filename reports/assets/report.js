// SPDX-License-Identifier: MIT
// Draws each <figure class="plot"> that carries its figure as JSON, in the colours of the page.
"use strict";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The layout all plots share; a figure's own layout is laid over it. */
function look(own = {}) {
  const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--soft"), automargin: true };
  return {
    font: { color: colour("--ink"), size: 12 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 60, r: 20, t: 10, b: 45 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--line"), activecolor: colour("--soft") },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    hoverlabel: { bgcolor: colour("--band"), font: { color: colour("--ink") }, namelength: 40 },
    showlegend: true,
    ...own,
    shapes: (own.shapes || []).map((shape) => ({
      ...shape,
      line: { ...shape.line, color: colour("--soft") },
      label: { ...shape.label, font: { ...shape.label.font, color: colour("--soft") } },
    })),
    updatemenus: (own.updatemenus || []).map((menu) => ({ ...menu, bgcolor: colour("--band"), bordercolor: colour("--line") })),
    xaxis: { ...axis, ...own.xaxis },
    yaxis: { ...axis, ...own.yaxis },
  };
}

/** Of ticks in the order of their importance, those that fit into the range without touching. */
function fitting(ticks, [from, to], width, room = 46) {
  const kept = [];
  for (const [place, label] of ticks) {
    const clear = kept.every(([other]) => (Math.abs(other - place) / (to - from)) * width >= room);
    if (place >= from && place <= to && clear) kept.push([place, label]);
  }
  return { "xaxis.tickvals": kept.map(([place]) => place), "xaxis.ticktext": kept.map(([, label]) => label) };
}

function retick(figure) {
  const ticks = figure.layout.meta && figure.layout.meta.ticks;
  if (!ticks) return;
  const axis = figure._fullLayout.xaxis;
  const update = fitting(ticks, axis.range, axis._length);
  if (String(update["xaxis.tickvals"]) !== String(figure.layout.xaxis.tickvals)) Plotly.relayout(figure, update);
}

async function draw(figure, { data, layout }) {
  figure.own = layout;
  await Plotly.react(figure, data, look(layout), { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] });
  if (!figure.drawn) figure.on("plotly_relayout", () => retick(figure));
  figure.drawn = true;
  retick(figure);
}

// Plots are drawn when they come near the window, so that a page of many opens at once.
const nearby = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      nearby.unobserve(target);
      const text = target.querySelector("script").textContent;
      target.textContent = "";
      draw(target, JSON.parse(text));
    }
  },
  { rootMargin: "600px" },
);

for (const figure of document.querySelectorAll("figure.plot")) if (figure.querySelector("script")) nearby.observe(figure);

const redraw = () => {
  for (const figure of document.querySelectorAll("figure.plot")) if (figure.drawn) draw(figure, { data: figure.data, layout: figure.own });
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("beforeprint", redraw);
addEventListener("afterprint", redraw);

for (const link of document.querySelectorAll("nav a")) if (link.href === location.href.split("#")[0]) link.setAttribute("aria-current", "page");
