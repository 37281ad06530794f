# SPDX-License-Identifier: MIT
"""The ULP, clause by clause, against its definition in rational numbers."""

from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest

import reference
from bench.ulp import NO_MISMATCH, Judgement, judge
from reference.formats import FORMATS, Format
from reference.oracle import Exact, exact, right_at_kinks
from reports.schema import MISMATCH_KINDS
from tests.rationals import exact_of, exponent, power, rational, ulp

HALF, SINGLE, DOUBLE = FORMATS["float16"], FORMATS["float32"], FORMATS["float64"]
TINY = Fraction(1, 2**90)
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=lambda f: f.name)


def held(got, y, form: Format, **options) -> Judgement:
    """Results against exact values; a single one against each of the other."""
    got, y = np.atleast_1d(got).astype(np.float64), y if isinstance(y, list) else [y]
    got, y = np.resize(got, max(len(got), len(y))), y * (1 if len(y) > 1 else len(got))
    return judge(got.astype(form.dtype), exact_of(y, form, **options), form)


def oracle(name: str, direction: str, form: Format, x) -> Exact:
    activation = reference.own()[name]
    x = np.array(x, np.float64).astype(form.dtype)
    return exact(activation, direction, form, x, activation.defaults)


def kinds(judgement: Judgement) -> list[str]:
    return [MISMATCH_KINDS[m] if m != NO_MISMATCH else "" for m in judgement.mismatch.tolist()]


def kinds_of(name: str, direction: str, form: Format, x, got) -> list[str]:
    got = np.array(got, np.float64).astype(form.dtype)
    return kinds(judge(got, oracle(name, direction, form, x), form))


@every_format
def test_error_by_definition_at_random(form):
    rng = np.random.default_rng(1)
    hidden = 1 << (form.precision - 1)
    ordinals = np.concatenate([np.arange(-20, 20), hidden + np.arange(-20, 20), rng.integers(1, 30 * hidden, 100)])
    near = form.from_ordinals(ordinals).astype(np.float64).tolist()
    y = [Fraction(v) + Fraction(int(k), 64) * ulp(Fraction(v), form) for v, k in zip(near, ordinals % 61, strict=True)]
    got = form.from_ordinals(ordinals + rng.integers(-3, 4, len(ordinals)))
    found = judge(got, exact_of(y, form), form)
    for r, value, error in zip(got.astype(np.float64).tolist(), y, found.error_ulp.tolist(), strict=True):
        assert error == pytest.approx(float(abs(Fraction(r) - value) / ulp(value, form)), rel=1e-14, abs=1e-14)


@every_format
@pytest.mark.parametrize("k", [-3, 0, 5])
@pytest.mark.parametrize("side", [-1, 1])
def test_binade_edges(form, k, side):
    """The ulp is that of y: just below 2^k it is half of that at 2^k, whatever r is."""
    edge, unit = Fraction(2) ** k, power(k - form.precision + 1)
    results = [side * float(edge + d * unit) for d in (-1, Fraction(-1, 2), 0, 1)]
    below, at, above = ([side * y] * 4 for y in (edge * (1 - TINY), edge, edge * (1 + TINY)))
    assert held(results, below, form).error_ulp.tolist() == pytest.approx([2, 1, 0, 2], abs=1e-8)
    assert held(results, at, form).error_ulp.tolist() == [1, 0.5, 0, 1]
    assert held(results, above, form).error_ulp.tolist() == pytest.approx([1, 0.5, 0, 1], abs=1e-8)
    assert held(results, below, form).misrounded.tolist() == [True, True, False, True]


def test_the_exponent_is_that_of_y_also_where_no_precision_can_tell():
    """sigmoid(1e30) is just under 1: there 1 + 2^-52 is 2 ulp away; sigmoid(1e-300) is just over 1/2."""
    got = np.array([1 + 2.0**-52, 1 - 2.0**-53, 1.0, 0.5 + 2.0**-53, 0.5 + 2.0**-53])
    found = judge(got, oracle("sigmoid", "forward", DOUBLE, [1e30, 1e30, 1e30, 1e-300, -1e-300]), DOUBLE)
    assert found.error_ulp.tolist() == pytest.approx([2, 1, 0, 1, 2], abs=1e-10)


@every_format
def test_among_the_subnormals_the_ulp_is_the_least_subnormal(form):
    least = form.least_subnormal
    unit = Fraction(least)
    found = held([0.0, least, 2 * least, 5 * least], [unit * Fraction(3, 4)] * 2 + [unit * Fraction(7, 2)] * 2, form)
    assert found.error_ulp.tolist() == [0.75, 0.25, 1.5, 1.5]
    edge = Fraction(form.least_normal)
    found = held([form.least_normal - least] * 2, [edge - unit / 4, edge], form)
    assert found.error_ulp.tolist() == [0.75, 1.0]


@every_format
def test_early_overflow_is_finite_and_huge(form):
    """r = inf counts as 2^(emax + 1) where RN(y) is finite."""
    values = [Fraction(1), Fraction(2) ** form.emax, Fraction(form.least_subnormal)]
    found = held([inf, -inf, inf], values, form)
    signs = (1, -1, 1)
    wants = [abs(s * power(form.emax + 1) - y) / ulp(y, form) for s, y in zip(signs, values, strict=True)]
    largest = np.finfo(np.float64).max
    assert found.error_ulp.tolist() == [min(float(w) if w < largest else inf, largest) for w in wants]
    assert np.isfinite(found.error_ulp).all()
    assert kinds(found) == ["inf", "inf", "inf"]


@every_format
def test_between_the_largest_number_and_the_threshold_infinity_is_accepted(form):
    largest, unit = Fraction(form.largest), ulp(Fraction(form.largest), form)
    found = held([inf, form.largest, inf, inf], [largest + unit / 4] * 2 + [largest, largest - unit / 4], form)
    assert found.error_ulp.tolist() == [0.75, 0.25, 1.0, 1.25]
    assert kinds(found) == ["", "", "inf", "inf"]
    assert found.misrounded.tolist() == [True, False, True, True]
    found = held([-inf, -form.largest, inf], -largest - unit / 4, form)
    assert kinds(found) == ["", "", "sign"]


@every_format
def test_late_overflow_is_a_mismatch_and_the_same_infinity_is_exact(form):
    for y in (Fraction(2) ** (form.emax + 1), Fraction(form.largest) + ulp(Fraction(form.largest), form) / 2):
        found = held([inf, form.largest, -inf, 1.0, nan], y, form)
        assert kinds(found) == ["", "inf", "sign", "inf", "nan"]
        assert found.error_ulp[0] == 0
        assert found.error_ulp[1] == float((y - Fraction(form.largest)) / ulp(y, form))
        assert found.misrounded.tolist() == [False, True, True, True, True]
        assert held([-inf], -y, form).error_ulp.tolist() == [0]


def test_late_overflow_far_beyond_the_format():
    found = held([HALF.largest, inf], Fraction(2) ** 900, HALF)
    assert found.error_ulp.tolist() == pytest.approx([2.0**10, 0])
    assert kinds(found) == ["inf", ""]


@every_format
def test_zero_below_the_least_subnormal_is_faithful(form):
    unit = Fraction(form.least_subnormal)
    y = [unit * f for f in (Fraction(1, 4), Fraction(1, 2), 1 - TINY, 1, 1 + TINY)]
    found = held([0.0] * 5, y, form)
    assert kinds(found) == ["", "", "", "zero", "zero"]
    assert found.misrounded.tolist() == [False, False, True, True, True]
    assert found.error_ulp.tolist() == pytest.approx([0.25, 0.5, 1, 1, 1])
    assert kinds(held([-0.0] * 5, [-v for v in y], form)) == ["", "", "", "zero", "zero"]


@every_format
def test_zero_where_the_oracle_has_just_less_than_the_least_subnormal(form):
    """tanh of the least subnormal lies below it, by less than any precision shows."""
    x = [form.least_subnormal, -form.least_subnormal]
    assert kinds_of("tanh", "forward", form, x, [0.0, -0.0]) == ["", ""]
    assert kinds_of("relu", "forward", form, x[:1], [0.0]) == ["zero"]
    assert kinds_of("softplus", "forward", form, x, [0.0, 0.0]) == ["zero", "zero"]


@every_format
def test_signs_of_zeros(form):
    both = [-0.0, 0.0]
    assert kinds_of("relu", "forward", form, [-0.0, -0.0, -1.0, -1.0], both * 2) == [""] * 4
    assert kinds_of("relu", "forward", form, [0.0, 0.0], both) == ["sign", ""]
    assert kinds_of("silu", "forward", form, [-0.0, -0.0], both) == ["", "sign"]
    assert kinds_of("silu", "forward", form, [0.0, 0.0], both) == ["sign", ""]
    far = -min(form.largest, 1e30)
    assert kinds_of("silu", "forward", form, [far, far], both) == ["", "sign"]
    assert kinds_of("sigmoid", "forward", form, [far, far], both) == ["sign", ""]
    assert kinds_of("silu", "forward", form, [-inf, -inf], both) == ["", ""]
    assert kinds_of("silu", "backward", form, [far, far], both) == ["", ""]
    assert kinds_of("tanh", "backward", form, [inf, -inf], both) == ["", ""]


@every_format
def test_a_wrong_sign_and_a_number_in_the_place_of_zero(form):
    least = form.least_subnormal
    y = [Fraction(1), Fraction(1), Fraction(least) / 3]
    assert kinds(held([-1.0, 1.0, -least], y, form)) == [
        "sign",
        "",
        "sign",
    ]
    assert kinds_of("relu", "forward", form, [-1.0, -1.0, -0.0], [least, -least, -1.0]) == ["zero"] * 3
    assert kinds_of("silu", "backward", form, [-5.0], [1.0]) == ["sign"]


@every_format
def test_nan_both_ways(form):
    found = judge(
        np.array([nan, 1.0, inf, nan, nan, -nan]).astype(form.dtype),
        oracle("silu", "forward", form, [nan, nan, nan, 1.0, -inf, -nan]),
        form,
    )
    assert kinds(found) == ["", "nan", "nan", "nan", "nan", ""]
    assert np.isnan(found.error_ulp).all()
    assert found.misrounded.tolist() == [False, False, False, True, False, False]
    assert found.distance.tolist() == [0] * 6


@every_format
def test_at_infinity_the_class_alone_is_judged(form):
    found = kinds_of("sigmoid", "forward", form, [inf] * 5, [1.0, 0.75, -1.0, 0.0, inf])
    assert found == ["", "", "sign", "zero", "inf"]
    assert kinds_of("relu", "forward", form, [inf] * 3, [inf, form.largest, -inf]) == ["", "inf", "sign"]
    assert kinds_of("relu", "forward", form, [-inf] * 3, [0.0, 1.0, nan]) == ["", "zero", "nan"]
    found = judge(np.array([0.75]).astype(form.dtype), oracle("sigmoid", "forward", form, [inf]), form)
    assert np.isnan(found.error_ulp).all()
    assert not found.misrounded.any()


@every_format
def test_from_the_largest_number_to_its_negative_nothing_wraps(form):
    found = held([-form.largest, form.largest], [Fraction(form.largest), Fraction(-form.largest)], form)
    distance = 2 * (form.infinity_pattern - 1)
    assert found.distance.tolist() == [distance, distance]
    assert found.above.tolist() == [False, True]
    assert found.error_ulp.tolist() == [float(2 ** (form.precision + 1) - 2)] * 2
    assert kinds(found) == ["sign", "sign"]
    assert found.largest_distance() == f"-{distance}"


@every_format
def test_distance_is_counted_through_zero(form):
    least = form.least_subnormal
    found = held([-least, -0.0, least, 3 * least, 1.0], [Fraction(least) * 2] * 4 + [Fraction(1)], form)
    assert found.distance.tolist() == [3, 2, 1, 1, 0]
    assert found.above.tolist() == [False, False, False, True, False]
    assert found.largest_distance() == "-3"
    assert held([1.0], [Fraction(1)], form).largest_distance() == "0"
    around_infinity = held([inf], [Fraction(form.largest)], form)
    assert around_infinity.largest_distance() == "1"


def test_the_error_saturates_at_the_largest_binary64_number():
    found = held([1e308, -inf, 2.0**-60], [Fraction(5e-324), Fraction(1e-300), Fraction(5e-324)], DOUBLE)
    assert found.error_ulp[:2].tolist() == [np.finfo(np.float64).max] * 2
    assert found.error_ulp[2] == 2.0**1014


def test_a_correct_rounding_is_never_more_than_half_an_ulp_away():
    rng = np.random.default_rng(2)
    y = [Fraction(int(n), 2**70) * Fraction(int(d), 3) for n, d in rng.integers(1, 1 << 62, (300, 2))]
    for form in FORMATS.values():
        truth = exact_of(y, form)
        found = judge(truth.nearest, truth, form)
        assert found.error_ulp.max() <= 0.5
        assert not found.misrounded.any()
        assert kinds(found) == [""] * len(y)


@every_format
def test_a_tie_is_half_an_ulp_on_both_sides_and_the_odd_one_is_misrounded(form):
    unit = ulp(Fraction(1), form)
    found = held([1.0, float(1 + unit)], 1 + unit / 2, form)
    assert found.error_ulp.tolist() == [0.5, 0.5]
    assert found.misrounded.tolist() == [False, True]


def test_a_sum_is_judged_by_itself_though_its_ulp_is_that_of_its_terms():
    """After cancellation the exponent is far above the sum's own, and says nothing of its class."""
    large = HALF.emax + 4
    y = [Fraction(2) ** -40, Fraction(2) ** -20, Fraction(10), Fraction(10), Fraction(2) ** (large - 1)]
    found = held([0.0, 0.0, inf, 12.0, inf], y, HALF, scales=[0, 0, large, large, large])
    assert kinds(found) == ["", "zero", "inf", "", ""]
    assert kinds(held([0.0], Fraction(2) ** -1076, DOUBLE, scales=[900])) == [""]
    assert found.error_ulp.tolist() == [2.0**-30, 2.0**-10, float(Fraction(2**16 - 10, 2 ** (large - 10))), 2.0**-8, 0]


@pytest.mark.parametrize(
    ("got", "error", "kind"),
    [(0.0, 0, ""), (-0.0, 0, ""), (1.0, 0, ""), (0.5, 2.0**9, ""), (2.0, 2.0**10, ""), (nan, nan, "nan")],
)
def test_at_a_kink_the_better_of_two(got, error, kind):
    """relu' at 0 may be 0 or 1, and is judged by the one that is kinder to it."""
    left = oracle("relu", "backward", HALF, [0.0])
    right = right_at_kinks(reference.own()["relu"], HALF, np.zeros(1, np.float16), {})
    results = np.array([got], np.float16)
    one, other = judge(results, left, HALF), judge(results, right, HALF)
    for better in (one.better_of(other), other.better_of(one)):
        assert better.error_ulp.tolist() == pytest.approx([error], nan_ok=True)
        assert kinds(better) == [kind]


def test_the_better_of_two_is_chosen_element_by_element():
    ours = held([1.0, 3.0, 0.0], [Fraction(1), Fraction(1), Fraction(1)], SINGLE)
    theirs = held([1.0, 3.0, 0.0], [Fraction(2), Fraction(3), Fraction(0)], SINGLE, either_zero=True)
    better = ours.better_of(theirs)
    assert better.error_ulp.tolist() == [0, 0, 0]
    assert better.misrounded.tolist() == [False, False, False]
    assert kinds(better) == ["", "", ""]
    assert better.distance.tolist() == [0, 0, 0]


def test_hand_made_truths_are_those_of_the_oracle():
    """What these tests make by hand agrees with what the oracle gives for a function known in rational numbers."""
    x = [-3.0, -(2.0**-24), 65504.0, 0.125]
    y = [rational(v) * (Fraction(1, 4) if v < 0 else 1) for v in x]
    by_hand, found = exact_of(y, HALF), oracle("prelu", "forward", HALF, x)
    for name, column in vars(by_hand).items():
        assert np.array_equal(getattr(found, name), column), name
    assert [exponent(v, HALF) for v in y] == found.exponent.tolist()
