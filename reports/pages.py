# SPDX-License-Identifier: MIT
"""index.html and a page per activation, with their assets; they open from disk, without a network."""

import inspect
import re
import shutil
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from reports import columns, fingerprints, formulas, plots, properties, ranking, rows, speeds, trend, wording
from reports.findings import findings, groups, tally
from reports.outcome import outcome
from reports.schema import ActivationResult, KernelResult, Results

HERE = Path(__file__).parent
GENERATOR = '<meta name="generator" content="halfulp">'  # in each page's head, see base.html
GRADES = ((0.5, "rounded"), (1.0, "faithful"), (4.0, "close"), (1000.0, "poor"))  # up to so many ulp


def write(results: Results, folder: Path) -> Path:
    """Write the pages into ``folder``; return the path of index.html.

    Raises:
        OSError: the folder can't be written.
    """
    shutil.copytree(HERE / "assets", folder / "assets", dirs_exist_ok=True)
    (folder / "assets" / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    pages = folder / "activations"
    pages.mkdir(exist_ok=True)
    for page in pages.glob("*.html"):
        if _is_ours(page):
            page.unlink()  # of an earlier run, which may have had other activations
    environment = _environment(results)
    index = folder / "index.html"
    index.write_text(environment.get_template("index.html").render(_index(results), root=""), encoding="utf-8")
    template = environment.get_template("activation.html")
    for activation in results.activations:
        page = template.render(_activation(results, activation), root="../")
        (folder / address(activation.name)).write_text(page, encoding="utf-8")
    return index


def _is_ours(page: Path) -> bool:
    if not page.is_file():
        return False
    with page.open(encoding="utf-8", errors="replace") as file:
        return GENERATOR in file.read(1000)


def address(activation: str) -> str:
    """The path of an activation's page in the report folder; a name of any characters gets a page of its own."""
    plain = re.sub(r"[^a-z0-9_]", "_", activation)[:60]
    if plain != activation or not plain:
        plain += "-" + sha256(activation.encode()).hexdigest()[:8]
    return f"activations/{plain}.html"


def link(kernel: KernelResult) -> str:
    """Where the index finds a kernel on the page of its activation."""
    return f"{address(kernel.activation)}#{quote(kernel.id)}"


def grade(kernel: KernelResult) -> str:
    """The class of a kernel's accuracy, for its colour; a result of the wrong kind is worse than any lost digit."""
    if kernel.failure is not None:
        return "failed"
    if kernel.accuracy is None:
        return "unknown"
    if kernel.accuracy.max_ulp is None or kernel.mismatches:
        return "lost"
    grades = GRADES if kernel.accuracy.all_misrounded == 0 else GRADES[1:]  # ½ ulp may be a hair more
    return next((name for bound, name in grades if kernel.accuracy.max_ulp <= bound), "lost")


def verdict_class(kernel: KernelResult) -> str:
    """The class of a verdict, for its colour."""
    if kernel.failure is not None or kernel.verdict == "broken":
        return "bad"
    return "good" if kernel.verdict == "holds" else ""


def embed(value: Any) -> Markup:
    """``value`` as JSON that no text in it can end early; what is not finite becomes null."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _environment(results: Results) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: function for name, function in vars(wording).items() if inspect.isfunction(function)}
    own = (ranking.figures, grade, verdict_class, link, address, embed)
    environment.filters |= {function.__name__: function for function in own}
    environment.globals |= {"results": results, "wording": wording, "timing": rows.timing}
    return environment


def _index(results: Results) -> dict[str, Any]:
    shown = columns.findings(results)
    at = rows.settings(results)
    return {
        "findings": findings(results),
        "against": outcome(results),
        "race": speeds.findings(results),
        "tally": tally(results),
        "timed": bool(at),
        "glance": _glance(results.kernels),
        "rankings": ranking.rankings(results),
        "table": {
            "columns": [{"field": c.field, "title": c.title, "tip": c.tip, "numeric": c.numeric} for c in shown],
            "rows": [_row(kernel, shown, at) for kernel in results.kernels],
            "colours": plots.palette(results.kernels),
            "hot": rows.extremes(results)[0].key,
        },
        "shown": shown,
    }


def _row(kernel: KernelResult, shown: Iterable[columns.Column], at: Iterable[rows.Setting]) -> dict[str, Any]:
    """Values to sort and filter by, and beside them what is shown in their place."""
    raw = rows.flat(kernel, at)
    fields = ("kernel", *columns.IDENTITY, *(column.field for column in shown))
    return {field: raw.get(field) for field in fields} | {
        "verdict": wording.verdict(kernel),
        "author": wording.author(kernel),
        "shown": {column.field: column.show(kernel) for column in shown},
        "grade": grade(kernel),
        "tone": verdict_class(kernel),
        "link": link(kernel),
    }


def _glance(kernels: list[KernelResult]) -> dict[str, Any]:
    """A table of tables: activation and direction down, dtype and author across."""
    across: dict[str, list[str]] = {}
    for kernel in kernels:
        authors = across.setdefault(kernel.dtype, [])
        if wording.author(kernel) not in authors:
            authors.append(wording.author(kernel))
    down = {key: {(k.dtype, wording.author(k)): k for k in its_kernels} for key, its_kernels in groups(kernels).items()}
    return {"across": across, "down": down}


def _activation(results: Results, activation: ActivationResult) -> dict[str, Any]:
    kernels = [k for k in results.kernels if k.activation == activation.name]
    colours = plots.palette(results.kernels)
    at = rows.settings(results)
    by_direction: dict[str, dict[str, list[KernelResult]]] = {}
    for kernel in kernels:
        by_direction.setdefault(kernel.direction, {}).setdefault(kernel.dtype, []).append(kernel)
    others = {k.id: k for k in kernels if k.parameters != activation.parameters}
    drawn = {d: trend.trends(results, _flatten(dtypes), colours) for d, dtypes in by_direction.items()}
    return {
        "activation": activation,
        "trends": {direction: figures for direction, figures in drawn.items() if figures},
        "others": {wording.author(k): wording.parameters(k.parameters) for k in others.values()},
        "formula": formulas.mathml(activation.formula),
        "derivative_formula": formulas.mathml(activation.derivative_formula),
        "kernels": kernels,
        "twins": fingerprints.twins(kernels),
        "properties": {
            "names": properties.names(kernels),
            "violations": properties.violations(kernels),
            "kernels": properties.violators_first(kernels),
            "unchecked": properties.unchecked(kernels),
        },
        "decided_by_mpmath": sum(k.accuracy.decided_by_mpmath for k in kernels if k.accuracy),
        "settings": at,
        "curve": plots.curve(activation),
        "errors": {
            direction: {dtype: plots.error(of_dtype, dtype, colours) for dtype, of_dtype in dtypes.items()}
            for direction, dtypes in by_direction.items()
            if any(k.accuracy and k.accuracy.regions for k in _flatten(dtypes))  # a sum has no line of inputs
        },
        "speeds": {
            direction: [plots.speed(_flatten(dtypes), setting, colours) for setting in rows.extremes(results)]
            for direction, dtypes in by_direction.items()
        },
    }


def _flatten(lists: dict[str, list[KernelResult]]) -> list[KernelResult]:
    return [kernel for some in lists.values() for kernel in some]
