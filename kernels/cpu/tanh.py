# SPDX-License-Identifier: MIT
"""Tanh: (e^x − e^(−x))/(e^x + e^(−x)), with tanh′ = 1 − tanh²."""

from math import copysign, exp, expm1

from kernels.cpu.blocks import (
    BOUND,
    at_most,
    beside_one,
    exp_parts,
    over_square,
    round_product,
    scaled_product,
    two_sum,
)
from kernels.cpu.define import Activation

tanh = Activation("tanh")

SATURATED = 20.0  # from here on tanh rounds to 1 in every dtype


@tanh.forward.variant("textbook", why="the definition: inf/inf for large |x|, and it cancels near 0")
def textbook(x):
    return (exp(x) - exp(-x)) / (exp(x) + exp(-x))


@tanh.backward.variant("textbook", why="1 − tanh²: cancels as soon as tanh is near ±1")
def textbook_backward(dy, x):
    y = textbook(x)
    return dy * (type(x)(1) - y * y)


@tanh.forward.variant("stable", why="t/(t + 2), t = e^(2|x|) − 1 from expm1, |x| clamped where tanh is 1", max_ulp=4)
def stable(x):
    T = type(x)
    t = expm1(T(2) * at_most(abs(x), T(SATURATED)))
    return copysign(t / (t + T(2)), x)


@tanh.backward.variant("stable", why="4w/(1 + w)² with w = e^(−2|x|): nothing cancels", max_ulp=4)
def stable_backward(dy, x):
    T = type(x)
    m, n = exp_parts(T(-2) * at_most(abs(x), T(BOUND)), T(0))
    f = round_product(m, *over_square(T(4), T(0), *two_sum(T(1), beside_one(m, n))))
    return scaled_product(dy, f, n)
