# SPDX-License-Identifier: MIT
"""The loops of a sweep say what the fast oracle and the ULP say, and flag what they can't settle."""

import numpy as np
import pytest

from bench.sweep_chunk import Target
from bench.sweep_loops import BINS, EMIN, LAST_PLACE, SINGLE, knower, line_knower, loops, ordinal_of
from bench.ulp import NO_MISMATCH, judge
from reference import fast
from reference.fast import EPSILON, NOWHERE
from tests.sweeping import target_of

SIGN = 1 << 31
ONE = 0x3F80_0000
MANY = 2000
ULP = 2.0**-23  # of 1


def pattern(x: float) -> int:
    return int(np.float32(x).view(np.uint32))


class Known:
    """The columns that `know` fills, for consecutive inputs."""

    def __init__(self, count: int) -> None:
        self.high, self.low, self.per_unit = np.empty((3, count))
        self.nearest, self.unsure = np.empty(count, np.float32), np.empty(count, bool)

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        return self.high, self.low, self.per_unit, self.nearest, self.unsure


def known(function, parameters, line, first: int, count: int = MANY) -> Known:
    made = Known(count)
    assert function(first, parameters, line, *made.columns) == made.unsure.sum()
    return made


def known_of(target: Target, first: int) -> Known:
    return known(knower(target.activation, target.direction), target.ordered, target.line(first), first)


def on_a_line(constant: float, ratio: float, line=NOWHERE) -> Known:
    """What is known of y = constant·(1 + ratio), where the function may cling to a line."""
    return known(line_knower(), (constant, 0.0, ratio), line, ONE, 1)


PLACES = [
    ("silu", "forward", {}, 1),  # odd subnormals: y is beside a tie
    ("silu", "forward", {}, SIGN | 1),
    ("silu", "forward", {}, pattern(-1.2785)),  # at the minimum
    ("silu", "backward", {}, pattern(-1.2785)),  # at the root
    ("silu", "forward", {}, pattern(-103.9)),  # subnormal
    ("silu", "forward", {}, pattern(2.0**40)),  # y is as good as x
    ("gelu", "backward", {}, pattern(-13.2)),
    ("mish", "backward", {}, pattern(-104.0)),  # vanishing
    ("tanh", "forward", {}, pattern(9.0)),  # rounds to 1
    ("elu", "forward", {}, SIGN | 1),
    ("leaky_relu", "forward", {}, SIGN | 1),
    ("relu", "backward", {}, pattern(-3.0)),  # nothing but 0
    ("selu", "backward", {}, pattern(-90.0)),
    ("sigmoid", "forward", {}, pattern(1e30)),
    ("softplus", "forward", {}, pattern(1.5)),
    ("relu", "forward", {}, pattern(-3.0)),  # either zero
    ("leaky_relu", "forward", {"negative_slope": 4.0}, pattern(-(2.0**126)) - MANY // 2),  # overflows
]


@pytest.mark.parametrize(("name", "direction", "parameters", "first"), PLACES)
def test_what_is_known_is_what_the_oracle_answers(name, direction, parameters, first):
    target = target_of(name, direction, **parameters)
    made, line = known_of(target, first), target.line(first)
    x = np.arange(first, first + MANY).astype(np.uint32).view(np.float32)
    exact, by_mpmath = fast.answer(target.activation, direction, SINGLE, x, target.parameters)
    sure = ~made.unsure
    assert sure.any()
    for settled in (False, True):
        if settled:
            count = loops().know_unsure(first, target.epsilon, line, *made.columns)
            assert count == made.unsure.sum() == by_mpmath
            sure = ~made.unsure
        np.testing.assert_array_equal(made.nearest[sure], exact.nearest[sure])
        np.testing.assert_array_equal(made.per_unit[sure], np.ldexp(1.0, LAST_PLACE - exact.exponent)[sure])
    scaled = np.ldexp(made.high, -exact.exponent)
    np.testing.assert_allclose(scaled, exact.hi, rtol=2.0**-48, atol=1e-270)
    beside = (scaled - exact.hi) + np.ldexp(made.low, -exact.exponent) - exact.lo
    np.testing.assert_allclose(beside[sure], 0, atol=2.0**-49)
    np.testing.assert_array_equal(np.sign(made.high), exact.sign)


def test_most_is_known_at_once():
    for name, direction, parameters, first in PLACES:
        if first & ~SIGN != 1:
            assert known_of(target_of(name, direction, **parameters), first).unsure.sum() < 3, (name, direction, first)


def test_every_other_subnormal_of_silu_is_beside_a_tie_and_low_tells_the_side():
    for sign, away in ((0, True), (SIGN, False)):
        target = target_of("silu")
        made = known_of(target, sign | 1)
        assert made.unsure.tolist() == [True, False] * (MANY // 2)
        assert loops().know_unsure(sign | 1, target.epsilon, target.line(sign | 1), *made.columns) == 0
        expected = [(n + 1) // 2 if away else n // 2 for n in range(1, MANY + 1)]
        assert (made.nearest.view(np.uint32) & ~np.uint32(SIGN)).tolist() == expected


@pytest.mark.parametrize("beside", [1 + 0.5 * ULP, 1 + 1.5 * ULP, 2.0**-149 * 2.5, 2.0**127 * (2 - ULP / 2)])
def test_a_tie_within_the_bound_is_flagged(beside):
    for away, expected in ((0.0, True), (0.9, True), (-0.9, True), (3.0, False), (-3.0, False)):
        assert on_a_line(beside * (1 + away * EPSILON[False]), 0.0).unsure[0] == expected


@pytest.mark.parametrize(("power", "expected"), [(-125, True), (0, True), (127, True), (EMIN, False), (-140, False)])
def test_a_power_of_two_within_the_bound_is_flagged_where_the_ulp_changes(power, expected):
    for away in (0.0, 0.9, -0.45):
        made = on_a_line(2.0**power * (1 + away * EPSILON[False]), 0.0)
        assert made.unsure[0] == expected
    assert not on_a_line(2.0**power * (1 + 3 * EPSILON[False]), 0.0).unsure[0]


@pytest.mark.parametrize("ratio", [2.0**-60, 0.0, -(2.0**-60), -(2.0**-300)])
def test_at_a_line_at_a_power_of_two_low_tells_the_side(ratio):
    made = on_a_line(1.0, ratio, line=(1.0, 0.0))
    assert not made.unsure[0]
    assert made.nearest[0] == 1
    assert made.per_unit[0] == 2.0 ** (LAST_PLACE + (ratio < 0))


@pytest.mark.parametrize(("ratio", "expected"), [(2.0**-80, 1 + ULP), (-(2.0**-80), 1.0)])
def test_at_a_line_at_a_tie_low_tells_the_side_and_elsewhere_nothing_does(ratio, expected):
    tie = 1 + 0.5 * ULP
    for line, unsettled in (((tie, 0.0), 0), (NOWHERE, 1), ((1.0, 0.0), 1)):
        made = on_a_line(tie, ratio, line)
        assert made.unsure[0]
        assert loops().know_unsure(ONE, EPSILON[False], line, *made.columns) == unsettled
        assert made.unsure[0] == unsettled
        if not unsettled:
            assert (made.nearest[0], made.per_unit[0]) == (expected, 2.0**LAST_PLACE)


def test_a_line_that_is_rounded_is_no_line_to_be_on():
    """0.1·x is no float64 for most x: where it is said to be, no distance from it tells anything."""
    x = 5.0  # 0.5 is what 0.1·5 is rounded to
    for slope, flagged in ((0.1, True), (0.125, False)):
        made = known(line_knower(), (0.0, slope, 2.0**-60), (0.0, slope), pattern(x if flagged else 4.0), 1)
        assert made.high[0] == 0.5
        assert made.unsure[0] == flagged
        count = loops().know_unsure(pattern(x), EPSILON[False], (0.0, slope), *made.columns)
        assert count == flagged


def test_exact_arithmetic_leaves_nothing_open():
    made = on_a_line(1 + 0.5 * ULP, 0.0)
    assert loops().know_unsure(ONE, 0.0, NOWHERE, *made.columns) == 0
    assert made.nearest[0] == 1  # to even


# Results held against them.


def wrong_results(nearest: np.ndarray) -> np.ndarray:
    """Results of all kinds: right, some places off, of the wrong sign, zeros, infinities, NaN, huge and tiny."""
    rng = np.random.default_rng(5)
    got = nearest.copy()
    ordinals = SINGLE.ordinals(got)
    off = rng.random(len(got)) < 0.4
    got[off] = SINGLE.from_ordinals(np.clip(ordinals + rng.integers(-4, 5, len(got)), -(2**31 - 2**24), 2**30))[off]
    worse = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38], np.float32)
    some = np.flatnonzero(rng.random(len(got)) < 0.3)
    got[some] = np.resize(np.concatenate([worse, -nearest[:3]]), len(some))
    return got


@pytest.mark.parametrize(("name", "direction", "parameters", "first"), PLACES)
def test_results_are_judged_as_the_ulp_says(name, direction, parameters, first):
    target = target_of(name, direction, **parameters)
    x = np.arange(first, first + MANY).astype(np.uint32).view(np.float32)
    exact = fast.exact(target.activation, direction, SINGLE, x, target.parameters)
    high, low = np.ldexp(exact.hi, exact.exponent), np.ldexp(exact.lo, exact.exponent)
    per_unit = np.ldexp(1.0, LAST_PLACE - exact.exponent)
    around = np.concatenate([exact.nearest[:1], exact.nearest, exact.nearest[-1:]])
    got = wrong_results(exact.nearest)
    error, bad, sums = np.empty(MANY), np.empty(MANY, bool), np.zeros(5, np.int64)
    kinds = np.empty(MANY, np.int8)
    columns = (got, high, low, per_unit, around, target.either_zero, error, bad, sums)
    loops().compare(*columns)
    assert bad.sum() == sums[2] > 0
    loops().compare_bad(*columns, kinds)

    judgement = judge(got, exact, SINGLE)
    np.testing.assert_array_equal(kinds, judgement.mismatch)
    np.testing.assert_allclose(error, judgement.error_ulp, rtol=2.0**-44, atol=2.0**-24)
    assert bad[judgement.mismatch != NO_MISMATCH].all()
    signed = np.where(judgement.above, 1, -1) * judgement.distance.astype(np.int64)
    low_end, high_end = np.minimum(around[:-2], around[2:]), np.maximum(around[:-2], around[2:])
    inside = (np.minimum(low_end, exact.nearest) <= got) & (got <= np.maximum(high_end, exact.nearest))
    assert sums.tolist() == [
        judgement.misrounded.sum(),
        (~inside).sum(),
        bad.sum(),
        max(signed.max(), 0),
        min(signed.min(), 0),
    ]


def test_right_results_need_no_closer_look():
    """Not in the tails either, where each result is 0, of either sign where that is free, or infinite."""
    for name, direction, parameters, first in PLACES:
        target = target_of(name, direction, **parameters)
        made = known_of(target, first)
        got = made.nearest.copy()
        if direction == "backward" or name == "relu":
            got[got == 0] *= -1
        around = np.concatenate([got[:1], made.nearest, got[-1:]])
        error, bad, sums = np.empty(MANY), np.empty(MANY, bool), np.zeros(5, np.int64)
        loops().compare(got, made.high, made.low, made.per_unit, around, target.either_zero, error, bad, sums)
        assert sums.tolist() == [0] * 5
        assert not bad.any()
        assert error.max() <= 0.5 + 1e-9


def test_an_ordinal_counts_representable_numbers():
    for x in (0.0, -0.0, 1e-45, -1e-45, 1.0, -1.0, 3e38, np.inf, -np.inf):
        x = np.float32(x)
        assert ordinal_of(x) == SINGLE.ordinals(np.array([x]))[0]


def test_errors_are_counted_in_bins_closed_above():
    edges = 2.0 ** np.arange(-3.0, 30)
    errors = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf), [0.0, 1e300, np.nan, 0.3]])
    counts = np.zeros(BINS, np.int64)
    loops().count_bins(errors, counts)
    uppers = np.append(2.0 ** np.arange(-1.0, BINS - 2), np.inf)
    number = np.searchsorted(uppers, errors[~np.isnan(errors)], side="left")
    assert counts.tolist() == np.bincount(number, minlength=BINS).tolist()


@pytest.mark.parametrize("slope", [1, -1])
def test_steps_against_the_slope_are_counted_and_the_largest_is_found(slope):
    values = np.float32([1, 2, 2, 1.5, np.nan, 0, -0.0, 0.0, -np.inf, np.inf, 3, 3.5, -1e-45, 1e-45])
    pairs = list(zip(values.tolist(), values[1:].tolist(), strict=False))
    against = [i for i, (a, b) in enumerate(pairs) if (b - a) * slope < 0]
    assert loops().count_steps(values, slope) == len(against) > 2
    with np.errstate(invalid="ignore"):
        sizes = np.abs(np.diff(SINGLE.ordinals(values)))
    place = max(against, key=lambda i: sizes[i])
    assert loops().find_step(values, slope) == (sizes[place], place)


def test_no_step_is_found_where_there_is_none():
    assert loops().find_step(np.float32([1, 1, 2]), 1) == (0, 0)
    assert loops().count_steps(np.float32([5]), 1) == 0
    assert loops().count_steps(np.float32([]), -1) == 0
