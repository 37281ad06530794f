# SPDX-License-Identifier: MIT
"""Leaky ReLU: x for x > 0, else αx, whose derivative is 1 or α (α at the kink, the left one)."""

from kernels.cpu.blocks import times
from kernels.cpu.define import Activation

leaky_relu = Activation("leaky_relu", negative_slope=0.01)


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
