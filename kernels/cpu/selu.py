# SPDX-License-Identifier: MIT
"""SELU: λx for x > 0, else λα·(e^x − 1), with the λ and α that keep mean 0 and variance 1.

Its derivative is λ or λα·e^x (λα at the kink, the left one).
"""

from math import exp, expm1

from kernels.cpu.blocks import exp_parts, scaled_product
from kernels.cpu.define import Activation

selu = Activation("selu")

PRINTED_LAMBDA, PRINTED_ALPHA = 1.0507, 1.6733  # as the paper's text prints them

# The solutions of the fixed-point equations, rounded to binary64.
LAMBDA = float.fromhex("0x1.0cfabd6a91132p+0")  # λ = 1.0507009873554805
LAMBDA_ALPHA = float.fromhex("0x1.c212cc640f031p+0")  # λα = 1.7580993408473769


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


@selu.backward.variant("stable", why="λα·e^x itself, e^x carried as m·2^n until dy is multiplied", max_ulp=4)
def stable_backward(dy, x):
    T = type(x)
    if x > 0:
        return T(LAMBDA) * dy
    m, n = exp_parts(-abs(x), T(0))  # x, but for vectors both sides are computed: nothing overflows
    return scaled_product(dy, T(LAMBDA_ALPHA) * m, n)
