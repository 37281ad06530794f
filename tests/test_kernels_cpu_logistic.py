# SPDX-License-Identifier: MIT
"""f·σ(z) against mpmath: but for the last digit nothing is rounded, down to the subnormals."""

import mpmath
import numpy as np
import pytest
from numba import njit

from kernels.cpu import blocks, logistic

RNG = np.random.default_rng(6)
LEFT = {np.float32: -95.0, np.float64: -720.0}


@njit(error_model="numpy")
def within_logistic(z):
    return logistic.within_logistic(z)


@njit(error_model="numpy")
def times_sigmoid(f, z, dz):
    return logistic.times_sigmoid(f, z, dz)


@njit(error_model="numpy")
def odd_times_sigmoid(f, z, dz):
    return logistic.odd_times_sigmoid(f, z, dz)


def exact(f: float, z: float, dz: float) -> mpmath.mpf:
    return mpmath.mpf(float(f)) / (1 + mpmath.exp(-mpmath.mpf(float(z)) - mpmath.mpf(float(dz))))


@pytest.mark.parametrize("real", LEFT)
@pytest.mark.parametrize("f", [1.0, -0.7, 700.0])
def test_only_the_last_digit_is_rounded(real, f):
    info = np.finfo(real)
    with mpmath.workprec(200):
        for z in RNG.uniform(LEFT[real], 40, 500).astype(real):
            dz = real(z * info.eps / 4)
            want = exact(real(f), z, dz)
            ulp = mpmath.mpf(2) ** (max(mpmath.frexp(want)[1] - 1, info.minexp) - info.nmant)
            error = abs(mpmath.mpf(float(times_sigmoid(real(f), z, dz))) - want) / ulp
            assert error < (0.72 if abs(want) > info.tiny else 1.22), z


def test_rounded_to_odd_it_rounds_as_the_exact_value_does():
    with mpmath.workprec(200):
        for z in RNG.uniform(-100, 40, 2000).astype(np.float32):
            want = exact(z, z, 0.0)
            got = odd_times_sigmoid(np.float64(z), np.float64(z), 0.0)
            low, high = np.nextafter(np.float32(got), [np.float32(-np.inf), np.float32(np.inf)])
            nearest = min((low, np.float32(got), high), key=lambda c: abs(mpmath.mpf(float(c)) - want))
            assert np.float32(got) == nearest, z


@pytest.mark.parametrize("real", LEFT)
def test_what_is_beyond_is_cut_off_and_nan_is_not(real):
    assert within_logistic(real(-np.inf)) < LEFT[real]
    assert times_sigmoid(real(1), real(within_logistic(real(-np.inf))), real(0)) == 0
    assert times_sigmoid(real(1), real(within_logistic(real(np.inf))), real(0)) == 1
    assert np.isnan(within_logistic(real(np.nan)))
    assert np.isnan(times_sigmoid(real(1), real(np.nan), real(0)))


@njit(error_model="numpy")
def sigmoid_terms(z, dz):
    y, low, shifted = logistic.sigmoid_terms(z, dz)
    return y, low, shifted - blocks.exponent_shift(z)


@njit(error_model="numpy")
def falling_share(a, da):
    y, low, g, shifted = logistic.falling_share(a, da)
    return y, low, g, shifted - blocks.exponent_shift(a)


@njit(error_model="numpy")
def rounded_sigmoid(z):
    return logistic.rounded_sigmoid(z, 0.0)


@njit(error_model="numpy")
def of_beta(beta, x):
    return logistic.of_beta(beta, x)


@pytest.mark.parametrize("real", LEFT)
def test_a_share_has_more_digits_than_its_type_beyond_the_normal_numbers_too(real):
    info = np.finfo(real)
    with mpmath.workprec(200):
        for z in RNG.uniform(2 * LEFT[real], 40, 500).astype(real):
            dz = real(z * info.eps / 4)
            y, low, n = sigmoid_terms(z, dz)
            want = exact(1.0, z, dz)
            assert n <= 0
            assert y <= 1
            assert (
                abs((mpmath.mpf(float(y)) + mpmath.mpf(float(low))) * mpmath.mpf(2) ** n / want - 1) < info.eps / 4
            ), z
            y, low, g, n = falling_share(abs(z), np.copysign(dz, z))
            want = exact(1.0, -abs(z), -np.copysign(dz, z))
            assert (
                abs((mpmath.mpf(float(y)) + mpmath.mpf(float(low))) * mpmath.mpf(2) ** n / want - 1) < info.eps / 4
            ), z
            assert g == real(2.0) ** real(n) or n < info.minexp
            assert mpmath.mpf(float(y)) ** 2 == mpmath.mpf(float(y * y))


def test_binary64_rounds_as_the_exact_value_does_where_it_is_a_tie_or_next_to_one():
    ties = [k * 2.0**-23 for k in range(-99, 100, 2)]
    with mpmath.workprec(200):
        for z in [*ties, logistic.NEAREST_TO_TIE, *RNG.uniform(-90, 20, 500).astype(np.float32).tolist()]:
            got = np.float32(rounded_sigmoid(z))
            near = np.nextafter(got, [np.float32(-np.inf), np.float32(np.inf)])
            want = exact(1.0, z, 0.0)
            assert abs(mpmath.mpf(float(got)) - want) < min(abs(mpmath.mpf(float(c)) - want) for c in near), z


@pytest.mark.parametrize("real", LEFT)
@pytest.mark.parametrize("beta", [1.0, 1.702, 1e-3, 1e18])
def test_a_product_with_beta_has_twice_the_digits_and_does_not_overflow(real, beta):
    x = real(7.3 / beta)
    z, dz = of_beta(beta, x)
    with mpmath.workprec(200):
        assert (
            abs((mpmath.mpf(float(z)) + mpmath.mpf(float(dz))) / (mpmath.mpf(beta) * mpmath.mpf(float(x))) - 1) < 1e-13
        )
    for end in (np.inf, np.finfo(real).max):
        assert of_beta(beta, real(-end))[0] < 2 * LEFT[real]
        assert of_beta(beta, real(end))[0] >= 40
    assert np.isnan(of_beta(beta, real(np.nan))[0])
