# SPDX-License-Identifier: MIT
"""The exponential against mpmath: it has more digits than its type, over all of its domain."""

import mpmath
import numpy as np
import pytest
from numba import njit

from kernels.cpu import exponential

PRECISION = {np.float32: 2.0**-25.5, np.float64: 2.0**-54.5}  # relative
TERMS = {np.float32: 2.0**-25, np.float64: 2.0**-54}  # of t, which is less than 0.1
SUMS = {np.float32: 2.0**-24.5, np.float64: 2.0**-53.5}  # of a t of `exp_terms_of_sum`
LESS_ONE = {np.float32: 2.0**-24.5, np.float64: 2.0**-53.5}
RNG = np.random.default_rng(5)


@njit(error_model="numpy")
def exp_terms(z, dz):
    return exponential.exp_terms(z, dz)[:2]


@njit(error_model="numpy")
def falling_terms(z, dz):
    return exponential.falling_terms(z, dz, 0.0)[:2]


@njit(error_model="numpy")
def exp_terms_of_sum(r, dr):
    return exponential.exp_terms_of_sum(r, dr)


@njit(error_model="numpy")
def exp_pair(z, dz):
    return exponential.exp_pair(z, dz)


@njit(error_model="numpy")
def expm1_pair(z, dz):
    return exponential.expm1_pair(z, dz)


@njit(error_model="numpy")
def expm1_left(z):
    return exponential.expm1_left(z)


@njit(error_model="numpy")
def quick_exp(z):
    return exponential.quick_exp(z)


@njit(error_model="numpy")
def quick_expm1(z):
    return exponential.quick_expm1(z)


def arguments(real: type, reach: float) -> list[tuple]:
    """Numbers up to a size, of every size below it, and whole and half multiples of ln2; with a low part for each."""
    sizes = reach * 2.0 ** -RNG.uniform(0, 40, 200)
    multiples = np.log(2) * np.arange(-100, 101) / 2
    z = np.concatenate([sizes, -sizes, multiples[abs(multiples) <= reach], [0.0, reach, -reach]]).astype(real)
    lows = (real(float(v) * np.finfo(real).eps * s) for v, s in zip(z, RNG.uniform(-0.5, 0.5, z.size), strict=True))
    return list(zip(z, lows, strict=True))


def off(terms: tuple, exponent: mpmath.mpf) -> mpmath.mpf:
    """By how much 1 + r + t is not e^exponent."""
    return abs(1 + sum(mpmath.mpf(float(term)) for term in terms) - mpmath.exp(exponent))


@pytest.mark.parametrize("real", PRECISION)
def test_the_terms_of_an_exponential_are_as_near_as_they_say(real):
    at_ends = np.log(2) * (RNG.integers(-120, 120, 1000) + RNG.choice([-0.49, 0.49], 1000))  # where r is largest
    with mpmath.workprec(200):
        lows = at_ends * np.finfo(real).eps * RNG.uniform(-0.5, 0.5, 1000)
        half = list(zip(at_ends.astype(real), lows.astype(real), strict=True))
        for z, dz in arguments(real, 1000.0) + half:
            exact = mpmath.mpf(float(z)) + mpmath.mpf(float(dz))
            n = mpmath.nint(exact / mpmath.ln2)
            for terms, sign in ((exp_terms(z, dz), 1), (falling_terms(z, dz), -1)):
                m = mpmath.nint((exact - sign * mpmath.mpf(float(terms[0]))) / mpmath.ln2)
                assert abs(m - n) <= 1
                assert off(terms, sign * (exact - m * mpmath.ln2)) < TERMS[real], (z, dz)
        for r, dr in RNG.uniform(-0.49, 0.49, (1000, 2)).astype(real) * np.array([1, 0.01], real):
            assert off(exp_terms_of_sum(r, dr), mpmath.mpf(float(r)) + mpmath.mpf(float(dr))) < SUMS[real], (r, dr)


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


def places(real, low: float, high: float) -> np.ndarray:
    near = -np.exp2(RNG.uniform(-60, 0, 300))
    return np.concatenate([RNG.uniform(low, high, 600), near, RNG.uniform(-1, 0, 600)]).astype(real)


def ulp(y: mpmath.mpf, real) -> mpmath.mpf:
    return mpmath.mpf(float(np.spacing(abs(real(y)))))


@pytest.mark.parametrize("real", PRECISION)
def test_pairs_hold_more_digits_than_the_type(real):
    unit = mpmath.mpf(float(np.finfo(real).eps))
    with mpmath.workprec(200):
        for z in places(real, -39, 0):
            at = mpmath.mpf(float(z))
            high, low, n = (mpmath.mpf(float(part)) for part in exp_pair(z, real(0)))
            assert abs((high + low) * 2**n - mpmath.exp(at)) < mpmath.exp(at) * unit / 8
            high, low = (mpmath.mpf(float(part)) for part in expm1_left(z))
            assert abs(high + low - mpmath.expm1(at)) < ulp(mpmath.expm1(at), real) / 4


@pytest.mark.parametrize("real", PRECISION)
def test_a_single_number_is_within_an_ulp(real):
    with mpmath.workprec(200):
        for z in places(real, -39, 0):
            at, power, less = mpmath.mpf(float(z)), quick_exp(z), quick_expm1(z)
            assert abs(mpmath.mpf(float(power)) - mpmath.exp(at)) < mpmath.mpf("0.9") * ulp(mpmath.exp(at), real)
            assert abs(mpmath.mpf(float(less)) - mpmath.expm1(at)) < mpmath.mpf("0.9") * ulp(mpmath.expm1(at), real)


@pytest.mark.parametrize("real", PRECISION)
def test_the_ends(real):
    assert quick_expm1(real(0)) == 0
    assert quick_expm1(real(-40)) == -1
    assert quick_exp(real(0)) == 1
    assert np.isnan(quick_expm1(real(np.nan)))
    assert np.isnan(quick_exp(real(np.nan)))
