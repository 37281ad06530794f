# SPDX-License-Identifier: MIT
"""GELU's tanh form: ½x·(1 + tanh u), u = √(2/π)·(x + 0.044715·x³).

Since ½(1 + tanh u) = σ(2u), it is x·σ(v) with v = 2u = Ax + Bx³. Its derivative is σ(v) + x·v′·σ(v)·σ(−v), where
v′ = A + 3Bx². An error in v is an equally large relative error in e^v, so v is carried as high + low.
"""

from math import expm1, tanh

from kernels.cpu.blocks import (
    at_most,
    beside_one,
    exp_parts,
    minus,
    mirrored_product,
    over_square,
    pair_of,
    pair_product,
    pair_sum,
    round_product,
    scaled,
    two_product,
    two_sum,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation

gelu_tanh = Activation("gelu_tanh")

FAR = 30.0  # e^v is zero for x < −FAR, whatever it is multiplied by
SQRT_2_OVER_PI = float.fromhex("0x1.9884533d43651p-1")  # √(2/π) = 0.7978845608028654
A = (float.fromhex("0x1.9884533d43651p+0"), float.fromhex("-0x1.cbc0d30ebfd15p-54"))  # 2√(2/π) = 1.5957691216057308
B = (float.fromhex("0x1.2444f2a4d8b4bp-4"), float.fromhex("-0x1.6c843a29d1c70p-61"))  # 0.044715·A = 0.0713548162726…
B3 = (float.fromhex("0x1.b6676bf7450f0p-3"), float.fromhex("0x1.bba7351828aabp-57"))  # 3B = 0.2140644488178007

# The root of 1 + e^v + x·v′, x₀ = −0.7524614220710163 and its low part, and e^v there.
ROOT = (float.fromhex("-0x1.81429f9e97e4dp-1"), float.fromhex("0x1.4f523ed77dbdcp-55"))
EXP_ROOT = float.fromhex("0x1.2af64e9c485eep-2")  # 0.29195521191476713


@gelu_tanh.forward.variant("textbook", why="½x·(1 + tanh u) as printed: it loses every digit in the left tail")
def textbook(x):
    T = type(x)
    return T(0.5) * x * (T(1) + tanh(T(SQRT_2_OVER_PI) * (x + T(0.044715) * x * x * x)))


@gelu_tanh.backward.variant("textbook", why="the product rule on the printed formula: inf·0 for large |x|")
def textbook_backward(dy, x):
    T = type(x)
    y = tanh(T(SQRT_2_OVER_PI) * (x + T(0.044715) * x * x * x))
    inner = T(SQRT_2_OVER_PI) * (T(1) + T(3 * 0.044715) * x * x)
    return dy * (T(0.5) * (T(1) + y) + T(0.5) * x * (T(1) - y * y) * inner)


@block
def a_plus(constant, s, ds):
    """A + constant·s as high + low."""
    q, dq = pair_product(s, ds, *pair_of(s, constant))
    return pair_sum(q, dq, *pair_of(s, A))


@block
def exp_of_v(y):
    """e^v for x = −y as (m, n), v = −y·(A + By²)."""
    return exp_parts(*pair_product(-y, type(y)(0), *a_plus(B, *two_product(y, y))))


@block
def s_of(y):
    """s = x² + x·x₀ + x₀² for x = −y, as high + low."""
    root, rest = pair_of(y, ROOT)
    u, du = pair_sum(root, rest, -y, type(y)(0))
    u, du = pair_product(u, du, root, rest)
    return pair_sum(u, du, *two_product(y, y))


@gelu_tanh.forward.variant("stable", why="x·σ(v), v as high + low: nothing overflows or cancels", max_ulp=4)
def stable(x):
    T = type(x)
    y = at_most(abs(x), T(FAR))
    m, n = exp_of_v(y)
    d = T(1) + beside_one(m, n)
    return scaled(-y * m / d, n) if x < 0 else x / d


@gelu_tanh.backward.variant("stable", why="e^v·(1 + e^v + x·v′)/(1 + e^v)², with the root divided out", max_ulp=4)
def stable_backward(dy, x):
    # For x ≤ 0, with t = x − x₀: x·v′ − x₀·v₀′ = t·(A + 3Bs) and v − v₀ = t·(A + Bs), s = x² + x·x₀ + x₀², so that
    # 1 + e^v + x·v′ = t·(A + 3Bs) + e^v₀·(e^(v − v₀) − 1): a sum of two terms of one sign.
    T = type(x)
    y = at_most(abs(x), T(FAR))
    m, n = exp_of_v(y)
    t, dt = minus(-y, T(0), ROOT)
    s, ds = s_of(y)
    k, dk = pair_product(t, dt, *a_plus(B3, s, ds))
    change, _ = pair_product(t, dt, *a_plus(B, s, ds))
    k, dk = pair_sum(k, dk, T(EXP_ROOT) * expm1(change), T(0))
    d, dd = two_sum(T(1), beside_one(m, n))
    return mirrored_product(dy, x, round_product(m, *over_square(k, dk, d, dd)), n)
