# SPDX-License-Identifier: MIT
"""How figures moved from run to run, as Plotly draws it: the largest error, and the share of a copy's speed."""

from collections.abc import Iterable
from html import escape

from reports import wording
from reports.comparisons import Earlier
from reports.history import figures
from reports.plots import CEILING, FLOOR, Figure
from reports.schema import KernelResult, Results

DASHES = {"float16": "dot", "bfloat16": "dashdot", "float32": "solid", "float64": "dash"}
ERROR = {"type": "log", "title": {"text": "max ulp"}, "exponentformat": "power"}
SPEED = {"title": {"text": "% of copy, hot ×1 or GPU"}, "rangemode": "tozero"}


def trends(results: Results, kernels: Iterable[KernelResult], colours: dict[str, str]) -> list[Figure]:
    """A figure for each of the two that an earlier run has of any of the kernels; a line a kernel."""
    if not results.history:
        return []
    runs, chosen = [*results.history, figures(results)], list(kernels)
    drawn = (_figure(runs, chosen, colours, *what) for what in (("max_ulp", ERROR), ("percent_of_copy", SPEED)))
    return [figure for figure in drawn if figure["data"]]


def _figure(
    runs: list[Earlier], kernels: list[KernelResult], colours: dict[str, str], name: str, axis: dict[str, object]
) -> Figure:
    labels = [_label(run) for run in runs]
    traces = []
    for kernel in kernels:
        found = [run.kernels.get(kernel.id) for run in runs]
        values = [getattr(f, name) if f else None for f in found]
        if any(v is not None for v in values[:-1]):
            traces.append(_line(kernel, labels, values, name, colours[wording.author(kernel)]))
    return {
        "data": traces,
        "layout": {"xaxis": {"type": "category", "title": {"text": "run"}}, "yaxis": axis, "hovermode": "closest"},
    }


def _line(kernel: KernelResult, labels: list[str], values: list[float | None], name: str, colour: str) -> Figure:
    title = escape(wording.one_line(f"{kernel.dtype} {wording.author(kernel)}", 40))
    shown = [wording.ulp(v) if name == "max_ulp" else wording.short(v) for v in values]
    floor = FLOOR if name == "max_ulp" else 0.0  # a logarithmic axis has no place for 0
    return {
        "name": title,
        "mode": "lines+markers",
        "line": {"color": colour, "width": 1.5, "dash": DASHES.get(kernel.dtype, "solid")},
        "x": labels,
        "y": [None if v is None else min(max(v, floor), CEILING) for v in values],
        "customdata": shown,
        "hovertemplate": "%{x}<br><b>%{customdata}</b>",
    }


def _label(run: Earlier) -> str:
    """When it was, so that no two are alike, and of what revision."""
    return f"{run.started[:19].replace('T', ' ')} {run.commit[:7] if run.commit else ''}".rstrip()
