# SPDX-License-Identifier: MIT
"""exp, expm1, log1p, tanh and the Mills ratio in both precisions, against mpmath, within what the module states."""

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf
from numba import njit

from reference import elementary
from reference.elementary import MILLS_END, STEP, mills_ratio, mills_series

BITS = 300


@njit
def exp_parts(z, rest, fine):
    return elementary.exp_parts(z, rest, fine)


@njit
def expm1(z, fine):
    return elementary.expm1(z, fine)


@njit
def log1p_ratio(w, fine):
    return elementary.log1p_ratio(w, fine)


@njit
def mills(a, fine):
    return elementary.mills(a, fine)


@njit
def tanh_of_half(z, fine):
    return elementary.tanh_of_half(z, fine)


@njit
def sech2_of_half(z, fine):
    return elementary.sech2_of_half(z, fine)


def value(pair, n=0) -> mpf:
    return mp.ldexp(mpf(pair[0]) + mpf(pair[1]), int(n))


def largest(errors) -> float:
    """The largest relative error, as a power of two."""
    return float(mp.log(max(errors), 2))


precisions = pytest.mark.parametrize("fine", [False, True])


def bound(fine: bool, coarse: float, exact: float) -> float:
    return exact if fine else coarse


@precisions
def test_exp(fine):
    rng = np.random.default_rng(1)
    with mp.workprec(BITS):
        errors = []
        for z in [*rng.uniform(-745, 0, 800), *rng.uniform(-4096, 90, 200), *-(2.0 ** rng.uniform(-300, 0, 200))]:
            low, rest = z * 2.0**-54.5, z * 2.0**-108
            m, n = exp_parts((z, low), rest, fine)
            assert 0.7 < m[0] < 1.42
            errors.append(abs(value(m, n) / mp.exp(mpf(z) + mpf(low) + mpf(rest)) - 1))
        assert largest(errors) < bound(fine, -55, -101)


@precisions
def test_expm1(fine):
    rng = np.random.default_rng(2)
    with mp.workprec(BITS):
        errors = []
        for z in [*rng.uniform(-3, 1.3, 800), *-(2.0 ** rng.uniform(-300, 9, 400)), -700.0]:
            low = z * 2.0**-55
            errors.append(abs(value(expm1((z, low), fine)) / mpmath.expm1(mpf(z) + mpf(low)) - 1))
        assert largest(errors) < bound(fine, -53.5, -99.5)


@precisions
def test_log1p(fine):
    rng = np.random.default_rng(3)
    with mp.workprec(BITS):
        errors = []
        for w in [*rng.uniform(0, 1, 600), *(2.0 ** rng.uniform(-300, 0, 400)), 1.0]:
            low = -w * 2.0**-55
            exact = mpf(w) + mpf(low)
            errors.append(abs(value(log1p_ratio((w, low), fine)) * exact / mpmath.log1p(exact) - 1))
        assert largest(errors) < bound(fine, -55, -101)


@precisions
def test_mills(fine):
    rng = np.random.default_rng(4)
    borders = [i * STEP + d for i in (0, 1, 7, 80) for d in (STEP / 2, np.nextafter(STEP / 2, 1), 0)]
    with mp.workprec(BITS):
        errors = []
        drawn = [*rng.uniform(0, 3, 400), *rng.uniform(0, MILLS_END, 400), *(2.0 ** rng.uniform(-200, 0, 99))]
        for a in [*drawn, *borders]:
            errors.append(abs(value(mills(a, fine)) / mills_ratio(mpf(a)) - 1))
        assert largest(errors) < bound(fine, -54.5, -102)


@precisions
def test_tanh_and_its_distance_from_its_argument(fine):
    rng = np.random.default_rng(5)
    with mp.workprec(900):
        errors, distances = [], []
        for z in [*-rng.uniform(0, 2, 300), *-(2.0 ** rng.uniform(-160, 6, 500))]:
            got, exact = value(tanh_of_half((z, 0.0), fine)), mpmath.tanh(mpf(-z) / 2)
            errors.append(abs(got / exact - 1))
            if z > -(2.0**-10):
                line = mpf(-z) / 2
                distances.append(abs((got - line) / (exact - line) - 1))
        assert largest(errors) < bound(fine, -53, -98)
        assert largest(distances) < -45


@precisions
def test_sech2_and_its_distance_from_1(fine):
    rng = np.random.default_rng(6)
    with mp.workprec(900):
        errors, distances = [], []
        for z in [*-rng.uniform(0, 3, 300), *-(2.0 ** rng.uniform(-160, 9, 500))]:
            m, n = sech2_of_half((z, 0.0), fine)
            got, exact = value(m, n), mpmath.sech(mpf(z) / 2) ** 2
            errors.append(abs(got / exact - 1))
            if z > -(2.0**-10):
                distances.append(abs((got - 1) / (exact - 1) - 1))
        assert largest(errors) < bound(fine, -52, -97)
        assert largest(distances) < -45


def test_the_series_of_the_mills_ratio_is_its_taylor_series():
    with mp.workprec(200):
        for a in (0, 0.75, 5):
            want = mp.taylor(mills_ratio, mpf(a), 8)
            for got, term in zip(mills_series(mpf(a), 9), want, strict=True):
                assert abs(got - term) < mpf(2) ** -90
