# SPDX-License-Identifier: MIT
"""x/2 and a little more: ties go up, nothing else moves."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from numba import njit

from kernels.cpu import halves

OTHER = 7.0  # what is returned for other x


@njit(error_model="numpy")
def half_raised(x, y):
    return halves.half_raised(x, y)


@njit(error_model="numpy")
def half_raised_16_bit(x, y):
    return halves.half_raised_16_bit(x, y)


def up(k: int) -> int:
    """k/2 rounded to a whole number, ties up."""
    return (k + 1) // 2


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_half_of_a_subnormal_number_is_rounded_up_where_it_is_a_tie(real):
    info = np.finfo(real)
    least = Fraction(float(info.smallest_subnormal))
    far = 2**info.nmant
    for k in [*range(1, 40), far - 2, far - 1, far, far + 1, 2 * far - 1]:
        for sign in (1, -1):
            x = real(float(sign * k * least))
            assert Fraction(float(half_raised(x, real(OTHER)))) / least == up(sign * k), k


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_zero_keeps_its_sign_and_what_is_not_tiny_is_left_alone(real):
    assert str(half_raised(real(-0.0), real(OTHER))) == "-0.0"
    assert str(half_raised(real(0.0), real(OTHER))) == "0.0"
    for x in (np.finfo(real).tiny * 2, 1.0, -3.0, np.inf, -np.inf, np.nan):
        assert half_raised(real(x), real(OTHER)) == OTHER


@pytest.mark.parametrize("dtype", [np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)], ids=str)
def test_ties_of_16_bits_go_up(dtype):
    info = ml_dtypes.finfo(dtype)
    least = Fraction(float(info.smallest_subnormal))
    for k in range(1, 1 << info.nmant):
        for sign in (1, -1):
            y = half_raised_16_bit(np.float32(float(sign * k * least)), np.float32(OTHER))
            assert Fraction(float(np.float32(y).astype(dtype))) / least == up(sign * k), k
    assert half_raised_16_bit(np.float32(0.5), np.float32(OTHER)) == OTHER
