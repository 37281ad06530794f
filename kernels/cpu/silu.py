# SPDX-License-Identifier: MIT
"""SiLU, also called Swish: x·σ(βx), where σ(z) = 1/(1 + e^(−z)).

With z = βx its derivative is σ(z)·(1 + z·σ(−z)), which has a root near z = −1.278.
"""

from math import copysign, exp, expm1

from kernels.cpu.blocks import (
    BOUND,
    argument,
    beside_one,
    exp_parts,
    minus,
    mirrored_product,
    over_square,
    pair_sum,
    round_product,
    scaled_product,
    two_sum,
)
from kernels.cpu.define import Activation

silu = Activation("silu", beta=1.0)

# The root of 1 + z + e^z, z₀ = −1.2784645427610738 and its low part; e^z₀ is −1 − z₀.
ROOT = (float.fromhex("-0x1.474973c84120bp+0"), float.fromhex("-0x1.f8d74bc9ac154p-54"))
EXP_ROOT = float.fromhex("0x1.1d25cf210482ep-2")  # 0.2784645427610738


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


@silu.backward.variant("stable", why="1 + z + e^z = t + e^z₀·(e^t − 1), t = z − z₀: exact at the root", max_ulp=4)
def stable_backward(dy, x, beta):
    # For z ≤ 0 the derivative is e^z·(1 + z + e^z)/(1 + e^z)², and f′(z) + f′(−z) = 1 gives the other half.
    T = type(x)
    z, a, da = argument(beta, x)
    m, n = exp_parts(a, da)
    t, dt = minus(a, da, ROOT)
    k, dk = pair_sum(t, dt, T(EXP_ROOT) * expm1(t), T(0))
    d, dd = two_sum(T(1), beside_one(m, n))
    return mirrored_product(dy, z, round_product(m, *over_square(k, dk, d, dd)), n)
