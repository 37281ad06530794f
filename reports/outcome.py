# SPDX-License-Identifier: MIT
"""What came of a comparison with a baseline, in sentences: the terminal, summary.md, index.html and CI say the same."""

from collections.abc import Iterator

from reports import wording
from reports.comparisons import Comparison, Difference
from reports.findings import Finding
from reports.gate import ACCEPT
from reports.schema import KernelResult, Results

LISTED = 20  # differences of each kind told one by one before the rest is only counted
NAMES = {"regression": "worse", "missing": "missing", "better": "better", "changed": "changed", "new": "new"}
NAMES |= {"elsewhere": "different where something else explains it"}
TONES = {"regression": "bad", "missing": "bad", "better": "good"}


def outcome(results: Results) -> list[Finding]:
    """How many differences there are, then each in a sentence, the worst first; nothing without a comparison."""
    found = results.comparison
    if found is None:
        return []
    kernels = {k.id: k for k in results.kernels}
    told = [finding for judged in NAMES for finding in _told(found.judged(judged), judged, kernels)]
    return [Finding("bad" if found.judged("regression", "missing") else "good", _lead(found)), *told, *_advice(found)]


def _lead(found: Comparison) -> str:
    counts = [f"{n:,} {name}" for judged, name in NAMES.items() if (n := len({d.kernel for d in found.judged(judged)}))]
    of = f"{wording.one_line(found.baseline)} ({wording.revision(found.commit)}, {found.started[:10]})"
    result = ", ".join(counts) if counts else "nothing differs"
    return f"{wording.kernels(found.compared)} compared with {of}: {result}."


def _told(differences: list[Difference], judged: str, kernels: dict[str, KernelResult]) -> Iterator[Finding]:
    tone = TONES.get(judged, "plain")
    for d in differences[:LISTED]:
        text = f"{wording.one_line(d.kernel)}: {d.what}: {wording.one_line(d.text, 400)}"
        yield Finding(tone, f"{NAMES[judged].split()[0].capitalize()}: {text}.", kernels.get(d.kernel))
    if len(differences) > LISTED:
        yield Finding(tone, f"{len(differences) - LISTED:,} more {NAMES[judged]}.")


def _advice(found: Comparison) -> Iterator[Finding]:
    if found.judged("regression", "missing"):
        yield Finding("plain", f"Where that is meant, `{ACCEPT}` makes these results the new baseline.")
    elif found.judged("better", "changed", "new"):
        yield Finding("plain", f"To keep what was won: `{ACCEPT}` makes these results the new baseline.")
