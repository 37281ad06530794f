# SPDX-License-Identifier: MIT
"""e^z and e^z − 1 in parts, against mpmath."""

import numpy as np
import pytest
from mpmath import exp, expm1, mpf, workprec
from numba import njit

from kernels.cpu import exponential

RNG = np.random.default_rng(11)
TYPES = (np.float32, np.float64)


@njit(error_model="numpy")
def exp_pair(z):
    return exponential.exp_pair(z, type(z)(0))


@njit(error_model="numpy")
def expm1_left(z):
    return exponential.expm1_left(z)


@njit(error_model="numpy")
def quick_exp(z):
    return exponential.quick_exp(z)


@njit(error_model="numpy")
def quick_expm1(z):
    return exponential.quick_expm1(z)


def places(real, low: float, high: float) -> np.ndarray:
    near = -np.exp2(RNG.uniform(-60, 0, 300))
    return np.concatenate([RNG.uniform(low, high, 600), near, RNG.uniform(-1, 0, 600)]).astype(real)


def ulp(y: mpf, real) -> mpf:
    return mpf(float(np.spacing(abs(real(y)))))


@pytest.mark.parametrize("real", TYPES)
def test_pairs_hold_more_digits_than_the_type(real):
    unit = mpf(float(np.finfo(real).eps))
    with workprec(200):
        for z in places(real, -39, 0):
            at = mpf(float(z))
            high, low, n = (mpf(float(part)) for part in exp_pair(z))
            assert abs((high + low) * 2**n - exp(at)) < exp(at) * unit / 8
            high, low = (mpf(float(part)) for part in expm1_left(z))
            assert abs(high + low - expm1(at)) < ulp(expm1(at), real) / 4


@pytest.mark.parametrize("real", TYPES)
def test_a_single_number_is_within_an_ulp(real):
    with workprec(200):
        for z in places(real, -39, 0):
            at, power, less = mpf(float(z)), quick_exp(z), quick_expm1(z)
            assert abs(mpf(float(power)) - exp(at)) < mpf("0.8") * ulp(exp(at), real)
            assert abs(mpf(float(less)) - expm1(at)) < mpf("0.9") * ulp(expm1(at), real)


@pytest.mark.parametrize("real", TYPES)
def test_the_ends(real):
    assert quick_expm1(real(0)) == 0
    assert quick_expm1(real(-40)) == -1
    assert quick_exp(real(0)) == 1
    assert np.isnan(quick_expm1(real(np.nan)))
    assert np.isnan(quick_exp(real(np.nan)))
