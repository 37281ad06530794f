# SPDX-License-Identifier: MIT
"""What GitHub Actions shows of a run: the summary on its page, and a few annotations, each for many kernels."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reports import markdown, speeds, wording
from reports.comparisons import Difference, SpeedChange
from reports.findings import tally
from reports.outcome import ungated
from reports.schema import KernelResult, Results

LISTED = 10  # lines of an annotation; what is longer is cut on the page


def announce(results: Results, environment: Mapping[str, str]) -> list[str]:
    """Write the summary of the step where there is a file for it; returns the lines that a log has to have."""
    lines = list(_annotations(results)) if environment.get("GITHUB_ACTIONS") == "true" else []
    step = environment.get("GITHUB_STEP_SUMMARY")
    if step:
        try:
            with Path(step).open("a", encoding="utf-8") as file:
                file.write(markdown.summary(results))
        except OSError as error:
            lines.append(_annotation("warning", "halfulp: no summary", [f"{step}: {error.strerror or error}"]))
    return lines


def _annotations(results: Results) -> Iterator[str]:
    counted = tally(results)
    groups: list[tuple[str, str, Sequence[str]]] = [
        ("error", "kernels failed", list(map(_failed, counted.failed))),
        ("error", "claims broken", list(map(_broken, counted.broken))),
    ]
    if results.comparison:
        differences, compared = results.comparison.judged, results.comparison.compared
        groups += [
            ("error", "regressions", list(map(_told, differences("regression")))),
            ("error", "kernels missing", list(map(_told, differences("missing")))),
            ("warning", "baseline has none of these kernels", [] if compared else [results.comparison.baseline]),
            ("warning", "kernels not gated", [f"{k}: {why}" for k, why in ungated(results.comparison).items()]),
            ("notice", "better than the baseline", list(map(_told, differences("better")))),
        ]
    if results.against:
        against, revision = results.against, wording.one_line(results.against.revision)
        slower = against.judged("slower") if against.can_tell else []
        groups += [
            ("error", f"timings slower than at {revision}", list(map(_timed, slower))),
            ("error", f"not timed against {revision}", list(map(_timed, speeds.undone(against)))),
            ("error", "timings that this machine can't tell", list(map(_timed, speeds.undecided(against)))),
            ("warning", "ambiguous timings", list(map(_timed, against.judged("ambiguous")))),
        ]
    for level, title, lines in groups:
        if lines:
            yield _annotation(level, f"halfulp: {len(lines):,} {title}", lines)


def _failed(kernel: KernelResult) -> str:
    return f"{kernel.id}: {wording.failure(kernel.failure)}" if kernel.failure else kernel.id


def _broken(kernel: KernelResult) -> str:
    return f"{kernel.id} breaks its claim ({wording.claim(kernel)}): {wording.largest_claimed(kernel)}"


def _told(difference: Difference) -> str:
    return f"{difference.kernel}: {difference.what}: {difference.text}"


def _timed(change: SpeedChange) -> str:
    return f"{change.kernel}: {speeds.said(change)}"


def _annotation(level: str, title: str, lines: Sequence[str]) -> str:
    """A workflow command; what would end it or one of its parts is escaped."""
    more = [f"and {len(lines) - LISTED:,} more"] if len(lines) > LISTED else []
    text = "\n".join([wording.one_line(line, 400) for line in lines[:LISTED]] + more)
    return f"::{level} title={_escaped(title, '%:,')}::{_escaped(text, '%' + chr(10))}"


def _escaped(text: str, characters: str) -> str:
    return "".join(f"%{ord(c):02X}" if c in characters else c for c in text)
