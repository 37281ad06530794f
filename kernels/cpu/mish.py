# SPDX-License-Identifier: MIT
"""Mish: x·tanh(log(1 + e^x)).

tanh(log(1 + e)) = ((1 + e)² − 1)/((1 + e)² + 1) = (e² + 2e)/(e² + 2e + 2) makes it a rational function of x and
e = e^x, and its derivative e·ω/δ², where δ = e² + 2e + 2 and ω = 4(x + 1) + e(4x + 6) + 4e² + e³.
"""

from math import copysign, exp, expm1, log, tanh

from kernels.cpu.blocks import (
    BOUND,
    at_least,
    at_most,
    by_type,
    fma,
    minus,
    over_square,
    pair_product,
    pair_quotient,
    pair_sum,
    polynomial,
    positive_sum,
    quick_quotient,
    round_product,
    two_product,
    two_sum,
    two_to,
    two_to_shifted,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_beside_one, exp_terms
from kernels.cpu.roots import beside_root, near_root, short_root
from kernels.cpu.scaling import beside_one, exp_parts, lowered, scaled, scaled_product
from kernels.cpu.short import GRADIENT_REACH, NOT_CORRECTED, OVER, UNIT, gradient, root_of_exp, short_exp, within_short
from kernels.tables import MISH_DOUBLE, MISH_ROOT, MISH_SINGLE, MISH_SLOPE

mish = Activation("mish")

# mish′ is 0.6 + 0.64·x − 0.048·x² − …, whose first two terms here are a tie of float32: it is below.
TIE = -1.25 * 2.0**-27

# With c = e^x₀ at the root of ω, in s = e^(x − x₀) − 1: what ω has beside 4(x − x₀)(1 + e^x).
OMEGA = (
    0.0,
    float.fromhex("0x1.31ac354e2a079p+0"),  # c(4x₀ + 6) + 8c² + 3c³ = 1.194033938963939
    float.fromhex("0x1.cf1d5480ba0e5p-2"),  # 4c² + 3c³ = 0.4522603229111282
    float.fromhex("0x1.c9f40193f744cp-6"),  # c³ = 0.027951242009170136
)


@mish.forward.variant("textbook", why="x·tanh(log(1 + e^x)) as printed: log(1 + e^x) is 0 far left")
def textbook(x):
    return x * tanh(log(type(x)(1) + exp(x)))


@mish.backward.variant("textbook", why="the product rule on the printed formula")
def textbook_backward(dy, x):
    T = type(x)
    y = tanh(log(T(1) + exp(x)))
    return dy * (y + x * (T(1) - y * y) * (T(1) / (T(1) + exp(-x))))


@mish.forward.variant("stable", why="a quotient of polynomials in e^(−|x|): positive terms, no overflow", max_ulp=4)
def stable(x):
    T = type(x)
    x = at_least(x, -T(BOUND))
    m, n = exp_parts(-abs(x), T(0))
    w = beside_one(m, n)
    if x < 0:
        a, da = two_sum(T(2), w)
        b, db = pair_product(w, T(0), a, da)
        return scaled(x * round_product(m, *pair_quotient(a, da, *pair_sum(b, db, T(2), T(0)))), n)
    a = T(1) + T(2) * w
    return x * (a / fma(T(2) * w, w, a))


@block
def ratio(x):
    """(f, df, shifted) of h/(2 + h) = (f + df)·2^n, h = e² + 2e, for x as `within` leaves it; n is as in `lowered`."""
    T = type(x)
    e, de, shifted = exp_beside_one(x, T(0))
    two_e, two_de = e + e, de + de
    h = fma(e, e, two_e)
    dh = fma(two_de, e, fma(e, e, two_e - h) + two_de)
    d, dd = positive_sum(T(2), h)
    f, df = quick_quotient(h, dh, d, dd + dh)
    return f, df, shifted


@block
def within(x):
    """x cut off where the result is 0 or x in every dtype; NaN for NaN."""
    T = type(x)
    return at_most(at_least(x, T(by_type(x, -115.0, -760.0))), T(by_type(x, 12.0, 24.0)))


@block
def fast_16_bit(x):
    T = type(x)
    left = within_short(x)
    big = short_exp(at_most(left, T(12)), UNIT)  # e^x times 2^UNIT
    e = big * T(OVER)
    return left * (big * (e + T(2)) / fma(e, e + T(2), T(2)) * T(OVER))


@mish.forward.variant(
    "fast",
    why="x·e(e + 2)/(e(e + 2) + 2), its factor as high + low",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast(x):
    inside = within(x)
    f, df, shifted = ratio(inside)
    y = copysign(round_product(inside, f, df) * two_to_shifted(shifted), x)
    return x if x > inside else y


@mish.forward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded(x):
    # Within 4 ulp of binary64, as all 2^32 inputs show: none is so near to a tie that this decides it wrongly.
    inside = at_most(at_least(x, -115.0), 12.0)
    r, t, n = exp_terms(inside, 0.0)
    e = (1.0 + (r + t)) * two_to(n)
    h = fma(e, e, e + e)
    y = inside * h / (h + 2.0)
    return x if x > inside else y


@mish.backward.variant("stable", why="e·ω/δ² with the root divided out of ω; in e^(−x) on the right", max_ulp=4)
def stable_backward(dy, x):
    T = type(x)
    x = at_most(at_least(x, -T(BOUND)), T(BOUND))
    m, n = exp_parts(-abs(x), T(0))
    w = beside_one(m, n)
    a, da = two_sum(T(1), w)
    b, db = pair_product(a, da, a, da)
    if x < 0:
        # ω(x) − ω(x₀), with t = x − x₀ and s = e^t − 1, is 4t(1 + e^x) + OMEGA(s): two terms of one sign.
        t, dt = minus(x, T(0), MISH_ROOT)
        omega, rest = pair_product(T(4) * t, T(4) * dt, a, da)
        omega, rest = pair_sum(omega, rest, polynomial(expm1(t), OMEGA), T(0))
        d, dd = pair_sum(b, db, T(1), T(0))
        return scaled_product(dy, round_product(m, *over_square(omega, rest, d, dd)), n)
    # Numerator and denominator times w⁴: all terms are positive, and none overflows.
    y = T(4) * x
    numerator = fma(w, fma(w, fma(w, y + T(4), y + T(6)), T(4)), T(1))
    return round_product(dy, *over_square(numerator, T(0), *pair_sum(b, db, *two_product(w, w))))


@block
def derivative(x):
    """(f, df, shifted) of the derivative e·ω/δ² = (f + df)·2^n, as `lowered` takes it."""
    T = type(x)
    x = at_most(at_least(x, -T(by_type(x, 210.0, 1500.0))), T(by_type(x, 12.0, 24.0)))
    e, de, shifted = exp_beside_one(x, T(0))
    # With d = 1 + e: δ = d² + 1 and ω = 4(x + 1)·d + e·(δ + 2e). Both d − 1 and a − 1 are exact.
    d = T(1) + e
    dd = (e - (d - T(1))) + de
    square, rest = pair_product(d, dd, d, dd)
    delta = T(1) + square
    rest += T(1) - (delta - square)
    b = fma(T(2), e, delta)
    k, dk = pair_product(e, de, b, fma(T(2), e, delta - b) + fma(T(2), de, rest))
    a = T(1) + x
    a, da = pair_product(T(4) * a, T(4) * (x - (a - T(1))), d, dd)
    k, dk = pair_sum(a, da, k, dk)
    k, dk = beside_root(x, k, dk, MISH_ROOT, MISH_SLOPE, MISH_SINGLE, MISH_DOUBLE)
    f, df = quick_quotient(*pair_product(e, de, k, dk), *pair_product(delta, rest, delta, rest))
    return f, df, shifted


@block
def fast_backward_16_bit(dy, x):
    T = type(x)
    x = at_most(at_least(x, -T(GRADIENT_REACH)), T(12))  # from 12 on it is 1
    w, h = root_of_exp(x)
    e = w * w
    d = T(1) + e
    delta = fma(d, d, T(1))
    omega = short_root(x, fma(T(4) * (T(1) + x), d, e * fma(T(2), e, delta)), MISH_ROOT, MISH_SLOPE, MISH_SINGLE)
    f = omega / (delta * delta)
    return gradient(dy, (h if x < 0 else w * h) * f, w if x < 0 else T(1))


@mish.backward.variant(
    "fast",
    why="the derivative as high + low; beside its root divided by x − x₀",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_backward_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast_backward(dy, x):
    return lowered(dy, *derivative(x))


@mish.backward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded_backward(dy, x):
    x = at_most(at_least(x, -210.0), 12.0)
    r, t, n = exp_terms(x, 0.0)
    power = two_to(n)
    e = fma(power, r + t, power)
    d = 1.0 + e
    delta = fma(d, d, 1.0)
    omega = near_root(x, fma(4.0 * (1.0 + x), d, e * fma(2.0, e, delta)), MISH_ROOT, MISH_SLOPE, MISH_DOUBLE)
    f = e * omega / (delta * delta)
    return dy * (f - 2.0**-53 if x == TIE else f)
