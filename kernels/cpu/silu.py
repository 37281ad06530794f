# SPDX-License-Identifier: MIT
"""SiLU, also called Swish: x·σ(βx), where σ(z) = 1/(1 + e^(−z)).

With z = βx its derivative is σ(z)·(1 + z·σ(−z)), which has a root near z = −1.278.
"""

from math import copysign, exp, expm1, inf

from kernels.cpu.blocks import (
    BOUND,
    argument,
    at_least,
    beside_one,
    by_type,
    exp_parts,
    fma,
    lowered,
    minus,
    mirrored_pair,
    mirrored_product,
    odd_lowered,
    odd_mirrored,
    over_square,
    pair_of,
    pair_product,
    pair_sum,
    round_product,
    scaled_product,
    two_sum,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_terms, expm1_of, one_and
from kernels.cpu.halves import half_raised_16_bit
from kernels.cpu.logistic import odd_times_sigmoid, of_beta, sigmoid_terms, times_sigmoid, within_logistic

silu = Activation("silu", beta=1.0)

# The root of 1 + z + e^z, z₀ = −1.2784645427610738 and its low part; e^z₀ is −1 − z₀.
ROOT = (float.fromhex("-0x1.474973c84120bp+0"), float.fromhex("-0x1.f8d74bc9ac154p-54"))
EXP_ROOT = (float.fromhex("0x1.1d25cf210482ep-2"), float.fromhex("-0x1.ca2d0d94faaecp-60"))  # 0.2784645427610738…


@silu.forward.variant("textbook", why="x·σ(x) as printed: −inf·0 is NaN, and far left e^(−x) overflows")
def textbook(x, beta):
    T = type(x)
    return x * (T(1) / (T(1) + exp(-T(beta * x))))


@silu.backward.variant("textbook", why="σ + x·σ·(1 − σ) as printed: it cancels near the root")
def textbook_backward(dy, x, beta):
    T = type(x)
    z = T(beta * x)
    s = T(1) / (T(1) + exp(-z))
    return dy * (s + z * s * (T(1) - s))


@silu.forward.variant("stable", why="in e^(−|z|), which can't overflow, carried as m·2^n to lose no bits", max_ulp=4)
def stable(x, beta):
    T = type(x)
    z, a, da = argument(beta, x)
    if z <= -T(BOUND):
        return copysign(T(0), x)
    m, n = exp_parts(a, da)
    d = T(1) + beside_one(m, n)
    return scaled_product(x, m / d, n) if z < 0 else x / d


@block
def fast_16_bit(x, beta):
    y = fast(x, beta)
    return half_raised_16_bit(x, y) if beta > 0 else y


@silu.forward.variant(
    "fast",
    why="1/(1 + e^(−z)) with its denominator as high + low, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
)
def fast(x, beta):
    if beta == 1:
        z = within_logistic(x)
        y = times_sigmoid(z, z, type(x)(0))
        return x if x > z else y
    if abs(x) == inf:
        return copysign(type(x)(0), x) if beta * x < 0 else x
    return lowered(x, *sigmoid_terms(*of_beta(beta, x)))


@silu.forward.variant("rounded", why="the same in binary64, as high + low, rounded once")
def rounded(x, beta):
    if beta == 1:
        z = at_least(within_logistic(x), -200.0)
        y = odd_times_sigmoid(z, z, 0.0)
        return x if x > z else y
    if abs(x) == inf:
        return copysign(0.0, x) if beta * x < 0 else x
    return odd_lowered(x, *sigmoid_terms(*of_beta(beta, x)))


@silu.backward.variant("stable", why="1 + z + e^z = t + e^z₀·(e^t − 1), t = z − z₀: exact at the root", max_ulp=4)
def stable_backward(dy, x, beta):
    # For z ≤ 0 the derivative is e^z·(1 + z + e^z)/(1 + e^z)², and f′(z) + f′(−z) = 1 gives the other half.
    T = type(x)
    z, a, da = argument(beta, x)
    m, n = exp_parts(a, da)
    t, dt = minus(a, da, ROOT)
    k, dk = pair_sum(t, dt, T(EXP_ROOT[0]) * expm1(t), T(0))
    d, dd = two_sum(T(1), beside_one(m, n))
    return mirrored_product(dy, z, round_product(m, *over_square(k, dk, d, dd)), n)


@block
def derivative(x, beta):
    """(z, f, df, n) with z = βx and f′(−|z|) = (f + df)·2^n, from one exponential: of t = z − z₀, as e^z = e^z₀·e^t."""
    T = type(x)
    z, a, da = argument(beta, x)
    t, dt = minus(at_least(a, -T(by_type(x, 250.0, 2000.0))), da, ROOT)
    r, rest, n = exp_terms(t, dt)
    root = pair_of(x, EXP_ROOT)
    k, dk = pair_sum(t, dt, *pair_product(*root, *expm1_of(r, rest, at_least(n, T(-120)))))
    m, dm = pair_product(*root, *one_and(r, rest))
    d, dd = two_sum(T(1), beside_one(m, n))
    f, df = pair_product(m, dm, *over_square(k, dk, d, dd + beside_one(dm, n)))
    return z, f, df, n


@silu.backward.variant("fast", why="e^z and e^t − 1 from one exponential, exact at the root", max_ulp=1)
def fast_backward(dy, x, beta):
    return mirrored_pair(dy, *derivative(x, beta))


@silu.backward.variant("rounded", why="the same in binary64, as high + low, rounded once")
def rounded_backward(dy, x, beta):
    z, f, df, n = derivative(x, beta)
    # Near 0 it is ½ + z/2 − z³/12 + …, and of a z with few bits ½ + z/2 is a tie.
    a = abs(z)
    middle, rest = two_sum(0.5, -0.5 * a)
    near = a < 2.0**-13
    return odd_mirrored(dy, z, middle if near else f, fma(a * a, a / 12.0, rest) if near else df, 0.0 if near else n)
