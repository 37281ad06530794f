# SPDX-License-Identifier: MIT
"""f·σ(z) against mpmath: but for the last digit nothing is rounded, down to the subnormals."""

import mpmath
import numpy as np
import pytest
from numba import njit

from kernels.cpu import logistic

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
