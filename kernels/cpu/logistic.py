# SPDX-License-Identifier: MIT
"""f·σ(z) with σ(z) = 1/(1 + e^(−z)), for any float type T: what sigmoid, SiLU and GELU-tanh have in common.

With e^(−z) = p·2^n it is f·2^(−n)/(p + 2^(−n)): one division, in which nothing overflows. Its denominator is carried as
high + low, and the quotient is corrected by its own remainder, so that but for the last digit nothing is rounded.
"""

import numpy as np

from kernels.cpu.blocks import (
    at_least,
    at_most,
    by_type,
    exponent_shift,
    first_half,
    fma,
    odd_sum,
    times,
    two_to_shifted,
)
from kernels.cpu.compile import block
from kernels.cpu.exponential import falling_terms


@block
def within_logistic(z):
    """z cut off where σ(z) is 0 or 1 in every dtype, also if multiplied by z; NaN for NaN."""
    T = type(z)
    return at_most(at_least(z, T(by_type(z, -110.0, -760.0))), T(by_type(z, 40.0, 80.0)))


@block
def quotient(f, z, dz):
    """(y, rest, r, t) of f·σ(z + dz) = (y + rest·r)·t, for |f| ≤ 2^10, z as `within_logistic` leaves it and a small dz.

    The quotient is that of f times a power of two, 1/t, at which the least results are normal.
    """
    T = type(z)
    a, b, shifted = falling_terms(z, dz, by_type(z, 48.0, 100.0))
    s, t = two_to_shifted(shifted), T(by_type(z, 2.0**-48, 2.0**-100))
    g = s * t
    larger, smaller = max(g, T(1)), min(g, T(1))
    r = T(1) / ((larger + a) + (smaller + b))
    f = f * s
    # Of a y with half the bits the first products leave remainders without error.
    y = first_half(f * r)
    return y, fma(-y, b, fma(-y, a, fma(-y, smaller, fma(-y, larger, f)))), r, t


@block
def times_sigmoid(f, z, dz):
    """f·σ(z + dz) in the range of `quotient`: rounded once, and again if it is subnormal."""
    y, rest, r, t = quotient(f, z, dz)
    return fma(rest, r, y) * t


@block
def odd_times_sigmoid(f, z, dz):
    """The same in float64, as `kernels.cpu.blocks.to_odd` makes it."""
    y, rest, r, t = quotient(f, z, dz)
    return odd_sum(y * t, rest * r * t)


@block
def of_beta(beta, x):
    """(z, dz) with z + dz = βx, cut off where σ(z) is 0 or 1 also if multiplied by any finite number, or by z."""
    T = type(x)
    low, high = T(by_type(x, -199.0, -1464.0)), T(by_type(x, 40.0, 80.0))
    if beta == 1:
        return at_most(at_least(x, low), high), T(0)
    z = at_most(at_least(times(beta, x), low), high)
    inside = z > low and z < high and beta != 0
    return z, T(fma(beta, np.float64(x), -np.float64(z))) if inside else T(0)


@block
def sigmoid_terms(z, dz):
    """(y, low, shifted) of σ(z + dz) = (y + low)·2^n ≤ 2^n with n ≤ 0 and n + `exponent_shift` = shifted."""
    T = type(z)
    a, b, shifted = falling_terms(z, dz, 0.0)
    shift = exponent_shift(z)
    g = two_to_shifted(at_least(shifted, shift - T(by_type(z, 126.0, 1022.0))))
    larger, smaller = max(g, T(1)), min(g, T(1))
    r = T(1) / ((larger + a) + (smaller + b))
    f = max(g, T(0.5))
    y = first_half(f * r)
    rest = fma(-y, b, fma(-y, a, fma(-y, smaller, fma(-y, larger, f))))
    return y, rest * r, at_most(shifted + T(1), shift)


@block
def falling_share(a, da):
    """(y, low, g, shifted) of σ(−a − da) = (y + low)·2^n for a ≥ 0, with g = 2^n where that is a normal number."""
    T = type(a)
    r, t, shifted = falling_terms(-a, -da, 0.0)
    g = two_to_shifted(at_least(shifted, exponent_shift(a) - T(by_type(a, 126.0, 1022.0))))
    inverse = T(1) / ((T(1) + r) + (g + t))
    y = first_half(inverse)
    rest = fma(-y, t, fma(-y, r, fma(-y, g, T(1) - y)))
    return y, rest * inverse, g, shifted
