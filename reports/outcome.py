# SPDX-License-Identifier: MIT
"""What came of a comparison with a baseline, in sentences: the terminal, summary.md, index.html and CI say the same."""

from collections.abc import Iterator

from reports import wording
from reports.comparisons import Comparison, Difference
from reports.findings import Finding
from reports.schema import KernelResult, Results

LISTED = 20  # differences of each kind told one by one before the rest is only counted
NAMES = {"regression": "worse", "missing": "missing", "better": "better", "changed": "changed", "new": "new"}
NAMES |= {"elsewhere": "different where something else may explain it"}
TONES = {"regression": "bad", "missing": "bad", "better": "good"}


def outcome(results: Results) -> list[Finding]:
    """How many differences there are, then each in a sentence, the worst first; nothing without a comparison."""
    found = results.comparison
    if found is None:
        return []
    kernels = {k.id: k for k in results.kernels}
    told = [finding for judged in NAMES for finding in _told(found.judged(judged), judged, kernels)]
    is_clear = found.compared and not ungated(found)
    tone = "bad" if found.judged("regression", "missing") else "good" if is_clear else "plain"
    return [Finding(tone, _lead(found)), *told, *_advice(found)]


def ungated(found: Comparison) -> dict[str, str]:
    """The kernels that nothing can be said of, by id: what differs of each first, and what else may explain it."""
    first = {d.kernel: d for d in reversed(found.judged("elsewhere"))}
    return {kernel: f"{d.what}: {d.text}" for kernel, d in reversed(first.items())}


def _lead(found: Comparison) -> str:
    counts = [f"{n:,} {name}" for judged, name in NAMES.items() if (n := len({d.kernel for d in found.judged(judged)}))]
    of = f"{wording.one_line(found.baseline)} ({wording.revision(found.commit)}, {found.started[:10]})"
    left_out = f", {found.left_out:,} left out by this run's filters" if found.left_out else ""
    result = f": {', '.join(counts)}" if counts else ""
    if not found.compared:
        return f"No kernel compared: {of} has none of these{left_out}{result}."
    return f"{wording.kernels(found.compared)} compared with {of}{left_out}{result or ': nothing differs'}."


def _told(differences: list[Difference], judged: str, kernels: dict[str, KernelResult]) -> Iterator[Finding]:
    tone = TONES.get(judged, "plain")
    for d in differences[:LISTED]:
        text = f"{wording.one_line(d.kernel)}: {d.what}: {wording.one_line(d.text, 400)}"
        yield Finding(tone, f"{NAMES[judged].split()[0].capitalize()}: {text}.", kernels.get(d.kernel))
    if len(differences) > LISTED:
        yield Finding(tone, f"{len(differences) - LISTED:,} more {NAMES[judged]}.")


def _advice(found: Comparison) -> Iterator[Finding]:
    left = len(ungated(found))
    if left:
        were = "was" if left == 1 else "were"
        yield Finding("plain", f"{wording.kernels(left)} {were} not gated: what differs may have another cause.")
    if found.judged("regression", "missing"):
        yield Finding("plain", "Where that is meant, make these results the new baseline", command=found.accept)
    elif found.judged("better", "changed", "new"):
        yield Finding("plain", "To keep what was won, make these results the new baseline", command=found.accept)
    elif left:
        yield Finding("plain", "To gate all of them here, make these results the new baseline", command=found.accept)
