# SPDX-License-Identifier: MIT
"""Whether a kernel is slower than it was: the judgement of one round of timings, and of two.

What is sampled is the process, since how its memory lies makes a difference that no number of calls takes away.
Processes come in blocks, one for each state of the sources, that are timed in turn in many short slices: of a block
there is the median over the slices of the logarithm of the ratio. What is judged is the median of that over the blocks,
with a bootstrap interval.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports import wording
from reports.comparisons import Against, SpeedChange, SpeedVerdict
from reports.findings import Finding
from reports.gate import MISSING, REGRESSION
from reports.outcome import LISTED
from reports.schema import Results

FLOOR = 0.02  # of the ratio: what is closer to 1 is nobody's business
FLOOR_S = 20e-9  # of a call: what a clock and a call's own way there may differ by
SAME = 0.05  # where the whole interval is within so much of 1, it is the same
CONFIDENCE = 0.98
LEAST_BLOCKS = 5
RESAMPLES = 4000

Blocks = Sequence[Sequence[float]]  # seconds of a call, in each slice of each block; what is timed in turn is in step


@dataclass(frozen=True)
class Judged:
    """One round's ratio of two states, above 1 where the first is slower."""

    verdict: SpeedVerdict
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    why: str | None = None


def judge(now: Blocks, before: Blocks) -> Judged:
    """Judge one round; it refuses to decide on too few blocks."""
    blocks = min(len(now), len(before))
    if blocks < LEAST_BLOCKS:
        return Judged("not measured", why=f"{blocks} blocks of processes are too few: {LEAST_BLOCKS} are needed")
    pairs = [(np.log(new), np.log(old)) for new, old in zip(now[:blocks], before[:blocks], strict=True)]
    differences = np.array([np.median(new - old) for new, old in pairs])
    low, high = _interval(differences)
    ratio, seconds = math.exp(np.median(differences)), math.exp(np.median([np.median(old) for _, old in pairs]))
    return Judged(_verdict(low, high, seconds), ratio, math.exp(low), math.exp(high))


def _interval(differences: np.ndarray) -> tuple[float, float]:
    """Where the median is, by a bootstrap that is the same for the same numbers."""
    draws = np.random.default_rng(len(differences)).integers(0, len(differences), (RESAMPLES, len(differences)))
    medians = np.median(differences[draws], axis=1)
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _verdict(low: float, high: float, seconds: float) -> SpeedVerdict:
    def is_beyond(least: float) -> bool:
        """Whether so large a logarithm of the ratio, and what comes of it in a call, is of note."""
        return least > math.log1p(FLOOR) and math.expm1(least) * seconds > FLOOR_S

    if is_beyond(low):
        return "slower"
    if is_beyond(-high):
        return "faster"
    return "same" if max(-low, high) < math.log1p(SAME) else "ambiguous"


def of_rounds(first: Judged, second: Judged | None) -> Judged:
    """What two rounds say together: what is slower or faster has to be so again."""
    if second is None or first.verdict == second.verdict:
        return second or first
    why = f"{first.verdict} in a first round, {second.verdict} in a second"
    return Judged("ambiguous", second.ratio, second.low, second.high, why)


def is_suspect(judged: Judged) -> bool:
    """Whether it needs a second round."""
    return judged.verdict in ("slower", "faster")


def exit_code(against: Against) -> int:
    """6 where something is slower, 7 where that can't be told or was not measured though both have it, else 0."""
    if not against.can_tell:
        return MISSING
    return REGRESSION if against.judged("slower") else MISSING if undone(against) else 0


def faults(against: Against, kernel: str) -> list[str]:
    """Why a kernel does not pass, a sentence each: slower, where this machine can tell; or why that is not known."""
    revision = wording.one_line(against.revision)
    slower = [f"slower than at {revision}: {said(c)}" for c in against.judged("slower") if c.kernel == kernel]
    unmeasured = [c for c in undone(against) if c.kernel == kernel]
    return [
        f"{kernel}: {why}"
        for why in (
            *(slower if against.can_tell else ()),
            *(f"not timed against {revision}: {said(c)}" for c in unmeasured),
            *(f"this machine can't tell its speed: {differs(c)}" for c in undecided(against) if c.kernel == kernel),
        )
    ]


def undone(against: Against) -> list[SpeedChange]:
    """What was not measured though both have it, or though it should be here."""
    return [c for c in against.judged("not measured") if c.is_due]


def undecided(against: Against) -> list[SpeedChange]:
    """The differences of the control."""
    return [c for c in against.control if c.verdict != "ambiguous"]


def differs(change: SpeedChange) -> str:
    """Of the control, in words."""
    return f"the other revision differs from itself: {said(change)}"


def said(change: SpeedChange) -> str:
    """The setting, and the ratio with its interval, or why there is none."""
    if change.ratio is None:
        return wording.one_line(change.why or "")
    ratio = f"{change.setting}: {change.ratio:.3f} times as long ({change.low:.3f} to {change.high:.3f})"
    return f"{ratio}; {change.why}" if change.why else ratio


def findings(results: Results) -> list[Finding]:
    """How the kernels compare with another revision's, in sentences; nothing where none was timed."""
    against = results.against
    if against is None:
        return []
    kernels = {k.id: k for k in results.kernels}
    vague = [c for c in against.control if c.verdict == "ambiguous"]
    is_clear = not (vague or against.judged("ambiguous"))
    told = [Finding("bad" if exit_code(against) else "good" if is_clear else "plain", _lead(against))]
    told += [Finding("bad", f"This machine can't tell: {c.kernel}: {differs(c)}.") for c in undecided(against)[:LISTED]]
    if len(undecided(against)) > LISTED:
        told.append(Finding("bad", f"{len(undecided(against)) - LISTED:,} more differ from themselves."))
    if vague:
        many = f"{len(vague):,} of the timings of the control are ambiguous"
        widest = max(vague, key=lambda c: (c.high or 1) / (c.low or 1))
        what = f"a difference as large would not be seen, e.g. {widest.kernel}: {said(widest)}"
        told.append(Finding("plain", f"{many}: {what}."))
    for verdict, tone in (("slower", "bad"), ("not measured", "bad"), ("faster", "good"), ("ambiguous", "plain")):
        changes = against.judged(verdict)
        for c in changes[:LISTED]:
            due = tone if c.is_due else "plain"
            told.append(Finding(due, f"{verdict.capitalize()}: {c.kernel}: {said(c)}.", kernels.get(c.kernel)))
        if len(changes) > LISTED:
            told.append(Finding(tone, f"{len(changes) - LISTED:,} more {verdict}."))
    return told


def _lead(against: Against) -> str:
    counts = Counter(change.verdict for change in against.changes)
    listed = ", ".join(f"{n:,} {verdict}" for verdict, n in counts.most_common())
    revision = f"{wording.one_line(against.revision)} ({against.commit[:12]})"
    return (
        f"{len(against.changes):,} timings against {revision}, in turn, "
        f"in {wording.duration(against.seconds)}: {listed or 'nothing to time'}."
    )
