# SPDX-License-Identifier: MIT
"""Sums beside their roots, against mpmath: of few digits lost, none in the window."""

import mpmath
import numpy as np
import pytest
from numba import njit

from kernels import coefficients, tables
from kernels.cpu import roots

PRECISION = {np.float32: 2.0**-24.5, np.float64: 2.0**-53.5}  # relative; beside the root, where the low part is short
RNG = np.random.default_rng(9)
KNOWN = {root.name: root for root in coefficients.ROOTS}


@njit(error_model="numpy")
def gelu_tanh(x, k, dk):
    return roots.beside_root(
        x, k, dk, tables.GELU_TANH_ROOT, tables.GELU_TANH_SLOPE, tables.GELU_TANH_SINGLE, tables.GELU_TANH_DOUBLE
    )


@njit(error_model="numpy")
def mish(x, k, dk):
    return roots.beside_root(x, k, dk, tables.MISH_ROOT, tables.MISH_SLOPE, tables.MISH_SINGLE, tables.MISH_DOUBLE)


BLOCKS = {"GELU_TANH": gelu_tanh, "MISH": mish}


@pytest.mark.parametrize("real", PRECISION)
@pytest.mark.parametrize("name", BLOCKS)
def test_in_the_window_no_digit_is_lost(name, real):
    with mpmath.workprec(300):
        root = KNOWN[name].place()
        nearest = real(float(root))
        near = [nearest, np.nextafter(nearest, real(0)), np.nextafter(nearest, real(-9))]
        reach = tables.ROOT_WINDOW * 2.0 ** -RNG.uniform(0.01, 30, 200) * RNG.choice([-1, 1], 200)
        for x in [*near, *(float(root) + reach).astype(real)]:
            high, low = BLOCKS[name](x, real(np.nan), real(np.nan))
            want = KNOWN[name].k(mpmath.mpf(float(x)))
            assert abs((mpmath.mpf(float(high)) + mpmath.mpf(float(low))) / want - 1) < PRECISION[real], x


@pytest.mark.parametrize("real", PRECISION)
@pytest.mark.parametrize("name", BLOCKS)
def test_elsewhere_the_sum_is_left_alone(name, real):
    for x in (0.0, -3.0, float(KNOWN[name].near) + 1.01 * tables.ROOT_WINDOW, np.inf, np.nan):
        assert BLOCKS[name](real(x), real(2), real(0.25)) == (2, 0.25)
