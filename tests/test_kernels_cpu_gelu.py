# SPDX-License-Identifier: MIT
"""What GELU's `fast` and `rounded` are made of, against mpmath: to more digits than their type has."""

import mpmath
import numpy as np
import pytest
from numba import njit

from kernels import tables
from kernels.cpu import exponential
from kernels.cpu.gelu import near_product, reciprocal, smooth, tail_product

RNG = np.random.default_rng(11)
UNIT = {np.float32: 2.0**-24, np.float64: 2.0**-53}
BASE, TABLE, CHANGE = tables.SLOPE_FACTOR_BASE, tables.SLOPE_FACTOR_DOUBLE, tables.FACTOR_CHANGE_DOUBLE
NEAR = {"tail": (tables.NEAR_TAIL, tables.NEAR_TAIL_CHANGE), "slope": (tables.NEAR_SLOPE, tables.NEAR_SLOPE_CHANGE)}


@njit(error_model="numpy")
def near(y):
    return reciprocal(y, 2)


@njit(error_model="numpy")
def factor_of_slope(y):
    _, e, u = reciprocal(y, 2)
    return smooth(u, e, BASE, TABLE, CHANGE)


@njit(error_model="numpy")
def product(factor, y, table, change):
    return near_product(factor, y, table, change)


@njit(error_model="numpy")
def tail(x):
    return tail_product(x)


@njit(error_model="numpy")
def exp_of_sum(z, dz):
    r, dr, n = exponential.reduced(z, type(z)(0), z)
    return *exponential.exp_terms_of_sum(r, dr + dz), n


def exact(*terms) -> mpmath.mpf:
    return mpmath.fsum(mpmath.mpf(float(t)) for t in terms)


def left_tail(y: mpmath.mpf) -> mpmath.mpf:
    return mpmath.erfc(y / mpmath.sqrt(2)) / 2


def slope_over_root(y: mpmath.mpf) -> mpmath.mpf:
    """e^(y²/2)·GELU′(−y)/(y₀ − y)."""
    root = exact(*tables.GELU_SLOPE_ROOT)
    return (left_tail(y) * mpmath.exp(y**2 / 2) - y / mpmath.sqrt(2 * mpmath.pi)) / (root - y)


@pytest.mark.parametrize("real", UNIT)
def test_a_short_reciprocal_has_an_exact_remainder(real):
    with mpmath.workprec(300):
        for y in RNG.uniform(0, 14, 300).astype(real):
            v, e, u = near(y)
            remainder = 1 - exact(v) * (exact(y) + 2)
            assert abs(exact(e) - remainder) <= abs(remainder) * UNIT[real]
            assert abs(remainder) < 64 * UNIT[real]
            assert exact(u) == 1 - 4 * exact(v)


@pytest.mark.parametrize("real", UNIT)
def test_a_smooth_function_does_not_notice_the_division(real):
    with mpmath.workprec(300):
        for y in RNG.uniform(0, 14, 300).astype(real):
            assert abs(exact(*factor_of_slope(y)) / slope_over_root(exact(y)) - 1) < 0.75 * UNIT[real]


@pytest.mark.parametrize("name", NEAR)
def test_a_product_in_float64_is_within_four_units(name):
    with mpmath.workprec(300):
        for factor, y in RNG.uniform(0, 14, (300, 2)).astype(np.float32).astype(np.float64):
            y_exact = exact(y)
            scaled = left_tail(y_exact) * mpmath.exp(y_exact**2 / 2)
            want = scaled if name == "tail" else slope_over_root(y_exact)
            want *= exact(factor) * mpmath.exp(-(y_exact**2) / 2)
            assert abs(exact(product(factor, y, *NEAR[name])) / want - 1) < 4 * UNIT[np.float64]


@pytest.mark.parametrize("real", UNIT)
def test_the_tail_is_within_one_unit(real):
    with mpmath.workprec(300):
        for x in RNG.uniform(-14, 14, 300).astype(real):
            h, s, t = tail(x)
            y = abs(exact(x))
            want = y * left_tail(y) / exact(s) / exact(t)
            assert abs(exact(h) - want) < float(np.spacing(real(h)))


@pytest.mark.parametrize("real", UNIT)
def test_the_exponential_of_a_sum(real):
    with mpmath.workprec(300):
        for z, dz in zip(
            RNG.uniform(-200, 0, 300).astype(real), RNG.uniform(-0.15, 0.15, 300).astype(real), strict=True
        ):
            q, rest, n = exp_of_sum(z, dz)
            want = mpmath.exp(exact(z, dz)) / mpmath.mpf(2) ** int(n)
            assert abs(exact(1, q, rest) - want) < 0.5 * UNIT[real]
