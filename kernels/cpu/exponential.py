# SPDX-License-Identifier: MIT
"""e^z without a call or a branch, for any float type T, to more digits than T has: `fast` and `rounded` are made of it.

With n the whole number nearest to z/ln2 and r = z − n·ln2, e^z is (1 + r + t)·2^n, where t = e^r − 1 − r is less than
0.07. With ln2 in two parts, high in T's precision, z − n·high is exact (Cody and Waite 1980, §6): both are multiples of
T's last place at ¼, and their difference is less than 0.36. So r has no error, and t one of
a quarter of T's last place at 1, or less.
"""

from kernels.cpu.blocks import (
    LN2,
    LOG2_E,
    at_least,
    at_most,
    by_type,
    exponent_shift,
    fma,
    pair_of,
    polynomial,
    quick_polynomial,
    two_to,
    two_to_shifted,
)
from kernels.cpu.compile import block
from kernels.tables import EXP_DOUBLE, EXP_SINGLE, EXP_SINGLE_FINE, EXP_WIDE_DOUBLE, EXP_WIDE_SINGLE


@block
def reduced(z, dz, near):
    """(r, dr, n) with z + dz = r + dr + n·ln2, |z| ≤ 1024, n the whole number nearest to near/ln2: r is exact."""
    T = type(z)
    high, low = pair_of(z, LN2)
    shift = T(by_type(z, 1.5 * 2.0**23, 1.5 * 2.0**52))
    n = fma(T(LOG2_E), near, shift) - shift
    return fma(-n, high, z), fma(-n, low, dz), n


@block
def exp_terms(z, dz):
    """(r, t, n) of e^(z + dz) = (1 + r + t)·2^n, r exact and t within 2^-25 (2^-54).

    |z| ≤ 1024 and |dz| ≤ 2^-14 (2^-43): half of z's last place.
    """
    r, d, n = reduced(z, dz, z)
    square, rest = r * r, quick_polynomial(r, by_type(z, EXP_SINGLE, EXP_DOUBLE))
    return r, fma(square, rest, fma(d, fma(square, rest, r), d)), n


@block
def falling_terms(z, dz, unit):
    """(r, t, shifted) of e^(−z − dz) = (1 + r + t)·2^(unit − n) with n + `exponent_shift` = shifted.

    z and dz are as in `exp_terms`; r is exact, t within 2^-25 (2^-54).
    """
    T = type(z)
    high, low = pair_of(z, LN2)
    shift = exponent_shift(z) + T(unit)
    shifted = fma(T(LOG2_E), z, shift)
    n = shifted - shift
    r = fma(n, high, -z)
    d = fma(n, low, -dz)
    near = r + d
    return r, fma(near * near, quick_polynomial(near, by_type(z, EXP_SINGLE_FINE, EXP_DOUBLE)), d), shifted


@block
def exp_terms_of_sum(r, dr):
    """(q, t) with e^(r + dr) = 1 + q + t, |r + dr| ≤ 0.5, also of a dr not small beside r.

    t is within 2^-24.5 (2^-53.5).
    """
    q = r + dr
    rest = polynomial(q, by_type(r, EXP_WIDE_SINGLE, EXP_WIDE_DOUBLE))
    return q, fma(q * q, rest, dr - (q - r))


@block
def exp_pair(z, dz):
    """(high, low, n) of e^(z + dz) = (high + low)·2^n, with high in [0.7, 1.42], for z and dz as in `exp_terms`."""
    r, t, n = exp_terms(z, dz)
    high, low = one_and(r, t)
    return high, low, n


@block
def exp_beside_one(z, dz):
    """(high, low, shifted) of e^(z + dz) = (high + low)·2^n, n ≤ 0 and n + `exponent_shift` = shifted.

    n is 0 unless the exponential is so small that nothing of it is left beside 1: high + low may be added to that.
    z and dz are as in `exp_terms`, and e^z must not overflow.
    """
    T = type(z)
    ln2, rest = pair_of(z, LN2)
    shift, least = exponent_shift(z), T(by_type(z, 60.0, 120.0))
    shifted = fma(T(LOG2_E), z, shift)
    n = shifted - shift
    r = fma(-n, ln2, z)
    d = fma(-n, rest, dz)
    near = r + d
    high, low = one_and(r, fma(near * near, polynomial(near, by_type(z, EXP_SINGLE_FINE, EXP_DOUBLE)), d))
    power = two_to_shifted(at_least(shifted, shift - least))
    return high * power, low * power, at_most(shifted + least, shift)


@block
def one_and(r, t):
    """1 + r + t as high + low."""
    T = type(r)
    high = T(1) + (r + t)
    return high, t - ((high - T(1)) - r)  # high − 1 is exact, and so near to r that the difference is


@block
def expm1_pair(z, dz):
    """e^(z + dz) − 1 as high + low, for −110 ≤ z ≤ 80 (float64: ±750) and dz as in `exp_terms`."""
    T = type(z)
    r, t, n = exp_terms(z, dz)
    return expm1_of(r, t, at_least(n, -T(by_type(z, 120.0, 1000.0))))


@block
def expm1_terms(z):
    """(r, t, n) of e^z = (1 + r + t)·2^n for z ≤ 0, with t within 0.7 ulp of it where e^z is not small beside 1.

    t = r²/2 + r³·q: its first term is a product of two floats, and the second is less than a seventh of it.
    """
    T = type(z)
    r, d, n = reduced(z, T(0), z)
    q = quick_polynomial(r, by_type(z, EXP_SINGLE_FINE, EXP_DOUBLE)[1:])
    return r, fma(T(0.5) * r, r, fma(r * r * r, q, d)), n


@block
def expm1_left(z):
    """e^z − 1 as high + low within a quarter of an ulp, for −80 ≤ z ≤ 0 (float64: from −600 on)."""
    T = type(z)
    r, t, n = expm1_terms(z)
    high, low = expm1_of(r, t, n)
    power = two_to(n)
    return high, low + (power - ((power - T(1)) + T(1)))  # far left 2^n − 1 loses digits, in the end all of 2^n


@block
def quick_exp(z):
    """e^z within 0.9 ulp, where 2^n is in range."""
    T = type(z)
    r, t, n = exp_terms(z, T(0))
    return (T(1) + (r + t)) * two_to(n)


@block
def quick_expm1(z):
    """e^z − 1 within 0.9 ulp, for −40 ≤ z ≤ 0."""
    T = type(z)
    r, t, n = expm1_terms(z)
    power = two_to(n)
    return fma(power, r + t, power - T(1))


@block
def expm1_of(r, t, n):
    """(1 + r + t)·2^n − 1 as high + low, where the middle 2^n − 1 is 0 or outweighs r·2^n."""
    T = type(r)
    power = two_to(n)
    middle, part = power - T(1), power * r
    high = middle + part
    return high, fma(power, t, part - (high - middle))
