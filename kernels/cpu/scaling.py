# SPDX-License-Identifier: MIT
"""Numbers carried as f·2^n, and gradients dy·f·2^n: 2^n is applied last, and once.

So nothing overflows or loses bits on the way to a result that is in range, however large or small dy is.
"""

import math

import numpy as np

from kernels.cpu.blocks import (
    BOUND,
    LN2,
    LOG2_E,
    at_least,
    by_type,
    exponent_shift,
    fma,
    pair_of,
    pair_product,
    power_of_two,
    round_product,
    to_odd,
    two_product,
    two_sum,
    two_to,
    two_to_shifted,
)
from kernels.cpu.compile import block


@block
def exp_parts(z, dz):
    """e^(z + dz) as (m, n), standing for m·2^n, for z ≤ 0 and a small dz."""
    T = type(z)
    high, low = pair_of(z, LN2)
    n = np.rint(T(LOG2_E) * (z if z > -T(BOUND) else -T(BOUND)))
    return math.exp(fma(-n, low, fma(-n, high, z)) + dz), n


@block
def scaled(f, n):
    """f·2^n, rounded once, for |f| < 2^102 (float64: 2^969): in one step or, where 2^n is too small for one, in two."""
    T = type(f)
    least = T(by_type(f, -126.0, -1022.0))  # the exponent of the least normal number
    deep = n < least
    power = power_of_two(n - least if deep else n)
    return f * power * (T(by_type(f, 2.0**-126, 2.0**-1022)) if deep else T(1))


@block
def beside_one(f, n):
    """f·2^n for n ≤ 0, to be added to a number near 1: how small it is no longer matters below 2^-120."""
    return f * two_to(at_least(n, type(f)(-120)))


@block
def in_reach(dy, n):
    """(a, m) with a·2^m = dy·2^n, where a times a number of at most 4 neither overflows nor becomes subnormal."""
    T = type(dy)
    large = abs(dy) > T(by_type(dy, 2.0**40, 2.0**320))
    grow = T(by_type(dy, 32.0, 256.0))
    shrink = T(by_type(dy, 2.0**-32, 2.0**-256))  # dy is then far from overflow
    # A factor of 1 in place of 2^24 would be no factor, and LLVM would then shrink the small dy, too: into subnormals,
    # which take a hundred cycles each, to discard them.
    return dy * (shrink if large else T(2.0**24)), n + (grow if large else T(-24))


@block
def scaled_product(dy, f, n):
    """dy·f·2^n for |f| ≤ 4 and n ≤ 150 (float64: 1047): neither dy·f nor f·2^n need be in range."""
    a, m = in_reach(dy, n)
    return scaled(a * f, m)


@block
def scaled_pair(dy, f, df, n):
    """dy·(f + df)·2^n, rounded once, in the same range as `scaled_product`."""
    a, m = in_reach(dy, n)
    return scaled(round_product(a, f, df), m)


@block
def mirrored_product(dy, x, f, n):
    """dy·f′(x), given f′(−|x|) = f·2^n, where f′(x) + f′(−x) = 1."""
    if x < 0:
        return scaled_product(dy, f, n)
    return round_product(dy, *two_sum(type(x)(1), -scaled(f, n)))


@block
def mirrored_pair(dy, x, f, df, n):
    """The same, rounded once, given f′(−|x|) = (f + df)·2^n."""
    if x < 0:
        return scaled_pair(dy, f, df, n)
    high, low = two_sum(type(x)(1), -scaled(f, n))
    return round_product(dy, high, low - scaled(df, n))


@block
def lowered(dy, f, low, shifted):
    """dy·(f + low)·2^n for |f| ≤ 1, n ≤ 0 and n + `exponent_shift` = shifted: rounded once, or again if subnormal.

    As 2^n can be too small, though the product is not, an n below the exponents of normal numbers is applied in three
    steps, of which the first brings no y of ordinary size near the subnormals: LLVM takes it for all y.
    """
    T = type(dy)
    deep = shifted < exponent_shift(dy) - T(by_type(dy, 126.0, 1022.0))
    step = T(by_type(dy, 2.0**-81, 2.0**-546)) if deep else T(1)
    y = fma(dy, f, dy * low) * step
    return y * two_to_shifted(shifted + (T(by_type(dy, 162.0, 1092.0)) if deep else T(0))) * step


# For `rounded`: in float64, with results of a narrower format, so that nothing leaves float64's range.


@block
def odd_sum(high, low):
    """high + low, for a low that is small beside high, as `to_odd` makes it."""
    sum = high + low
    return to_odd(sum, low - (sum - high))


@block
def odd_times(parameter, x):
    """parameter·x as `to_odd` makes it; 0 for a parameter of 0, also at an infinite x."""
    return to_odd(*two_product(parameter, x)) if parameter != 0 or x != x else 0.0


@block
def odd_product(dy, f, df, n):
    """dy·(f + df)·2^n, as `to_odd` makes it."""
    high, low = pair_product(dy, 0.0, f, df)
    power = two_to(at_least(n, -1000.0))
    return odd_sum(high * power, low * power)


@block
def odd_lowered(dy, f, low, shifted):
    """The same as `lowered`, as `to_odd` makes it."""
    return odd_product(dy, f, low, shifted - exponent_shift(dy))


@block
def odd_mirrored(dy, x, f, df, n):
    """dy·f′(x), given f′(−|x|) = (f + df)·2^n, where f′(x) + f′(−x) = 1, as `to_odd` makes it."""
    power = two_to(at_least(n, -1000.0))
    f, df = f * power, df * power
    high, low = two_sum(1.0, -f)
    return odd_product(dy, f if x < 0 else high, df if x < 0 else low - df, 0.0)
