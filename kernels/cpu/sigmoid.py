# SPDX-License-Identifier: MIT
"""Sigmoid: σ(x) = 1/(1 + e^(−x)), with σ′(x) = σ(x)·(1 − σ(x))."""

from math import exp

from kernels.cpu.blocks import (
    BOUND,
    at_least,
    beside_one,
    exp_parts,
    odd_product,
    over_square,
    round_product,
    scaled_pair,
    scaled_product,
    two_sum,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_pair
from kernels.cpu.logistic import odd_times_sigmoid, times_sigmoid, within_logistic

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


@sigmoid.forward.variant(
    "fast",
    why="1/(1 + e^(−x)) with its denominator as high + low, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
)
def fast(x):
    T = type(x)
    return times_sigmoid(T(1), within_logistic(x), T(0))


@sigmoid.forward.variant("rounded", why="the same in binary64, as high + low, rounded once")
def rounded(x):
    return odd_times_sigmoid(1.0, at_least(within_logistic(x), -200.0), 0.0)


@block
def derivative(x):
    """(f, df, n) of σ′(x) = w/(1 + w)² = (f + df)·2^n."""
    T = type(x)
    m, dm, n = exp_pair(at_least(-abs(x), -T(BOUND)), T(0))
    d, dd = two_sum(T(1), beside_one(m, n))
    f, df = over_square(m, dm, d, dd + beside_one(dm, n))
    return f, df, n


@sigmoid.backward.variant(
    "fast", why="w/(1 + w)² as high + low, multiplied by dy before it is rounded", max_ulp=1, max_ulp_16_bit=0.51
)
def fast_backward(dy, x):
    return scaled_pair(dy, *derivative(x))


@sigmoid.backward.variant("rounded", why="the same in binary64, as high + low, rounded once")
def rounded_backward(dy, x):
    return odd_product(dy, *derivative(x))
