# SPDX-License-Identifier: MIT
"""ELU: x for x > 0, else α·(e^x − 1), whose derivative is 1 or α·e^x (α at 0, the left one).

The bounds hold for every finite α: for one other than 1 the factor is carried as high + low until α is multiplied, in
binary64. With α = 1 `rounded` is no more than binary64 rounded once: its error of less than 2^-52 can turn the
rounding of one float32 input in a billion, and on all 2^32 of them it does not. In the gradient dy is a factor of that.
"""

from math import copysign, exp, expm1, inf

import numpy as np

from kernels.cpu.blocks import at_least, at_most, by_type, fma, pair_product, significand_and_exponent, times
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_pair, expm1_left, quick_exp, quick_expm1
from kernels.cpu.scaling import exp_parts, odd_product, odd_sum, scaled_pair, scaled_product
from kernels.cpu.short import NOT_CORRECTED, falling_root, gradient, short_expm1

elu = Activation("elu", alpha=1.0)


@elu.forward.variant("textbook", why="α·(e^x − 1) as printed: it cancels near 0")
def textbook(x, alpha):
    T = type(x)
    return T(alpha) * (exp(x) - T(1)) if x < 0 else x


@elu.backward.variant("textbook", why="output + α, to save an exponential: it cancels far left, 0 too early")
def textbook_backward(dy, x, alpha):
    return dy * (textbook(x, alpha) + type(x)(alpha)) if x < 0 else dy


@elu.forward.variant("stable", why="expm1 keeps the digits near 0", max_ulp=4)
def stable(x, alpha):
    return x if x > 0 else times(alpha, expm1(x))


@block
def fast_16_bit(x, alpha):
    if alpha != 1:
        return fast(x, alpha)
    return x if x >= 0 else short_expm1(at_least(-abs(x), type(x)(-40)))


@elu.forward.variant(
    "fast",
    why="e^x − 1 as (2^n − 1) + 2^n·(e^r − 1), without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast(x, alpha):
    T = type(x)
    z = at_least(-abs(x), T(-40))  # from here on it is −1
    if alpha == 1:
        return x if x >= 0 else quick_expm1(z)
    e, de = expm1_left(z)
    y = T(fma(alpha, np.float64(e), alpha * np.float64(de)))
    return x if x > 0 else copysign(y, x if alpha >= 0 else type(x)(1))


@elu.forward.variant("rounded", why="the same in binary64, which leaves no float32 input misrounded")
def rounded(x, alpha):
    if alpha == 1:
        return x if x >= 0 else quick_expm1(at_least(-abs(x), -40.0))
    e, de = expm1_left(at_least(-abs(x), -600.0))
    # α can be a tie of the format: then it matters whether −α is reached.
    e, de = pair_product(alpha, 0.0, e, de if x > -inf else 0.0)
    return x if x > 0 else copysign(odd_sum(e, de), x if alpha >= 0 else type(x)(1))


@elu.backward.variant("stable", why="α·e^x itself, both carried as m·2^n until dy is multiplied", max_ulp=4)
def stable_backward(dy, x, alpha):
    if x > 0:
        return dy
    T = type(x)
    m, n = exp_parts(-abs(x), T(0))  # x, but for vectors both sides are computed: nothing overflows
    a, k = significand_and_exponent(alpha)
    return T(scaled_product(np.float64(dy), times(a, np.float64(m)), np.float64(n) + k))


@block
def fast_backward_16_bit(dy, x, alpha):
    if alpha != 1:
        return fast_backward(dy, x, alpha)
    w, h = falling_root(x)
    return dy if x > 0 else gradient(dy, h, w)


@elu.backward.variant(
    "fast",
    why="e^x as (high + low)·2^n, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_backward_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast_backward(dy, x, alpha):
    T = type(x)
    # From here on it is 0, whatever dy is and, in the second case, α.
    z = at_least(-abs(x), T(by_type(x, -250.0, -2000.0)) if alpha == 1 else T(-3000))
    m, dm, n = exp_pair(z, T(0))
    if alpha == 1:
        return dy if x > 0 else scaled_pair(dy, m, dm, n)
    a, k = significand_and_exponent(alpha)  # α may be out of float32's range: in binary64
    f, df = pair_product(a, 0.0, np.float64(m), np.float64(dm))
    y = T(scaled_pair(np.float64(dy), f, df, np.float64(n) + k))
    return dy if x > 0 else y


@elu.backward.variant("rounded", why="the same in binary64, which leaves no float32 input misrounded")
def rounded_backward(dy, x, alpha):
    if alpha == 1:
        return dy if x > 0 else dy * quick_exp(at_least(-abs(x), -600.0))
    m, dm, n = exp_pair(at_least(-abs(x), -2000.0), 0.0)
    a, k = significand_and_exponent(alpha)
    m, dm = pair_product(a, 0.0, m, dm)
    n = at_most(n + k, 700.0)  # any dy but 0 is then infinite, in what it is rounded to
    return dy if x > 0 else odd_product(dy, m, dm, n)
