# SPDX-License-Identifier: MIT
"""GELU's tanh form: ½x·(1 + tanh u), u = √(2/π)·(x + 0.044715·x³).

Since ½(1 + tanh u) = σ(2u), it is x·σ(v) with v = 2u = Ax + Bx³. Its derivative is σ(v) + x·v′·σ(v)·σ(−v), where
v′ = A + 3Bx². An error in v is an equally large relative error in e^v, so v is carried as high + low.
"""

from math import copysign, expm1, tanh

from kernels.cpu.blocks import (
    at_least,
    at_most,
    by_type,
    fma,
    minus,
    over_square,
    pair_of,
    pair_product,
    pair_sum,
    positive_sum,
    quick_quotient,
    round_product,
    two_product,
    two_sum,
    two_to,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_beside_one, exp_terms
from kernels.cpu.halves import half_raised_16_bit
from kernels.cpu.logistic import times_sigmoid
from kernels.cpu.roots import beside_root, near_root, short_root
from kernels.cpu.scaling import beside_one, exp_parts, lowered, mirrored_product, scaled
from kernels.cpu.short import GRADIENT_REACH, NOT_CORRECTED, gradient, root_of_exp, short_sigmoid
from kernels.tables import GELU_TANH_DOUBLE, GELU_TANH_ROOT, GELU_TANH_SINGLE, GELU_TANH_SLOPE

gelu_tanh = Activation("gelu_tanh")

FAR = 30.0  # e^v is zero for x < −FAR, whatever it is multiplied by
SQRT_2_OVER_PI = float.fromhex("0x1.9884533d43651p-1")  # √(2/π) = 0.7978845608028654
A = (float.fromhex("0x1.9884533d43651p+0"), float.fromhex("-0x1.cbc0d30ebfd15p-54"))  # 2√(2/π) = 1.5957691216057308
B = (float.fromhex("0x1.2444f2a4d8b4bp-4"), float.fromhex("-0x1.6c843a29d1c70p-61"))  # 0.044715·A = 0.0713548162726…
B3 = (float.fromhex("0x1.b6676bf7450f0p-3"), float.fromhex("0x1.bba7351828aabp-57"))  # 3B = 0.2140644488178007

# A with a high part so short that, for each type, it is a multiple of the last place of A + 3Bx² for all |x| < FAR.
A_SINGLE = (float.fromhex("0x1.98844p+0"), float.fromhex("0x1.33d436508d0fdp-20"))
A_DOUBLE = (float.fromhex("0x1.9884533d43680p+0"), float.fromhex("-0x1.7b9781a61d7fap-47"))

EXP_ROOT = float.fromhex("0x1.2af64e9c485eep-2")  # e^v at the root of 1 + e^v + x·v′: 0.29195521191476713


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
    root, rest = pair_of(y, GELU_TANH_ROOT)
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


@block
def within(x):
    """x cut off where σ(v) is 0 or 1 in every dtype, also if multiplied by x; NaN for NaN."""
    T = type(x)
    return at_most(at_least(x, T(by_type(x, -10.8, -21.6))), T(by_type(x, 6.0, 8.5)))


@block
def terms(x, constant, s, ds):
    """c = A + constant·s as high + low."""
    high, low = pair_of(x, by_type(x, A_SINGLE, A_DOUBLE))
    b, db = pair_of(x, constant)
    c = fma(b, s, high)
    # c − high is exact: it is less than c, and a multiple of c's last place, as high is.
    return c, fma(b, s, high - c) + fma(b, ds, fma(db, s, low))


@block
def v_of(x):
    """v = x·(A + Bx²) as high + low."""
    c, dc = terms(x, B, *two_product(x, x))
    v = x * c
    return v, fma(x, dc, fma(x, c, -v))


@block
def fast_16_bit(x):
    T = type(x)
    left = at_least(x, T(-10.8))  # as `within` does
    inside = at_most(left, T(6))
    # Rounded, v is off by 2^-17 at most, which is a hundredth of a last digit of bfloat16, where it is so large.
    v = inside * fma(T(B[0]), inside * inside, T(A[0]))
    return half_raised_16_bit(x, left * short_sigmoid(v))


@gelu_tanh.forward.variant(
    "fast",
    why="x·σ(v), v and the denominator as high + low, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast(x):
    inside = within(x)
    y = times_sigmoid(inside, *v_of(inside))
    return x if x > inside else y


@gelu_tanh.forward.variant("rounded", why="the same in binary64, rounded twice: near enough at every input of float32")
def rounded(x):
    # Near to 0.5 ulp of binary64: none of 2^32 inputs is so near to a tie that this decides it wrongly. Near 0, where
    # the result is x/2 + Ax²/4 + …, an odd subnormal x makes x/2 a tie: what is added stands for the second term, and
    # is half an ulp of binary64 at most beside any other result.
    inside = at_least(within(x), -12.0)
    v, dv = v_of(inside)
    r, t, n = exp_terms(-v, -dv)
    g = two_to(n)
    d = fma(g, r + t, 1.0 + g)
    dd = fma(g, r + t, (1.0 + g) - d)
    y, low = quick_quotient(inside, 0.0, d, dd)
    return x if x > inside else copysign(y + (low + 2.0**-179), x)


@gelu_tanh.backward.variant("stable", why="e^v·(1 + e^v + x·v′)/(1 + e^v)², with the root divided out", max_ulp=4)
def stable_backward(dy, x):
    # For x ≤ 0, with t = x − x₀: x·v′ − x₀·v₀′ = t·(A + 3Bs) and v − v₀ = t·(A + Bs), s = x² + x·x₀ + x₀², so that
    # 1 + e^v + x·v′ = t·(A + 3Bs) + e^v₀·(e^(v − v₀) − 1): a sum of two terms of one sign.
    T = type(x)
    y = at_most(abs(x), T(FAR))
    m, n = exp_of_v(y)
    t, dt = minus(-y, T(0), GELU_TANH_ROOT)
    s, ds = s_of(y)
    k, dk = pair_product(t, dt, *a_plus(B3, s, ds))
    change, _ = pair_product(t, dt, *a_plus(B, s, ds))
    k, dk = pair_sum(k, dk, T(EXP_ROOT) * expm1(change), T(0))
    d, dd = two_sum(T(1), beside_one(m, n))
    return mirrored_product(dy, x, round_product(m, *over_square(k, dk, d, dd)), n)


@block
def derivative(x):
    """(f, df, shifted) of the derivative e^v·(1 + e^v + x·v′)/(1 + e^v)² = (f + df)·2^n, as `lowered` takes it."""
    T = type(x)
    x = at_most(at_least(x, -T(by_type(x, 14.0, 27.5))), T(by_type(x, 6.0, 8.5)))
    s, ds = two_product(x, x)
    c, dc = terms(x, B, s, ds)
    v = x * c
    e, de, shifted = exp_beside_one(v, fma(x, dc, fma(x, c, -v)))
    c, dc = terms(x, B3, s, ds)
    k = x * c
    one = T(1) + k
    rest = (k - (one - T(1))) + fma(x, dc, fma(x, c, -k))
    k, dk = two_sum(one, e)
    dk += rest + de
    k, dk = beside_root(x, k, dk, GELU_TANH_ROOT, GELU_TANH_SLOPE, GELU_TANH_SINGLE, GELU_TANH_DOUBLE)
    d, dd = positive_sum(T(1), e)
    dd += de
    f, df = quick_quotient(*pair_product(e, de, k, dk), *pair_product(d, dd, d, dd))
    return f, df, shifted


@block
def fast_backward_16_bit(dy, x):
    T = type(x)
    x = at_most(at_least(x, T(-14)), T(6))
    square = x * x
    w, h = root_of_exp(at_least(x * fma(T(B[0]), square, T(A[0])), -T(GRADIENT_REACH)))
    d = fma(w, w, T(1))
    k = short_root(x, fma(x, fma(T(B3[0]), square, T(A[0])), d), GELU_TANH_ROOT, GELU_TANH_SLOPE, GELU_TANH_SINGLE)
    f = k / (d * d)
    return gradient(dy, (h if x < 0 else w * h) * f, w if x < 0 else T(1))


@gelu_tanh.backward.variant(
    "fast",
    why="the derivative as high + low; beside its root divided by x − x₀",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_backward_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast_backward(dy, x):
    return lowered(dy, *derivative(x))


@gelu_tanh.backward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded_backward(dy, x):
    z = at_most(at_least(x, -14.0), 6.0)
    s = z * z  # of a float32 it is exact
    c, dc = terms(z, B, s, 0.0)
    v = z * c
    r, t, n = exp_terms(v, fma(z, dc, fma(z, c, -v)))
    power = two_to(n)
    e = fma(power, r + t, power)
    k = near_root(z, fma(z, fma(B3[0], s, A[0]), 1.0) + e, GELU_TANH_ROOT, GELU_TANH_SLOPE, GELU_TANH_DOUBLE)
    d = 1.0 + e
    # Near 0 it is ½ + x·√(2/π) + …, which for two inputs float64 can't tell from a tie: a little more decides it.
    f = fma(0.5 * A[0] * (1 + 2.0**-27), z, 0.5) if abs(z) < 2.0**-22 else e * k / (d * d)
    return dy * f
