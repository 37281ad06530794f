# SPDX-License-Identifier: MIT
"""What Plotly draws, as its JSON; colours of text and grid are the page's, and assets/report.js puts them in."""

import math
from collections.abc import Iterable
from html import escape
from typing import Any

from reports import floats, rows, wording
from reports.schema import ActivationResult, KernelResult, Region

Figure = dict[str, Any]

COLOURS = ("#d55e00", "#2a85c7", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f", "#b15928", "#66a61e")
FLOOR = 0.01  # ulp; a logarithmic axis has no place for 0
CEILING = 1e300  # nor for what is infinite


def palette(kernels: Iterable[KernelResult]) -> dict[str, str]:
    """A colour for each author, the same in all plots of a report."""
    authors = dict.fromkeys(wording.author(kernel) for kernel in kernels)
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(authors)}


def curve(activation: ActivationResult) -> Figure:
    """The graph of the function and its derivative."""
    points = activation.curve
    lines = (("f(x)", points.y, COLOURS[1], "solid"), ("f′(x)", points.derivative, COLOURS[0], "dash"))
    return {
        "data": [
            {
                "x": points.x,
                "y": y,
                "name": name,
                "mode": "lines",
                "line": {"color": colour, "dash": dash, "width": 2.5},
            }
            for name, y, colour, dash in lines
        ],
        "layout": {"xaxis": {"title": {"text": "x"}}, "hovermode": "x unified"},
    }


def error(kernels: list[KernelResult], dtype: str, colours: dict[str, str]) -> Figure:
    """The largest error in each region of the line of floats, one line a kernel; crosses are examples of mismatches."""
    measured = [k for k in kernels if k.accuracy is not None and k.accuracy.regions]
    highest = min(CEILING, max((r.max_ulp or 0 for k in measured for r in k.accuracy.regions), default=1))
    traces = [_errors(k, dtype, colours[wording.author(k)]) for k in measured]
    top = max(highest, 1) * 4
    crosses = [_crosses(k, dtype, top, colours[wording.author(k)]) for k in kernels]
    crosses += [_numberless(k, dtype, top, colours[wording.author(k)]) for k in measured]
    return {
        "data": traces + [cross for cross in crosses if cross["x"]],
        "layout": {
            "xaxis": {"title": {"text": "input x"}, "range": [-1, 1]},
            "yaxis": {"type": "log", "title": {"text": "max ulp"}, "exponentformat": "power"},
            "shapes": [_level(0.5, "½ ulp")],
            "meta": {"ticks": floats.ticks(dtype)},
            "updatemenus": [_views(dtype)],
        },
    }


def _views(dtype: str) -> Figure:
    """Buttons: the whole line, and the parts of it where networks live."""
    near, far = (floats.place(x, dtype) for x in (1e-3, 1e3))
    views = (("all", [-1, 1]), ("−1000 … −0.001", [-far, -near]), ("0.001 … 1000", [near, far]))
    buttons = [{"label": label, "method": "relayout", "args": [{"xaxis.range": range_}]} for label, range_ in views]
    place = {"x": 1, "xanchor": "right", "y": -0.12, "yanchor": "top", "direction": "left", "type": "buttons"}
    return place | {
        "buttons": buttons,
        "showactive": False,
        "font": {"size": 10},
        "pad": {"t": 4, "r": 0, "b": 0, "l": 0},
    }


def _errors(kernel: KernelResult, dtype: str, colour: str) -> Figure:
    regions = kernel.accuracy.regions
    at_least = "at least " if kernel.accuracy.coverage == "sampled" else ""
    return {
        "name": _name(kernel),
        "legendgroup": _name(kernel),
        "mode": "lines",
        "line": {"color": colour, "width": 1.5, "shape": "hvh"},
        "x": [_middle(region, dtype) for region in regions],
        "y": [None if region.max_ulp is None else min(max(region.max_ulp, FLOOR), CEILING) for region in regions],
        "customdata": [[wording.decimal(r.lo, 4), wording.decimal(r.hi, 4), wording.ulp(r.max_ulp)] for r in regions],
        "hovertemplate": f"%{{customdata[0]}} … %{{customdata[1]}}<br>{at_least}<b>%{{customdata[2]}} ulp</b>",
    }


def _middle(region: Region, dtype: str) -> float:
    ends = (floats.place(float.fromhex(end), dtype) for end in (region.lo, region.hi))
    return round(sum(ends) / 2, 6)


def _crosses(kernel: KernelResult, dtype: str, height: float, colour: str) -> Figure:
    examples = [e for e in kernel.safety.examples if _on_the_line(e.input)] if kernel.safety else []
    return {
        "name": f"{_name(kernel)}: mismatch",
        "legendgroup": _name(kernel),
        "mode": "markers",
        "marker": {"color": colour, "symbol": "x", "size": 8},
        "x": [floats.place(float.fromhex(e.input), dtype) for e in examples],
        "y": [height] * len(examples),
        "customdata": [[wording.decimal(e.input), e.got, wording.decimal(e.want), e.kind] for e in examples],
        "hovertemplate": "x = %{customdata[0]}<br>got %{customdata[1]}, due %{customdata[2]} (%{customdata[3]})",
    }


def _numberless(kernel: KernelResult, dtype: str, height: float, colour: str) -> Figure:
    """Where inputs were tried and no result was a number; where none was tried, nothing is drawn."""
    regions = [r for r in kernel.accuracy.regions if r.evaluated and r.max_ulp is None]
    return {
        "name": f"{_name(kernel)}: no number",
        "legendgroup": _name(kernel),
        "mode": "markers",
        "marker": {"color": colour, "symbol": "x-thin-open", "size": 6},
        "x": [_middle(region, dtype) for region in regions],
        "y": [height] * len(regions),
        "customdata": [
            [wording.decimal(r.lo, 4), wording.decimal(r.hi, 4), wording.count(r.evaluated)] for r in regions
        ],
        "hovertemplate": "%{customdata[0]} … %{customdata[1]}<br>none of %{customdata[2]} results is a number",
    }


def _on_the_line(text: str) -> bool:
    """Whether an input is a number: a NaN is not, nor are the words for the many inputs of a sum."""
    try:
        return not math.isnan(float.fromhex(text))
    except ValueError:
        return False


def speed(kernels: list[KernelResult], at: rows.Setting, colours: dict[str, str]) -> Figure:
    """Share of a copy's throughput, a group of bars a dtype, one bar a kernel."""
    traces: dict[str, Figure] = {}
    for kernel in kernels:
        measured = rows.timing(kernel, *at)
        if measured is None:
            continue
        empty = {
            "name": _name(kernel),
            "type": "bar",
            "marker": {"color": colours[wording.author(kernel)]},
            "x": [],
            "y": [],
        }
        trace = traces.setdefault(wording.author(kernel), empty | {"hovertemplate": "%{x}: %{y:.3g} % of a copy"})
        trace["x"].append(kernel.dtype)
        trace["y"].append(measured.percent_of_copy)
    return {
        "data": list(traces.values()),
        "layout": {
            "yaxis": {"title": {"text": f"% of copy, {at.meaning}"}, "rangemode": "tozero"},
            "barmode": "group",
            "shapes": [_level(100, "copy")],
        },
    }


def _level(y: float, label: str) -> Figure:
    """A dotted line across the plot."""
    line = {"dash": "dot", "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line, "label": _label(label)}


def _label(text: str) -> Figure:
    return {"text": text, "textposition": "end", "font": {"size": 10}, "yanchor": "bottom"}


def _name(kernel: KernelResult) -> str:
    """Plotly reads some HTML in names."""
    return escape(wording.one_line(wording.author(kernel), 40))
