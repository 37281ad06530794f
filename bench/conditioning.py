# SPDX-License-Identifier: MIT
"""Conditioning told apart from error: is a result one that f takes, rounded, between x - 1 ulp and x + 1 ulp?

Where f is steep, a change of x by one last place moves f(x) by many: an error of that size is one that the last
rounding of x may have made already. With x⁻ and x⁺ the representable neighbours of x, a result is *inside* when it lies
between the least and the greatest of RN(f(x⁻)), RN(f(x)), RN(f(x⁺)), and of RN(f(m)) where f has a minimum m between x⁻
and x⁺. So a correctly rounded result always is. Of a gradient just the three points are looked at, at a kink with the
left derivative; where f′ turns between them, it may leave what they span by a little.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf, workprec

from reference.activation import Activation, Real
from reference.formats import Format
from reference.oracle import LIMIT_DIGITS, Exact, function_of
from reference.ziv import round_all

CONDITION_BITS = 100  # of a condition number


@dataclass(frozen=True)
class Reach:
    """The least and the greatest result that counts as inside, for each input, as float64.

    Both are NaN at NaN and infinite inputs, where only the class of a result is judged: there everything is inside.
    """

    low: np.ndarray
    high: np.ndarray

    def holds(self, got: np.ndarray) -> np.ndarray:
        """Results of the format's dtype -> bool: which of them are inside. Elsewhere than said above, no NaN is."""
        with np.errstate(invalid="ignore"):
            value = got.astype(np.float64)
            return ~((value < self.low) | (value > self.high) | (np.isnan(value) & ~np.isnan(self.low)))


@dataclass(frozen=True)
class Turn:
    """A minimum of f between two neighbouring numbers: their ordinals (one twice if it is there), and RN of it."""

    between: tuple[int, int]
    value: float


def neighbours(x: np.ndarray, form: Format) -> tuple[np.ndarray, np.ndarray]:
    """The representable numbers below and above each input, both zeros being one number.

    The least and the largest finite number stand in for their missing neighbour, as do NaNs and infinities for both.
    """
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(x)
    ordinals, end = form.ordinals(np.where(finite, x, form.dtype.type(0))), form.infinity_pattern - 1

    def moved(step: int) -> np.ndarray:
        there = form.from_ordinals(np.clip(ordinals + step, -end, end))
        return np.where(finite, there.view(form.pattern), x.view(form.pattern)).view(form.dtype)

    return moved(-1), moved(+1)


def reach(x: np.ndarray, below: Exact, here: Exact, above: Exact, form: Format, turns: Iterable[Turn] = ()) -> Reach:
    """What is inside at each input.

    Args:
        x: inputs of the format.
        below, here, above: the exact results at x⁻, x and x⁺, as long as x.
        turns: of f, from `turns_of`.
    """
    with np.errstate(invalid="ignore"):
        values = np.stack([exact.nearest.astype(np.float64) for exact in (below, here, above)])
    low, high = values.min(axis=0), values.max(axis=0)
    ordinals = form.ordinals(np.where(here.class_only, form.dtype.type(0), x))
    for turn in turns:
        near = np.isin(ordinals, turn.between)
        low[near], high[near] = np.minimum(low[near], turn.value), np.maximum(high[near], turn.value)
    return Reach(np.where(here.class_only, np.nan, low), np.where(here.class_only, np.nan, high))


def turns_of(activation: Activation, direction: str, parameters: Mapping[str, float], form: Format) -> list[Turn]:
    """The minima of f against a format, for "forward"; none for "backward"."""
    minima = activation.facts(**parameters).minima if direction == "forward" else ()
    turns = []
    for place, value in minima:
        nearest = _rounded(place, form)
        with mp.workdps(LIMIT_DIGITS):
            there = mpf(float(form.from_ordinals(nearest)))
            side = int(mp.sign(mpf(place) - there))
        turns.append(Turn((nearest, nearest + side), float(form.from_ordinals(_rounded(value, form)))))
    return turns


def _rounded(value: Real, form: Format) -> int:
    """The ordinal of the number nearest to a real one."""
    return round_all(lambda _: mpf(value), [(mpf(1),)], (mpf(0), mpf(0)), form)[0].ordinal


def condition_number(activation: Activation, direction: str, x: float, parameters: Mapping[str, float]) -> mpf | None:
    """x·g′(x)/g(x) at a finite x, g being f or f′: how many times as large a relative change of x is in g(x).

    None where g(x) is 0. A second derivative is taken by differences.
    """
    function = function_of(activation, direction, parameters)
    point = mpf(x)
    bits = CONDITION_BITS + 2 * max(0, mp.mag(point) if x else 0)  # ln |g| is at most about as steep as x²
    with workprec(4 * bits):
        value = mpf(function(point))
        if not value or not x:
            return mpf(0) if value else None
        if direction == "forward":
            slope = function_of(activation, "backward", parameters)(point)
        else:
            step = abs(point) * mpf(2) ** -bits
            slope = (function(point + step) - function(point - step)) / (2 * step)
        return point * slope / value
