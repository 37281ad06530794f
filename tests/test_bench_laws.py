# SPDX-License-Identifier: MIT
"""Laws of f: each is violated by a kernel that breaks it, at an input that shows it, and kept by the right results."""

from dataclasses import replace

import numpy as np
import pytest

from bench import laws
from bench.inputs import SAMPLES
from bench.laws import Steps, in_range, monotone, nan_kept, nonzero, rising_inputs, sign, steps_back
from reference.activation import Piece
from reference.formats import FORMATS
from tests.exactly import from_table, inputs_in, lookup, trial_of
from tests.mutants import right_sigmoid, right_silu, right_softplus

TABLES = [("silu", "bfloat16"), ("relu", "float16"), ("softplus", "bfloat16"), ("sigmoid", "float16")]


def relu(x):
    return np.maximum(x, x.dtype.type(0))


def of_table(activation, dtype):
    """The correctly rounded results for every bit pattern, and a way to try some that were made of them."""
    table = lookup(trial_of(abs, activation, "forward", dtype).truth)
    return table, lambda changed: trial_of(from_table(changed, "forward"), activation, "forward", dtype)


# Steps back.


@pytest.mark.parametrize("dtype", FORMATS)
def test_steps_the_wrong_way_are_counted_with_the_largest(dtype):
    form = FORMATS[dtype]
    results = form.from_ordinals(np.array([-3, -3, -2, 5, 4, 9, 6, 7]))
    assert steps_back(results, 1, form) == Steps(checked=7, count=2, largest=3, place=5)
    assert steps_back(results[::-1], -1, form) == Steps(checked=7, count=2, largest=3, place=1)
    assert steps_back(results, -1, form) == Steps(checked=7, count=4, largest=7, place=2)
    assert steps_back(results, 0, form) == Steps(checked=7, count=6, largest=7, place=2)
    assert steps_back(np.sort(results), 1, form) == Steps(checked=7, count=0, largest=0, place=None)


@pytest.mark.parametrize("slope", [-1, 0, 1])
def test_zeros_are_equal_and_nan_is_compared_with_nothing(slope):
    results = np.float32([0.0, -0.0, 0.0, np.nan, 0.0])
    assert steps_back(results, slope, FORMATS["float32"]).count == 0
    assert steps_back(results[:1], slope, FORMATS["float32"]).checked == 0


def test_a_step_is_counted_through_zero_and_from_end_to_end():
    form = FORMATS["float64"]
    assert steps_back(form.from_ordinals(np.array([2, -3])), 1, form).largest == 5
    assert steps_back(np.array([np.inf, -np.inf]), 1, form).largest == 2 * form.infinity_pattern


# Monotone.


@pytest.mark.parametrize(("activation", "dtype"), TABLES)
def test_correctly_rounded_results_are_monotone(activation, dtype):
    table, tried = of_table(activation, dtype)
    found = monotone(tried(table))
    assert (found.verdict, found.count) == ("holds", 0)
    assert 2 * FORMATS[dtype].infinity_pattern - 1 <= found.checked <= 2 * FORMATS[dtype].infinity_pattern


@pytest.mark.parametrize(("activation", "dtype"), TABLES)
@pytest.mark.parametrize("at", [-40.0, -2.5, -0.75, 0.5, 3.0])
def test_one_step_back_of_one_number_is_found_among_all_of_16_bits(activation, dtype, at):
    form = FORMATS[dtype]
    table, tried = of_table(activation, dtype)
    here = int(form.dtype.type(at).view(np.uint16))
    upwards = here + (1 if at > 0 else -1)  # the next larger input
    slope = -1 if activation == "silu" and at < -1.28 else 1
    table = table.copy()
    table[here] = form.from_ordinals(form.ordinals(table[upwards : upwards + 1]) + slope)[0]
    found = monotone(tried(table))
    both_sides = 2 if activation == "relu" and at < 0 else 1  # where f is constant
    assert (found.verdict, found.count, found.largest) == ("violated", both_sides, "1 representable number")
    assert at in inputs_in(found)[::2]


def up(x, steps):
    """The number so many steps above."""
    form = FORMATS[x.dtype.name]
    return form.from_ordinals(form.ordinals(x) + steps).reshape(x.shape)


@pytest.mark.parametrize("steps", [-9, 0, 100])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_step_back_of_one_number_is_found_beside_a_check_point(dtype, steps):
    place = up(np.array([65504.0], dtype), steps)[0]
    found = monotone(trial_of(lambda x: np.where(x == place, up(x, 2), relu(x)), "relu", "forward", dtype))
    assert (found.verdict, found.count, found.largest) == ("violated", 1, "1 representable number")
    assert inputs_in(found)[0] == place


def test_one_step_back_is_found_where_f_falls():
    place = up(np.float32([-44.361]), 3)

    def stepping(x):
        return np.where(x == place, up(right_silu(up(place, 1)), -1), right_silu(x))

    assert monotone(trial_of(right_silu, "silu")).verdict == "holds"
    found = monotone(trial_of(stepping, "silu"))
    assert (found.verdict, found.count, found.largest) == ("violated", 1, "1 representable number")
    assert found.counter_example.startswith("f falls here, but f(-0x")
    assert inputs_in(found)[0] == place


def test_one_step_is_found_where_f_is_constant():
    found = monotone(trial_of(lambda x: np.where(x == -65504, np.float32(1e-45), relu(x)), "relu"))
    assert (found.count, found.largest) == (2, "1 representable number")
    assert "f is constant here" in found.counter_example


def test_a_step_between_places_far_apart_is_found():
    saturating = monotone(trial_of(lambda x: np.where(x > 3e5, np.float32(2e5), relu(x)), "relu"))
    assert saturating.verdict == "violated"
    low, _, high, _ = inputs_in(saturating)
    assert low <= 3e5 < high


def test_what_surrounds_the_end_of_a_piece_belongs_to_both_and_nothing_is_compared_across():
    high_at_zero = monotone(trial_of(lambda x: np.where(x == 0, np.float32(1), relu(x)), "relu"))
    assert high_at_zero.count == 2  # from the left, and to the right
    x = np.float64([-2, -1.5, -1.25, -1, 0, 1])
    assert laws._inside(Piece("-inf", "-1.25", -1), x) == slice(0, 3)
    assert laws._inside(Piece("-1.25", "inf", 1), x) == slice(2, 6)
    third = np.float64([-1 / 3, 1 / 3])  # its double lies below the real number
    assert laws._inside(Piece("-inf", "0.33333333333333333333333333333333333333333", 1), third) == slice(0, 2)
    assert laws._inside(Piece("0.33333333333333333333333333333333333333333", "inf", 1), third) == slice(2, 2)
    assert laws._inside(Piece("-0.33333333333333333333333333333333333333333", "inf", 1), third) == slice(0, 2)
    assert laws._inside(Piece("-inf", "-0.33333333333333333333333333333333333333333", 1), third) == slice(0, 0)


def test_it_is_not_asked_where_nothing_is_known():
    assert monotone(trial_of(lambda dy, x: x, "relu", "backward")) is None
    trial = trial_of(relu, "relu")
    activation = replace(trial.truth.activation, facts=lambda: replace(trial.facts, pieces=(), range=None))
    unknown = replace(trial, truth=replace(trial.truth, activation=activation))
    assert monotone(unknown) is None
    assert in_range(unknown) is None


def test_inputs_are_runs_of_consecutive_numbers():
    form = FORMATS["float32"]
    trial = trial_of(relu, "silu")
    x = rising_inputs(trial)
    ordinals = form.ordinals(x)
    assert (np.diff(ordinals) > 0).all()
    assert np.isinf(x[[0, -1]]).all()
    half = SAMPLES["quick"] // 8
    points = [p.x for p in trial.truth.activation.check_points]
    for point in [*points, 1.0, -0.5, 4.0, np.log(2) / 2]:
        centre = form.ordinals(np.float32([point]))
        assert np.isin(centre + np.arange(-half, half), ordinals).all()
    assert np.isin(form.ordinals(trial.truth.inputs.values[~np.isnan(trial.truth.inputs.values)]), ordinals).all()


def test_more_depth_and_another_seed_try_other_runs():
    trial = trial_of(relu, "relu")
    deeper, other = replace(trial, depth="standard"), replace(trial, seed=1)
    few, many, others = (set(rising_inputs(t).tolist()) for t in (trial, deeper, other))
    assert len(many) > 4 * len(few)
    assert len(others - few) > 1000
    assert set(rising_inputs(trial).tolist()) == few


# Range.


def test_a_result_just_outside_the_range_is_found():
    def above_1(x):
        y = right_sigmoid(x)
        return np.where(y == 1, up(y, 1), y)

    found = in_range(trial_of(above_1, "sigmoid"))
    assert (found.verdict, found.largest) == ("violated", "1 representable number")
    assert found.count > 1000
    x, got, low, high = inputs_in(found)
    assert (x > 16, got, low, high) == (True, 1 + 2.0**-23, 0, 1)
    assert in_range(trial_of(right_sigmoid, "sigmoid")).verdict == "holds"


def test_the_least_value_is_rounded_before_it_is_an_end():
    form, least = FORMATS["float32"], np.float32(-0.27846454276107379)
    assert in_range(trial_of(right_silu, "silu")).verdict == "holds"
    found = in_range(trial_of(lambda x: np.where(x == -90, up(x * 0 + least, -3), right_silu(x)), "silu"))
    assert (found.count, found.largest) == (1, "3 representable numbers")
    assert inputs_in(found)[0] == -90
    assert form.from_ordinals(form.ordinals(least.reshape(1)))[0] == inputs_in(found)[2]


def test_infinite_results_are_outside_a_finite_range():
    found = in_range(trial_of(lambda x: np.where(x == 128, np.float32(np.inf), right_sigmoid(x)), "sigmoid"))
    assert "= inf is outside" in found.counter_example


def test_the_whole_line_is_no_range():
    assert in_range(trial_of(lambda x: x, "leaky_relu")) is None


# Sign, zeros and NaN.


@pytest.mark.parametrize(("activation", "dtype"), TABLES)
@pytest.mark.parametrize("law", [in_range, sign, nonzero, nan_kept])
def test_correctly_rounded_results_keep_the_laws(activation, dtype, law):
    table, tried = of_table(activation, dtype)
    found = law(tried(table))
    assert (found.verdict, found.count) == ("holds", 0)
    assert found.checked > 250


@pytest.mark.parametrize(
    ("activation", "right", "at", "value"),
    [
        ("sigmoid", right_sigmoid, -64.0, -(2.0**-149)),
        ("silu", right_silu, np.float32(-7e29), 0.0),  # an underflow keeps its sign
        ("silu", right_silu, -0.0, 0.0),
        ("relu", relu, -(2.0**-149), 2.0**-149),  # y is 0
    ],
)
def test_a_wrong_sign_is_found(activation, right, at, value):
    def wrong(x):
        here = (x == np.float32(at)) & (np.signbit(x) == np.signbit(at))
        return np.where(here, np.float32(value), right(x))

    assert sign(trial_of(right, activation)).verdict == "holds"
    found = sign(trial_of(wrong, activation))
    assert (found.verdict, found.count) == ("violated", 1)
    assert float.fromhex(found.counter_example.split()[1].removesuffix(":")) == at


def test_a_zero_where_the_nearest_number_is_none_is_found():
    def flushing(x):
        y = right_sigmoid(x)
        return np.where(y < 2.0**-126, np.float32(0), y)

    assert nonzero(trial_of(right_sigmoid, "sigmoid")).verdict == "holds"
    found = nonzero(trial_of(flushing, "sigmoid"))
    assert (found.verdict, found.count > 10) == ("violated", True)
    assert -104 < inputs_in(found)[0] < -87
    assert found.counter_example.split("exact ")[1].startswith(("1", "2", "3", "4", "5", "6", "7", "8", "9"))


def test_the_smallest_result_that_is_not_zero_counts_too():
    """Between half the least subnormal and the whole the nearest number is not 0."""
    x = np.float32(-103.5)  # sigmoid is 1.12e-45, the least subnormal 1.4e-45
    assert right_sigmoid(x.reshape(1))[0] == np.float32(1e-45)
    found = nonzero(trial_of(lambda x: np.where(x < -103.3, np.float32(0), right_sigmoid(x)), "sigmoid"))
    assert found.count > 0


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_swallowed_nan_is_found_with_its_bits(dtype):
    form = FORMATS[dtype]
    least = 2.0**-9
    pattern = form.infinity_pattern | 1  # signalling, where a maximum may answer otherwise than for a quiet one

    def swallowing(x):
        with np.errstate(invalid="ignore"):
            return np.where(x.view(form.pattern) == pattern, form.dtype.type(least), relu(x))

    found = nan_kept(trial_of(swallowing, "relu", "forward", dtype))
    assert (found.verdict, found.count) == ("violated", 1)
    assert f"bits {pattern:#x} gives 0x1p-9" in found.counter_example
    assert nan_kept(trial_of(relu, "relu", "forward", dtype)).verdict == "holds"


@pytest.mark.parametrize("at_zero", [0, 1])
def test_at_a_kink_either_derivative_has_the_right_sign_and_zero(at_zero):
    def backward(dy, x):
        return np.where(x == 0, dy * np.float32(at_zero), dy * np.where(np.isnan(x), x, x > 0).astype(x.dtype))

    trial = trial_of(backward, "relu", "backward")
    assert [law(trial).verdict for law in (sign, nonzero, nan_kept)] == ["holds"] * 3
    assert in_range(trial) is None


def test_a_gradient_of_0_just_beside_a_kink_is_found():
    found = nonzero(trial_of(lambda dy, x: dy * (x > 1e-44).astype(x.dtype), "relu", "backward"))
    assert found.count > 3
    assert 0 < inputs_in(found)[0] <= 1e-44


def test_softplus_is_never_zero_where_it_need_not_be():
    assert nonzero(trial_of(right_softplus, "softplus")).verdict == "holds"
    naive = nonzero(trial_of(lambda x: np.log(1 + np.exp(x)), "softplus"))
    assert naive.count > 100
    assert inputs_in(naive)[0] < -16
