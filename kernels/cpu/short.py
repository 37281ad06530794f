# SPDX-License-Identifier: MIT
"""Arithmetic in float32 for results of 16 bits, which have 11 digits at most.

float32 has 24 of them, so nothing is corrected, and a polynomial has an error of 2^-20 or a little less: a result that
is nearer to a tie than 0.002 ulp may be rounded the other way. What needs care still is the range, as bfloat16 has
float32's: exponentials carry a power of two that keeps them among the normal numbers.
"""

from kernels.cpu.blocks import LN2, LOG2_E, at_least, at_most, exponent_shift, fma, polynomial, two_to_shifted
from kernels.cpu.compile import block
from kernels.tables import EXP_SHORT, LOG1P_SHORT

UNIT = 48.0  # exponentials of the forward direction are carried times 2^UNIT
OVER = 2.0**-UNIT
RAISE = 9.0
RAISED = 2.0**RAISE  # e^(z/2) times this is a normal number, or at the end of GRADIENT_REACH near to one
NOT_CORRECTED = "the formula in float32, nothing corrected: a result of 16 bits has 11 digits at most"  # of kernels
REACH = 110.0  # e^−REACH is 0 in both formats, whatever it is multiplied by that is no larger than REACH
GRADIENT_REACH = 188.0  # from here on e^−z times any finite number is 0 in both, and times z or what else is beside it


@block
def short_exp(z, unit):
    """e^z·2^unit, where that is a normal number."""
    T = type(z)
    shift = exponent_shift(z) + T(unit)
    shifted = fma(T(LOG2_E), z, shift)
    r = fma(shift - shifted, T(LN2[0]), z)
    return fma(r, polynomial(r, EXP_SHORT), T(1)) * two_to_shifted(shifted)


@block
def short_expm1(z):
    """e^z − 1 for −40 ≤ z ≤ 0: as (2^n − 1) + 2^n·(e^r − 1), in which nothing cancels."""
    T = type(z)
    shift = exponent_shift(z)
    shifted = fma(T(LOG2_E), z, shift)
    r = fma(shift - shifted, T(LN2[0]), z)
    power = two_to_shifted(shifted)
    return fma(power, r * polynomial(r, EXP_SHORT), power - T(1))


@block
def short_sigmoid(z):
    """σ(z) for −REACH ≤ z ≤ 40: 2^−UNIT/(2^−UNIT + e^(−z)·2^−UNIT)."""
    over = type(z)(OVER)
    return over / (over + short_exp(-z, -UNIT))


@block
def short_log1p(w):
    """log(1 + w)/w for 0 ≤ w ≤ 1."""
    return polynomial(w, LOG1P_SHORT)


@block
def root_of_exp(z):
    """w = e^(z/2), and h, which is RAISED times that, for −GRADIENT_REACH ≤ z ≤ 80; at the reach both are 0."""
    h = short_exp(type(z)(0.5) * z, RAISE)
    return h * type(z)(1 / RAISED), h


@block
def falling_root(x):
    """The same of z = −|x|, for any x."""
    return root_of_exp(at_least(-abs(x), -type(x)(GRADIENT_REACH)))


@block
def gradient(dy, f, w):
    """dy·f·w/RAISED, for any finite dy, and an f that is not much larger than RAISED: of h, or beside it.

    Nothing overflows on the way that does not in the end, and nothing is 0 too early: the first product is exact for a
    dy of 16 bits, and of a tiny e^z, which is w·h/RAISED, dy is multiplied by one half, and then by the other.
    """
    return dy * type(dy)(1 / RAISED) * f * w


@block
def within_short(x):
    """x cut off on the left, where e^x is 0 in every 16-bit format, also if multiplied by x; NaN for NaN."""
    return at_least(x, -type(x)(REACH))


@block
def within_sigmoid(x):
    """The same, cut off on the right too, where σ(x) is 1."""
    return at_most(within_short(x), type(x)(40))
