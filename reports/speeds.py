# SPDX-License-Identifier: MIT
"""Whether a kernel is slower than it was: the judgement of one round of timings, and of two.

What is sampled is the process, since how its memory lies makes more of a difference than anything that happens while it
runs. Processes come in blocks in which each state of the sources has two, in an order that cancels a steady drift; what
is judged is the median over the blocks of the logarithm of the ratio, with a bootstrap interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.schema import SpeedChange, SpeedVerdict

FLOOR = 0.02  # of the ratio: what is closer to 1 is nobody's business
FLOOR_S = 20e-9  # of a call: what a clock and a call's own way there may differ by
SAME = 0.05  # where the whole interval is within so much of 1, it is the same
CONFIDENCE = 0.98
LEAST_BLOCKS = 5
RESAMPLES = 4000

Blocks = Sequence[Sequence[float]]  # seconds of a call, of each process of each block


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
    logs = [np.array([np.mean(np.log(block)) for block in state[:blocks]]) for state in (now, before)]
    differences = logs[0] - logs[1]
    low, high = _interval(differences)
    ratio, seconds = math.exp(np.median(differences)), math.exp(np.median(logs[1]))
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


def exit_code(changes: Sequence[SpeedChange], can_tell: bool) -> int:
    """6 where something is slower, 7 where that can't be told or was not measured though both have it, else 0."""
    if not can_tell:
        return 7
    verdicts = {change.verdict for change in changes if change.is_due}
    return 6 if "slower" in verdicts else 7 if "not measured" in verdicts else 0
