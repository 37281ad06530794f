# SPDX-License-Identifier: MIT
"""exp, expm1, log1p and the Mills ratio for the fast oracle, each in two precisions, without cancellation.

``fine`` is for float64 targets, and is double-double throughout; without it, for narrower ones, only the leading term
of a series is. It is a constant where these are compiled, and costs nothing.

Every table is a Taylor series, computed by mpmath when this module is imported, from the definition: there are no
constants to mistype, and none that the kernels share.

Relative errors, with u = 2^-53 (a series that leaves out terms below 2^-57, or 2^-107, has these on top):

=================  ===========================================  ==========================================
                   coarse                                       fine
=================  ===========================================  ==========================================
``exp_parts``      2^-55.0: r² times a series in binary64,      2^-101: r to 2^-106, the series 20u², a sum
                   of relative error 2u and weight r²/2 < 0.07
``expm1``          2^-53.5: the same over |e^x − 1| > 0.29      2^-99.5
``log1p_ratio``    2^-55: s² < 1/9 times a series of 3u         2^-101: a division, the series 20u²
``mills``          2^-54.5: t·c₁/c₀ < 0.25 times one of 2u      2^-102
=================  ===========================================  ==========================================
"""

import numpy as np
from mpmath import erfc, exp, factorial, floor, ldexp, ln2, mpf, pi, sqrt, tanh, taylor, workprec

from reference.compiled import block
from reference.pairs import (
    ONE,
    add,
    add_float,
    divide,
    fast_two_sum,
    fma,
    multiply,
    multiply_float,
    negate,
    pair,
    plain,
    scale,
    square,
    two_product,
    two_sum,
)

TABLE_BITS = 600
BOUND = 4096.0  # e^±BOUND is zero or infinite in every format, whatever finite number it is multiplied by


def split(terms: list[mpf], leading: int) -> tuple[tuple[tuple[float, float], ...], tuple[float, ...]]:
    """A series' coefficients, the constant first: the leading ones as pairs, the others as floats."""
    return tuple(pair(c) for c in terms[:leading]), tuple(float(c) for c in terms[leading:])


@block
def horner(x, coefficients):
    """A polynomial in binary64, the constant first."""
    result = 0.0
    for i in range(len(coefficients) - 1, -1, -1):
        result = fma(result, x, coefficients[i])
    return result


@block
def horner_pairs(x, leading, rest):
    """A polynomial at the pair x, whose higher terms weigh so little that binary64 will do."""
    result = (horner(x[0], rest), 0.0)
    for i in range(len(leading) - 1, -1, -1):
        result = add(leading[i], multiply(result, x))
    return result


@block
def polynomial(x, leading, rest, fine):
    """The same in either precision; coarse, only the constant is a pair."""
    if fine:
        return horner_pairs(x, leading, rest)
    result = horner(x[0], rest)
    for i in range(len(leading) - 1, 0, -1):
        result = fma(result, x[0], leading[i][0])
    return fast_two_sum(leading[0][0], fma(result, x[0], leading[0][1]))


# The exponential: x = n·ln2 + r, |r| <= ln2/2.

with workprec(TABLE_BITS):
    LOG2_E = float(1 / ln2)
    _first = floor(ldexp(ln2, 40))
    _second = floor(ldexp(ln2, 80)) - ldexp(_first, 40)
    # ln2 in three parts; n·LN2_1 and n·LN2_2 are exact for |n| < 2^13.
    LN2_1, LN2_2 = float(ldexp(_first, -40)), float(ldexp(_second, -80))
    LN2_3 = float(ln2 - mpf(LN2_1) - mpf(LN2_2))
    # (e^r − 1 − r)/r²: terms up to r^14/14! < 2^-57 and r^23/23! < 2^-109; from r^13/13! < 2^-52 on, binary64 will do.
    EXP_COARSE = tuple(float(1 / factorial(k)) for k in range(2, 15))
    EXP_FINE = split([1 / factorial(k) for k in range(2, 24)], 11)
EXP_LEADING, EXP_REST = EXP_FINE


@block
def reduce(z, rest):
    """n and r = z + rest − n·ln2 as a pair, for a pair z, |z| <= BOUND, and a third part of it."""
    n = np.rint(z[0] * LOG2_E)
    high, low = two_sum(fma(-n, LN2_1, z[0]), -n * LN2_2)
    high, lost = two_sum(high, z[1])
    return n, fast_two_sum(high, low + (lost + fma(-n, LN2_3, rest)))


@block
def expm1_reduced(r, fine):
    """e^r − 1 for |r| <= ln2/2."""
    if fine:
        return add(r, multiply(square(r), horner_pairs(r, EXP_LEADING, EXP_REST)))
    tail = r[0] * r[0] * horner(r[0], EXP_COARSE)
    return fast_two_sum(r[0], tail + fma(r[0], r[1], r[1]))


@block
def exp_parts(z, rest, fine):
    """e^(z + rest) = m·2^n as (m, n), for a pair z, |z| <= BOUND; m is a pair between 0.7 and 1.42."""
    n, r = reduce(z, rest)
    return add_float(expm1_reduced(r, fine), 1.0), n


@block
def expm1(z, fine):
    """e^z − 1 as a pair, for a pair z, |z| <= 700."""
    n, r = reduce(z, 0.0)
    p = expm1_reduced(r, fine)
    whole = add_float(plain(add_float(p, 1.0), min(n, 0.0)), -1.0) if n < 0 else _expm1_right(p, n)
    return (p[0] if n == 0 else whole[0], p[1] if n == 0 else whole[1])


@block
def _expm1_right(p, n):
    """2^n·(1 + p) − 1 for 0 <= n <= 3: as far as the neighbourhoods of roots reach."""
    power = 1.0 if n == 0 else (2.0 if n == 1 else (4.0 if n == 2 else 8.0))
    m = add_float(p, 1.0)
    return add_float((m[0] * power, m[1] * power), -1.0)


# The logarithm: log(1 + w) = 2·atanh(s), s = w/(2 + w).

with workprec(TABLE_BITS):
    # (atanh(s)/s − 1)/s², for s² <= 1/9: terms up to 3^-36/37 < 2^-62 and 3^-68/69 < 2^-113.
    ATANH_COARSE = tuple(float(mpf(1) / (2 * k + 1)) for k in range(1, 19))
    ATANH_LEADING, ATANH_REST = split([mpf(1) / (2 * k + 1) for k in range(1, 35)], 14)


@block
def log1p_ratio(w, fine):
    """log(1 + w)/w for a pair w in [0, 1]."""
    d = add_float(w, 2.0)
    t = square(divide(w, d))
    if fine:
        series = add_float(multiply(t, horner_pairs(t, ATANH_LEADING, ATANH_REST)), 1.0)
    else:
        series = fast_two_sum(1.0, t[0] * horner(t[0], ATANH_COARSE))
    return divide((2 * series[0], 2 * series[1]), d)


# The Mills ratio over √(2π): R(a) = e^(a²/2)·Φ(−a), where Φ is the normal distribution function. R′ = a·R − 1/√(2π).

STEP = 0.5  # between the points of expansion, 0, STEP, ...: |t| <= 1/4
MILLS_END = 64.0
MILLS_TERMS, MILLS_COARSE, MILLS_LEADING = 31, 18, 16  # (1/4)^k·c_k/c₀ < 2^-110; < 2^-57; < 2^-52 from there on


def mills_ratio(a: mpf) -> mpf:
    """R(a) in mpmath."""
    return exp(a * a / 2) * erfc(a / sqrt(2)) / 2


def mills_series(a: mpf, terms: int) -> list[mpf]:
    """Taylor coefficients of R at a, by R′ = a·R − 1/√(2π)."""
    c = [mills_ratio(a)]
    c.append(a * c[0] - 1 / sqrt(2 * pi))
    for k in range(1, terms - 1):
        c.append((a * c[k] + c[k - 1]) / (k + 1))
    return c


with workprec(TABLE_BITS):
    DENSITY_AT_ZERO = pair(1 / sqrt(2 * pi))
    _rows = [mills_series(mpf(i) * STEP, MILLS_TERMS) for i in range(int(MILLS_END / STEP) + 1)]
    MILLS_HIGH = np.array([[pair(c)[0] for c in row] for row in _rows])
    MILLS_LOW = np.array([[pair(c)[1] for c in row[:MILLS_LEADING]] for row in _rows])


@block
def mills(a, fine):
    """R(a) as a pair, for a float64 a in [0, MILLS_END]."""
    i = np.int64(np.rint(a / STEP))
    t = a - i * STEP  # exact
    if fine:
        series = 0.0
        for k in range(MILLS_TERMS - 1, MILLS_LEADING - 1, -1):
            series = fma(series, t, MILLS_HIGH[i, k])
        result = (series, 0.0)
        for k in range(MILLS_LEADING - 1, -1, -1):
            result = add((MILLS_HIGH[i, k], MILLS_LOW[i, k]), multiply_float(result, t))
        return result
    series = 0.0
    for k in range(MILLS_COARSE - 1, 0, -1):
        series = fma(series, t, MILLS_HIGH[i, k])
    return fast_two_sum(MILLS_HIGH[i, 0], fma(series, t, MILLS_LOW[i, 0]))


@block
def gaussian(a, fine):
    """e^(−a²/2) = m·2^n as (m, n), for a float64 a up to 80 in size; the square is exact."""
    return exp_parts(negate(two_product(a, 0.5 * a)), 0.0, fine)


# What several activations are made of.


@block
def argument(beta, x):
    """−|βx|, exactly, as a pair; held within BOUND."""
    z = two_product(beta, -abs(x))
    inside = z[0] > -BOUND
    return (z[0] if inside else -BOUND), (z[1] if inside else 0.0)


@block
def sigmoid_of(m, n, right):
    """1/(1 + w) for ``right``, else w/(1 + w), w = m·2^n <= 1, as (pair, n)."""
    return divide(choose(right, ONE, m), add(ONE, plain(m, n))), (0.0 if right else n)


@block
def sigmoid(z, right, fine):
    """σ(−z) for ``right``, else σ(z), for a pair z <= 0, as (pair, n)."""
    m, n = exp_parts(z, 0.0, fine)
    return sigmoid_of(m, n, right)


@block
def expm1_left(z, fine):
    """e^z − 1 for a pair z <= 0, |z| <= BOUND: −1 and something too small to be seen from −700 on."""
    inside = z[0] > -700.0
    return expm1(((z[0] if inside else -700.0), (z[1] if inside else 0.0)), fine)


with workprec(TABLE_BITS):
    # (tanh(y)/y − 1)/y², for |y| <= 2^-3: terms up to (2y/π)^34 < 2^-124; from y^18 < 2^-54 on, binary64 will do.
    TANH_LEADING, TANH_REST = split(taylor(tanh, 0, 37)[3::2], 9)


@block
def tanh_of_half(z, fine):
    """tanh(−z/2) for a pair z <= 0; near 0 a series, so that the difference from −z/2 is not lost."""
    e = expm1_left(z, fine)
    far = divide(negate(e), add_float(e, 2.0))
    y = scale(z, -0.5)
    y2 = square(y)
    near = add(y, multiply(y, multiply(y2, polynomial(y2, TANH_LEADING, TANH_REST, fine))))
    return choose(y[0] < 2.0**-3, near, far)


@block
def sech2_of_half(z, fine):
    """sech²(z/2) = 4w/(1 + w)², w = e^z, for a pair z <= 0, as (pair, n).

    Near 0 it is 1 − tanh², so that the difference from 1 is not lost.
    """
    m, n = exp_parts(z, 0.0, fine)
    far = divide(m, square(add(ONE, plain(m, n))))
    near = add_float(negate(square(tanh_of_half(z, fine))), 1.0)
    is_near = z[0] > -1.0
    return (near[0] if is_near else far[0], near[1] if is_near else far[1]), (0.0 if is_near else n + 2)


@block
def from_root(z, root):
    """z − root as a pair, for a pair z and a root in four parts: βx may come as near to it as 2^-106."""
    high, low = two_sum(z[0], -root[0])
    return add_float(add(add_float((high, low), z[1]), (-root[1], -root[2])), -root[3])


@block
def choose(condition, a, b):
    """One of two pairs, without a branch."""
    return (a[0] if condition else b[0]), (a[1] if condition else b[1])


@block
def reflect(right, value, n):
    """f′(x) from f′(−|x|) = value·2^n, where f′(x) + f′(−x) = 1, as (pair, n): 1 minus it for a right x."""
    mirrored = add_float(negate(plain(value, n)), 1.0)
    return choose(right, mirrored, value), (0.0 if right else n)
