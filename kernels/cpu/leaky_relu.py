# SPDX-License-Identifier: MIT
"""Leaky ReLU: x for x > 0, else αx, whose derivative is 1 or α (α at the kink, the left one).

The bounds hold for every finite α. In float32, `fast` rounds twice only where αx or x is near the subnormals: at most
1 ulp there, and 0.5001 elsewhere.
"""

from kernels.cpu.blocks import at_most, quick_times, quick_times_16_bit, times
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.scaling import odd_times

leaky_relu = Activation("leaky_relu", light=True, negative_slope=0.01)


@block
def beside(x, left, slope):
    """x for x > 0, else what belongs to the left of it; with a slope below 0 no result is negative, nor is a 0.

    What is on the left is formed for vectors of x that may be large: cut off at 1, it can't overflow.
    """
    return x if x > 0 else (abs(left) if slope < 0 else left)


@block
def chosen(dy, x, left):
    """dy for x > 0, what belongs to the left of it, or NaN for NaN."""
    y = dy if x > 0 else left
    return y if x == x else x


@leaky_relu.forward.variant("textbook", why="max(αx, x) as printed: another function if α > 1")
def textbook(x, slope):
    return max(type(x)(slope * x), x)


@leaky_relu.backward.variant("textbook", why="1 for x > 0, else α: a NaN gets the gradient α")
def textbook_backward(dy, x, slope):
    return dy if x > 0 else type(x)(slope * dy)


@leaky_relu.forward.variant("stable", why="chosen by the sign of x, αx formed in binary64", max_ulp=1)
def stable(x, slope):
    return x if x > 0 else times(slope, x)


@leaky_relu.backward.variant("stable", why="the same, with NaN for NaN", max_ulp=1)
def stable_backward(dy, x, slope):
    if x > 0:
        return dy
    return times(slope, dy) if x <= 0 else x


@block
def fast_16_bit(x, slope):
    return beside(x, quick_times_16_bit(slope, at_most(x, type(x)(1))), slope)


@leaky_relu.forward.variant(
    "fast",
    why="α as high + low of x's type, without binary64",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
)
def fast(x, slope):
    return beside(x, quick_times(slope, at_most(x, type(x)(1))), slope)


@leaky_relu.forward.variant("rounded", why="αx exact as high + low in binary64, rounded once")
def rounded(x, slope):
    return beside(x, odd_times(slope, at_most(x, 1.0)), slope)


@block
def fast_backward_16_bit(dy, x, slope):
    return chosen(dy, x, quick_times_16_bit(slope, dy))


@leaky_relu.backward.variant(
    "fast", why="the same for α·dy", max_ulp=1, max_ulp_16_bit=0.51, body_16_bit=fast_backward_16_bit
)
def fast_backward(dy, x, slope):
    return chosen(dy, x, quick_times(slope, dy))


@leaky_relu.backward.variant("rounded", why="the same for α·dy")
def rounded_backward(dy, x, slope):
    return chosen(dy, x, odd_times(slope, dy))
