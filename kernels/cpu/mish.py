# SPDX-License-Identifier: MIT
"""Mish: x·tanh(log(1 + e^x)).

tanh(log(1 + e)) = ((1 + e)² − 1)/((1 + e)² + 1) = (e² + 2e)/(e² + 2e + 2) makes it a rational function of x and
e = e^x, and its derivative e·ω/δ², where δ = e² + 2e + 2 and ω = 4(x + 1) + e(4x + 6) + 4e² + e³.
"""

from math import exp, expm1, log, tanh

from kernels.cpu.blocks import (
    BOUND,
    at_least,
    at_most,
    beside_one,
    exp_parts,
    fma,
    minus,
    over_square,
    pair_product,
    pair_quotient,
    pair_sum,
    polynomial,
    round_product,
    scaled,
    scaled_product,
    two_product,
    two_sum,
)
from kernels.cpu.define import Activation

mish = Activation("mish")

# The root of ω, x₀ = −1.1924312145154952 and its low part, with c = e^x₀.
ROOT = (float.fromhex("-0x1.31432c0d12d84p+0"), float.fromhex("-0x1.bf319154da210p-55"))
# In s = e^(x − x₀) − 1: what ω has beside 4(x − x₀)(1 + e^x).
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
        t, dt = minus(x, T(0), ROOT)
        omega, rest = pair_product(T(4) * t, T(4) * dt, a, da)
        omega, rest = pair_sum(omega, rest, polynomial(expm1(t), OMEGA), T(0))
        d, dd = pair_sum(b, db, T(1), T(0))
        return scaled_product(dy, round_product(m, *over_square(omega, rest, d, dd)), n)
    # Numerator and denominator times w⁴: all terms are positive, and none overflows.
    y = T(4) * x
    numerator = fma(w, fma(w, fma(w, y + T(4), y + T(6)), T(4)), T(1))
    return round_product(dy, *over_square(numerator, T(0), *pair_sum(b, db, *two_product(w, w))))
