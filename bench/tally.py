# SPDX-License-Identifier: MIT
"""What a sweep has found over a stretch of consecutive float32 inputs, and how two such findings become one.

A tally is plain data that can be written down and read back, exactly: a sweep that was cut off goes on from them.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from bench.calling import hexadecimal
from bench.sweep_loops import BINS
from reports.schema import MISMATCH_KINDS

EXAMPLES_PER_KIND = 4

Found = tuple[int, int]  # bit patterns of an input and of the result there


class Tally(msgspec.Struct):
    """Findings over inputs in order of their bit patterns; ``merge`` takes those that follow."""

    evaluated: int = 0
    compared: int = 0  # results with an error: no NaN, at finite inputs
    total_ulp: float = 0.0
    max_ulp: float = -1.0
    worst: Found = (0, 0)
    misrounded: int = 0
    outside: int = 0
    most: int = 0  # the largest signed distance from RN(y), in representable numbers, and the least
    least: int = 0
    by_mpmath: int = 0
    by_kind: list[int] = msgspec.field(default_factory=lambda: [0] * len(MISMATCH_KINDS))
    examples: list[list[Found]] = msgspec.field(default_factory=lambda: [[] for _ in MISMATCH_KINDS])
    bins: list[int] = msgspec.field(default_factory=lambda: [0] * BINS)
    steps: int = 0
    largest_step: int = 0
    step: tuple[Found, Found] = ((0, 0), (0, 0))
    regions: dict[int, float] = msgspec.field(default_factory=dict)  # the largest error by number of region
    digest: str = ""  # of a whole block
    first: int = 0  # the bit patterns of the first and the last result of a block
    last: int = 0

    def merge(self, other: "Tally") -> None:
        """Add what was found over the inputs that follow; of equals, the first is kept."""
        self.evaluated += other.evaluated
        self.compared += other.compared
        self.total_ulp += other.total_ulp
        if other.max_ulp > self.max_ulp:
            self.max_ulp, self.worst = other.max_ulp, other.worst
        self.misrounded += other.misrounded
        self.outside += other.outside
        self.most, self.least = max(self.most, other.most), min(self.least, other.least)
        self.by_mpmath += other.by_mpmath
        self.by_kind = [a + b for a, b in zip(self.by_kind, other.by_kind, strict=True)]
        self.examples = [a_few(a + b) for a, b in zip(self.examples, other.examples, strict=True)]
        self.bins = [a + b for a, b in zip(self.bins, other.bins, strict=True)]
        self.steps += other.steps
        if other.largest_step > self.largest_step:
            self.largest_step, self.step = other.largest_step, other.step
        for region, error in other.regions.items():
            self.regions[region] = max(error, self.regions.get(region, -1.0))


def a_few(found: Sequence[Any]) -> list[Any]:
    """Some of the examples of a kind of mismatch, from the first to the last."""
    places = np.linspace(0, len(found) - 1, min(len(found), EXAMPLES_PER_KIND)).astype(int)
    return [found[i] for i in places]


def number(pattern: int) -> str:
    """The float32 of a bit pattern, for people and for machines."""
    return hexadecimal(np.uint32(pattern).view(np.float32))
