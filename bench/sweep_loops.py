# SPDX-License-Identifier: MIT
"""The compiled loops of a sweep over float32: the exact results of consecutive inputs, and results held against them.

Inputs are consecutive bit patterns of finite numbers other than 0. `know` and `compare` have no branches, so that they
are vectorised; what they can't settle they flag for `know_unsure` and `compare_bad`, which go one by one.
"""

import functools
from dataclasses import dataclass

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic

from bench.ulp import KINDS, NO_MISMATCH, error_of, error_ulp, mismatch_of
from reference.activation import Activation
from reference.compiled import block, compile_loop, is_cached
from reference.fast import DEEPEST, EPSILON, FLAGS, FLOATS, exponent_of, relative_bound, settle_one
from reference.formats import FORMATS
from reference.pairs import bits_of, float_of, fma, power_of_two

SINGLE = FORMATS["float32"]
FORM = (SINGLE.precision, SINGLE.emin, SINGLE.emax)
LAST_PLACE, EMIN = SINGLE.precision - 1, SINGLE.emin
MARGIN = EPSILON[False]
LANES = 8  # counted apart
VANISHED = 2.0**-300  # rounds to zero, whatever it is
BINS = 26  # errors up to 0.5, 1, 2, 4, ..., 2^23 ulp, and above

SINGLES = types.Array(types.float32, 1, "C")
TALLIES = types.Array(types.int64, 1, "C")


@intrinsic
def single_of(typing_context, pattern):
    """The float32 of a bit pattern (int64), as a float64."""

    def generate(context, builder, signature, arguments):
        word = builder.trunc(arguments[0], ir.IntType(32))
        return builder.fpext(builder.bitcast(word, ir.FloatType()), ir.DoubleType())

    return types.float64(types.int64), generate


@intrinsic
def pattern_of(typing_context, value):
    """The bit pattern of a float32, as an int64 whose sign is that of the float32."""

    def generate(context, builder, signature, arguments):
        return builder.sext(builder.bitcast(arguments[0], ir.IntType(32)), ir.IntType(64))

    return types.int64(types.float32), generate


@block
def ordinal_of(value):
    """How many float32 numbers there are from 0 to a float32, negative below it."""
    pattern = pattern_of(value)
    return -(pattern & 0x7FFF_FFFF) if pattern < 0 else pattern


def body(*arguments):
    raise NotImplementedError("it runs only compiled: see knower")


def know(first, parameters, line, high, low, per_unit, nearest, unsure):
    """y = high + low, how many ulp 1 has, and RN(y), for the inputs from a pattern on; returns how many are unsure.

    ``line`` is the (constant, slope) of the line to which the function may cling here, NaN for none.
    """
    count = 0
    for i in range(high.size):
        x = single_of(first + i)
        value, n = body(x, False, *parameters)
        power = power_of_two(max(n, 1.0 * DEEPEST))
        h, l = value[0] * power, value[1] * power  # noqa: E741
        size = abs(h)
        margin = size * MARGIN
        nearest[i] = np.float32(h)
        exponent = exponent_of(size) - (1 if (bits_of(size) & 0x000F_FFFF_FFFF_FFFF) == 0 and l * h < 0 else 0)
        per_unit[i] = power_of_two(1.0 * (LAST_PLACE - max(exponent, EMIN)))
        # A power of two between both ends of the interval is harmless where it is the line: low tells the side.
        top = bits_of(size + margin) >> 52
        crossing = top != bits_of(size - margin) >> 52 and top - 1023 > EMIN
        height = line[0] + line[1] * x
        on_line = bits_of(abs(height)) == top << 52 and fma(line[1], x, line[0] - height) == 0
        flag = np.float32(h - margin) != np.float32(h + margin) or (crossing and not on_line)
        high[i], low[i], unsure[i] = h, l, flag
        count += 1 if flag else 0
    return count


def know_unsure(first, epsilon, line, high, low, per_unit, nearest, unsure):
    """Settle what `know` was unsure of; what its bound leaves open stays flagged, for mpmath. Returns how many do."""
    count = 0
    for i in range(high.size):
        if unsure[i]:
            x = single_of(first + i)
            height = line[0] + line[1] * x
            height = height if fma(line[1], x, line[0] - height) == 0 else np.nan
            value = high[i], low[i]
            bound = relative_bound(value, 0.0, height, epsilon) * abs(high[i])
            rounded, _, exponent, _, _, unsure[i] = settle_one(value, 0.0, bound, FORM)
            nearest[i], per_unit[i] = rounded, power_of_two(1.0 * (LAST_PLACE - exponent))
            count += 1 if unsure[i] else 0
    return count


def count_agreeing(first, parameters, got):
    """How many results are exactly y, where y is a line and a float32, or 0 where y is too small for any other."""
    constant, slope, _ = parameters
    count = 0
    for i in range(got.size):
        x = single_of(first + i)
        height = constant + slope * x
        near = np.float32(height)
        exact = 1.0 * near == height or (near == 0 and abs(height) < VANISHED)
        same = pattern_of(near) == pattern_of(got[i]) and abs(near) < np.inf
        count += 1 if exact and same else 0
    return count


def compare(got, high, low, per_unit, around, either_zero, error, bad, tally):
    """Errors of results in ulp, and those of a class that needs a closer look; ``tally`` sums up.

    ``around`` is RN(y) of the inputs, with one neighbour more at each end. Tally: misrounded, outside of what f takes
    between both neighbours, bad, and the largest and least distance from RN(y) in representable numbers.
    """
    misrounded = outside = strange = 0
    most = least = 0
    for i in range(got.size):
        result, near = got[i], around[i + 1]
        same = result == near
        alike = (pattern_of(result) ^ bits_of(high[i])) >= 0
        ordinary = alike and result != 0 and near != 0 and abs(result) < np.inf and abs(near) < np.inf
        fine = ordinary or (same and (alike or either_zero or high[i] == 0))
        infinite = abs(result) == np.inf
        ulps = error_ulp(1.0 * result, high[i], low[i], per_unit[i])
        error[i] = ulps if fine and not infinite else 0.0
        bad[i] = not fine
        lowest, highest = min(around[i], near, around[i + 2]), max(around[i], near, around[i + 2])
        misrounded += 0 if same else 1
        outside += 0 if lowest <= result <= highest else 1
        strange += 0 if fine else 1
        distance = ordinal_of(result) - ordinal_of(near) if fine else 0
        most, least = max(most, distance), min(least, distance)
    tally[0], tally[1], tally[2], tally[3], tally[4] = misrounded, outside, strange, most, least


def compare_bad(got, high, low, per_unit, around, either_zero, error, bad, tally, kinds):
    """The error and the kind of mismatch of the results that are flagged; NaN results have no error.

    None of them is a zero where y is 0: `compare` lets those pass, with either sign.
    """
    for i in range(got.size):
        kinds[i] = NO_MISMATCH
        if bad[i]:
            value, near = 1.0 * got[i], 1.0 * around[i + 1]
            exponent = LAST_PLACE - exponent_of(per_unit[i])
            sign = 0 if high[i] == 0 else (1 if high[i] > 0 else -1)
            unit = float_of((1023 - np.int64(exponent)) << 52)
            hi, lo = high[i] * unit, low[i] * unit
            error[i] = np.nan if np.isnan(value) else error_of(value, near, exponent, hi, lo, FORM)
            kinds[i] = mismatch_of(value, near, sign, exponent, hi, lo, False, either_zero, FORM)
            if not np.isnan(value):
                distance = ordinal_of(got[i]) - ordinal_of(around[i + 1])
                tally[3], tally[4] = max(tally[3], distance), min(tally[4], distance)


def count_bins(error, counts):
    """How many errors are in each bin: up to 0.5, and then in powers of two, each bin with its upper end."""
    parts = np.zeros((LANES, BINS + 1), np.int64)  # one count would wait for the one before it; the last is of NaNs
    for i in range(error.size):
        # One less in the last place brings a power of two to the bin that it ends.
        exponent = ((bits_of(error[i]) - 1) >> 52) - 1023
        parts[i % LANES, BINS if np.isnan(error[i]) else max(0, min(exponent + 2, BINS - 1))] += 1
    for lane in range(LANES):
        for k in range(BINS):
            counts[k] += parts[lane, k]


@block
def is_against(here, there, slope):
    """Whether a step goes against a slope; where that is 0, any does. Steps to and from NaN are none."""
    return here > there if slope > 0 else (here < there if slope < 0 else here < there or here > there)


def count_steps(got, slope):
    """How many steps of consecutive results go against a slope."""
    count = 0
    for i in range(got.size - 1):
        count += 1 if is_against(got[i], got[i + 1], slope) else 0
    return count


def find_step(got, slope):
    """The largest of these steps in representable numbers, and the place of its first result."""
    largest, place = 0, 0
    for i in range(got.size - 1):
        step = abs(ordinal_of(got[i]) - ordinal_of(got[i + 1])) if is_against(got[i], got[i + 1], slope) else 0
        if step > largest:
            largest, place = step, i
    return largest, place


@functools.cache
def knower(activation: Activation, direction: str) -> Dispatcher:
    """`know`, compiled for one function."""
    function = activation.fast_forward if direction == "forward" else activation.fast_derivative
    parameters = types.UniTuple(types.float64, len(activation.parameters))
    signature = types.int64(types.int64, parameters, _LINE, *_KNOWN)
    return compile_loop(know, _code_name(activation, direction), signature, {"body": function})


def is_known(activation: Activation, direction: str) -> bool:
    """Whether the cache has the code of a `knower`."""
    return is_cached(know, _code_name(activation, direction))


def _code_name(activation: Activation, direction: str) -> str:
    return f"know_{activation.name}_{direction}"


@block
def clinging(x, fine, constant, slope, ratio):
    """A function so close to a line that how close no longer matters."""
    height = constant + slope * x
    return (height, ratio * height), 0.0


@functools.cache
def line_knower() -> Dispatcher:
    """`know`, compiled for a line: its constant, its slope, and what y is above it, relative to it."""
    signature = types.int64(types.int64, _LINE_KNOWN, _LINE, *_KNOWN)
    return compile_loop(know, "know_line", signature, {"body": clinging})


_LINE = types.UniTuple(types.float64, 2)
_LINE_KNOWN = types.UniTuple(types.float64, 3)  # the parameters of `clinging`
_KNOWN = (FLOATS, FLOATS, FLOATS, SINGLES, FLAGS)
_COMPARED = (SINGLES, FLOATS, FLOATS, FLOATS, SINGLES, types.boolean, FLOATS, FLAGS, TALLIES)


@dataclass(frozen=True)
class Loops:
    """The loops that are the same for every function, compiled."""

    know_unsure: Dispatcher
    count_agreeing: Dispatcher
    compare: Dispatcher
    compare_bad: Dispatcher
    count_bins: Dispatcher
    count_steps: Dispatcher
    find_step: Dispatcher


@functools.cache
def loops() -> Loops:
    """Compile them, or load them from the cache."""
    signatures = (
        (know_unsure, types.int64(types.int64, types.float64, _LINE, *_KNOWN)),
        (count_agreeing, types.int64(types.int64, _LINE_KNOWN, SINGLES)),
        (compare, types.void(*_COMPARED)),
        (compare_bad, types.void(*_COMPARED, KINDS)),
        (count_bins, types.void(FLOATS, TALLIES)),
        (count_steps, types.int64(SINGLES, types.int64)),
        (find_step, types.UniTuple(types.int64, 2)(SINGLES, types.int64)),
    )
    return Loops(*(compile_loop(loop, loop.__name__, signature, {}) for loop, signature in signatures))
