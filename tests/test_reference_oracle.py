# SPDX-License-Identifier: MIT
"""The oracle on the suite's own activations: rounding, zeros, infinities, dy, kinks, decimal numerals, exact sums."""

import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from math import inf, nan

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf, workprec

import reference
from reference.formats import FORMATS, Format
from reference.oracle import Exact, at_kinks, decimal, exact, exact_sum, right_at_kinks
from tests.rationals import exponent, nearest, power, rational

HALF, SINGLE, DOUBLE = FORMATS["float16"], FORMATS["float32"], FORMATS["float64"]
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=lambda f: f.name)
every_activation = pytest.mark.parametrize("name", sorted(reference.own()))


def ask(name: str, direction: str, form: Format, x, dy=None, **parameters: float) -> Exact:
    activation = reference.own()[name]
    x = np.array(x, np.float64).astype(form.dtype)
    dy = None if dy is None else np.array(dy, np.float64).astype(form.dtype)
    return exact(activation, direction, form, x, activation.defaults | parameters, dy)


def numbers(array: np.ndarray) -> list[float]:
    return array.astype(np.float64).tolist()


def bits(array: np.ndarray, form: Format) -> list[int]:
    return array.view(form.pattern).tolist()


def assert_same_bits(found: Exact, want: list[float], form: Format) -> None:
    with np.errstate(over="ignore"):
        assert bits(found.nearest, form) == bits(np.array(want).astype(form.dtype), form)


@every_activation
@pytest.mark.parametrize("direction", ["forward", "backward"])
@every_format
def test_everything_against_2500_bits_rounded_by_definition(name, direction, form):
    activation = reference.own()[name]
    rng = np.random.default_rng(11)
    ordinals = rng.integers(1 - form.infinity_pattern, form.infinity_pattern, 12)
    with np.errstate(over="ignore"):
        ordinary = np.concatenate([rng.normal(0, 4, 8), [p.x for p in activation.check_points]]).astype(form.dtype)
    x = np.concatenate([form.from_ordinals(ordinals), ordinary[np.isfinite(ordinary)]])
    x = x[np.abs(x.astype(np.float64)) < 1000]  # further out, 2500 bits do not tell f from its limit
    x = x[np.abs(x.astype(np.float64)) > 2.0**-1000]
    found = exact(activation, direction, form, x, activation.defaults)
    function = activation.forward if direction == "forward" else activation.derivative
    with workprec(2500):
        truths = [rational(function(mpf(v), **mpf_values(activation.defaults))) for v in numbers(x)]
    assert numbers(found.nearest) == [nearest(y, form) for y in truths]
    assert found.exponent.tolist() == [exponent(y, form) for y in truths]
    assert found.sign.tolist() == [(y > 0) - (y < 0) for y in truths]
    for y, e, hi, lo in zip(truths, found.exponent.tolist(), found.hi.tolist(), found.lo.tolist(), strict=True):
        assert abs(y / power(e) - Fraction(hi) - Fraction(lo)) <= power(-80)


def mpf_values(parameters: dict[str, float]) -> dict[str, mpf]:
    return {k: mpf(v) for k, v in parameters.items()}


@every_format
def test_prelu_has_exact_ties_among_the_subnormals(form):
    n = np.arange(1, 65)
    found = ask("prelu", "forward", form, -n * form.least_subnormal)
    assert numbers(found.nearest / form.dtype.type(form.least_subnormal)) == [-round(k / 4) for k in n.tolist()]
    assert_same_bits(found[:2], [-0.0, -0.0], form)
    assert not found.either_zero.any()


@every_format
def test_silu_at_odd_subnormals_is_a_tie_but_for_its_second_term(form):
    """x/2 + x²/4: above the tie on the right, and nearer to zero than the tie on the left."""
    n = np.array([1, 3, 5, 7, 101])
    right = ask("silu", "forward", form, n * form.least_subnormal)
    left = ask("silu", "forward", form, -n * form.least_subnormal)
    assert form.ordinals(right.nearest).tolist() == ((n + 1) // 2).tolist()
    assert form.ordinals(left.nearest).tolist() == (-(n - 1) // 2).tolist()
    assert np.signbit(left.nearest).all()


@pytest.mark.parametrize("top_exponent", [10, 15, 127, 1000])
def test_relu_of_a_power_of_two_is_that_power(top_exponent):
    found = ask("relu", "forward", DOUBLE, [2.0**top_exponent, -(2.0**top_exponent)])
    assert numbers(found.nearest) == [2.0**top_exponent, 0.0]
    assert (found.exponent[0], found.hi[0], found.lo[0]) == (top_exponent, 1.0, 0.0)


@every_format
def test_overflow_has_an_infinite_rounding_and_a_finite_exponent(form):
    found = ask("selu", "forward", form, [form.largest])
    assert numbers(found.nearest) == [inf]
    assert found.exponent.tolist() == [form.emax + 1]
    assert found.hi[0] * 2 == pytest.approx(1.0507009873554805 * (2 - 2.0 ** (1 - form.precision)))
    assert not found.class_only.any()


@every_format
def test_underflow_keeps_its_sign(form):
    far = -min(form.largest, 1e30)
    assert_same_bits(ask("silu", "forward", form, [far]), [-0.0], form)
    found = ask("sigmoid", "forward", form, [far])
    assert_same_bits(found, [0.0], form)
    assert found.sign.tolist() == [1]
    assert not found.either_zero.any()


@pytest.mark.parametrize(
    ("name", "parameters", "x", "want", "either"),
    [
        ("relu", {}, [-0.0, 0.0, -3.0], [0.0, 0.0, 0.0], [True, False, True]),
        ("silu", {}, [-0.0, 0.0], [-0.0, 0.0], [False, False]),
        ("tanh", {}, [-0.0, 0.0], [-0.0, 0.0], [False, False]),
        ("leaky_relu", {}, [-0.0, 0.0], [-0.0, 0.0], [False, False]),
        ("leaky_relu", {"negative_slope": -0.5}, [-0.0, 0.0], [0.0, 0.0], [False, False]),
        ("prelu", {"alpha": 0.0}, [-0.0, 0.0, -3.0], [0.0, 0.0, 0.0], [True, False, True]),
        ("sigmoid", {}, [-0.0, 0.0], [0.5, 0.5], [False, False]),
    ],
)
@every_format
def test_a_zero_has_the_sign_of_f_on_its_side(form, name, parameters, x, want, either):
    found = ask(name, "forward", form, x, **parameters)
    assert found.either_zero.tolist() == either
    assert_same_bits(found, want, form)


@every_activation
def test_of_a_derivative_either_zero_will_do(name):
    assert ask(name, "backward", HALF, [-60000.0, -0.0, 0.0, 3.0]).either_zero.all()


@pytest.mark.parametrize(
    ("name", "direction", "want"),
    [
        ("relu", "forward", [0.0, inf]),
        ("prelu", "forward", [-inf, inf]),
        ("elu", "forward", [-1.0, inf]),
        ("selu", "forward", [-1.7580993408473769, inf]),
        ("silu", "forward", [0.0, inf]),
        ("sigmoid", "forward", [0.0, 1.0]),
        ("leaky_relu", "backward", [0.01, 1.0]),
        ("tanh", "backward", [0.0, 0.0]),
    ],
)
@every_format
def test_at_infinity_the_limit_and_at_nan_nan_of_which_the_class_alone_counts(form, name, direction, want):
    found = ask(name, direction, form, [-inf, inf, nan, 1.0])
    assert numbers(found.nearest[:2]) == numbers(np.array(want).astype(form.dtype))
    assert found.sign[:2].tolist() == np.sign(want).tolist()
    assert np.isnan(found.nearest[2])
    assert found.class_only.tolist() == [True, True, True, False]
    if direction == "forward":
        assert found.either_zero[:3].tolist() == [want[0] == 0, want[1] == 0, False]


def test_signalling_nans_and_the_empty_array_are_no_trouble():
    signalling = HALF.from_patterns([0x7C01, 0xFC01, 0x7E00])
    found = exact(reference.own()["silu"], "forward", HALF, signalling, {"beta": 1.0})
    assert np.isnan(found.nearest).all()
    assert len(ask("silu", "forward", HALF, [])) == 0


@every_format
def test_dy_is_multiplied_by_a_derivative_that_was_not_rounded(form):
    rng = np.random.default_rng(5)
    x = np.array([-2.0, -0.0, 3.0, -form.least_subnormal, form.largest] * 8)
    dy = form.from_ordinals(rng.integers(1 - form.infinity_pattern, form.infinity_pattern, len(x)))
    found = ask("leaky_relu", "backward", form, x, dy)
    slopes = [Fraction(1) if v > 0 else Fraction(0.01) for v in x.tolist()]
    assert numbers(found.nearest) == [nearest(Fraction(d) * s, form) for d, s in zip(numbers(dy), slopes, strict=True)]


def test_a_derivative_below_the_format_is_there_for_a_large_dy():
    alone = ask("silu", "backward", SINGLE, [-120.0])
    assert alone.nearest.tolist() == [0.0]
    found = ask("silu", "backward", SINGLE, [-120.0], [2.0**120])
    with workprec(200):
        y = mpf(2) ** 120 * mpmath.diff(lambda t: t / (1 + mpmath.exp(-t)), -120)
    assert found.nearest.tolist() == [np.float32(float(y))]
    assert found.nearest[0] < 0


@every_format
def test_at_infinite_x_dy_scales_the_limit(form):
    found = ask("prelu", "backward", form, [-inf, inf, inf], [-3.0, -3.0, 0.0])
    assert numbers(found.nearest) == [-0.75, -3.0, 0.0]
    assert found.sign.tolist() == [-1, -1, 0]


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [("relu", 0.0, 1.0), ("leaky_relu", 0.01, 1.0), ("prelu", 0.25, 1.0), ("selu", 1.758099340847376859, 1.05070098)],
)
def test_both_one_sided_derivatives_at_a_kink(name, left, right):
    activation = reference.own()[name]
    found = ask(name, "backward", DOUBLE, [-0.0, 0.0])
    x = np.array([-0.0, 0.0])
    assert at_kinks(activation, "backward", x).all()
    assert not at_kinks(activation, "forward", x).any()
    other = right_at_kinks(activation, DOUBLE, x, activation.defaults)
    assert found.nearest.tolist() == [left, left]
    assert other.nearest.tolist() == pytest.approx([right, right], rel=1e-8)
    assert len(other) == 2
    assert other.either_zero.all()
    assert not other.class_only.any()


def test_where_there_is_no_kink_none_is_found():
    assert not at_kinks(reference.own()["silu"], "backward", np.zeros(1)).any()


def test_parts_come_together_again():
    whole = ask("silu", "forward", SINGLE, [1.0, nan, -5.0, -0.0])
    again = Exact.concatenate([whole[:1], whole[np.array([1, 2])], whole[3:]])
    for name, column in vars(whole).items():
        assert getattr(again, name).tobytes() == column.tobytes()


@pytest.mark.parametrize(
    ("name", "direction", "x", "text"),
    [
        ("gelu", "forward", -6.0, "-5.919525870226188844205185e-9"),
        ("silu", "forward", -90.0, "-7.374611361591463887324997e-38"),
        ("silu", "forward", -0.0, "-0.0"),
        ("relu", "forward", -0.0, "0.0"),
        ("silu", "forward", 0.0, "0.0"),
        ("silu", "backward", -0.0, "0.5"),
        ("silu", "forward", -1e30, "-0.0"),
        ("sigmoid", "forward", -1e30, "0.0"),
        ("sigmoid", "forward", 1e30, "1.0"),
        ("relu", "forward", inf, "inf"),
        ("leaky_relu", "forward", -inf, "-inf"),
        ("selu", "forward", -inf, "-1.758099340847376859940218"),
        ("selu", "backward", inf, "1.050700987355480493419335"),
        ("silu", "forward", nan, "nan"),
        ("sigmoid", "forward", 0.0, "0.5"),
        ("selu", "forward", 1.0, "1.050700987355480493419335"),
    ],
)
def test_decimal(name, direction, x, text):
    activation = reference.own()[name]
    assert decimal(activation, direction, x, activation.defaults) == text


@every_activation
def test_decimal_has_25_right_digits(name):
    activation = reference.own()[name]
    for x in (-30.0, -1.5, 2.0**-200, 0.7, 40.0):
        with workprec(1000):
            y = activation.forward(mpf(x), **mpf_values(activation.defaults))
            text = decimal(activation, "forward", x, activation.defaults)
            assert abs(mpf(text) - y) <= abs(y) * mpf(10) ** -24 / 2


def test_decimal_with_dy():
    prelu = reference.own()["prelu"]
    assert decimal(prelu, "backward", -2.0, {"alpha": 0.25}, 3.0) == "0.75"
    assert decimal(prelu, "backward", inf, {"alpha": 0.25}, -3.0) == "-3.0"


def products(x: np.ndarray, dy: np.ndarray) -> list[Fraction]:
    return [Fraction(d) * Fraction(v) for v, d in zip(numbers(x), numbers(dy), strict=True) if v < 0]


@every_format
@pytest.mark.parametrize("case", ["normal", "wide", "one", "cancels", "zero", "empty", "overflows"])
def test_exact_sum(form, case):
    rng = np.random.default_rng(9)
    tiny, huge = form.least_subnormal, form.largest
    x, dy = {
        "normal": (rng.normal(size=50), rng.normal(size=50)),
        "wide": (numbers(form.from_ordinals(rng.integers(1 - form.infinity_pattern, 0, 50))), rng.normal(size=50)),
        "one": ([-3.0], [0.5]),
        "cancels": ([-1.0, -1.0, -tiny], [1.0, -1.0, 0.25]),
        "zero": ([-1.0, -1.0], [1.0, -1.0]),
        "empty": ([0.0, 2.0], [1.0, 1.0]),
        "overflows": ([-huge, -huge], [huge, 1.0]),
    }[case]
    x, dy = np.array(x).astype(form.dtype), np.array(dy).astype(form.dtype)
    found, text = exact_sum(reference.own()["prelu"], form, x, dy, {"alpha": 0.25})
    terms = products(x, dy)
    total, scale = sum(terms, Fraction(0)), sum(map(abs, terms), Fraction(0))
    assert numbers(found.nearest) == [nearest(total, form)]
    assert found.exponent.tolist() == [exponent(scale, form)]
    assert found.sign.tolist() == [(total > 0) - (total < 0)]
    assert found.either_zero.tolist() == [total == 0]
    error = total / power(int(found.exponent[0])) - Fraction(found.hi[0]) - Fraction(found.lo[0])
    assert abs(error) <= power(-80)
    assert mpf(text) == pytest.approx(mpf(total.numerator) / total.denominator, rel=1e-15)


def test_an_exact_sum_is_rounded_once():
    """1 + 2^-53 is a tie in float64, and what breaks it is 2^-799: no sum of a few floats would hold it."""
    crumb = 2.0**-400
    x = np.array([-1.0, -(2.0**-53), -crumb, -crumb])
    for sign, want in ((1, 1 + 2.0**-52), (-1, 1.0)):
        dy = np.array([1.0, 1.0, sign * crumb, sign * crumb])
        found, _ = exact_sum(reference.own()["prelu"], DOUBLE, x, dy, {"alpha": 0.25})
        assert found.nearest.tolist() == [-want]


def test_threads_do_not_disturb_one_another():
    """mpmath has one precision for the whole process."""
    silu, form = reference.own()["silu"], FORMATS["float32"]
    x = np.float32([-1.2784645, -1.2784647, -0.5, -80.0, 1e-3])
    alone = exact(silu, "backward", form, x, silu.defaults)
    before, interval = mp.prec, sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns so often that what they share shows
    try:
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda _: exact(silu, "backward", form, x, silu.defaults), range(60)))
    finally:
        sys.setswitchinterval(interval)
    assert mp.prec == before
    for answer in together:
        np.testing.assert_array_equal(answer.nearest, alone.nearest)
        np.testing.assert_array_equal(answer.lo, alone.lo)
