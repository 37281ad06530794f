# SPDX-License-Identifier: MIT
"""log(1 + w) against mpmath: it has more digits than its type, also for the smallest w."""

import mpmath
import numpy as np
import pytest
from numba import njit

from kernels.cpu import log1p

RNG = np.random.default_rng(8)
PRECISION = {np.float32: 2.0**-25.5, np.float64: 2.0**-54.5}  # relative


@njit(error_model="numpy")
def log1p_terms(p, dp, n):
    return log1p.log1p_terms(p, dp, n)


@pytest.mark.parametrize("real", PRECISION)
def test_it_has_more_digits_than_its_type(real):
    exponents = [0, -1, -2, -5, -20, -100]
    with mpmath.workprec(200):
        for p in RNG.uniform(0.71, 1.4, 100).astype(real):
            for n in exponents:
                if n == 0 and p > 1:
                    continue
                dp = real(p * np.finfo(real).eps * RNG.uniform(-0.5, 0.5))
                y, low = log1p_terms(p, dp, real(n))
                scale = mpmath.mpf(2) ** n
                want = mpmath.log1p((mpmath.mpf(float(p)) + mpmath.mpf(float(dp))) * scale)
                got = (mpmath.mpf(float(y)) + mpmath.mpf(float(low))) * scale
                assert abs(got / want - 1) < PRECISION[real], (p, n)


@pytest.mark.parametrize("real", PRECISION)
def test_the_ends(real):
    assert sum(log1p_terms(real(1), real(0), real(0))) == pytest.approx(np.log(2), rel=1e-6)
    assert log1p_terms(real(0), real(0), real(0)) == (0, 0)
    assert np.isnan(log1p_terms(real(np.nan), real(0), real(0))[0])
