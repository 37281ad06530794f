# SPDX-License-Identifier: MIT
"""SiLU, also called Swish: x·σ(βx), where σ(z) = 1/(1 + e^(−z)).

With z = βx its derivative is σ(z)·(1 + z·σ(−z)), which has a root near z = −1.278. `fast` is
within 1 ulp, and `rounded` within 0.5001 ulp, for any β in [2^-64, 2^64].
"""

from math import copysign, exp, expm1, inf

from kernels.cpu.blocks import (
    BOUND,
    argument,
    at_least,
    at_most,
    by_type,
    exponent_shift,
    fma,
    minus,
    over_square,
    pair_of,
    pair_sum,
    polynomial,
    quick_polynomial,
    round_product,
    times,
    two_sum,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.halves import half_raised, half_raised_16_bit
from kernels.cpu.logistic import (
    falling_share,
    near_sigmoid,
    of_beta,
    resolved,
    sigmoid_terms,
    times_sigmoid,
    within_logistic,
)
from kernels.cpu.scaling import beside_one, exp_parts, lowered, mirrored_product, odd_lowered, scaled_product
from kernels.cpu.short import GRADIENT_REACH, NOT_CORRECTED, RAISED, falling_root, gradient, short_sigmoid, within_short
from kernels.tables import ROOT_WINDOW, SILU_DOUBLE, SILU_ROOT, SILU_SHORT, SILU_SINGLE

silu = Activation("silu", beta=1.0)

# The root of 1 + z + e^z, z₀ = −1.2784645427610738 and its low part; e^z₀ is −1 − z₀.
ROOT = (float.fromhex("-0x1.474973c84120bp+0"), float.fromhex("-0x1.f8d74bc9ac154p-54"))
EXP_ROOT = (float.fromhex("0x1.1d25cf210482ep-2"), float.fromhex("-0x1.ca2d0d94faaecp-60"))  # 0.2784645427610738…

LARGEST = (float.fromhex("0x1.fffffep+127"), float.fromhex("0x1.fffffffffffffp+1023"))  # of float32, and of float64


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
    # LLVM may compute both sides of a choice: the one that is dropped raises no flag either, for ±∞.
    largest = T(by_type(x, *LARGEST))
    left = at_most(at_least(x, -largest), largest)
    return scaled_product(left, m / d, n) if z < 0 else x / d


@block
def fast_16_bit(x, beta):
    if beta == 1:
        left = within_short(x)
        return half_raised_16_bit(x, left * short_sigmoid(at_most(left, type(x)(40))))
    y = fast(x, beta)
    near = abs(times(beta, x)) < type(x)(2.0**-13)
    return half_raised_16_bit(x, y) if beta > 0 and near else y


@silu.forward.variant(
    "fast",
    why="1/(1 + e^(−z)) with its denominator as high + low, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast(x, beta):
    if beta == 1:
        z = within_logistic(x)
        y = times_sigmoid(z, z, type(x)(0))
        return x if x > z else y
    if abs(x) == inf:
        return copysign(type(x)(0), x) if (x < 0) == (beta > 0) else x
    y = lowered(x, *sigmoid_terms(*of_beta(beta, x)))
    return half_raised(x, y) if beta > 0 else y


@silu.forward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded(x, beta):
    if beta == 1:
        z = at_most(at_least(x, -300.0), 80.0)
        # Near 0 it is x/2 + x²/4 − x⁴/48 + …, where x/2 can be a tie, and farther out x/2 + x²/4: what comes then, and
        # float64 no longer tells, decides it, and is given a sign here.
        a, tiny = abs(z), copysign(2.0**-52, z)
        rest = (tiny if a < 2.0**-26 else -tiny) if a < 2.0**-15 else 0.0
        y = z * (near_sigmoid(z, 0.0) + rest)
        return x if x > z else y
    if abs(x) == inf:
        return copysign(0.0, x) if (x < 0) == (beta > 0) else x
    return copysign(odd_lowered(x, *sigmoid_terms(*of_beta(beta, x))), x)


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
def beside_root(a, da):
    """(k, low) of k = 1 − a·σ(a), for an a + da of which SILU_ROOT is at most 5/16 away: with it as a factor."""
    T = type(a)
    high, low = pair_of(a, SILU_ROOT)
    u = high - a
    bend = (u * u) * quick_polynomial(u, by_type(a, SILU_SINGLE, SILU_DOUBLE))
    k = u + bend
    rest = low - da
    return u, k, (bend - (k - u)) + fma(T(-0.22) * u, rest, rest)  # the slope of k is about 1 − 0.22·u


@block
def derivative(z, dz):
    """(f, low, shifted) of f′ at z + dz: it is (f + low)·2^n with |f| ≤ 1 and n + `exponent_shift` = shifted.

    With a = |z| and s = σ(−a), f′(−a) = s·k where k = 1 − a·(1 − s), and f′(a) = 1 − f′(−a).
    """
    T = type(z)
    a, da = abs(z), (dz if z > 0 else -dz)
    y, rest, g, shifted = falling_share(a, da)
    one = T(1) - a
    k = fma(a, g * y, one)
    low = fma(a, g * rest, fma(a, g * y, one - k) + ((T(1) - one) - a)) + fma(da, g * y, -da)
    u, near, near_low = beside_root(a, da)
    is_near = abs(u) < T(0.3125)
    k, low = near if is_near else k, near_low if is_near else low
    f = y * k
    low = fma(rest, k, fma(y + rest, low, fma(y, k, -f)))
    # So much of 2^n as is needed to make it less than 1 is multiplied at once, the rest with dy.
    part = max(g, T(by_type(z, 2.0**-9, 2.0**-12)))
    left = at_most(shifted + T(by_type(z, 9.0, 12.0)), exponent_shift(z))
    right = T(1) - g * f
    right_low = fma(-g, low, (T(1) - right) - g * f)
    return (
        f * part if z < 0 else right,
        low * part if z < 0 else right_low,
        left if z < 0 else exponent_shift(z),
    )


@block
def fast_backward_16_bit(dy, x, beta):
    if beta != 1:
        return fast_backward(dy, x, beta)
    T = type(x)
    w, h = falling_root(x)
    a = at_most(abs(x), T(GRADIENT_REACH))
    d = fma(w, w, T(1))
    high, low = pair_of(x, SILU_ROOT)
    u = (high - a) + low
    inverse = T(1) / d
    k = fma(u * u, polynomial(u, SILU_SHORT), u) if abs(u) < T(ROOT_WINDOW) else fma(-a, inverse, T(1))
    share = k * inverse
    left, right = h * share, fma(-w * h, share, T(RAISED))
    return gradient(dy, left if x < 0 else right, w if x < 0 else T(1))


@silu.backward.variant(
    "fast",
    why="σ(z) and 1 + z·σ(−z) as high + low, this with its root as a factor",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_backward_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast_backward(dy, x, beta):
    return lowered(dy, *derivative(*of_beta(beta, x)))


@block
def near_derivative(z, dz):
    """f′ at z + dz in float64, each operation rounded."""
    a, da = at_most(abs(z), 300.0), (dz if z > 0 else -dz)
    s = near_sigmoid(-a, -da)
    k = fma(a, s, 1.0 - a) + fma(da, s, -da)
    u, near, low = beside_root(a, da)
    f = s * (near + low if abs(u) < 0.3125 else k)
    return resolved(z, 0.5, f if z < 0 else 1.0 - f)


@silu.backward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded_backward(dy, x, beta):
    return dy * near_derivative(*of_beta(beta, x))
