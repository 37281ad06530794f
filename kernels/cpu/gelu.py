# SPDX-License-Identifier: MIT
"""GELU: x·Φ(x), where Φ is the normal distribution; its derivative is Φ(x) + x·φ(x), φ the normal density.

The left tail is the hard part: there Φ is tiny, and 1 + erf is a difference of nearly equal numbers. With y = |x|,
    Φ(−y) = e^(−y²/2)·R(y),    GELU′(−y) = e^(−y²/2)·(R(y) − y/√(2π)),
where R is smooth, and decays so slowly that one polynomial serves for all y. The right half follows from
Φ(y) = 1 − Φ(−y) and GELU′(y) = 1 − GELU′(−y).
"""

from math import erf, exp

from kernels.cpu.blocks import at_most, exp_parts, fma, minus, mirrored_product, pair_of, polynomial, scaled, two_product
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.tables import GELU_SLOPE, GELU_SLOPE_ROOT, GELU_TAIL

gelu = Activation("gelu")

FAR = 64.0  # e^(−y²/2) is zero from here on, whatever it is multiplied by: the tables end here
SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")  # √½ = 0.7071067811865476
DENSITY_AT_0 = (float.fromhex("0x1.9884533d43651p-2"), float.fromhex("-0x1.cbc0d30ebfd15p-56"))  # 1/√(2π) = 0.3989…


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
def tail(y):
    """Φ(−y) as R(y)·m·2^n, with e^(−y²/2) = m·2^n from an exact y²."""
    T = type(y)
    square, rest = two_product(y, y)
    m, n = exp_parts(T(-0.5) * square, T(-0.5) * rest)
    return polynomial((y - T(5)) / (y + T(5)), GELU_TAIL) / (y + T(1)), m, n


@block
def slope(y, r):
    """R(y) − y/√(2π): from its own polynomial where the two nearly cancel."""
    T = type(y)
    t, _ = minus(y, T(0), GELU_SLOPE_ROOT)
    high, low = pair_of(y, DENSITY_AT_0)
    return t * polynomial(t, GELU_SLOPE) if abs(t) <= T(0.5) else fma(-y, high, r) - y * low


@gelu.forward.variant("stable", why="the left tail as e^(−y²/2)·R(y), from an exact y²", max_ulp=4)
def stable(x):
    T = type(x)
    y = at_most(abs(x), T(FAR))
    r, m, n = tail(y)
    if x < 0:
        return scaled(-y * r * m, n)
    return x * (T(1) - scaled(r * m, n))


@gelu.backward.variant("stable", why="e^(−y²/2)·(R(y) − y/√(2π)), with the root divided out", max_ulp=4)
def stable_backward(dy, x):
    y = at_most(abs(x), type(x)(FAR))
    r, m, n = tail(y)
    return mirrored_product(dy, x, m * slope(y, r), n)
