# SPDX-License-Identifier: MIT
"""GELU: x·Φ(x), where Φ is the normal distribution; its derivative is Φ(x) + x·φ(x), φ the normal density.

The left tail is the hard part: there Φ is tiny, and 1 + erf is a difference of nearly equal numbers. With y = |x|,
    Φ(−y) = e^(−y²/2)·R(y),    GELU′(−y) = e^(−y²/2)·(R(y) − y/√(2π)),
where R is smooth, and decays so slowly that one polynomial serves for all y. The right half follows from
Φ(y) = 1 − Φ(−y) and GELU′(y) = 1 − GELU′(−y).
"""

from math import copysign, erf, exp

from kernels.cpu.blocks import (
    LN2,
    LOG2_E,
    at_least,
    at_most,
    by_type,
    exp_parts,
    fma,
    minus,
    mirrored_pair,
    mirrored_product,
    odd_mirrored,
    odd_sum,
    pair_of,
    pair_polynomial,
    pair_product,
    pair_quotient,
    pair_sum,
    polynomial,
    round_product,
    scaled,
    trimmed,
    two_product,
    two_sum,
    two_to,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_pair
from kernels.cpu.halves import half_raised, half_raised_16_bit
from kernels.tables import (
    EXP_WIDE_DOUBLE,
    EXP_WIDE_SINGLE,
    FACTOR_CHANGE_DOUBLE,
    FACTOR_CHANGE_SINGLE,
    GELU_FACTOR_BASE,
    GELU_FACTOR_DOUBLE,
    GELU_FACTOR_SINGLE,
    GELU_FAR,
    GELU_SLOPE,
    GELU_SLOPE_ROOT,
    GELU_TAIL,
    GELU_TAIL_CENTRE,
    LOG_TAIL_DOUBLE,
    LOG_TAIL_SINGLE,
    MILLS_DOUBLE,
    MILLS_SINGLE,
    TAIL_CHANGE_DOUBLE,
    TAIL_CHANGE_SINGLE,
)

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


@block
def reciprocal(y, c):
    """(v, e, s): 1/(y + c) = v·(1 + e), v short enough for e to have no error; s = (y − c)/(y + c)."""
    T = type(y)
    v = trimmed(T(1) / (y + T(c)))
    e = fma(-v, y, fma(T(-c), v, T(1)))
    return v, e, fma(T(-2 * c) * v, e, fma(T(-2 * c), v, T(1)))


@block
def small_product(x):
    """(high, low, s, t) with y·Φ(−y) = (high + low)·s·t for y = |x|, where s and t are powers of two."""
    T = type(x)
    y = at_most(abs(x), T(by_type(x, 15.0, 40.0)))
    square, rest = two_product(y, y)
    m, dm, n = exp_pair(T(-0.5) * square, T(-0.5) * rest)
    v, e, u = reciprocal(y, 2)
    change = polynomial(u, by_type(x, MILLS_SINGLE, MILLS_DOUBLE))
    p = T(0.6875) + change
    f, df = pair_product(m, dm, p, fma(p, e, change - (p - T(0.6875))))
    y, dy = two_product(y, v)
    high, low = pair_product(y, dy, f, df)
    return high, low, two_to(T(by_type(x, 64.0, 200.0)) + n), T(by_type(x, 2.0**-64, 2.0**-200))


@block
def fast_product(x):
    """(h, s, t) with |x|·Φ(−|x|) = h·s·t."""
    T = type(x)
    y = at_most(abs(x), T(by_type(x, 14.5, 39.0)))
    v = trimmed(T(1) / (y + T(1)))
    e = fma(-v, y, T(1) - v)
    p, dp = two_product(y, v)
    # The exponent
    half = T(-0.5) * y
    z, dz = two_product(half, y)
    high, low = pair_of(x, LN2)
    shift = T(by_type(x, 1.5 * 2.0**23, 1.5 * 2.0**52))
    n = fma(T(LOG2_E), fma(half, y, T(-0.09)), shift) - shift
    r = fma(-n, high, z)
    u = fma(T(-2), v, T(1))
    change = e * polynomial(u, by_type(x, TAIL_CHANGE_SINGLE, TAIL_CHANGE_DOUBLE))
    table = by_type(x, LOG_TAIL_SINGLE, LOG_TAIL_DOUBLE)
    a = fma(u, polynomial(u, table[1:]), fma(-n, low, T(table[0])) + (dz + change))
    q = r + a
    rest = fma(q * q, polynomial(q, by_type(x, EXP_WIDE_SINGLE, EXP_WIDE_DOUBLE)), a - (q - r))
    h = fma(p, q, p)
    h += fma(p, rest, fma(p, q, p - h) + fma(dp, q, dp))
    return h, two_to(T(by_type(x, 63.0, 199.0)) + n), T(by_type(x, 2.0**-64, 2.0**-200))


@block
def fast_16_bit(x):
    return half_raised_16_bit(x, fast(x))


@gelu.forward.variant(
    "fast",
    why="max(x, 0) − |x|·Φ(−|x|), without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
)
def fast(x):
    h, s, t = fast_product(x)
    return half_raised(x, fma(-t, h * s, at_least(x, -type(x)(0))))


@gelu.forward.variant("rounded", why="the same in binary64, as high + low, rounded once")
def rounded(x):
    high, low, s, t = small_product(x)
    # Near 0 it is x/2 − x²/√(2π) + …, and of a short x x/2 is a tie.
    y = abs(x)
    near = y < 2.0**-40
    s *= t
    high, low = 0.5 * y if near else high * s, (-DENSITY_AT_0[0] * y) * y if near else low * s
    upper = at_least(x, -0.0)
    sum = upper - high
    return copysign(odd_sum(sum, ((upper - sum) - high) - low), x) if upper < 1e300 else upper


@gelu.backward.variant("stable", why="e^(−y²/2)·(R(y) − y/√(2π)), with the root divided out", max_ulp=4)
def stable_backward(dy, x):
    y = at_most(abs(x), type(x)(GELU_FAR))
    m, n = exp_half_square(y)
    return mirrored_product(dy, x, round_product(m, *slope(y)), n)


@block
def derivative(x):
    """(f, df, n) with GELU′(−|x|) = (f + df)·2^n."""
    T = type(x)
    y = at_most(abs(x), T(by_type(x, 20.0, 64.0)))
    square, rest = two_product(y, y)
    m, dm, n = exp_pair(T(-0.5) * square, T(-0.5) * rest)
    v = trimmed(T(1) / (y + T(2)))
    e = fma(-v, y, fma(T(-2), v, T(1)))
    u = fma(T(-4), v, T(1))
    table = by_type(x, GELU_FACTOR_SINGLE, GELU_FACTOR_DOUBLE)
    base, slope = T(GELU_FACTOR_BASE), polynomial(u, table[1:])
    h = fma(u, slope, base)
    change = polynomial(u, by_type(x, FACTOR_CHANGE_SINGLE, FACTOR_CHANGE_DOUBLE))
    dh = fma(u, slope, base - h) + fma(e, change, T(table[0]))
    t, dt = minus(y, T(0), GELU_SLOPE_ROOT)
    t, dt = pair_product(-t, -dt, h, dh)
    f, df = pair_product(m, dm, t, dt)
    return f, df, n


@gelu.backward.variant("fast", why="e^(−y²/2)·(y₀ − y)·H(y), without a branch", max_ulp=1)
def fast_backward(dy, x):
    return mirrored_pair(dy, x, *derivative(x))


@gelu.backward.variant("rounded", why="the same in binary64, as high + low, rounded once")
def rounded_backward(dy, x):
    f, df, n = derivative(x)
    # Near 0 it is ½ + x·√(2/π) + …, too near a tie for a polynomial.
    y = abs(x)
    near = y < 2.0**-22
    return odd_mirrored(dy, x, 0.5 if near else f, -2 * DENSITY_AT_0[0] * y if near else df, 0.0 if near else n)
