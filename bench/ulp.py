# SPDX-License-Identifier: MIT
"""The ULP, in one function: how far a result is from the exact value, and whether it is of the right class.

With y the exact real value, p the precision and emin the least exponent of the format, E = max(floor(log2 |y|), emin)
and ulp = 2^(E - p + 1); the error of a result r is |r - y| / ulp. E comes from the real y and not from its rounding.
An infinite r counts as ±2^(emax + 1) where RN(y) is finite, and as exact where RN(y) is the same infinity. An error too
large for binary64 is the largest binary64 number.
"""

from dataclasses import dataclass, fields

import numpy as np

from reference.formats import Format
from reference.oracle import Exact

NO_MISMATCH = -1


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
    with np.errstate(all="ignore"):
        value = got.astype(np.float64)
        nearest = exact.nearest.astype(np.float64)
    comparable = ~(np.isnan(value) | np.isnan(nearest) | exact.class_only)
    safe_got = np.where(comparable, got, form.dtype.type(0))
    safe_nearest = np.where(comparable, exact.nearest, form.dtype.type(0))
    return Judgement(
        error_ulp=np.where(comparable, _error_ulp(value, nearest, exact, form), np.nan),
        distance=distance(form.ordinals(safe_got), form.ordinals(safe_nearest)),
        above=comparable & (value > nearest),
        misrounded=(value != nearest) & ~exact.class_only & ~np.isnan(nearest),
        mismatch=_mismatch(value, nearest, exact, form),
    )


def distance(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """|ours - theirs| of ordinals, in uint64: from -largest to largest in float64 is more than int64 holds."""
    high, low = np.maximum(ours, theirs), np.minimum(ours, theirs)
    return high.view(np.uint64) - low.view(np.uint64)


def _error_ulp(value: np.ndarray, nearest: np.ndarray, exact: Exact, form: Format) -> np.ndarray:
    with np.errstate(all="ignore"):
        scaled = np.ldexp(value, -exact.exponent)
        beyond = np.copysign(np.ldexp(1.0, form.emax + 1 - exact.exponent), value)
        scaled = np.where(np.isinf(value), beyond, scaled)
        # got - hi is exact for results near y (Sterbenz), so that lo still counts.
        error = np.abs(scaled - exact.hi - exact.lo) * 2.0 ** (form.precision - 1)
    error = np.where(np.isinf(value) & (value == nearest), 0.0, error)
    return np.minimum(error, np.finfo(np.float64).max)


def _mismatch(value: np.ndarray, nearest: np.ndarray, exact: Exact, form: Format) -> np.ndarray:
    negative = np.signbit(value)
    # Above the largest number RN(y) may still be that number, and an infinity is accepted.
    top = 2.0 - 2.0 ** (1 - form.precision)
    within_range = np.isfinite(nearest) & (exact.class_only | (_compare(exact, form.emax, top) <= 0))
    subnormal = exact.class_only | (_compare(exact, form.emin - form.precision + 1, 1.0) >= 0)
    at_least_subnormal = (exact.sign != 0) & (nearest != 0) & subnormal
    wanted_negative = np.where(exact.sign == 0, np.signbit(nearest), exact.sign < 0)
    is_zero, is_inf = value == 0, np.isinf(value)
    verdicts = (
        np.isnan(value) != np.isnan(nearest),
        np.where(is_inf, within_range, np.isinf(nearest)),
        np.where(is_zero, at_least_subnormal, exact.sign == 0),
        np.where(is_zero & exact.either_zero, False, negative != wanted_negative),
    )
    nan_as_due = np.isnan(value) & np.isnan(nearest)
    mismatch = np.full(len(value), NO_MISMATCH, np.int8)
    for kind, verdict in reversed(list(enumerate(verdicts))):
        mismatch[verdict & ~nan_as_due] = kind
    return mismatch


def _compare(exact: Exact, exponent: int, significand: float) -> np.ndarray:
    """-1, 0 or +1 as |y| is less than, equal to or greater than significand * 2^exponent.

    The exponent that goes with hi + lo need not be that of y: a sum's is that of its terms.
    """
    with np.errstate(over="ignore", under="ignore"):
        bound = np.ldexp(significand, exponent - exact.exponent)
    first = np.sign(np.abs(exact.hi) - bound)
    return np.where(first, first, exact.sign * np.sign(exact.lo))
