# SPDX-License-Identifier: MIT
"""Numbers carried as f·2^n, and products with them, in float32 and float64."""

import math

import numpy as np
import pytest
from numba import njit

from kernels.cpu import scaling

RNG = np.random.default_rng(7)
TYPES = (np.float32, np.float64)


@njit(error_model="numpy")
def scaled(f, n):
    return scaling.scaled(f, type(f)(n))


@njit(error_model="numpy")
def scaled_product(dy, f, n):
    return scaling.scaled_product(dy, f, type(f)(n))


@njit(error_model="numpy")
def exp_parts(z):
    return scaling.exp_parts(z, type(z)(0))


@pytest.mark.parametrize("real", TYPES)
def test_scaling_rounds_once_and_reaches_zero(real):
    info = np.finfo(real)
    least = info.minexp - info.nmant
    for n in [*range(least - 3, least + 70), 0, 7, info.maxexp - 1]:
        for f in (real(1), real(-1.5), real(1) + info.eps):
            want = np.ldexp(np.float64(f), n).astype(real) if real is np.float32 else math.ldexp(float(f), n)
            assert scaled(f, n) == want
    for f in (real(2.0) ** (101 if real is np.float32 else 968), -real(3)):
        assert scaled(f, -6000) == 0
        assert np.signbit(scaled(f, -6000)) == (f < 0)
        for n in (-2, info.minexp, info.minexp - 1, 2 * info.minexp + 20):
            assert scaled(f, n) == real(math.ldexp(float(f), n))
    assert np.isnan(scaled(real(np.nan), -3))


@pytest.mark.parametrize("real", TYPES)
def test_a_product_is_in_range_although_its_parts_are_not(real):
    info = np.finfo(real)
    deep, top, far = 2 * info.minexp + 20, info.maxexp - 1, info.maxexp + 20
    assert scaled_product(real(2.0) ** top, real(-3.5), deep) == real(-3.5) * real(2.0) ** (deep + top)
    assert scaled_product(info.max, real(3.5), -10) == real(info.max / 1024) * real(3.5)
    assert scaled_product(info.smallest_subnormal, real(3), 0) == 3 * info.smallest_subnormal
    assert scaled_product(real(0), real(3), -5) == 0
    assert scaled_product(real(2.0) ** -30, real(1.5), far) == real(1.5) * real(2.0) ** (far - 30)
    for dy in (1.0, 2.0, 2.0**39, 2.0**41, 2.0**100):
        n = info.maxexp - 1 - int(math.log2(dy))
        assert scaled_product(real(dy), real(1.5), n) == real(1.5) * real(2.0) ** (info.maxexp - 1)
    for dy in (info.max, -info.max):  # the last step that does not vanish
        n = info.minexp - info.nmant - info.maxexp
        assert scaled_product(real(dy), real(1.75), n) == real(np.sign(dy)) * 2 * info.smallest_subnormal


@pytest.mark.parametrize("real", TYPES)
def test_the_exponential_in_parts(real):
    for z in (0.0, -0.1, -1.0, -30.0, -87.5, -300.0, -1400.0, -4000.0):
        m, n = exp_parts(real(z))
        assert 0.7 < m < 1.42
        assert math.log(m) + n * math.log(2) == pytest.approx(float(real(z)), rel=1e-6)
    assert exp_parts(real(-np.inf))[0] == 0
    assert np.isnan(exp_parts(real(np.nan))[0])


@njit(error_model="numpy")
def odd_times(parameter, x):
    return scaling.odd_times(parameter, x)


def test_a_product_to_odd():
    assert odd_times(0.01, 50.0) == np.nextafter(0.5, 1)  # 0.01 is a little more than that
    assert odd_times(0.25, 3.0) == 0.75
    assert odd_times(0.0, -np.inf) == 0
