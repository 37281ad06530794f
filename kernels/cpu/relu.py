# SPDX-License-Identifier: MIT
"""ReLU: max(0, x), whose derivative is 0 for x ≤ 0 (the left one at the kink) and 1 above."""

from kernels.cpu.define import Activation

relu = Activation("relu", light=True)


@relu.forward.variant("textbook", why="max(0, x) as printed; what it makes of NaN depends on how max is written")
def textbook(x):
    return max(type(x)(0), x)


@relu.backward.variant("textbook", why="1 for x > 0, else 0: a NaN gets the gradient 0")
def textbook_backward(dy, x):
    return dy if x > 0 else type(x)(0)


@relu.forward.variant("stable", why="the same, with NaN for NaN", max_ulp=0)
def stable(x):
    return type(x)(0) if x <= 0 else x


@relu.backward.variant("stable", why="the same, with NaN for NaN", max_ulp=0)
def stable_backward(dy, x):
    if x > 0:
        return dy
    return type(x)(0) if x <= 0 else x


# One comparison, and nothing to round: `fast` is the same, and so is `rounded`, in binary64.
relu.forward.variant("fast", why="the same: a comparison that clears what is not above 0", max_ulp=0)(stable)
relu.forward.variant("rounded", why="the same, which is exact")(stable)
relu.backward.variant("fast", why="the same: two comparisons, no branch", max_ulp=0)(stable_backward)
relu.backward.variant("rounded", why="the same, which is exact")(stable_backward)
