# SPDX-License-Identifier: MIT
"""Symmetries: correctly rounded results are never accused, and what is off by a little more than rounding is found."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import reference
from bench.symmetries import SYMMETRIES, Balance, Mirror, _gap, _sum, symmetry
from reference.formats import FORMATS
from reference.oracle import exact
from tests.exactly import from_table, inputs_in, lookup, trial_of
from tests.mutants import right_sigmoid, right_silu, right_softplus
from tests.rationals import rational

WITH_SYMMETRY = [name for name, a in reference.own().items() if a.facts(**a.defaults).symmetry]
EXHAUSTIVE = [
    *(("silu", "forward", "bfloat16"), ("softplus", "forward", "bfloat16"), ("sigmoid", "forward", "float16")),
    *(("gelu", "forward", "float16"), ("gelu_tanh", "forward", "bfloat16"), ("tanh", "forward", "float16")),
    *(("relu", "forward", "float16"), ("gelu", "backward", "bfloat16"), ("sigmoid", "backward", "float16")),
]
LEAKY = [("leaky_relu", {"negative_slope": slope}) for slope in (0.0, 1.0)]
SLOPES = [("silu", {"beta": 1.7}), ("softplus", {"beta": 0.3}), ("silu", {"beta": 1e-3}), *LEAKY]


@pytest.mark.parametrize(("activation", "direction", "dtype"), EXHAUSTIVE)
def test_all_correctly_rounded_results_of_16_bits_are_symmetric(activation, direction, dtype):
    table = lookup(trial_of(abs, activation, direction, dtype).truth)
    found = symmetry(trial_of(from_table(table, direction), activation, direction, dtype))
    assert (found.verdict, found.count) == ("holds", 0)
    assert FORMATS[dtype].infinity_pattern - 1 <= found.checked <= FORMATS[dtype].infinity_pattern + 1


def magnitudes(dtype: str) -> np.ndarray:
    """Of all sizes; many are those at which every function does its work, and some beside powers of two."""
    form, rng = FORMATS[dtype], np.random.default_rng(7)
    work = np.exp2(rng.uniform(-12, 8, 120)).astype(dtype)
    powers = form.ordinals(np.ldexp(1.0, np.arange(-10, 8)).astype(dtype))[:, None] + np.arange(-1, 2)
    any_size = rng.integers(0, form.infinity_pattern, 60)
    return form.from_ordinals(np.unique(np.concatenate([form.ordinals(work), powers.ravel(), any_size, np.arange(6)])))


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize(
    ("activation", "parameters"), [*((name, {}) for name in WITH_SYMMETRY), *SLOPES], ids=lambda v: str(v or "")
)
def test_correctly_rounded_results_are_symmetric(activation, parameters, direction, dtype):
    known, form, x = reference.activations()[activation], FORMATS[dtype], magnitudes(dtype)
    values = known.defaults | parameters
    if direction == "backward" and known.kinks:
        x = x[x != 0]
    plus, minus = (exact(known, direction, form, v, values).nearest for v in (x, -x))
    law = SYMMETRIES[known.facts(**values).symmetry, direction]
    found = law.check(form, x, plus, minus)
    assert (found.verdict, found.count) == ("holds", 0)
    assert found.checked > 150


# What is wrong.


def up(x: np.ndarray, steps: int) -> np.ndarray:
    """The numbers so many steps above."""
    form = FORMATS[x.dtype.name]
    return form.from_ordinals(form.ordinals(x) + steps)


def float64_tanh(x):
    return np.tanh(x.astype(np.float64)).astype(x.dtype)


def test_a_function_that_is_not_quite_odd_is_found():
    found = symmetry(trial_of(lambda x: np.where(x < -3, up(float64_tanh(x), 1), float64_tanh(x)), "tanh"))
    assert (found.verdict, found.largest) == ("violated", "1 representable number")
    x, there, mirrored = inputs_in(found)
    assert x > 3
    assert there == -mirrored + 2.0**-24
    assert symmetry(trial_of(float64_tanh, "tanh")).verdict == "holds"


def test_an_odd_function_has_no_number_beside_a_nan():
    found = symmetry(trial_of(lambda x: np.where(x == -2, x * np.nan, float64_tanh(x)), "tanh"))
    assert found.count == 1
    assert "nan at -x" in found.counter_example
    everywhere = symmetry(trial_of(lambda x: np.where(abs(x) == 2, x * np.nan, float64_tanh(x)), "tanh"))
    assert everywhere.verdict == "holds"  # that it is NaN is another finding


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_a_derivative_that_is_not_even_is_found(activation):
    def backward(dy, x):
        z = x.astype(np.float64) / (1 if activation == "tanh" else 2)
        slope = (1 / np.cosh(z) ** 2).astype(x.dtype)
        return dy * np.where(x == 4, up(slope, 2), slope)

    with np.errstate(over="ignore"):
        found = symmetry(trial_of(backward, activation, "backward"))
    assert (found.verdict, found.count, found.largest) == ("violated", 1, "2 representable numbers")
    assert inputs_in(found)[0] == 4
    assert found.counter_example.startswith("f'(-x) = f'(x) is not so at x = ")


@pytest.mark.parametrize(
    ("activation", "right"), [("sigmoid", right_sigmoid), ("silu", right_silu), ("softplus", right_softplus)]
)
def test_results_off_by_2_numbers_are_found(activation, right):
    found = symmetry(trial_of(lambda x: np.where(x == 4, up(right(x), 2), right(x)), activation))
    assert (found.verdict, found.count) == ("violated", 1)
    assert inputs_in(found)[0] == 4
    assert 1.5 < float(found.largest.split()[0]) < 5
    assert found.largest.endswith("times what rounding allows")
    assert symmetry(trial_of(right, activation)).verdict == "holds"


def test_a_sum_of_gradients_that_is_not_1_is_found():
    def backward(dy, x):
        slope = right_sigmoid(x)  # of softplus
        return dy * np.where(x == -0.5, up(slope, 3), slope)

    found = symmetry(trial_of(backward, "softplus", "backward"))
    assert (found.count, inputs_in(found)[0]) == (1, 0.5)
    assert found.counter_example.startswith("f'(x) + f'(-x) = 1 is not so at x = ")


@pytest.mark.parametrize("at_zero", [0, 1])
def test_either_derivative_will_do_at_a_kink(at_zero):
    def backward(dy, x):
        return np.where(x == 0, dy * np.float32(at_zero), dy * (x > 0).astype(x.dtype))

    assert symmetry(trial_of(backward, "relu", "backward")).verdict == "holds"


def test_a_function_without_symmetry_is_not_asked_for_one():
    assert symmetry(trial_of(lambda x: x, "elu")) is None
    trial = trial_of(lambda x: x, "leaky_relu")
    assert symmetry(trial) is None
    odd = replace(trial, kernel=replace(trial.kernel, parameters={"negative_slope": 1.0}))
    assert symmetry(odd).verdict == "holds"


# The bound.


@pytest.mark.parametrize("dtype", FORMATS)
def test_gaps_are_those_to_the_neighbours(dtype):
    form = FORMATS[dtype]
    edges = np.array([0, form.least_subnormal, form.least_normal, 1, 2, 1.5, form.largest / 4])
    ordinals = np.unique(form.ordinals(edges.astype(dtype))[:, None] + np.arange(-1, 2))
    ordinals = np.concatenate([ordinals, -ordinals])
    values = form.from_ordinals(ordinals)
    for side in (-1, 1):
        due = [abs(rational(a) - rational(b)) for a, b in zip(values, form.from_ordinals(ordinals + side), strict=True)]
        assert [rational(g) for g in _gap(values.astype(np.float64), form, side)] == due
    below_largest = float(form.from_ordinals(form.infinity_pattern - 2))
    assert _gap(np.array([form.largest]), form, 1) == form.largest - below_largest


def test_a_sum_that_cancels_is_nearly_exact():
    rng = np.random.default_rng(3)
    a, tiny = rng.uniform(1, 2, 500), rng.choice([-1, 1], 500) * np.exp2(rng.uniform(-120, 0, 500))
    b = -(a + rng.choice([-1.0, 0, 1], 500) * 2.0**-52)
    for got, terms in zip(_sum(a, b, tiny), zip(a, b, tiny, strict=True), strict=True):
        due = sum(map(Fraction, terms))
        assert abs(Fraction(got) - due) <= abs(due) * Fraction(2) ** -50 + Fraction(2) ** -104


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(("quarters", "verdict"), [(4, "holds"), (-4, "holds"), (5, "violated"), (-5, "violated")])
def test_the_bound_is_reached_and_not_passed(dtype, quarters, verdict):
    """1.5 and 1.25 may each be off by half the gap between numbers from 1 to 2, and their difference by a whole one."""
    form, gap = FORMATS[dtype], 2.0 ** (1 - FORMATS[dtype].precision)
    x, plus, minus = (np.array([v]).astype(dtype) for v in (0.25 + quarters * gap / 4, 1.5, 1.25))
    found = Balance("f(x) - f(-x) = x", -1, is_x=True).check(form, x, plus, minus)
    assert (found.verdict, found.largest) == (verdict, "1.25 times what rounding allows" if found.count else None)


def test_below_a_power_of_two_the_bound_is_half_of_what_it_is_above():
    form, law = FORMATS["float16"], Balance("f(x) + f(-x) = 1", 1, is_x=False)
    one = np.array([1.0], np.float16)
    for small, verdict in ((2.0**-12, "holds"), (2.0**-11, "violated")):  # of f(x) = 1 - small, 1 is half a gap off
        assert law.check(form, one, one, np.array([small], np.float16)).verdict == verdict


def test_results_that_are_not_finite_are_not_compared_with_a_sum():
    x = np.float32([1, 2, np.inf])
    found = Balance("f(x) - f(-x) = x", -1, is_x=True).check(FORMATS["float32"], x, x * np.float32(np.inf), x)
    assert found.verdict == "not checked"


def test_the_sign_of_a_zero_does_not_count():
    zeros = np.float32([0.0, -0.0])
    assert Mirror("f(-x) = -f(x)", -1).check(FORMATS["float32"], zeros, zeros, zeros).verdict == "holds"
