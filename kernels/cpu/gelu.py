# SPDX-License-Identifier: MIT
"""GELU: x·Φ(x), where Φ is the normal distribution; its derivative is Φ(x) + x·φ(x), φ the normal density.

The left tail is the hard part: there Φ is tiny, and 1 + erf is a difference of nearly equal numbers. With y = |x|,
    Φ(−y) = e^(−y²/2)·R(y),    GELU′(−y) = e^(−y²/2)·(R(y) − y/√(2π)),
where R is smooth, and decays so slowly that one polynomial serves for all y. The right half follows from
Φ(y) = 1 − Φ(−y) and GELU′(y) = 1 − GELU′(−y).
"""

from math import copysign, erf, exp

from kernels.cpu.blocks import (
    at_least,
    at_most,
    by_type,
    fma,
    minus,
    pair_of,
    pair_polynomial,
    pair_product,
    pair_quotient,
    pair_sum,
    polynomial,
    round_product,
    trimmed,
    two_product,
    two_sum,
    two_to,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_pair, exp_terms, exp_terms_of_sum, reduced
from kernels.cpu.halves import half_raised_16_bit
from kernels.cpu.scaling import exp_parts, mirrored_pair, mirrored_product, scaled
from kernels.cpu.short import NOT_CORRECTED, OVER, RAISED, UNIT, gradient, root_of_exp, short_exp
from kernels.tables import (
    FACTOR_CHANGE_DOUBLE,
    FACTOR_CHANGE_SINGLE,
    GELU_FAR,
    GELU_SLOPE,
    GELU_SLOPE_ROOT,
    GELU_TAIL,
    GELU_TAIL_CENTRE,
    LOG_TAIL_DOUBLE,
    LOG_TAIL_SINGLE,
    NEAR_SLOPE,
    NEAR_SLOPE_CHANGE,
    NEAR_TAIL,
    NEAR_TAIL_CHANGE,
    SHORT_CENTRE,
    SLOPE_FACTOR_BASE,
    SLOPE_FACTOR_DOUBLE,
    SLOPE_FACTOR_SINGLE,
    SLOPE_SHORT,
    TAIL_CHANGE_DOUBLE,
    TAIL_CHANGE_SINGLE,
    TAIL_SHORT,
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
    # LLVM may compute both sides of a choice: the one that is dropped raises no flag either, for −∞.
    right = copysign(y, x)
    return scaled(-y * f, n) if x < 0 else round_product(right, *two_sum(T(1), -scaled(f, n)))


@block
def exp_half_square_pair(y):
    """e^(−y²/2) as (m, dm, n), standing for (m + dm)·2^n."""
    square, rest = two_product(type(y)(-0.5) * y, y)
    return exp_pair(square, rest)


@block
def reciprocal(y, c):
    """(v, e, u): a v near 1/(y + c), so short that e = 1 − v·(y + c) and u = 1 − 2c·v have no error.

    A smooth function of 1/(y + c) is then a polynomial in u, to which e times its derivative is added: the error of
    the division costs nothing.
    """
    T = type(y)
    v = trimmed(T(1) / (y + T(c)))
    return v, fma(-v, y, fma(T(-c), v, T(1))), fma(T(-2 * c), v, T(1))


@block
def smooth(u, e, base, table, change):
    """base + table(u) + e·change(u) as high + low, where the table's constant is small beside the base."""
    base, slope = type(u)(base), polynomial(u, table[1:])
    high = fma(u, slope, base)
    return high, fma(u, slope, base - high) + fma(e, polynomial(u, change), type(u)(table[0]))


@block
def tail_product(x):
    """(h, s, t) with y·Φ(−y) = h·s·t for y = |x|, where s and t are powers of two, whose product can be too small.

    Φ(−y) = e^(−y²/2 + l)/(2(y + 1)) with −0.23 < l < 0.05, so l has more digits after the point than T at 1, and costs
    an addition within the exponential. Only h is rounded to T: what is before that is y·v, exact as p + dp, times
    1 + q + rest, where rest is small, and so is its error.
    """
    T = type(x)
    y = at_most(abs(x), T(by_type(x, 14.5, 39.0)))
    v, e, u = reciprocal(y, 1)
    half = T(-0.5) * y
    z, dz = two_product(half, y)
    # l is negative where it is large: so that r + dr is not too far from 0, n belongs to a smaller argument.
    table, change = by_type(x, LOG_TAIL_SINGLE, LOG_TAIL_DOUBLE), by_type(x, TAIL_CHANGE_SINGLE, TAIL_CHANGE_DOUBLE)
    r, dr, n = reduced(z, T(table[0]), fma(half, y, T(-0.09)))
    inner = polynomial(u, table[2:])
    slope = fma(u, inner, T(table[1]))
    if by_type(x, False, True):  # 44 roundings leave more than 15 do: the last one's is put back
        dz = fma(u, fma(u, inner, T(table[1]) - slope), dz)
    q, rest = exp_terms_of_sum(r, fma(u, slope, dr + fma(e, polynomial(u, change), dz)))
    p, dp = two_product(y, v)
    h = fma(p, q, p)
    h += fma(p, rest, fma(p, q, p - h) + fma(dp, q, dp))
    return h, two_to(T(by_type(x, 63.0, 199.0)) + n), T(by_type(x, 2.0**-64, 2.0**-200))


@block
def reciprocal_16_bit(y):
    """(1/(y + c), (y − c)/(y + c)), c = SHORT_CENTRE, of which the tables of the 16-bit dtypes are functions."""
    T = type(y)
    v = T(1) / (y + T(SHORT_CENTRE))
    return v, fma(T(-2 * SHORT_CENTRE), v, T(1))


@block
def fast_16_bit(x):
    T = type(x)
    y = at_most(abs(x), T(14.5))  # e^(−y²/2) is then 0 in both formats
    v, s = reciprocal_16_bit(y)
    tail = y * v * polynomial(s, TAIL_SHORT) * short_exp(T(-0.5) * (y * y), UNIT)
    return half_raised_16_bit(x, fma(tail, -T(OVER), at_least(x, -T(0))))


@gelu.forward.variant(
    "fast",
    why="max(x, 0) − |x|·Φ(−|x|): on either side only the tail is computed, and nothing cancels",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast(x):
    # For x > 0 the tail is at most half of x: an error of its last digit is one of the result's, or less.
    T = type(x)
    h, s, t = tail_product(x)
    # Near 0 the result is x/2 + x²/√(2π) + …, and of the least number x/2 is a tie: so little less decides it.
    little = T(by_type(x, 2.0**-105, 2.0**-894))  # 2^-20 of the least number
    return copysign(fma(-t, fma(h, s, -little), at_least(x, -T(0))), x)


# For `rounded`: in float64, each operation rounded, and near enough for that at every input of float32.


@block
def near_product(factor, y, table, change):
    """factor·e^(−y²/2)·f(y) for a y that has an exact square, and a smooth f given as a polynomial in (y − 4)/(y + 4).

    What the error of the division has changed is taken back: ``change`` is −(y + 4)·f′(y).
    """
    r, t, n = exp_terms(-0.5 * y * y, 0.0)
    d = y + 4.0
    v = 1.0 / d
    s = fma(-8.0, v, 1.0)
    f = fma(fma(-v, d, 1.0), polynomial(s, change), polynomial(s, table))
    return (factor * two_to(n)) * fma(f, r + t, f)


@gelu.forward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded(x):
    y = at_most(abs(x), 15.0)
    tail = near_product(y, y, NEAR_TAIL, NEAR_TAIL_CHANGE)
    # Near 0 it is x/2 − x²/√(2π) + …, and of an x with few bits x/2 is a tie: so much less decides it.
    tail = y * (0.5 - 2.0**-50) if y < 2.0**-40 else tail
    return at_least(x, -0.0) - tail


@gelu.backward.variant("stable", why="e^(−y²/2)·(R(y) − y/√(2π)), with the root divided out", max_ulp=4)
def stable_backward(dy, x):
    y = at_most(abs(x), type(x)(GELU_FAR))
    m, n = exp_half_square(y)
    return mirrored_product(dy, x, round_product(m, *slope(y)), n)


@block
def derivative(x):
    """(f, df, n) with GELU′(−|x|) = (f + df)·2^n, from e^(−y²/2)·(y₀ − y)·H(y): y₀ is the root, and H is smooth."""
    T = type(x)
    y = at_most(abs(x), T(by_type(x, 20.0, 64.0)))
    m, dm, n = exp_half_square_pair(y)
    _, e, u = reciprocal(y, 2)
    table = by_type(x, SLOPE_FACTOR_SINGLE, SLOPE_FACTOR_DOUBLE)
    change = by_type(x, FACTOR_CHANGE_SINGLE, FACTOR_CHANGE_DOUBLE)
    t, dt = minus(y, T(0), GELU_SLOPE_ROOT)
    f, df = pair_product(m, dm, *pair_product(-t, -dt, *smooth(u, e, SLOPE_FACTOR_BASE, table, change)))
    return f, df, n


@block
def fast_backward_16_bit(dy, x):
    T = type(x)
    y = at_most(abs(x), T(19.39))  # e^(−y²/2) is then 0 in `root_of_exp`
    _, s = reciprocal_16_bit(y)
    w, h = root_of_exp(T(-0.5) * (y * y))
    high, low = pair_of(x, GELU_SLOPE_ROOT)
    f = h * (((high - y) + low) * polynomial(s, SLOPE_SHORT))
    return gradient(dy, f if x < 0 else fma(-f, w, T(RAISED)), w if x < 0 else T(1))


@gelu.backward.variant(
    "fast",
    why="e^(−y²/2)·(y₀ − y)·H(y), exact at the root, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_backward_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast_backward(dy, x):
    return mirrored_pair(dy, x, *derivative(x))


@gelu.backward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded_backward(dy, x):
    y = at_most(abs(x), 20.0)
    root, low = GELU_SLOPE_ROOT
    f = near_product((root - y) + low, y, NEAR_SLOPE, NEAR_SLOPE_CHANGE)
    # Near 0 it is ½ − y·√(2/π) + …, which for two inputs float64 can't tell from a tie: a little more decides it.
    f = fma(-2 * DENSITY_AT_0[0] * (1 + 2.0**-27), y, 0.5) if y < 2.0**-22 else f
    return dy * (f if x < 0 else 1.0 - f)
