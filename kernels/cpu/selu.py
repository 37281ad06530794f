# SPDX-License-Identifier: MIT
"""SELU: λx for x > 0, else λα·(e^x − 1), with the λ and α that keep mean 0 and variance 1.

Its derivative is λ or λα·e^x (λα at the kink, the left one).

`rounded` is no more than binary64 rounded once: its error of less than 2^-51 can turn the rounding of one float32
input in a billion, and on all 2^32 of them it does not. In the gradient dy is a factor of that.
"""

from math import exp, expm1

from kernels.cpu.blocks import at_least, at_most, by_type, fma, pair_of, pair_product, two_to
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_pair, exp_terms, expm1_of, expm1_terms, quick_expm1
from kernels.cpu.scaling import exp_parts, scaled_pair, scaled_product
from kernels.cpu.short import NOT_CORRECTED, RAISED, falling_root, gradient, short_expm1

selu = Activation("selu")

PRINTED_LAMBDA, PRINTED_ALPHA = 1.0507, 1.6733  # as the paper's text prints them

# The solutions of the fixed-point equations, rounded to binary64, and what they lose by it.
LAMBDA = float.fromhex("0x1.0cfabd6a91132p+0")  # λ = 1.0507009873554805
LAMBDA_LOW = float.fromhex("0x1.6fc7d272f2696p-55")
LAMBDA_ALPHA = float.fromhex("0x1.c212cc640f031p+0")  # λα = 1.7580993408473769
LAMBDA_ALPHA_LOW = float.fromhex("0x1.05161b045a1f1p-56")
EXCESS = float.fromhex("0x1.9f57ad5222646p-5")  # λ − 1, to more digits than λ has


@selu.forward.variant("textbook", why="λα·(e^x − 1), five printed digits of λ and α: it cancels near 0")
def textbook(x):
    T = type(x)
    return T(PRINTED_LAMBDA) * (T(PRINTED_ALPHA) * (exp(x) - T(1)) if x < 0 else x)


@selu.backward.variant("textbook", why="output + λα, five printed digits: it cancels far left, 0 too early")
def textbook_backward(dy, x):
    T = type(x)
    return dy * (textbook(x) + T(PRINTED_LAMBDA) * T(PRINTED_ALPHA) if x < 0 else T(PRINTED_LAMBDA))


@selu.forward.variant("stable", why="expm1 keeps the digits near 0; λ and α to full precision", max_ulp=4)
def stable(x):
    T = type(x)
    return T(LAMBDA) * x if x > 0 else T(LAMBDA_ALPHA) * expm1(x)


@block
def fast_16_bit(x):
    T = type(x)
    right = at_least(x, T(-40))  # from here on the left is −λα
    e = short_expm1(at_most(right, T(0)))
    return T(LAMBDA) * right if x >= 0 else T(LAMBDA_ALPHA) * e


@selu.forward.variant(
    "fast",
    why="λα and e^x − 1 as high + low, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast(x):
    T = type(x)
    right = at_least(x, T(-40))  # from here on the left is −λα
    e, de = expm1_of(*expm1_terms(at_most(right, T(0))))
    c, dc = pair_of(x, (LAMBDA_ALPHA, LAMBDA_ALPHA_LOW))
    # λx is x + (λ − 1)·x: rounded once, and λ − 1 is exact enough.
    return fma(right, T(EXCESS), right) if x >= 0 else fma(c, e, fma(c, de, dc * e))


@selu.forward.variant("rounded", why="the same in binary64, which leaves no float32 input misrounded")
def rounded(x):
    e = quick_expm1(at_least(-abs(x), -40.0))
    return fma(x, EXCESS, x) if x >= 0 else fma(LAMBDA_ALPHA, e, LAMBDA_ALPHA_LOW * e)


@selu.backward.variant("stable", why="λα·e^x itself, e^x carried as m·2^n until dy is multiplied", max_ulp=4)
def stable_backward(dy, x):
    T = type(x)
    if x > 0:
        return T(LAMBDA) * dy
    m, n = exp_parts(-abs(x), T(0))  # x, but for vectors both sides are computed: nothing overflows
    return scaled_product(dy, T(LAMBDA_ALPHA) * m, n)


@block
def fast_backward_16_bit(dy, x):
    T = type(x)
    w, h = falling_root(x)
    return gradient(dy, T(RAISED) if x > 0 else h, T(LAMBDA) if x > 0 else T(LAMBDA_ALPHA) * w)


@selu.backward.variant(
    "fast",
    why="λα and e^x as high + low, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_backward_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast_backward(dy, x):
    T = type(x)
    m, dm, n = exp_pair(at_least(-abs(x), T(by_type(x, -250.0, -2000.0))), T(0))
    f, df = pair_product(*pair_of(x, (LAMBDA_ALPHA, LAMBDA_ALPHA_LOW)), m, dm)
    return fma(dy, T(EXCESS), dy) if x > 0 else scaled_pair(dy, f, df, n)


@selu.backward.variant("rounded", why="the same in binary64, which leaves no float32 input misrounded")
def rounded_backward(dy, x):
    r, t, n = exp_terms(at_least(-abs(x), -600.0), 0.0)
    m = 1.0 + (r + t)
    left = dy * fma(LAMBDA_ALPHA, m, LAMBDA_ALPHA_LOW * m) * two_to(n)
    return fma(dy, EXCESS, dy) if x > 0 else left
