// SPDX-License-Identifier: MIT
// The table of all kernels on the index, its filters, and the plot that follows them.
"use strict";

const { columns, rows, colours, hot } = JSON.parse(document.getElementById("table-data").textContent);
const form = document.getElementById("filters");
const identity = ["activation", "direction", "dtype", "backend", "variant"];
const chosen = [...identity, "verdict"];

function element(tag, text, attributes = {}) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.textContent = text;
  return made;
}

// --- the table ---

/** A cell shows the words that came with its value, and sorts by the value. */
function show(cell) {
  const row = cell.getRow().getData();
  const field = cell.getField();
  const text = row.shown[field] ?? row[field] ?? "–";
  if (field === "activation") return element("a", text, { href: row.link });
  if (field === "max_ulp") return element("span", text, { className: `grade ${row.grade}` });
  if (field === "mismatches") return element("span", text, { className: row.mismatches ? "mark" : "" });
  if (field === "verdict") return element("span", text, { className: row.tone });
  return element("span", text, { title: text.length > 24 ? text : "" });
}

/** Numbers by size, words by alphabet, and what is missing last, whichever way it is sorted. */
const described = (column) => ({
  field: column.field,
  title: column.title,
  headerTooltip: column.tip,
  formatter: show,
  hozAlign: column.numeric ? "right" : "left",
  headerHozAlign: column.numeric ? "right" : "left",
  sorter: column.numeric ? "number" : "string",
  sorterParams: { alignEmptyValues: "bottom" },
  headerSortStartingDir: column.numeric ? "desc" : "asc",
  maxWidth: 260,
});

const table = new Tabulator("#table", {
  data: rows,
  index: "kernel",
  columns: [...identity.map((field) => described({ field, title: field, tip: `Sort by ${field}.` })), ...columns.map(described)],
  layout: "fitDataFill",
  maxHeight: "75vh",
  printAsHtml: true,
  placeholder: "No kernel matches these filters.",
});

// --- the filters, which the page's address keeps ---

for (const field of chosen) {
  const values = [...new Set(rows.map((row) => row[field]))];
  form[field].append(...values.map((value) => element("option", value, { value })));
}

function passes(row) {
  const words = form.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  return (
    chosen.every((field) => !form[field].value || row[field] === form[field].value) &&
    (!form.mismatched.checked || row.mismatches > 0) &&
    (!form.above.value || row.max_ulp > Number(form.above.value)) &&
    words.every((word) => row.kernel.toLowerCase().includes(word))
  );
}

function filter() {
  const kept = rows.filter(passes);
  table.setFilter(passes);
  document.getElementById("matched").textContent = `${kept.length} of ${rows.length} kernels`;
  for (const input of form.querySelectorAll("[name]")) input.classList.toggle("set", new FormData(form).get(input.name) > "");
  scatter(kept);
}

function keep() {
  const set = [...new FormData(form)].filter(([, value]) => value);
  history.replaceState(null, "", set.length ? `#${new URLSearchParams(set)}` : location.pathname);
  filter();
}

function restore() {
  const set = new URLSearchParams(location.hash.slice(1));
  for (const input of form.elements) {
    if (!input.name || !set.has(input.name)) continue;
    if (input.type === "checkbox") input.checked = true;
    else input.value = set.get(input.name);
  }
}

// --- accuracy against speed ---

const floor = 0.01; // ulp; a logarithmic axis has no place for 0
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function scatter(kept) {
  const figure = document.getElementById("tradeoff-plot");
  if (!figure) return; // nothing was timed
  const time = `${hot}_ns_per_element`;
  const drawn = kept.filter((row) => row[time] !== null && row.max_ulp !== null);
  const data = Object.entries(colours).map(([author, color]) => {
    const own = drawn.filter((row) => row.author === author);
    return {
      name: plain(author.length > 40 ? `${author.slice(0, 39)}…` : author),
      mode: "markers",
      x: own.map((row) => row[time]),
      y: own.map((row) => Math.min(Math.max(row.max_ulp, floor), 1e300)),
      marker: { color, size: 9, opacity: 0.8, symbol: own.map((row) => (row.mismatches ? "x" : "circle")) },
      customdata: own.map((row) => [plain(row.kernel), row.shown.max_ulp, row.shown[time], row.shown.mismatches, row.link]),
      hovertemplate: "<b>%{customdata[0]}</b><br>%{customdata[1]} ulp, %{customdata[2]} ns/element<br>mismatches: %{customdata[3]}<extra></extra>",
    };
  });
  const layout = {
    xaxis: { type: "log", title: { text: "ns/element, one thread, arrays in cache" } },
    yaxis: { type: "log", title: { text: "max ulp" }, exponentformat: "power" },
    hovermode: "closest",
    shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: 0.5, y1: 0.5, line: { dash: "dot", width: 1 }, label: { text: "½ ulp", textposition: "end", yanchor: "bottom", font: { size: 10 } } }],
  };
  draw(figure, { data: data.filter((trace) => trace.x.length), layout }).then(() => {
    figure.removeAllListeners("plotly_click");
    figure.on("plotly_click", ({ points }) => (location.href = points[0].customdata[4]));
  });
}

form.addEventListener("input", keep);
form.addEventListener("reset", () => setTimeout(keep));
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", () => (restore(), filter()));
table.on("tableBuilt", () => (restore(), filter()));
