# SPDX-License-Identifier: MIT
"""The exponential against mpmath: it has more digits than its type, over all of its domain."""

import mpmath
import numpy as np
import pytest
from numba import njit

from kernels.cpu import exponential

PRECISION = {np.float32: 2.0**-25.5, np.float64: 2.0**-54.5}  # relative
LESS_ONE = {np.float32: 2.0**-24.5, np.float64: 2.0**-53.5}
RNG = np.random.default_rng(5)


@njit(error_model="numpy")
def exp_pair(z, dz):
    return exponential.exp_pair(z, dz)


@njit(error_model="numpy")
def expm1_pair(z, dz):
    return exponential.expm1_pair(z, dz)


def arguments(real: type, reach: float) -> list[tuple]:
    """Numbers up to a size, of every size below it, and whole and half multiples of ln2; with a low part for each."""
    sizes = reach * 2.0 ** -RNG.uniform(0, 40, 200)
    multiples = np.log(2) * np.arange(-100, 101) / 2
    z = np.concatenate([sizes, -sizes, multiples[abs(multiples) <= reach], [0.0, reach, -reach]]).astype(real)
    lows = (real(float(v) * np.finfo(real).eps * s) for v, s in zip(z, RNG.uniform(-0.5, 0.5, z.size), strict=True))
    return list(zip(z, lows, strict=True))


@pytest.mark.parametrize("real", PRECISION)
def test_an_exponential_has_more_digits_than_its_type(real):
    with mpmath.workprec(200):
        for z, dz in arguments(real, 1000.0):
            high, low, n = exp_pair(z, dz)
            exact = mpmath.exp(mpmath.mpf(float(z)) + mpmath.mpf(float(dz)))
            got = (mpmath.mpf(float(high)) + mpmath.mpf(float(low))) * mpmath.mpf(2) ** int(n)
            assert n == int(n)
            assert 0.69 < high < 1.43
            assert abs(got / exact - 1) < PRECISION[real], (z, dz)


@pytest.mark.parametrize("real", PRECISION)
def test_less_one_it_keeps_them_also_near_0(real):
    with mpmath.workprec(200):
        for z, dz in arguments(real, 79.0):
            high, low = expm1_pair(z, dz)
            exact = mpmath.expm1(mpmath.mpf(float(z)) + mpmath.mpf(float(dz)))
            got = mpmath.mpf(float(high)) + mpmath.mpf(float(low))
            assert got == exact or abs(got / exact - 1) < LESS_ONE[real], (z, dz)


@pytest.mark.parametrize("real", PRECISION)
def test_nan_stays_nan(real):
    assert np.isnan(exp_pair(real(np.nan), real(0))[0])
    assert np.isnan(expm1_pair(real(np.nan), real(0))[0])
