# SPDX-License-Identifier: MIT
"""Softplus: log(1 + e^(βx))/β, whose derivative is σ(βx), for β > 0.

It is max(x, 0) + log(1 + w)/β with w = e^(−|βx|) ≤ 1, which cannot overflow. `fast` is within 1 ulp, and `rounded`
within 0.5001 ulp, for any β in [2^-64, 2^64].
"""

from math import exp, log, log1p

from kernels.cpu.blocks import (
    argument,
    at_least,
    at_most,
    by_type,
    fma,
    pair_of,
    pair_product,
    positive_sum,
    quick_polynomial,
    two_to,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_pair, exp_terms
from kernels.cpu.log1p import log1p_terms
from kernels.cpu.logistic import of_beta, rounded_sigmoid, sigmoid_terms, within_logistic
from kernels.cpu.scaling import beside_one, exp_parts, lowered, odd_sum, scaled, scaled_product
from kernels.cpu.short import NOT_CORRECTED, OVER, RAISED, REACH, UNIT, falling_root, gradient, short_exp, short_log1p
from kernels.tables import ARTANH_DOUBLE

softplus = Activation("softplus", beta=1.0)

# The one float32 whose result float64 can't tell from a tie: it is above, by a fiftieth of float64's last digit.
NEAREST_TO_TIE = float.fromhex("0x1.d483ap-12")


@softplus.forward.variant("textbook", why="the definition: e^x overflows on the right, and 1 + e^x is 1 far left")
def textbook(x, beta):
    T = type(x)
    return log(T(1) + exp(T(beta * x))) / T(beta)


@softplus.backward.variant("textbook", why="e^z/(1 + e^z): inf/inf on the right")
def textbook_backward(dy, x, beta):
    T = type(x)
    e = exp(T(beta * x))
    return dy * (e / (T(1) + e))


@softplus.forward.variant("stable", why="max(x, 0) + log1p(e^(−|βx|))/β: no threshold, no overflow", max_ulp=4)
def stable(x, beta):
    T = type(x)
    z, a, da = argument(beta, x)
    m, n = exp_parts(a, da)
    return (x if z > 0 else T(0)) + T(log1p(scaled(m, n)) / beta)


@softplus.backward.variant("stable", why="σ(βx) in e^(−|βx|), carried as m·2^n until dy is multiplied", max_ulp=4)
def stable_backward(dy, x, beta):
    T = type(x)
    z, a, da = argument(beta, x)
    m, n = exp_parts(a, da)
    d = T(1) + beside_one(m, n)
    return scaled_product(dy, m / d, n) if z < 0 else dy / d


@block
def excess(a, da):
    """(y, low, n) of log(1 + w) = (y + low)·2^n, where w = e^(a + da), a ≤ 0."""
    p, dp, n = exp_pair(a, da)
    y, low = log1p_terms(p, dp, n)
    return y, low, n


@block
def per_beta(beta, x):
    """(z, f, df, n) with z = βx and log(1 + w)/β = (f + df)·2^n."""
    z, dz = of_beta(beta, x)
    y, low, n = excess(-abs(z), -dz if z > 0 else dz)
    inverse = 1.0 / beta
    f, df = pair_product(y, low, *pair_of(x, (inverse, fma(-inverse, beta, 1.0) * inverse)))
    return z, f, df, n


@block
def fast_16_bit(x, beta):
    if beta != 1:
        return fast(x, beta)
    T = type(x)
    w = short_exp(at_least(-abs(x), -T(REACH)), UNIT)
    return fma(w * short_log1p(w * T(OVER)), T(OVER), at_least(x, T(0)))


@softplus.forward.variant(
    "fast",
    why="e^(−|z|) and its logarithm as high + low, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast(x, beta):
    T = type(x)
    if beta == 1:
        z = within_logistic(x)
        y, low, n = excess(-abs(z), T(0))
        # All times 2^32: that of the least results is normal, too.
        unit = by_type(x, 2.0**32, 2.0**100)
        power = two_to(n + T(by_type(x, 32.0, 100.0)))
        high, rest = positive_sum(at_least(z, T(0)) * T(unit), y * power)
        y = (high + fma(low, power, rest)) * T(1 / unit)
        return x if x > z else y
    z, f, df, n = per_beta(beta, x)
    inside = at_most(at_least(x, T(0)), T(by_type(x, 2.0**100, 2.0**1000)))  # beyond, it is x
    high, rest = positive_sum(inside, scaled(f, n))
    y = high + (rest + scaled(df, n)) if z > 0 else scaled(f + df, n)
    return x if x > inside and z > 0 else y


@softplus.forward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded(x, beta):
    if beta == 1:
        z = at_least(within_logistic(x), -200.0)
        r, t, n = exp_terms(-abs(z), 0.0)
        power = two_to(n)
        w = fma(power, r + t, power)
        s = w / (2.0 + w)
        square, twice = s * s, s + s
        y = at_least(z, 0.0) + fma(twice * square, quick_polynomial(square, ARTANH_DOUBLE), twice)
        y += 2.0**-53 if x == NEAREST_TO_TIE else 0.0
        return x if x > z else y
    z, f, df, n = per_beta(beta, x)
    power = two_to(at_least(n, -1000.0))
    inside = at_most(at_least(x, 0.0), 2.0**200)
    high, rest = positive_sum(inside, f * power)
    y = odd_sum(high, fma(df, power, rest))
    return x if x > inside and z > 0 else y


@block
def fast_backward_16_bit(dy, x, beta):
    if beta != 1:
        return fast_backward(dy, x, beta)
    T = type(x)
    w, h = falling_root(x)
    share = (h if x < 0 else T(RAISED)) / fma(w, w, T(1))
    return gradient(dy, share, w if x < 0 else T(1))


@softplus.backward.variant(
    "fast",
    why="1/(1 + e^(−z)) as high + low, multiplied by dy before it is rounded",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_backward_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast_backward(dy, x, beta):
    return lowered(dy, *sigmoid_terms(*of_beta(beta, x)))


@softplus.backward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded_backward(dy, x, beta):
    z, dz = of_beta(beta, x)
    return dy * rounded_sigmoid(at_least(z, -300.0), dz)
