# SPDX-License-Identifier: MIT
"""Ziv's loop against rational arithmetic, at ties, beside powers of two, and where nothing but a thought helps."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

import reference
from reference.formats import FORMATS, Format
from reference.oracle import function_of, limits_of
from reference.ziv import LARGEST_EXPONENT, Rounded, round_all
from tests.rationals import exponent, nearest, power, rational, real, ulp

INFINITE = mpf("-inf"), mpf("inf")
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=lambda f: f.name)


def softsign(x):
    return x / (1 + abs(x))


def parabola(x):
    """It overflows, underflows, and has a great many ties."""
    return x / 2 + x * x / 4


LIMITS = {softsign: (mpf(-1), mpf(1)), parabola: (mpf("inf"), mpf("inf"))}


def identity(x):
    return x


def one(function, point: tuple, limits: tuple, form: Format) -> Rounded:
    (rounded,) = round_all(function, [point], limits, form)
    return rounded


def rounding(name: str, direction: str, x: float, form: Format = FORMATS["float64"]) -> Rounded:
    activation = reference.activations()[name]
    setting = activation, direction, activation.defaults
    return one(function_of(*setting), (mpf(x),), limits_of(*setting), form)


def assert_right(rounded: Rounded, y: Fraction, form: Format) -> None:
    """Every field, by its definition."""
    value = float(form.from_ordinals(np.array([rounded.ordinal]))[0])
    assert value == nearest(y, form)
    assert rounded.sign == (y > 0) - (y < 0)
    assert rounded.exponent == exponent(y, form)
    scaled = y / power(rounded.exponent)
    assert abs(scaled - Fraction(rounded.hi) - Fraction(rounded.lo)) <= power(-80)


@pytest.mark.parametrize(("name", "function"), [("float16", parabola), ("bfloat16", softsign)])
def test_all_finite_inputs_of_a_16_bit_format(name, function):
    form = FORMATS[name]
    inputs = form.from_ordinals(np.arange(1 - form.infinity_pattern, form.infinity_pattern)).astype(float).tolist()
    found = round_all(function, [(mpf(x),) for x in inputs], LIMITS[function], form)
    values = form.from_ordinals(np.array([r.ordinal for r in found])).astype(float).tolist()
    for x, rounded, value in zip(inputs, found, values, strict=True):
        y = function(Fraction(x))
        unit = ulp(y, form)
        assert value == nearest(y, form, unit), x
        assert power(rounded.exponent - form.precision + 1) == unit, x


@every_format
@pytest.mark.parametrize("function", [softsign, parabola])
def test_sampled_inputs_of_every_format(form, function):
    top = form.infinity_pattern
    edges = [0, 1, 2, 3, 4, 5, 6, 7, 1 << (form.precision - 1), top // 2, top - 2, top - 1]
    ordinals = np.concatenate([np.random.default_rng(3).integers(1 - top, top, 200), edges, np.negative(edges)])
    inputs = form.from_ordinals(ordinals).astype(float).tolist()
    found = round_all(function, [(mpf(x),) for x in inputs], LIMITS[function], form)
    for x, rounded in zip(inputs, found, strict=True):
        assert_right(rounded, function(Fraction(x)), form)


@every_format
@pytest.mark.parametrize("beside", [0, 200, 5000], ids=["tie", "near", "very near"])
def test_ties_and_what_is_beside_them(form, beside):
    """Midpoints after 0, in the subnormals, at binade edges, in the middle and at the overflow threshold."""
    hidden = 1 << (form.precision - 1)
    for ordinal in (0, 1, 2, hidden - 1, hidden, 2 * hidden - 1, 15 * hidden + 4, 15 * hidden + 5):
        low, high = form.from_ordinals(np.array([ordinal, ordinal + 1])).astype(float).tolist()
        middle = (Fraction(low) + Fraction(high)) / 2
        for side in (-1, 1):
            y = middle + side * middle / power(beside) if beside else middle
            assert_right(one(identity, (real(y),), INFINITE, form), y, form)
            assert_right(one(identity, (real(-y),), INFINITE, form), -y, form)


@every_format
def test_the_overflow_threshold_is_a_tie_that_goes_to_infinity(form):
    threshold = Fraction(form.largest) + power(form.emax - form.precision)
    below = threshold * (1 - Fraction(1, 2**400))
    assert one(identity, (real(threshold),), INFINITE, form).ordinal == form.infinity_pattern
    assert one(identity, (real(-threshold),), INFINITE, form).ordinal == -form.infinity_pattern
    found = one(identity, (real(below),), INFINITE, form)
    assert (found.ordinal, found.exponent) == (form.infinity_pattern - 1, form.emax)


@pytest.mark.parametrize(
    ("name", "direction", "x", "exponent", "lo"),
    [
        ("sigmoid", "forward", 1e308, -1, -1),
        ("sigmoid", "forward", 16.5, -1, None),
        ("sigmoid", "forward", 300.0, -1, None),
        ("sigmoid", "forward", 0.0, -1, 0),
        ("sigmoid", "forward", 1e-300, -1, 1),
        ("sigmoid", "forward", -1e-300, -2, -1),
        ("sigmoid", "forward", -5e-324, -2, -1),
        ("sigmoid", "backward", 1e-300, -3, -1),
        ("sigmoid", "backward", 0.0, -2, 0),
        ("tanh", "forward", 50.0, -1, None),
        ("tanh", "forward", 1e300, -1, -1),
        ("tanh", "forward", -1e300, -1, 1),
        ("tanh", "forward", 2.0**-500, -501, -1),
        ("tanh", "backward", 1e-200, -1, -1),
        ("tanh", "backward", 0.0, 0, 0),
        ("elu", "forward", -1e5, -1, 1),
        ("elu", "forward", -(2.0**-500), -501, 1),
        ("elu", "forward", 2.0**-500, -500, 0),
        ("elu", "backward", -1e-200, -1, -1),
        ("elu", "backward", 1e200, 0, 0),
        ("silu", "forward", 2.0**500, 499, -1),
        ("silu", "forward", 2.0**-500, -501, 1),
        ("silu", "forward", -(2.0**-500), -502, 1),
        ("silu", "backward", 1e200, 0, 1),
        ("silu", "backward", -1e-200, -2, -1),
        ("gelu", "forward", 2.0**20, 19, -1),
        ("gelu", "backward", 1e200, 0, 1),
        ("gelu_tanh", "forward", 2.0**20, 19, -1),
        ("gelu_tanh", "forward", 64.0, 5, -1),
        ("gelu_tanh", "backward", 1e200, 0, 1),
        ("mish", "forward", 2.0**500, 499, -1),
        ("mish", "backward", 1e200, 0, 1),
        ("softplus", "forward", 2.0**500, 500, 1),
        ("softplus", "backward", 1e200, -1, -1),
        ("relu", "forward", 2.0**500, 500, 0),
        ("leaky_relu", "forward", 2.0**-500, -500, 0),
        ("prelu", "forward", -(2.0**500), 498, 0),
        ("prelu", "backward", -1e200, -2, 0),
        ("relu", "backward", 1e-200, 0, 0),
        ("leaky_relu", "backward", 1e-200, 0, 0),
        ("elu", "backward", 1e-200, 0, 0),
    ],
)
def test_the_side_of_a_power_of_two(name, direction, x, exponent, lo):
    """Just under 2^k the exponent is k - 1; where hi holds the power itself, the sign of lo tells the side."""
    found = rounding(name, direction, x)
    assert found.exponent == exponent
    assert 1 <= abs(found.hi) <= 2
    if lo is not None:
        assert abs(found.hi) in (1, 2)
        assert np.sign(found.lo) == lo


@pytest.mark.parametrize(
    ("name", "direction", "towards", "exponent"),
    [
        ("sigmoid", "forward", 1, -1),
        ("tanh", "forward", -1, -1),
        ("elu", "forward", -1, -1),
        ("silu", "backward", 1, 0),
        ("gelu", "backward", 1, 0),
        ("gelu_tanh", "backward", 1, 0),
        ("mish", "backward", 1, 0),
        ("softplus", "backward", 1, -1),
    ],
)
@pytest.mark.parametrize("form", [FORMATS["float32"], FORMATS["float64"]], ids=lambda f: f.name)
def test_in_saturation_no_rounding_error_of_a_formula_decides(name, direction, towards, exponent, form):
    """Of mish′(0x1.49739cp+45), two precisions were a unit of the lower one apart, so that neither was trusted.

    At 6,400 bits, where nothing is in doubt any more, the formula's own error then put it below 1.
    """
    far = [float.fromhex("0x1.49739cp+45"), *np.exp2(np.random.default_rng(8).uniform(7, 127, 60))]
    setting = reference.activations()[name], direction, reference.activations()[name].defaults
    points = [(mpf(towards * float(np.float32(x))),) for x in far]
    found = round_all(function_of(*setting), points, limits_of(*setting), form)
    assert {r.exponent for r in found} == {exponent}
    assert {np.sign(r.lo * r.hi) for r in found} == {1 if exponent == 0 else -1}


@pytest.mark.parametrize(
    ("name", "direction", "beta", "x", "exponent", "lo"),
    [
        ("silu", "backward", 1e-3, 2.0**69, 0, 1),
        ("silu", "backward", 1e-3, 20.0, -1, None),  # 1/2 + x/2000
        ("silu", "forward", 1e-9, 2.0**40, 39, -1),
        ("silu", "forward", 1e6, 1.0, -1, -1),
        ("silu", "forward", 1e6, 4.0, 1, -1),
        ("silu", "forward", 1e6, 2.0**30, 29, -1),
        ("softplus", "backward", 1e5, 34.0, -1, -1),
        ("softplus", "backward", 1e5, 0.25, -1, -1),
        ("softplus", "forward", 1e6, 2.0, 1, 1),
    ],
)
def test_how_far_out_a_function_settles_depends_on_its_parameter(name, direction, beta, x, exponent, lo):
    activation = reference.activations()[name]
    setting = activation, direction, {"beta": beta}
    found = one(function_of(*setting), (mpf(x),), limits_of(*setting), FORMATS["float64"])
    assert found.exponent == exponent
    assert lo is None or (abs(found.hi) in (1, 2) and np.sign(found.lo) == lo)


@pytest.mark.parametrize("k", [3, 4, 5, 6, 70])
def test_a_power_of_two_that_is_only_met_on_the_way_is_that_power(k):
    """A user's function may pass one far out, at its exact place, and go on."""
    found = one(lambda x: x * x / 64, (mpf(2) ** k,), INFINITE, FORMATS["float64"])
    assert (found.exponent, found.hi, found.lo) == (2 * k - 6, 1.0, 0.0)


@pytest.mark.parametrize("x", [-5000.0, -1e30])
@pytest.mark.parametrize("steps", [1, 3])  # the even neighbour is nearer to 0 for the first, and farther for the other
def test_far_out_a_limit_at_a_midpoint_is_not_met(steps, x):
    """ELU is above -α; how little, no precision tells."""
    alpha = 1 + steps * 2.0**-24
    setting = reference.activations()["elu"], "forward", {"alpha": alpha}
    found = one(function_of(*setting), (mpf(x),), limits_of(*setting), FORMATS["float32"])
    (value,) = FORMATS["float32"].from_ordinals(np.array([found.ordinal]))
    assert value == -(alpha - 2.0**-24)
    assert found.lo > 0


@pytest.mark.parametrize(("steps", "even"), [(1, 0), (3, 2)])
def test_a_midpoint_that_is_met_goes_to_the_even_neighbour(steps, even):
    setting = reference.activations()["leaky_relu"], "forward", {"negative_slope": 0.5}
    point = (mpf(-steps * FORMATS["float32"].least_subnormal),)
    found = one(function_of(*setting), point, limits_of(*setting), FORMATS["float32"])
    assert found.ordinal == -even


@pytest.mark.parametrize("name", ["tanh", "elu"])
@every_format
def test_just_under_the_least_subnormal(name, form):
    found = rounding(name, "forward", -form.least_subnormal, form)
    assert (found.ordinal, found.exponent) == (-1, form.emin)
    assert Fraction(found.hi) + Fraction(found.lo) > -power(1 - form.precision)


@pytest.mark.parametrize(("dy", "exponent"), [(1.0, -2), (-4.0, 0), (3.0, -1), (2.0**1000, 998)])
def test_the_side_of_a_power_of_two_with_dy(dy, exponent):
    activation = reference.activations()["sigmoid"]
    function = function_of(activation, "backward", {})
    found = one(function, (mpf(0), mpf(dy)), (mpf(0), mpf(0)), FORMATS["float64"])
    assert found.exponent == exponent
    assert abs(found.hi) == abs(dy) / 4 / 2.0**exponent
    beside = one(function, (mpf(1e-200), mpf(dy)), (mpf(0), mpf(0)), FORMATS["float64"])
    assert beside.exponent == exponent - (dy != 3)  # sigmoid'(x) = 1/4 - x²/16 + ...
    assert beside.ordinal == found.ordinal


@pytest.mark.parametrize("dy", [4.0, -4.0, 2.0**-1000])
def test_the_side_of_a_power_of_two_with_dy_where_the_derivative_is_above_it(dy):
    activation = reference.activations()["silu"]
    function = function_of(activation, "backward", activation.defaults)
    found = one(function, (mpf(1e200), mpf(dy)), (mpf(0), mpf(1)), FORMATS["float64"])  # silu' is just above 1
    assert 2.0**found.exponent == abs(dy)
    assert (found.hi, np.sign(found.lo)) == (np.sign(dy), np.sign(dy))


def test_a_zero_is_believed_only_where_precision_does_not_bring_it_to_life():
    """A user's own formula may cancel: ln(1 + e^x) is 0 at 178 bits from x = -124 on."""
    found = one(lambda x: mpmath.log(1 + mpmath.exp(x)), (mpf(-200),), (mpf(0), mpf("inf")), FORMATS["float64"])
    want = rounding("softplus", "forward", -200.0)
    assert (found.ordinal, found.sign, found.exponent) == (want.ordinal, 1, want.exponent)
    assert one(lambda x: x - x, (mpf(3),), (mpf(0), mpf(0)), FORMATS["float16"]) == Rounded(0, 0, -14, 0.0, 0.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_exponents_beyond_any_format(sign):
    huge = one(lambda x: sign * mpmath.exp(x), (mpf(1e300),), INFINITE, FORMATS["float64"])
    assert (huge.ordinal, huge.exponent) == (sign * FORMATS["float64"].infinity_pattern, LARGEST_EXPONENT)
    assert 1 <= abs(huge.hi) < 2
    tiny = one(lambda x: sign * mpmath.exp(-x), (mpf(1e300),), INFINITE, FORMATS["float64"])
    assert (tiny.ordinal, tiny.sign, tiny.exponent, tiny.hi) == (0, sign, -1022, 0.0)


def test_the_rational_numbers_of_these_tests():
    assert rational(real(Fraction(-3, 2**300))) == Fraction(-3, 2**300)
    assert [nearest(Fraction(n, 2), FORMATS["float64"]) for n in (1, 3)] == [0.5, 1.5]
    half = FORMATS["float16"]
    assert [nearest(Fraction(n, 2**25), half) * 2**24 for n in (1, 2, 3, 5)] == [0, 1, 2, 2]
    assert [exponent(power(k) - Fraction(1, 2**90), half) for k in (0, 3, -20)] == [-1, 2, -14]
    assert nearest(Fraction(65519), half) == 65504
    assert nearest(Fraction(65520), half) == float("inf")


def test_what_cancellation_leaves_is_not_taken_for_a_power_of_two():
    form = FORMATS["float32"]
    points = [(mpf(float(x)),) for x in np.linspace(-45, -16, 500)]
    cancelling = round_all(lambda x: 1 + mp.tanh(x), points, (mpf(0), mpf(2)), form)
    direct = round_all(lambda x: 2 / (1 + mp.exp(-2 * x)), points, (mpf(0), mpf(2)), form)
    assert [r.ordinal for r in cancelling] == [r.ordinal for r in direct]
