# SPDX-License-Identifier: MIT
"""The ULP, in one function: how far a result is from the exact value, and whether it is of the right class.

With y the exact real value, p the precision and emin the least exponent of the format, E = max(floor(log2 |y|), emin)
and ulp = 2^(E - p + 1); the error of a result r is |r - y| / ulp. E comes from the real y and not from its rounding.
An infinite r counts as ±2^(emax + 1) where RN(y) is finite, and as exact where RN(y) is the same infinity. An error too
large for binary64 is the largest binary64 number.

It is compiled: sweeps over all float32 numbers judge each result by the same functions as `judge` does.
"""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numba import types

from reference.compiled import block, compile_loop
from reference.fast import FLAGS, FLOATS, FORM, INTEGERS
from reference.formats import Format
from reference.oracle import Exact

NO_MISMATCH = -1
NAN, INF, ZERO, SIGN = range(4)  # places in reports.schema.MISMATCH_KINDS
LARGEST = sys.float_info.max

COUNTS = types.Array(types.uint64, 1, "C")
KINDS = types.Array(types.int8, 1, "C")


@dataclass(frozen=True)
class Judgement:
    """What is said of each result; every field is an array of that length."""

    error_ulp: np.ndarray  # float64; NaN where no number can be compared: NaN results, NaN and infinite inputs
    distance: np.ndarray  # uint64, representable numbers between r and RN(y), counted through zero; 0 beside a NaN
    above: np.ndarray  # bool: r > RN(y), the sign of the distance, for which int64 would be too small
    misrounded: np.ndarray  # bool: r is not RN(y)
    mismatch: np.ndarray  # int8: NO_MISMATCH, or the place in MISMATCH_KINDS: of the kinds that fit, the first

    def largest_distance(self) -> str:
        """The distance that is largest in magnitude, with its sign, as a decimal numeral."""
        at = int(np.argmax(self.distance))
        return f"{'' if self.above[at] else '-'}{self.distance[at]}" if self.distance[at] else "0"

    def better_of(self, other: "Judgement") -> "Judgement":
        """Element by element the more favourable of two: at a kink, either one-sided derivative is accepted."""
        ours, theirs = self.mismatch != NO_MISMATCH, other.mismatch != NO_MISMATCH
        take = (ours & ~theirs) | ((ours == theirs) & (other.error_ulp < self.error_ulp))
        return Judgement(*(np.where(take, getattr(other, f.name), getattr(self, f.name)) for f in fields(self)))


def judge(got: np.ndarray, exact: Exact, form: Format) -> Judgement:
    """Hold results of the format's dtype against the exact values."""
    n = len(got)
    judgement = Judgement(
        np.empty(n), np.empty(n, np.uint64), np.empty(n, bool), np.empty(n, bool), np.empty(n, np.int8)
    )
    with np.errstate(all="ignore"):  # of signalling NaNs
        value, nearest = got.astype(np.float64), exact.nearest.astype(np.float64)
    ordinals = form.ordinals(got), form.ordinals(exact.nearest)
    signs, exponents = exact.sign.astype(np.int64), exact.exponent.astype(np.int64)
    columns = (value, nearest, *ordinals, signs, exponents, exact.hi, exact.lo, exact.class_only, exact.either_zero)
    _judge_all()(*columns, (form.precision, form.emin, form.emax), *vars(judgement).values())
    return judgement


def distance(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """|ours - theirs| of ordinals, in uint64: from -largest to largest in float64 is more than int64 holds."""
    high, low = np.maximum(ours, theirs), np.minimum(ours, theirs)
    return high.view(np.uint64) - low.view(np.uint64)


@block
def error_ulp(got, high, low, per_unit):
    """|got − (high + low)| in ulp, of which 1 has ``per_unit``."""
    # got − high is exact for results near y (Sterbenz), so that low still counts.
    return min(abs((got - high) - low) * per_unit, LARGEST)


@block
def error_of(value, nearest, exponent, hi, lo, form):
    """The error of a result that is no NaN, in ulp, where y is (hi + lo)·2^exponent."""
    precision, _, emax = form
    if np.isinf(value):
        if value == nearest:
            return 0.0
        scaled = np.copysign(np.ldexp(1.0, emax + 1 - exponent), value)
    else:
        scaled = np.ldexp(value, -exponent)
    return error_ulp(scaled, hi, lo, 2.0 ** (precision - 1))


@block
def compare(exponent, hi, lo, sign, significand, power):
    """-1, 0 or +1 as |y| is less than, equal to or greater than significand·2^power.

    The exponent that goes with hi + lo need not be that of y: a sum's is that of its terms.
    """
    first = np.sign(abs(hi) - np.ldexp(significand, power - exponent))
    return first if first != 0 else sign * np.sign(lo)


@block
def mismatch_of(value, nearest, sign, exponent, hi, lo, class_only, either_zero, form):
    """The first kind of mismatch that fits a result, or NO_MISMATCH."""
    precision, emin, emax = form
    if np.isnan(value) or np.isnan(nearest):
        return NO_MISMATCH if np.isnan(value) == np.isnan(nearest) else NAN
    if np.isinf(value):
        # Above the largest number RN(y) may still be that number, and an infinity is accepted.
        top = 2.0 - 2.0 ** (1 - precision)
        if np.isfinite(nearest) and (class_only or compare(exponent, hi, lo, sign, top, emax) <= 0):
            return INF
    elif np.isinf(nearest):
        return INF
    if value == 0:
        ordinary = sign != 0 and nearest != 0
        if ordinary and (class_only or compare(exponent, hi, lo, sign, 1.0, emin - precision + 1) >= 0):
            return ZERO
        if either_zero:
            return NO_MISMATCH
    elif sign == 0:
        return ZERO
    wanted_negative = np.signbit(nearest) if sign == 0 else sign < 0
    return SIGN if np.signbit(value) != wanted_negative else NO_MISMATCH


def judge_all(
    value, nearest, ours, theirs, sign, exponent, hi, lo, class_only, either_zero, form,
    error, distance, above, misrounded, mismatch,
):  # fmt: skip
    for i in range(value.size):
        comparable = not (np.isnan(value[i]) or np.isnan(nearest[i]) or class_only[i])
        error[i] = error_of(value[i], nearest[i], exponent[i], hi[i], lo[i], form) if comparable else np.nan
        # From -largest to largest in float64 is more than int64 can hold; unsigned, the difference wraps to the truth.
        high, low = max(ours[i], theirs[i]), min(ours[i], theirs[i])
        distance[i] = np.uint64(high) - np.uint64(low) if comparable else np.uint64(0)
        above[i] = comparable and value[i] > nearest[i]
        misrounded[i] = value[i] != nearest[i] and not class_only[i] and not np.isnan(nearest[i])
        mismatch[i] = mismatch_of(
            value[i], nearest[i], sign[i], exponent[i], hi[i], lo[i], class_only[i], either_zero[i], form
        )


@functools.cache
def _judge_all() -> Callable[..., None]:
    columns = (FLOATS, FLOATS, *[INTEGERS] * 4, FLOATS, FLOATS, FLAGS, FLAGS)
    return compile_loop(judge_all, "judge_all", types.void(*columns, FORM, FLOATS, COUNTS, FLAGS, FLAGS, KINDS), {})
