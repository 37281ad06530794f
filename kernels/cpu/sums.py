# SPDX-License-Identifier: MIT
"""Sums rounded once, whatever cancels: of terms that are products of two numbers of a dtype narrower than float64.

Such a product is exact in float64. Its sum as high + low is nearly so, with a bound for what is lost; where that
leaves open how the sum rounds, the terms are added up exactly.
"""

import math

import numpy as np

# With u = 2^-53 and S the sum of absolute values, low takes up n losses of at most u·S each, and itself loses at most
# u of what it is n times over: n²·u²·S. Twice that leaves room for what is added after the lanes.
LOST = 2.0**-105


def nearest(high: np.ndarray, low: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """high + low rounded to a narrower dtype, in two steps to odd and one to nearest (see ``blocks.to_odd``)."""
    with np.errstate(over="ignore", invalid="ignore"):
        wide = high + low
        part = wide - high
        wide = _odd(wide, (high - (wide - part)) + (low - part))
        if dtype == np.float32:
            return wide.astype(dtype)
        single = wide.astype(np.float32)
        return _odd(single, wide - single).astype(dtype)


def _odd(value: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The neighbour with an odd last bit, in the direction of the rest, where there is one."""
    even = value.view(np.int64 if value.itemsize == 8 else np.int32) & 1 == 0
    outside = np.copysign(np.inf, rest).astype(value.dtype)
    return np.where(even & (rest != 0) & np.isfinite(rest), np.nextafter(value, outside), value)


def exact(dy: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Σ dy·x over x < 0, finite: rounded to float64, and what that leaves."""
    left = x < 0
    terms = (dy[left].astype(np.float64) * x[left].astype(np.float64)).tolist()
    high = math.fsum(terms)
    return high, math.fsum([*terms, -high])


def rounded(high: np.ndarray, low: np.ndarray, size: np.ndarray, dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The sum for each channel in x's dtype, of arrays (row, channel, place); size is that of the absolute values."""
    count = x.shape[0] * x.shape[2]
    finite = np.isfinite(high)
    error = np.where(finite, size, 0.0) * (count * count * LOST)
    result, above = nearest(high, low - error, x.dtype), nearest(high, low + error, x.dtype)
    for c in np.flatnonzero(finite & (result != above)):
        result[c] = nearest(*(np.array([part]) for part in exact(dy[:, c], x[:, c])), x.dtype)[0]
    return result
