# SPDX-License-Identifier: MIT
"""What a terminal shows at the end of a run."""

from tabulate import tabulate

from reports import columns, speeds, wording
from reports.findings import findings, groups
from reports.outcome import outcome
from reports.schema import Results

NAME_WIDTH = 32


def against(results: Results) -> list[str]:
    """What came of the comparison with a baseline; nothing without one."""
    return [finding.plain for finding in outcome(results)]


def against_revision(results: Results) -> list[str]:
    """What came of the race with another revision; nothing without one."""
    return [finding.text for finding in speeds.findings(results)]


def headline(results: Results) -> list[str]:
    """What was measured, failed or was worst, which claims are broken, what it ran with, what was skipped."""
    said = [finding.text for finding in findings(results)]
    if results.backends:
        said.append(f"Ran with: {'; '.join(map(wording.ran_with, results.backends))}.")
    return said + [wording.one_line(f"Skipped: {s.what} ({s.why}).") for s in results.skipped]


def table(results: Results) -> str:
    """One line a kernel, below a line for its activation and direction; together they spell the kernel's id."""
    shown = columns.brief(results)
    lines: list[list[str]] = []
    for (activation, direction), kernels in groups(results.kernels).items():
        lines.append([wording.one_line(f"{activation}-{direction}-", NAME_WIDTH)])
        for kernel in kernels:
            name = wording.one_line(f"{kernel.dtype}-{kernel.backend}-{kernel.variant}", NAME_WIDTH - 2)
            lines.append([f"  {name}", *(column.show(kernel) for column in shown)])
    text = tabulate(
        lines,
        ["kernel", *(column.title for column in shown)],
        tablefmt="simple",
        colalign=["left", *("right" if column.numeric else "left" for column in shown)],
        disable_numparse=True,
        preserve_whitespace=True,
    )
    return "\n".join([line.rstrip() for line in text.splitlines()] + _failures(results))


def _failures(results: Results) -> list[str]:
    return [
        wording.one_line(f"FAILED {kernel.id}: {wording.failure(kernel.failure)}", 240)
        for kernel in results.kernels
        if kernel.failure is not None
    ]
