# SPDX-License-Identifier: MIT
"""GELU: x·Φ(x), where Φ is the normal distribution; its derivative is Φ(x) + x·φ(x), φ the normal density.

The left tail is the hard part: there Φ is tiny, and 1 + erf is a difference of nearly equal numbers. With y = |x|,
    Φ(−y) = e^(−y²/2)·R(y),    GELU′(−y) = e^(−y²/2)·(R(y) − y/√(2π)),
where R is smooth, and decays so slowly that one polynomial serves for all y. The right half follows from
Φ(y) = 1 − Φ(−y) and GELU′(y) = 1 − GELU′(−y).
"""

from math import erf, exp

from kernels.cpu.blocks import (
    at_most,
    exp_parts,
    minus,
    mirrored_product,
    pair_of,
    pair_polynomial,
    pair_product,
    pair_quotient,
    pair_sum,
    round_product,
    scaled,
    two_product,
    two_sum,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.tables import GELU_FAR, GELU_SLOPE, GELU_SLOPE_ROOT, GELU_TAIL, GELU_TAIL_CENTRE

gelu = Activation("gelu")

SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")  # √½ = 0.7071067811865476
DENSITY_AT_0 = (float.fromhex("0x1.9884533d43651p-2"), float.fromhex("-0x1.cbc0d30ebfd15p-56"))  # 1/√(2π) = 0.39894228…


@gelu.forward.variant("textbook", why="½x·(1 + erf(x/√2)): it loses every digit in the left tail")
def textbook(x):
    T = type(x)
    return T(0.5) * x * (T(1) + erf(x * T(SQRT_HALF)))


@gelu.backward.variant("textbook", why="Φ + x·φ with Φ = ½(1 + erf(x/√2)): it cancels in the left tail")
def textbook_backward(dy, x):
    T = type(x)
    distribution = T(0.5) * (T(1) + erf(x * T(SQRT_HALF)))
    density = T(DENSITY_AT_0[0]) * exp(T(-0.5) * x * x)
    return dy * (distribution + x * density)


@block
def exp_half_square(y):
    """e^(−y²/2) as (m, n), from an exact y²."""
    T = type(y)
    square, rest = two_product(y, y)
    return exp_parts(T(-0.5) * square, T(-0.5) * rest)


@block
def tail(y):
    """R(y) as high + low."""
    T = type(y)
    s = (y - T(GELU_TAIL_CENTRE)) / (y + T(GELU_TAIL_CENTRE))
    high, low = pair_polynomial(s, GELU_TAIL)
    return pair_quotient(high, low, *two_sum(y, T(1)))


@block
def slope(y):
    """R(y) − y/√(2π) as high + low: near its root from a polynomial with the root divided out."""
    T = type(y)
    t, dt = minus(y, T(0), GELU_SLOPE_ROOT)
    if abs(t) <= T(0.5):
        return pair_product(t, dt, *pair_polynomial(t, GELU_SLOPE))
    high, low = pair_product(-y, T(0), *pair_of(y, DENSITY_AT_0))
    return pair_sum(high, low, *tail(y))


@gelu.forward.variant("stable", why="the left tail as e^(−y²/2)·R(y), from an exact y²", max_ulp=4)
def stable(x):
    T = type(x)
    if x > T(GELU_FAR):
        return x
    y = at_most(abs(x), T(GELU_FAR))
    m, n = exp_half_square(y)
    f = round_product(m, *tail(y))
    return scaled(-y * f, n) if x < 0 else round_product(x, *two_sum(T(1), -scaled(f, n)))


@gelu.backward.variant("stable", why="e^(−y²/2)·(R(y) − y/√(2π)), with the root divided out", max_ulp=4)
def stable_backward(dy, x):
    y = at_most(abs(x), type(x)(GELU_FAR))
    m, n = exp_half_square(y)
    return mirrored_product(dy, x, round_product(m, *slope(y)), n)
