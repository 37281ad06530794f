# SPDX-License-Identifier: MIT
"""Sigmoid: σ(x) = 1/(1 + e^(−x)), with σ′(x) = σ(x)·(1 − σ(x))."""

from math import exp

from kernels.cpu.blocks import at_least, at_most, by_type, exponent_shift, fma, over_square, round_product, two_sum
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.logistic import falling_share, near_sigmoid, rounded_sigmoid, scaled_sigmoid, within_logistic
from kernels.cpu.scaling import beside_one, exp_parts, lowered, scaled_product
from kernels.cpu.short import NOT_CORRECTED, falling_root, gradient, short_sigmoid, within_sigmoid

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


@block
def fast_16_bit(x):
    return short_sigmoid(within_sigmoid(x))


@sigmoid.forward.variant(
    "fast",
    why="1/(1 + e^(−x)) with its denominator as high + low, without a branch",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast(x):
    y, rest, r, t = scaled_sigmoid(within_logistic(x), type(x)(0))
    return fma(rest, r, y) * t


@sigmoid.forward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded(x):
    # Within 3 ulp of binary64, as all 2^32 inputs show: none is so near to a tie that this decides it wrongly.
    return rounded_sigmoid(at_most(at_least(x, -300.0), 80.0), 0.0)


@block
def derivative(x):
    """(f, low, shifted) of σ′(x) = (f + low)·2^n with n + `exponent_shift` = shifted.

    With s = (y + low)·g = σ(−|x|) it is s·(1 − s) = (v − g·v²)·g, v = y + low, where y² is exact.
    """
    T = type(x)
    y, low, g, shifted = falling_share(at_most(abs(x), T(by_type(x, 199.0, 1464.0))), T(0))
    square = y * y
    f = fma(-g, square, y)
    lost = fma(-g, square, y - f)
    low = fma(low, fma(-g, fma(T(2), y, low), T(1)), lost)
    half = max(g, T(0.5))  # f may be more than 1, and dy near overflow
    return f * half, low * half, at_most(shifted + T(1), exponent_shift(x))


@block
def fast_backward_16_bit(dy, x):
    w, h = falling_root(x)
    d = fma(w, w, type(x)(1))
    return gradient(dy, h / (d * d), w)


@sigmoid.backward.variant(
    "fast",
    why="w/(1 + w)² as high + low, multiplied by dy before it is rounded",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_backward_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast_backward(dy, x):
    return lowered(dy, *derivative(x))


@sigmoid.backward.variant("rounded", why="σ·(1 − σ) in binary64, at −|x|: near enough at every input of float32")
def rounded_backward(dy, x):
    s = near_sigmoid(at_least(-abs(x), -300.0), 0.0)
    return dy * (s * (1.0 - s))
