# SPDX-License-Identifier: MIT
"""Sums that are 0 somewhere: near their root x₀ they have lost their digits, and (x − x₀)·(slope + …) has not."""

from kernels.cpu.blocks import by_type, fma, pair_of, polynomial
from kernels.cpu.compile import block
from kernels.tables import ROOT_WINDOW


@block
def beside_root(x, k, dk, root, slope, single, double):
    """The sum k + dk as high + low, in its root's window as (x − x₀)·(slope + (x − x₀)·p).

    Root and slope are pairs of binary64 numbers, and the polynomial p is there for float32 and for float64. Its term is
    so small beside the slope that it needs no low part.
    """
    T = type(x)
    x0, x0_low = pair_of(x, root)
    s, s_low = pair_of(x, slope)
    t = x - x0  # exact in the window
    near = t - x0_low
    rest = (t - near) - x0_low
    high = near * s
    bend = fma(near, polynomial(near, by_type(x, single, double)), s_low)
    low = fma(near, bend, fma(rest, s, fma(near, s, -high)))
    inside = abs(t) < T(ROOT_WINDOW)
    return high if inside else k, low if inside else dk


@block
def near_root(x, k, root, slope, table):
    """The same in float64, each operation rounded."""
    t = (x - root[0]) - root[1]
    return t * fma(t, polynomial(t, table), slope[0]) if abs(t) < ROOT_WINDOW else k


@block
def short_root(x, k, root, slope, table):
    """The same for results of 16 bits."""
    T = type(x)
    high, low = pair_of(x, root)
    t = (x - high) - low
    return t * fma(t, polynomial(t, table), T(slope[0])) if abs(t) < T(ROOT_WINDOW) else k
