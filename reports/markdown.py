# SPDX-License-Identifier: MIT
"""summary.md, short enough for a comment on a pull request; and tables of some activations, for any other page."""

import itertools
from collections.abc import Collection
from html import escape

from reports import columns, ranking, speeds, wording
from reports.findings import Finding, findings, groups
from reports.outcome import outcome
from reports.schema import KernelResult, Results

LONGEST = 60_000  # bytes: a comment on GitHub may have 65,536 characters, and whoever posts it may add some
LONGEST_LISTS = 45_000  # of them before the tables
LISTED = 20  # skipped


def summary(results: Results) -> str:
    """The machine, the findings, and a table per activation, folded away."""
    machine, run = results.machine, results.run
    lines = [
        "# halfulp",
        "",
        f"{_text(wording.hardware(machine))}; Python {_text(machine.python)}; {wording.commit(run)}; "
        f"depth {run.depth}, seed {run.seed}, {wording.duration(run.seconds)}.",
        "",
        *(
            [f"Ran with: {_text('; '.join(map(wording.ran_with, results.backends)), None)}.", ""]
            if results.backends
            else []
        ),
        *map(_item, findings(results)),
        *(f"- Skipped: {_text(s.what)} ({_text(s.why)})." for s in results.skipped[:LISTED]),
        *([f"- {len(results.skipped) - LISTED:,} more skipped."] if len(results.skipped) > LISTED else []),
        "",
        *_against(results),
    ]
    lines = [*_fitting(lines, LONGEST_LISTS, "lines"), ""]
    folded = _ranking(results)
    tables: dict[str, list[str]] = {}
    for (activation, direction), kernels in groups(results.kernels).items():
        tables.setdefault(activation, []).append(_table(results, direction, kernels))
    for activation, its_tables in tables.items():
        folded.append(
            "\n".join([f"<details><summary>{_text(activation)}</summary>", "", *its_tables, "</details>", ""])
        )
    return "\n".join([*lines, *_fitting(folded, LONGEST - sum(len(line.encode()) + 1 for line in lines), "tables")])


def _fitting(parts: list[str], room: int, what: str) -> list[str]:
    """As many of the parts, from the first on, as so many bytes have room for, and a word on the others."""
    ends = itertools.accumulate(len(part.encode()) + 1 for part in parts)
    kept = [part for part, end in zip(parts, ends, strict=True) if end <= room]
    left_out = len(parts) - len(kept)
    return [*kept, f"{left_out:,} {what} are left out here, and are in index.html.", ""] if left_out else kept


def _against(results: Results) -> list[str]:
    sections = {"the baseline": outcome(results)}
    if results.against:
        sections[results.against.revision] = speeds.findings(results)
    return [
        line
        for what, told in sections.items()
        if told
        for line in (f"## Against {_text(what)}", "", *map(_item, told), "")
    ]


def tables(results: Results, activations: Collection[str]) -> str:
    """A table for each direction of these activations, under where, with what and when it was measured."""
    machine, run = results.machine, results.run
    kernels = [k for k in results.kernels if k.activation in activations]
    backends = tuple({k.backend for k in kernels})  # a package begins with the name of its backend: tensorflow_cpu
    versions = [f"{name} {version}" for name, version in machine.libraries.items() if name.startswith(backends)]
    where = [wording.hardware(machine), ", ".join([f"Python {machine.python}", *versions])]
    when = f"{run.started[:10]}, {wording.commit(run)}, depth {run.depth}, seed {run.seed}"
    lines = [f"{_text('; '.join(where), None)}; {when}."]
    ran_with = [wording.ran_with(b) for b in results.backends if b.name in backends]
    lines += ["", f"Ran with: {_text('; '.join(ran_with), None)}."] if ran_with else []
    for (activation, direction), its_kernels in groups(kernels).items():
        lines += ["", _table(results, f"{activation} {direction}", its_kernels).rstrip("\n")]
    return "\n".join(lines)


def _item(finding: Finding) -> str:
    text = _text(finding.text, None) + (f": {_code(finding.command)}" if finding.command else "")
    return f"- **{text}**" if finding.tone == "bad" else f"- {text}"


def _ranking(results: Results) -> list[str]:
    found = ranking.rankings(results)
    if not found:
        return []
    lines = ["| function | safe everywhere | most accurate | fastest | the front |", "|---|---|---|---|---|"]
    for r in found:
        safe = ", ".join(map(_author, r.safe)) or f"none of {len(r.ranked)}"
        best, fastest = _with_figures(r.ranked[:1]), _with_figures(r.fastest[:1])
        function = _text(f"{r.activation} {r.direction} {r.dtype}{' on a GPU' if r.device == 'cuda' else ''}")
        function += f", {_text(r.parameters)}" if r.parameters else ""
        lines.append(f"| {function} | {safe} | {best} | {fastest} | {_with_figures(r.front)} |")
    return ["\n".join(["<details><summary>Whom to call</summary>", "", *lines, "", "</details>", ""])]


def _author(kernel: KernelResult) -> str:
    return _text(wording.author(kernel))


def _with_figures(kernels: list[KernelResult]) -> str:
    return ", ".join(f"{_author(k)} ({ranking.figures(k)})" for k in kernels) or wording.MISSING


def _table(results: Results, title: str, kernels: list[KernelResult]) -> str:
    shown = columns.brief(results)
    rows = [
        [_text(title), *(column.title.replace("\n", ", ") for column in shown)],
        ["---", *("---:" if column.numeric else "---" for column in shown)],
        *([_text(f"{k.dtype}-{k.backend}-{k.variant}"), *(column.show(k) for column in shown)] for k in kernels),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _code(command: str) -> str:
    """A command, set as one; within it nothing of Markdown takes effect but the end of it."""
    line = wording.one_line(command, 400)
    return _text(line, None) if "`" in line else f"`{line}`"


def _text(text: str, width: int | None = 160) -> str:
    """Anyone's words as plain words, cut at ``width``: neither HTML nor Markdown in them takes effect."""
    line = escape(wording.one_line(text, width), quote=False)
    return "".join("\\" + c if c in "\\`*_[]|~" else c for c in line)
