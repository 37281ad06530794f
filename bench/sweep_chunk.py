# SPDX-License-Identifier: MIT
"""Results for a chunk of consecutive float32 inputs, held against the exact ones: the inside of a sweep.

A chunk lies within one region, and so within one binade. It is gone through in pieces small enough that what the oracle
knows of them stays in the cache while the results of each kernel are compared with it. Beside ±0, infinities and NaNs,
all is done by `bench.sweep_loops`; it releases the GIL.

What is inside is taken from an input and its neighbours alone: a minimum of f between two inputs is no lower, once
rounded, than f at them (of each activation, at its default parameters).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from mpmath import mpf

from bench.accuracy import REGION_ORDINALS, Truth, judged
from bench.inputs import Inputs
from bench.sweep_loops import SINGLE, VANISHED, knower, line_knower, loops
from bench.tally import Found, Tally
from bench.truths import make_truth
from bench.ulp import NO_MISMATCH
from reference import oracle
from reference.activation import Activation
from reference.fast import EPSILON, MIDDLE, lines_of
from reports.schema import MISMATCH_KINDS

PIECE = 1 << 15
CHUNK = 1 << 20
SIGN_BIT, INFINITY = 1 << 31, SINGLE.infinity_pattern


@dataclass(frozen=True)
class Stretch:
    """Bit patterns of one sign between which f is monotone; ``slope`` is that of f in their order."""

    first: int
    last: int
    slope: int


class Target:
    """The function that kernels are held against: an activation and direction at stated parameters."""

    def __init__(self, activation: Activation, direction: str, parameters: Mapping[str, float]) -> None:
        self.activation, self.direction, self.parameters = activation, direction, dict(parameters)
        self.ordered = tuple(float(parameters[p.name]) for p in activation.parameters)
        self.lines = lines_of(activation, direction, tuple(sorted(parameters.items())))
        self.epsilon = 0.0 if activation.exact else EPSILON[False]
        self.either_zero = direction == "backward"
        self.edges = {p: self._edge(p) for p in (0, SIGN_BIT, INFINITY, SIGN_BIT | INFINITY)}
        self.stretches = self._stretches() if direction == "forward" else []

    def _edge(self, pattern: int) -> Truth:
        values = np.array([pattern], np.uint32).view(np.float32)
        inputs = Inputs(values, np.array([], np.intp), exhaustive=False)
        return make_truth(self.activation, self.direction, SINGLE, self.parameters, inputs)

    def line(self, pattern: int) -> tuple[float, float]:
        """The line that f may cling to around an input; see `reference.fast.lines_of`."""
        x = single(pattern)
        constant, slope = self.lines[(0 if abs(x) < MIDDLE else 2) + (1 if x > 0 else 0)]
        return float(constant), float(slope)

    def _stretches(self) -> list[Stretch]:
        found = []
        for piece in self.activation.facts(**self.parameters).pieces:
            low, high = _ordinal(piece.lo, +1), _ordinal(piece.hi, -1)
            if high > 0:
                found.append(Stretch(max(low, 0), high, piece.slope))
            if low < 0:
                found.append(Stretch(SIGN_BIT | max(-high, 0), SIGN_BIT | -low, -piece.slope))
        return found


def single(pattern: int) -> float:
    """The float32 of a bit pattern."""
    return float(np.uint32(pattern).view(np.float32))


def _ordinal(end: object, inwards: int) -> int:
    """The first float32 at or beyond an end of an interval, going inwards, as an ordinal."""
    exact = mpf(end)
    nearest = int(SINGLE.ordinals(np.array([float(exact)], np.float64).astype(np.float32))[0])
    there = mpf(float(SINGLE.from_ordinals(nearest)))
    return nearest + inwards if (there - exact) * inwards < 0 else nearest


class _Scratch(threading.local):
    """What is known of a piece, one input more at each end; and what is found of a kernel there."""

    def __init__(self) -> None:
        self.high, self.low, self.per_unit = np.empty((3, PIECE + 2))
        self.nearest = np.empty(PIECE + 2, np.float32)
        self.unsure = np.empty(PIECE + 2, bool)
        self.error, self.bad, self.kinds = np.empty(PIECE), np.empty(PIECE, bool), np.empty(PIECE, np.int8)
        self.sums = np.zeros(5, np.int64)


_scratch = _Scratch()


def judge_chunk(
    target: Target, first: int, results: Mapping[str, np.ndarray], before: Mapping[str, np.float32]
) -> dict[str, Tally]:
    """Hold results for the inputs from a pattern on against the exact ones.

    Args:
        first: a multiple of CHUNK.
        results: float32 arrays of length CHUNK, by the name of the kernel.
        before: for each kernel its result for the input before, where that has the same sign.
    """
    tallies = {name: Tally(evaluated=CHUNK) for name in results}
    size = first & ~SIGN_BIT
    if size in (0, INFINITY):
        for name, got in results.items():
            tallies[name].merge(_judge_edge(target.edges[first], first, got[0]))
    if size >= INFINITY:
        for name, got in results.items():
            tallies[name].merge(_judge_nans(first, got))
            note_steps(target, first, got[:1], before.get(name), tallies[name])  # to an infinity
        return tallies
    start, stop = first + (size == 0), first + CHUNK
    known = _knower(target, start, stop - 1)
    other = {}
    for name, got in results.items():
        if _agrees(known, start, got[start - first :]):
            _note_agreement(start, got[start - first :], tallies[name])
        else:
            other[name] = got
    for piece in range(start, stop, PIECE) if other else ():
        end = min(piece + PIECE, stop)
        by_mpmath = _know(target, known, piece, end)
        for name, got in other.items():
            _compare(target, piece, end, got[piece - first : end - first], tallies[name])
            tallies[name].by_mpmath += by_mpmath
    for name, got in results.items():
        tallies[name].regions = {region_of(first): tallies[name].max_ulp}
        note_steps(target, first, got, before.get(name), tallies[name])
    return tallies


def region_of(pattern: int) -> int:
    """The number of the region that a finite input is in, counted from 0 on; negative on the left of it."""
    region = (pattern & ~SIGN_BIT) // REGION_ORDINALS[SINGLE.name]
    return -region - 1 if pattern & SIGN_BIT else region


def _knower(target: Target, first: int, last: int):
    """What makes exact results between two inputs: the function itself or, where it has become one, a line.

    Where y, as a float64, is on the line, how far it is from that changes no error by 2^-28 ulp, but its side counts.
    """
    function, line = knower(target.activation, target.direction), target.line(first)
    high, low, per_unit = np.empty((3, 1))
    ends = []
    for end in (first, last):
        function(end, target.ordered, line, high, low, per_unit, np.empty(1, np.float32), np.empty(1, bool))
        ends.append((float(high[0]), float(low[0]), line[0] + line[1] * single(end)))
    (value, rest, _), _ = ends
    straight = float(np.float32(line[1])) == line[1]  # a product by more than 24 bits is rounded, each its own way
    if straight and all(h == height for h, _, height in ends):
        return line_knower(), (*line, rest / value)
    if all(abs(h) < VANISHED for h, _, _ in ends):
        return line_knower(), (value, 0.0, 0.0)
    return function, target.ordered


def _agrees(known, first: int, got: np.ndarray) -> bool:
    """Whether all results are y itself, on a line of float32 numbers; most inputs are where most functions are one."""
    function, parameters = known
    return function is line_knower() and loops().count_agreeing(first, parameters, got) == len(got)


def _note_agreement(first: int, got: np.ndarray, tally: Tally) -> None:
    """The error is 0, short of what the line and y differ by, which is no more than 2^-28 ulp."""
    exact = Tally(compared=len(got), max_ulp=0.0, worst=_found(first, got, 0))
    exact.bins[0] = len(got)
    tally.merge(exact)


def _know(target: Target, known, first: int, stop: int) -> int:
    """Fill the scratch for the inputs from ``first`` on; returns for how many of them mpmath was asked."""
    function, parameters = known
    s, n, line = _scratch, stop - first + 2, target.line(first)
    columns = (s.high[:n], s.low[:n], s.per_unit[:n], s.nearest[:n], s.unsure[:n])
    flagged = function(first - 1, parameters, line, *columns)
    at_zero, at_end = first & ~SIGN_BIT == 1, stop & ~SIGN_BIT == INFINITY
    s.unsure[0] &= not at_zero
    s.unsure[n - 1] &= not at_end
    by_mpmath = 0
    if flagged and loops().know_unsure(first - 1, target.epsilon, line, *columns):
        places = np.flatnonzero(s.unsure[:n])
        x = (first - 1 + places).astype(np.uint32).view(np.float32)
        exact = oracle.exact(target.activation, target.direction, SINGLE, x, target.parameters)
        s.nearest[places] = exact.nearest
        s.per_unit[places] = np.ldexp(1.0, SINGLE.precision - 1 - exact.exponent)
        by_mpmath = int(((places > 0) & (places < n - 1)).sum())
    if at_zero:
        s.nearest[0] = target.edges[first & SIGN_BIT].exact.nearest[0]
    if at_end:  # the largest number has no finite neighbour above, and stands in for it
        s.nearest[n - 1] = s.nearest[n - 2]
    return by_mpmath


def _compare(target: Target, first: int, stop: int, got: np.ndarray, tally: Tally) -> None:
    s, n = _scratch, stop - first
    error = s.error[:n]
    known = (s.high[1 : n + 1], s.low[1 : n + 1], s.per_unit[1 : n + 1], s.nearest[: n + 2])
    columns = (got, *known, target.either_zero, error, s.bad[:n], s.sums)
    loops().compare(*columns)
    if s.sums[2]:
        loops().compare_bad(*columns, s.kinds[:n])
        _note_mismatches(first, got, s.kinds[:n], tally)
    misrounded, outside, _, most, least = s.sums.tolist()
    compared = n - int(np.isnan(error).sum()) if s.sums[2] else n
    largest = float(error.max() if compared == n else np.nanmax(error, initial=-1.0))
    if largest > tally.max_ulp:
        at = int(error.argmax() if compared == n else np.nanargmax(error))
        tally.max_ulp, tally.worst = largest, _found(first, got, at)
    if largest <= 0.5:
        tally.bins[0] += compared
    else:
        counts = np.array(tally.bins)
        loops().count_bins(error, counts)
        tally.bins = counts.tolist()
    tally.compared += compared
    tally.total_ulp += float(error.sum() if compared == n else np.nansum(error))
    tally.misrounded += misrounded
    tally.outside += outside
    tally.most, tally.least = max(tally.most, most), min(tally.least, least)


def _found(first: int, got: np.ndarray, at: int) -> Found:
    return first + int(at), int(got.view(np.uint32)[at])


def _note_mismatches(first: int, got: np.ndarray, kinds: np.ndarray, tally: Tally) -> None:
    noted = Tally()
    for kind in range(len(MISMATCH_KINDS)):
        places = np.flatnonzero(kinds == kind)
        noted.by_kind[kind] = len(places)
        if len(places):
            noted.examples[kind] = [_found(first, got, at) for at in dict.fromkeys((places[0], places[-1]))]
    tally.merge(noted)


def _judge_edge(truth: Truth, pattern: int, got: np.float32) -> Tally:
    """A result at ±0 or an infinity: either derivative at a kink, the class alone at infinity."""
    got = np.array([got], np.float32)
    judgement = judged(got, truth)
    error, kind = float(judgement.error_ulp[0]), int(judgement.mismatch[0])
    found, distance = _found(pattern, got, 0), int(judgement.distance[0])
    tally = Tally(misrounded=int(judgement.misrounded[0]), outside=int(not truth.reach.holds(got)[0]))
    if error == error:
        tally.compared, tally.total_ulp, tally.max_ulp, tally.worst = 1, error, error, found
        loops().count_bins(judgement.error_ulp, counts := np.zeros(len(tally.bins), np.int64))
        tally.bins = counts.tolist()
    tally.most, tally.least = (distance, 0) if judgement.above[0] else (0, -distance)
    if kind != NO_MISMATCH:
        tally.by_kind[kind], tally.examples[kind] = 1, [found]
    return tally


def _judge_nans(first: int, got: np.ndarray) -> Tally:
    """Where the inputs are NaN, each result must be; the chunk's first input may be an infinity."""
    wrong = ~np.isnan(got)
    wrong[0] &= first & ~SIGN_BIT != INFINITY
    tally = Tally()
    _note_mismatches(first, got, np.where(wrong, MISMATCH_KINDS.index("nan"), NO_MISMATCH), tally)
    return tally


def note_steps(target: Target, first: int, got: np.ndarray, before: np.float32 | None, tally: Tally) -> None:
    """Steps between neighbours against the slope of f; ``before`` is the result for the input before the first."""
    if before is not None:
        _note_steps(target, first - 1, np.array([before, got[0]], np.float32), tally)
    _note_steps(target, first, got, tally)


def _note_steps(target: Target, first: int, got: np.ndarray, tally: Tally) -> None:
    for stretch in target.stretches:
        low, high = max(first, stretch.first), min(first + len(got) - 1, stretch.last)
        if low >= high:
            continue
        part = got[low - first : high - first + 1]
        count = loops().count_steps(part, stretch.slope)
        if count:
            largest, at = loops().find_step(part, stretch.slope)
            step = _found(low, part, at), _found(low, part, at + 1)
            tally.merge(Tally(steps=count, largest_step=largest, step=step))
