# SPDX-License-Identifier: MIT
"""ELU: x for x > 0, else α·(e^x − 1), whose derivative is 1 or α·e^x (α at 0, the left one)."""

from math import exp, expm1

from kernels.cpu.blocks import exp_parts, scaled_product, significand_and_exponent, times
from kernels.cpu.define import Activation

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


@elu.backward.variant("stable", why="α·e^x itself, both carried as m·2^n until dy is multiplied", max_ulp=4)
def stable_backward(dy, x, alpha):
    if x > 0:
        return dy
    m, n = exp_parts(-abs(x), type(x)(0))  # x, but for vectors both sides are computed: nothing overflows
    a, k = significand_and_exponent(alpha)
    return scaled_product(dy, times(a, m), n + type(x)(k))
