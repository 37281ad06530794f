# SPDX-License-Identifier: MIT
"""f·σ(z) with σ(z) = 1/(1 + e^(−z)), for any float type T: what sigmoid, SiLU and GELU-tanh have in common.

With e^(−z) = p·2^n it is f·2^(−n)/(p + 2^(−n)): one division, in which nothing overflows. Its denominator is carried as
high + low, and the quotient is corrected by its own remainder, so that but for the last digit nothing is rounded.
"""

from kernels.cpu.blocks import (
    argument,
    at_least,
    at_most,
    beside_one,
    by_type,
    fma,
    odd_sum,
    pair_quotient,
    two_sum,
    two_to,
)
from kernels.cpu.compile import block
from kernels.cpu.exponential import exp_pair


@block
def within_logistic(z):
    """z cut off where σ(z) is 0 or 1 in every dtype, also if multiplied by z; NaN for NaN."""
    T = type(z)
    return at_most(at_least(z, T(by_type(z, -110.0, -760.0))), T(by_type(z, 40.0, 80.0)))


@block
def quotient(f, z, dz):
    """(y, low, s, t) of f·σ(z + dz) = (y + low)·s·t, for |f| ≤ 2^10, z as `within_logistic` leaves it and a small dz.

    s and t are powers of two: their product alone can be too small.
    """
    T = type(z)
    p, dp, n = exp_pair(-z, -dz)
    s, t = two_to(T(by_type(z, 32.0, 100.0)) - n), T(by_type(z, 2.0**-32, 2.0**-100))
    g = s * t
    larger, smaller = max(p, g), min(p, g)
    d = larger + smaller
    dd = (smaller - (d - larger)) + dp
    r = T(1) / d
    y = f * r
    return y, -fma(y, dd, fma(y, d, -f)) * r, s, t


@block
def times_sigmoid(f, z, dz):
    """f·σ(z + dz) in the range of `quotient`: rounded once, and again if it is subnormal."""
    y, low, s, t = quotient(f, z, dz)
    return (y + low) * s * t


@block
def odd_times_sigmoid(f, z, dz):
    """The same in float64, as `kernels.cpu.blocks.to_odd` makes it."""
    y, low, s, t = quotient(f, z, dz)
    return odd_sum(y * s * t, low * s * t)


@block
def sigmoid_of(beta, x):
    """σ(βx) as (f + df)·2^n, for any β."""
    T = type(x)
    z, a, da = argument(beta, x)
    m, dm, n = exp_pair(a, da)
    d, dd = two_sum(T(1), beside_one(m, n))
    dd += beside_one(dm, n)
    # Left of 0 it is e^z/(1 + e^z), right of it 1/(1 + e^(−z)).
    f, df = pair_quotient(m if z < 0 else T(1), dm if z < 0 else T(0), d, dd)
    return f, df, n if z < 0 else T(0)
