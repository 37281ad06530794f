# SPDX-License-Identifier: MIT
"""σ(z) = 1/(1 + e^(−z)) for any float type T: what sigmoid, softplus, SiLU and GELU-tanh have in common.

With e^(−z) = (1 + r + t)/g, g a power of two, it is g/(1 + g + r + t): one division, in which nothing overflows. Its
quotient is corrected by its own remainder, so that but for the last digit nothing is rounded. g is n's power of two
wherever that is a normal number; where results are smaller still, they are brought down when all else is done.
"""

from math import copysign

import numpy as np

from kernels.cpu.blocks import at_least, at_most, by_type, exponent_shift, fma, halved, shortened, times, two_to_shifted
from kernels.cpu.compile import block
from kernels.cpu.exponential import falling_terms
from kernels.cpu.scaling import odd_sum

NEAREST_TO_TIE = float.fromhex("-0x1.250c02p-10")


@block
def within_logistic(z):
    """z cut off where σ(z) is 0 or 1 in every dtype, also if multiplied by z; NaN for NaN."""
    T = type(z)
    return at_most(at_least(z, T(by_type(z, -110.0, -760.0))), T(by_type(z, 40.0, 80.0)))


@block
def in_order(power, a, least):
    """The order in which a power of two and a are taken, times a short y, from a remainder.

    A power below ``least``, times y, has more digits than the remainder has before a is taken, too. In float64, where
    the other errors are larger than in float32, that would show.
    """
    if by_type(a, False, True):
        return (a, power) if power < type(a)(least) else (power, a)
    return power, a


@block
def quotient(f, g, a, b):
    """(y, rest, r) of f/(1 + g + a + b) = y + rest·r, for powers of two f and g, 1 + a + b as `falling_terms` has it.

    The denominator is only rounded to divide by it. Of a y with fewer bits the products are then subtracted from f
    one by one, the largest first, which leaves remainders without error, or with one far below the result's last digit.
    """
    larger, smaller = max(g, type(g)(1)), min(g, type(g)(1))
    r = type(g)(1) / ((larger + a) + (smaller + b))
    y = shortened(f * r)
    p, q = in_order(smaller, a, 2.0**-12)
    rest = fma(-y, b, fma(-y, q, fma(-y, p, fma(-y, larger, f))))
    return y, rest, r


@block
def scaled_sigmoid(z, dz):
    """(y, rest, r, t) of σ(z + dz) = (y + rest·r)·t, y normal, for z as `within_logistic` leaves it and a small dz."""
    T = type(z)
    a, b, shifted = falling_terms(z, dz, by_type(z, 48.0, 100.0))
    s, t = two_to_shifted(shifted), T(by_type(z, 2.0**-48, 2.0**-100))
    return *quotient(s, s * t, a, b), t


@block
def times_sigmoid(f, z, dz):
    """f·σ(z + dz) in the range of `scaled_sigmoid`, |f| ≤ 2^10: rounded once, and again if it is subnormal.

    Near 0, where f is to be like z, that is f/2 + c·f² with c > 0. Where f/2 is a tie, all of them subnormal, the next
    term decides, upwards: a number far below half of the least one stands in for it.
    """
    T = type(z)
    y, rest, r, t = scaled_sigmoid(z, dz)
    return copysign(fma(f, y, fma(f, rest * r, T(by_type(z, 2.0**-125, 2.0**-1022)))) * t, f)


@block
def odd_times_sigmoid(f, z, dz):
    """The same in float64, as `kernels.cpu.blocks.to_odd` makes it."""
    y, rest, r, t = scaled_sigmoid(z, dz)
    y, low = y * t, rest * r * t
    high = f * y
    return copysign(odd_sum(high, fma(f, low, fma(f, y, -high))), f)


@block
def within_products(z):
    """z cut off where σ(z) is 0 or 1 also if multiplied by any finite number, or by z."""
    T = type(z)
    return at_most(at_least(z, T(by_type(z, -199.0, -1464.0))), T(by_type(z, 40.0, 80.0)))


@block
def of_beta(beta, x):
    """(z, dz) with z + dz = βx, z as `within_products` leaves it."""
    T = type(x)
    if beta == 1:
        return within_products(x), T(0)
    reach = 1500.0 / abs(beta)  # beyond, βx might overflow
    wide = at_most(at_least(np.float64(x), -reach), reach)
    product = T(times(beta, wide))
    z = within_products(product)
    return z, T(fma(beta, wide, -np.float64(z))) if z == product and beta != 0 else T(0)


@block
def sigmoid_terms(z, dz):
    """(y, low, shifted) of σ(z + dz) = (y + low)·2^n ≤ 2^n with n ≤ 0 and n + `exponent_shift` = shifted."""
    T = type(z)
    a, b, shifted = falling_terms(z, dz, 0.0)
    shift = exponent_shift(z)
    g = two_to_shifted(at_least(shifted, shift - T(by_type(z, 126.0, 1022.0))))
    y, rest, r = quotient(max(g, T(0.5)), g, a, b)
    return y, rest * r, at_most(shifted + T(1), shift)


@block
def falling_share(a, da):
    """(y, low, g, shifted) of σ(−a − da) = (y + low)·2^n for a ≥ 0, with g = 2^n where that is normal; y² is exact."""
    T = type(a)
    r, t, shifted = falling_terms(-a, -da, 0.0)
    g = two_to_shifted(at_least(shifted, exponent_shift(a) - T(by_type(a, 126.0, 1022.0))))
    inverse = T(1) / ((T(1) + r) + (g + t))
    y = halved(inverse)
    p, q = in_order(g, r, 2.0**-26)
    rest = fma(-y, t, fma(-y, q, fma(-y, p, T(1) - y)))
    return y, rest * inverse, g, shifted


# For `rounded`: in float64, each operation rounded, and near enough for that at every input of float32.


@block
def near_sigmoid(z, dz):
    """σ(z + dz) within 3 ulp of float64, for −300 ≤ z ≤ 80."""
    r, t, shifted = falling_terms(z, dz, 0.0)
    g = two_to_shifted(shifted)
    return g / ((g + r) + (1.0 + t))


@block
def resolved(z, slope, y):
    """y for a function of z that is ½ + slope·z − c·z³ + … near 0, but for |z| < 2^-15 one that also decides ties.

    ½ + slope·z is a tie for a z of few bits, and the cubic term, far below float64's last digit, decides it. It is seen
    if the slope is a little less: by 2^-29, which is less than any other sum is away from a tie.
    """
    return fma(z, slope - 2.0**-29, 0.5) if abs(z) < 2.0**-15 else y


@block
def rounded_sigmoid(z, dz):
    """A float64 that rounds to a narrower format as σ(z + dz) does, for a z of float32 and dz = 0; z ≥ −300."""
    y = near_sigmoid(z, dz)
    # The one float32 whose σ float64 can't tell from a tie: it is above, by a quarter of float64's last digit.
    y += 2.0**-54 if z == NEAREST_TO_TIE and dz == 0 else 0.0
    return resolved(z, 0.25, y)
