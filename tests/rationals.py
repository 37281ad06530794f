# SPDX-License-Identifier: MIT
"""Rounding and the ULP by their definitions, in rational numbers: what the oracle and the checker are held against."""

from fractions import Fraction
from functools import cache
from math import inf

import numpy as np
from mpmath import mp, mpf

from reference.formats import Format
from reference.oracle import Exact


@cache
def power(e: int) -> Fraction:
    """2^e."""
    return Fraction(2) ** e


def rational(value) -> Fraction:
    """A finite float, scalar of a format or mpmath number as the rational number that it is."""
    if isinstance(value, mpf):
        negative, man, exp, _ = value._mpf_
        return (-1) ** negative * int(man) * power(int(exp))
    return Fraction(float(value))


def real(y: Fraction) -> mpf:
    """A dyadic rational number as the mpmath number that is exactly it."""
    with mp.workprec(max(53, y.numerator.bit_length())):
        return mp.ldexp(mpf(y.numerator), 1 - y.denominator.bit_length())


def floor_log2(y: Fraction) -> int:
    size = abs(y)
    guess = size.numerator.bit_length() - size.denominator.bit_length()
    return guess - (size < power(guess))


def exponent(y: Fraction, form: Format) -> int:
    """E = max(floor(log2 |y|), emin)."""
    return max(floor_log2(y), form.emin) if y else form.emin


def ulp(y: Fraction, form: Format) -> Fraction:
    return power(exponent(y, form) - form.precision + 1)


def nearest(y: Fraction, form: Format, unit: Fraction | None = None) -> float:
    """RN(y), ties to even; a zero has the sign of y. ``unit`` is the ulp, where it is at hand."""
    unit = unit or ulp(y, form)
    size = round(abs(y) / unit) * unit  # Python rounds a Fraction half to even
    value = inf if size > Fraction(form.largest) else float(size)
    return -value if y < 0 else value


def exact_of(values: list[Fraction], form: Format, *, scales: list[int] | None = None, either_zero=False) -> Exact:
    """The oracle's answer for these y, made by hand; ``scales`` are exponents that are not those of y."""
    scales = [exponent(y, form) for y in values] if scales is None else scales
    scaled = [y / power(e) for y, e in zip(values, scales, strict=True)]
    highs = [float(s) for s in scaled]
    with np.errstate(over="ignore"):
        rounded = np.array([nearest(y, form) for y in values]).astype(form.dtype)
    return Exact(
        nearest=rounded,
        sign=np.array([(y > 0) - (y < 0) for y in values], np.int8),
        exponent=np.array(scales, np.int32),
        hi=np.array(highs),
        lo=np.array([float(s - Fraction(h)) for s, h in zip(scaled, highs, strict=True)]),
        class_only=np.zeros(len(values), bool),
        either_zero=np.full(len(values), either_zero),
    )
