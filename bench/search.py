# SPDX-License-Identifier: MIT
"""The search for the worst input of a kernel in a format that is too large to try whole.

What it finds is a lower bound of the largest error, and is always told with the number of evaluations. A sample of the
line of floats comes first, densest where formulas do their work. Then three things are looked into: the neighbours of
inputs to start from; the places where the rate of misrounded results changes (`bench.changes`), for there a formula
does, and the errors beside it are the largest; and the intervals that are worst by their maximum or by the extreme
that their mean and deviation let expect, cut up again and again (after Zimmermann and Innocente).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np

from bench.changes import Change, Results, changes
from reference.formats import Format

CHUNK = 1 << 16  # inputs in one call
MODERATE = 12  # magnitudes from 2^-12 to 2^12: where formulas do their work
SAMPLE, STARTS, CHANGES = 1 / 4, 1 / 16, 1 / 2  # of the evaluations; what is left is for the worst intervals
BESIDE = 32  # neighbours of an input on each side
GROUP = 64  # results of the sample that make an interval
PARTS, DRAWS = 4, 32  # of an interval that is cut up, and inputs drawn in each part
WIDEST = 2.0**62  # numbers in an interval: of a sample so thin that there are more, widths would not fit an int64
HUGE = 1e100  # an error counts as no more, so that squares stay finite
TOLERATED = 0.5  # ulp: a result with more is misrounded

Errors = Callable[[np.ndarray], np.ndarray]  # inputs of the format -> float64 errors in ulp, NaN where there is none


class SpentError(Exception):
    """No evaluation is left."""


@dataclass(frozen=True)
class Found:
    """What a search found.

    ``max_ulp`` is a lower bound of the largest error, None where nothing had an error that is a number.
    """

    max_ulp: float | None
    worst_input: np.generic | None  # a scalar of the format
    evaluations: int
    changes: tuple[Change, ...]  # of the rate of misrounded results


def search(errors: Errors, form: Format, *, budget: int, seed: int, starts: Sequence[float] = ()) -> Found:
    """Search all finite inputs of a format for the largest error, repeatably.

    Args:
        errors: called with at most ``CHUNK`` inputs at a time.
        budget: how many evaluations it may take; no more are made.
        seed: of all that is drawn.
        starts: numbers near which the worst may be.
    """
    meter = Meter(errors, form, budget)
    rng = np.random.default_rng(seed)
    found: list[Change] = []
    with meter.share(budget):
        with meter.share(STARTS * budget):
            meter(neighbourhoods(_ordinals(starts, form), form, rng))
        ordinals = sample(form, int(SAMPLE * budget), rng)
        values = meter(ordinals)
        with meter.share(CHANGES * budget):
            for change in look_for_changes(meter, ordinals, values, rng):
                found.append(change)
        if meter.worst is not None:
            meter(neighbourhoods(np.array([meter.worst]), form, rng))
        descend(meter, ordinals, values, rng)
    worst = None if meter.worst is None else form.from_ordinals(np.array([meter.worst]))[0]
    return Found(meter.max_ulp, worst, meter.evaluations, tuple(found))


class Meter:
    """The errors at ordinals, counted, and the worst of all of them."""

    def __init__(self, errors: Errors, form: Format, budget: int) -> None:
        self.errors, self.form, self.limit = errors, form, budget
        self.evaluations = 0
        self.max_ulp: float | None = None
        self.worst: int | None = None

    @contextmanager
    def share(self, evaluations: float) -> Iterator[None]:
        """What is done inside ends after so many evaluations, or when none is left at all."""
        limit = self.limit
        self.limit = min(limit, self.evaluations + int(evaluations))
        try:
            with suppress(SpentError):
                yield
        finally:
            self.limit = limit

    @property
    def left(self) -> int:
        """How many evaluations are."""
        return self.limit - self.evaluations

    def __call__(self, ordinals: np.ndarray) -> np.ndarray:
        """The error at each ordinal; beyond the largest finite number, at that.

        Raises:
            SpentError: there were more than are left; those that are left have been evaluated.
        """
        end = self.form.infinity_pattern - 1
        allowed = np.clip(ordinals, -end, end)[: self.left]
        parts = [self._evaluate(allowed[i : i + CHUNK]) for i in range(0, len(allowed), CHUNK)]
        if len(allowed) < len(ordinals):
            raise SpentError
        return np.concatenate([np.array([]), *parts])

    def _evaluate(self, ordinals: np.ndarray) -> np.ndarray:
        values = self.errors(self.form.from_ordinals(ordinals))
        self.evaluations += len(ordinals)
        known = np.where(np.isnan(values), -1.0, values)
        at = int(np.argmax(known))
        if known[at] > (-1.0 if self.max_ulp is None else self.max_ulp):
            self.max_ulp, self.worst = float(known[at]), int(ordinals[at])
        return values

    def misrounded(self, ordinals: np.ndarray) -> np.ndarray:
        """Whether the result at each ordinal is."""
        return self(ordinals) > TOLERATED


# The sample.


def sample(form: Format, size: int, rng: np.random.Generator) -> np.ndarray:
    """Sorted ordinals, one from each of so many strata: three quarters of them between 2^-12 and 2^12 in magnitude.

    With 2^22 there are 2^16 in each binade of these, and none is farther than 2^-15 of itself from the next.
    """
    low, high = form.ordinals(np.ldexp(np.ones(2), [-MODERATE, MODERATE]).astype(form.dtype)).tolist()
    end = form.infinity_pattern
    edges = [-end + 1, -high, -low, low, high, end]
    sizes = [size // 16, 3 * size // 8, size // 8, 3 * size // 8, size // 16]
    return np.concatenate([strata(*ends, n, rng) for *ends, n in zip(edges[:-1], edges[1:], sizes, strict=True)])


def strata(low: int, high: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """An ordinal drawn from each of ``count`` equal parts of [low, high)."""
    count = min(count, high - low)
    width, rest = divmod(high - low, max(count, 1))
    at = np.arange(count + 1)
    edges = low + at * width + at * rest // max(count, 1)
    return rng.integers(edges[:-1], edges[1:])


# Neighbourhoods.


def _ordinals(values: Sequence[float], form: Format) -> np.ndarray:
    numbers = np.array(values, np.float64)
    with np.errstate(over="ignore"):
        return np.unique(form.ordinals(numbers[~np.isnan(numbers)].astype(form.dtype)))


def neighbourhoods(centres: np.ndarray, form: Format, rng: np.random.Generator) -> np.ndarray:
    """Ordinals, their neighbours, and one about 2^k away on both sides for each k, up to a binade; nearest first."""
    powers = 1 << np.arange(BESIDE.bit_length() - 1, form.precision - 1)
    steps = np.concatenate([np.arange(1, BESIDE), rng.integers(powers, 2 * powers)])
    steps = np.concatenate([[0], np.stack([steps, -steps], axis=1).ravel()])
    return (steps[:, None] + centres).ravel()


# Changes of formula.


def look_for_changes(
    meter: Meter, ordinals: np.ndarray, values: np.ndarray, rng: np.random.Generator
) -> Iterator[Change]:
    """The changes that a sample gives evidence of; around each all inputs are tried."""
    known = ~np.isnan(values)
    results = Results(ordinals[known], values[known] > TOLERATED)
    for change in changes(results, powers_of_two(meter.form), meter.misrounded, rng):
        yield change
        beyond = change.rates.resolution // 4
        end = min(change.high + beyond, change.low - beyond + meter.left + 1)  # more would tell no more
        meter(np.arange(change.low - beyond, end))
        meter(neighbourhoods(np.array([change.low, change.high]), meter.form, rng))


def powers_of_two(form: Format) -> np.ndarray:
    """The ordinals of all powers of two that are normal numbers, and of 0: where rates change with the ulp."""
    powers = np.arange(1, 2 * form.emax + 1) << (form.precision - 1)
    return np.concatenate([-powers[::-1], [0], powers])


# The worst intervals.


@dataclass(frozen=True)
class Cells:
    """Intervals of ordinals, ends included, each with what is known of the errors in it; arrays of one length."""

    low: np.ndarray
    high: np.ndarray
    worst: np.ndarray  # the ordinal of the largest error known
    largest: np.ndarray  # in ulp, from 0 to HUGE
    expected: np.ndarray  # in ulp: the largest error of all in it, judged from mean and deviation

    def best(self, count: int) -> "Cells":
        """Half of them by the largest error known, half by that expected."""
        by = [np.argsort(-scores, kind="stable")[: max(1, count // 2)] for scores in (self.largest, self.expected)]
        chosen = np.unique(np.concatenate(by))
        return Cells(*(field[chosen] for field in vars(self).values()))


def descend(meter: Meter, ordinals: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> None:
    """Cut up the worst intervals of a sample, and the worst of the parts, until all inputs in them are tried."""
    usable = len(ordinals) // GROUP * GROUP
    if not usable:
        return
    drawn, errors = (column[:usable].reshape(-1, GROUP) for column in (ordinals, values))
    narrow = drawn[:, -1].astype(float) - drawn[:, 0] < WIDEST
    if not narrow.any():
        return
    drawn, errors = drawn[narrow], errors[narrow]
    cells = cells_of(drawn[:, 0], drawn[:, -1], drawn, errors)
    for steps_left in range(_steps(cells), 0, -1):
        evaluations = meter.left // steps_left
        cells = _parts(meter, cells.best(evaluations // (PARTS * DRAWS)), rng)
    best = cells.best(meter.left // (PARTS * DRAWS))
    meter(np.unique(best.low[:, None] + np.arange(PARTS * DRAWS)))


def _steps(cells: Cells) -> int:
    """How often cells have to be cut until each has at most PARTS * DRAWS numbers."""
    widest = int((cells.high - cells.low).max()) + 1
    steps = 0
    while widest > PARTS * DRAWS:
        widest = -(-widest // PARTS)
        steps += 1
    return steps


def _parts(meter: Meter, cells: Cells, rng: np.random.Generator) -> Cells:
    """The parts of cells, each with draws of its own; the worst input known stays known."""
    width = (cells.high - cells.low) // PARTS + 1
    low = cells.low[:, None] + width[:, None] * np.arange(PARTS)
    high = np.minimum(low + width[:, None] - 1, cells.high[:, None])
    low = np.minimum(low, high)
    drawn = rng.integers(low[..., None], high[..., None] + 1, (*low.shape, DRAWS))
    drawn[np.arange(len(width)), (cells.worst - cells.low) // width, 0] = cells.worst
    errors = meter(drawn.ravel())
    return cells_of(low.ravel(), high.ravel(), drawn.reshape(-1, DRAWS), errors.reshape(-1, DRAWS))


def cells_of(low: np.ndarray, high: np.ndarray, drawn: np.ndarray, errors: np.ndarray) -> Cells:
    """Intervals with what a row of draws in each tells of it."""
    errors = np.minimum(np.nan_to_num(errors, nan=0.0), HUGE)
    at = np.argmax(errors, axis=1)
    rows = np.arange(len(at))
    extreme = np.sqrt(2 * np.log(high - low + 1.0))  # of so many normal numbers, in deviations from their mean
    expected = errors.mean(axis=1) + errors.std(axis=1) * extreme
    return Cells(low, high, drawn[rows, at], errors[rows, at], expected)
