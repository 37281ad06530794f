# SPDX-License-Identifier: MIT
"""The building blocks, each on its own, in float32 and float64."""

import math
from fractions import Fraction

import numpy as np
import pytest
from numba import njit

from kernels.cpu import blocks

RNG = np.random.default_rng(7)
TYPES = (np.float32, np.float64)
TERMS = (1.0, -0.1, 0.3, 1e-3)


@njit(error_model="numpy")
def two_sum(a, b):
    return blocks.two_sum(a, b)


@njit(error_model="numpy")
def two_product(a, b):
    return blocks.two_product(a, b)


@njit(error_model="numpy")
def pair_quotient(a, b):
    return blocks.pair_quotient(a, a * type(a)(0), b, b * type(a)(0))


@njit(error_model="numpy")
def pair_polynomial(x):
    return blocks.pair_polynomial(x, TERMS)


@njit(error_model="numpy")
def power_of_two(like, n):
    return blocks.power_of_two(type(like)(n))


@njit(error_model="numpy")
def significand_and_exponent(value):
    return blocks.significand_and_exponent(value)


@njit(error_model="numpy")
def clamped(x):
    one = type(x)(1)
    return blocks.at_least(x, -one), blocks.at_most(x, one)


@njit(error_model="numpy")
def argument(beta, x):
    return blocks.argument(beta, x)


@pytest.mark.parametrize("real", TYPES)
def test_sums_and_products_are_exact(real):
    for a, b in RNG.standard_normal((50, 2)).astype(real):
        high, low = two_sum(a, b)
        assert Fraction(float(high)) + Fraction(float(low)) == Fraction(float(a)) + Fraction(float(b))
        high, low = two_product(a, b)
        assert Fraction(float(high)) + Fraction(float(low)) == Fraction(float(a)) * Fraction(float(b))


@pytest.mark.parametrize("real", TYPES)
def test_pairs_hold_twice_the_digits(real):
    unit = float(np.finfo(real).eps)
    for a, b in RNG.uniform(0.5, 2, (50, 2)).astype(real):
        want = Fraction(float(a)) / Fraction(float(b))
        high, low = pair_quotient(a, b)
        assert abs(Fraction(float(high)) + Fraction(float(low)) - want) < want * Fraction(4 * unit * unit)
        x = Fraction(float(a / 4))
        want = sum(Fraction(float(real(c))) * x**i for i, c in enumerate(TERMS))
        high, low = pair_polynomial(a / 4)
        assert abs(Fraction(float(high)) + Fraction(float(low)) - want) < Fraction(unit) / 16


@pytest.mark.parametrize("real", TYPES)
def test_a_power_of_two_ends_with_the_normal_numbers(real):
    info = np.finfo(real)
    for n in (0, 1, -1, info.maxexp - 1, info.minexp):
        assert power_of_two(real(1), n) == real(2.0) ** n
    assert power_of_two(real(1), 5000) == real(2.0) ** (info.maxexp - 1)
    for n in (-5000, info.minexp - 1):
        assert power_of_two(real(1), n) == 0


@pytest.mark.parametrize("value", [1.0, -1.5, 0.3, 1e300, -1e-300, 2.0**-1022, 1.7976931348623157e308])
def test_a_number_has_a_significand_and_an_exponent(value):
    m, n = significand_and_exponent(value)
    assert 1 <= abs(m) < 2
    assert math.ldexp(m, int(n)) == value


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, np.inf, -np.inf, np.nan])
def test_what_is_not_normal_is_its_own_significand(value):
    m, n = significand_and_exponent(value)
    assert n == 0
    assert np.array_equal(np.float64(m).view(np.uint64), np.float64(value).view(np.uint64))


@njit(error_model="numpy")
def quick_times(parameter, x):
    return blocks.quick_times(parameter, x)


@njit(error_model="numpy")
def quick_times_16_bit(parameter, x):
    return blocks.quick_times_16_bit(parameter, x)


@pytest.mark.parametrize("real", TYPES)
@pytest.mark.parametrize("parameter", [0.01, -0.3, 0.25, 1.7, 1e200, -1e-40])
def test_a_product_with_a_parameter(real, parameter):
    for x in RNG.standard_normal(100).astype(real) * real(2.0) ** RNG.integers(-60, 60, 100).astype(real):
        want = Fraction(parameter) * Fraction(float(x))
        got = np.float64(quick_times(parameter, x))
        if np.isfinite(got):
            assert abs(Fraction(float(got)) - want) <= Fraction(float(np.spacing(abs(real(got))))) * Fraction(501, 1000)
        else:
            assert abs(want) > Fraction(float(np.finfo(real).max))
        assert np.signbit(got) == (want < 0)
    for least in (real(50) * np.finfo(real).smallest_subnormal, -real(50) * np.finfo(real).smallest_subnormal):
        assert quick_times(0.01 * (1 + 2.0**-20), least) == least / real(50)
    for x in (np.inf, -np.inf):
        assert quick_times(parameter, real(x)) == parameter * x
    assert np.signbit(quick_times(parameter, real(-0.0))) == (parameter > 0)
    assert quick_times(0.0, real(np.inf)) == 0
    assert np.isnan(quick_times(parameter, real(np.nan)))
    assert np.isnan(quick_times(0.0, real(np.nan)))


@pytest.mark.parametrize("parameter", [0.01, -0.01])
def test_a_product_for_a_16_bit_format_is_no_tie_where_it_should_be_none(parameter):
    for unit in (2.0**-24, 2.0**-133):  # the least of float16 and of bfloat16
        got = quick_times_16_bit(parameter, np.float32(50 * unit))
        assert abs(got) > unit / 2
        assert abs(got) < unit * 0.501
        assert (got > 0) == (parameter > 0)
    assert quick_times_16_bit(0.25, np.float32(3)) == 0.75
    assert quick_times_16_bit(0.0, np.float32(np.inf)) == 0


@pytest.mark.parametrize("real", TYPES)
def test_clamping_keeps_a_nan(real):
    assert clamped(real(5)) == (5, 1)
    assert clamped(real(-5)) == (-1, -5)
    assert np.isnan(clamped(real(np.nan))).all()


@pytest.mark.parametrize("real", TYPES)
def test_the_argument_is_exact(real):
    unit = Fraction(float(np.finfo(real).eps))
    for x in RNG.standard_normal(20).astype(real):
        z, a, da = argument(1.7, x)
        want = -abs(Fraction(1.7) * Fraction(float(x)))
        assert abs(Fraction(float(a)) + Fraction(float(da)) - want) <= abs(want) * unit**2
        assert (z > 0) == (x > 0)
    assert argument(0.0, real(np.inf)) == (0, 0, 0)
    assert argument(3.0, real(-np.inf)) == (-blocks.BOUND, -blocks.BOUND, 0)
    assert np.isnan(argument(0.0, real(np.nan))[0])
