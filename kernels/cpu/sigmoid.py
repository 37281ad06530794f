# SPDX-License-Identifier: MIT
"""Sigmoid: σ(x) = 1/(1 + e^(−x)), with σ′(x) = σ(x)·(1 − σ(x))."""

from math import exp

from kernels.cpu.blocks import beside_one, exp_parts, over_square, round_product, scaled_product, two_sum
from kernels.cpu.define import Activation

sigmoid = Activation("sigmoid")


@sigmoid.forward.variant("textbook", why="the formula as printed: e^(−x) overflows, so far left it is 0 too early")
def textbook(x):
    return type(x)(1) / (type(x)(1) + exp(-x))


@sigmoid.backward.variant("textbook", why="σ·(1 − σ) as printed: far right σ rounds to 1, and 1 − σ to 0")
def textbook_backward(dy, x):
    s = textbook(x)
    return dy * (s * (type(x)(1) - s))


# The variants below use w = e^(−|x|) ≤ 1, which cannot overflow:
#   σ(x) = 1/(1 + w) for x ≥ 0 and w/(1 + w) for x < 0,   σ′(x) = w/(1 + w)².


@sigmoid.forward.variant("stable", why="in w = e^(−|x|), which cannot overflow", max_ulp=4)
def stable(x):
    one = type(x)(1)
    w = exp(-abs(x))
    return w / (one + w) if x < 0 else one / (one + w)


@sigmoid.backward.variant("stable", why="w/(1 + w)², w = e^(−|x|): no difference of nearly equal numbers", max_ulp=4)
def stable_backward(dy, x):
    T = type(x)
    m, n = exp_parts(-abs(x), T(0))
    f = round_product(m, *over_square(T(1), T(0), *two_sum(T(1), beside_one(m, n))))
    return scaled_product(dy, f, n)
