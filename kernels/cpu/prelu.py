# SPDX-License-Identifier: MIT
"""PReLU: Leaky ReLU whose slope α is learned, and may be one for each channel.

The gradient with respect to α is Σ dyᵢ·xᵢ over xᵢ < 0, for each channel. A product of two float64 numbers is exact as
high + low only from 2^-968 on; below, each may lose half of the least subnormal, and with many of them `stable` and
`fast` exceed their bound (6.3 ulp for 1000 products near 2^-1040). `rounded` is for narrower dtypes, of which products
are exact.
"""

import numpy as np

from kernels.cpu.blocks import accumulate, two_product
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.leaky_relu import (
    fast,
    fast_16_bit,
    fast_backward,
    fast_backward_16_bit,
    rounded,
    rounded_backward,
    stable,
    stable_backward,
    textbook,
    textbook_backward,
)

prelu = Activation("prelu", learned="alpha", light=True, alpha=0.25)

prelu.forward.variant("textbook", why="max(αx, x) as printed: wrong once a learned α passes 1")(textbook)
prelu.backward.variant("textbook", why="1 for x > 0, else α: a NaN gets the gradient α")(textbook_backward)
prelu.forward.variant("stable", why="chosen by the sign of x, αx formed in binary64", max_ulp=1)(stable)
prelu.backward.variant("stable", why="the same, with NaN for NaN", max_ulp=1)(stable_backward)
prelu.forward.variant(
    "fast", why="α as high + low of x's type", max_ulp=1, max_ulp_16_bit=0.51, body_16_bit=fast_16_bit
)(fast)
prelu.backward.variant(
    "fast", why="the same for α·dy", max_ulp=1, max_ulp_16_bit=0.51, body_16_bit=fast_backward_16_bit
)(fast_backward)
prelu.forward.variant("rounded", why="αx exact as high + low in binary64, rounded once")(rounded)
prelu.backward.variant("rounded", why="the same for α·dy")(rounded_backward)


@prelu.backward_alpha.variant("textbook", why="one running sum: its error grows; a NaN x is left out", in_blocks=False)
def textbook_backward_alpha(high, low, dy, x):
    return (type(x)(high) + dy * x, low) if x < 0 else (type(x)(high), low)


@prelu.backward_alpha.variant("stable", why="exact products (float64: from 2^-968 on), summed in pairs", max_ulp=1)
def stable_backward_alpha(high, low, dy, x):
    if x >= 0:
        return high, low
    return accumulate(high, low, *two_product(np.float64(dy), np.float64(x)))


@block
def left_product(dy, x):
    """dy·x as high + low for x < 0, else 0; NaN for NaN."""
    zero, right = type(x)(0), x >= 0
    return two_product(np.float64(zero if right else dy), np.float64(zero if right else x))


prelu.backward_alpha.variant(
    "fast",
    why="the same, by 32 running sums side by side",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    in_lanes=True,
)(left_product)
prelu.backward_alpha.variant("rounded", why="that, and exactly where its error could show", in_lanes=True)(left_product)
