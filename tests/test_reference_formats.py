# SPDX-License-Identifier: MIT
"""The formats against NumPy and ml_dtypes, and the order of their numbers."""

import math

import ml_dtypes
import numpy as np
import pytest

from reference.formats import FORMATS

every_format = pytest.mark.parametrize("f", FORMATS.values(), ids=lambda f: f.name)
small_formats = pytest.mark.parametrize("f", [f for f in FORMATS.values() if f.bits == 16], ids=lambda f: f.name)


def sample_of_ordinals(f) -> np.ndarray:
    """Every ordinal of a 16-bit format; of a larger one the ends, the middle, and some at random. Infinities too."""
    top = f.infinity_pattern
    if f.bits == 16:
        return np.arange(-top, top + 1)
    rng = np.random.default_rng(7)
    edges = [0, 1, 2, 1 << (f.precision - 1), top - 1, top]
    return np.unique(np.concatenate([rng.integers(-top, top + 1, 10_000), edges, -np.array(edges)]))


def bits(values: np.ndarray, f) -> list[int]:
    return values.view(f.pattern).tolist()


@every_format
def test_numbers_of_the_format(f):
    info = ml_dtypes.finfo(f.dtype)
    assert f.dtype.itemsize * 8 == info.bits == f.bits
    assert f.precision == info.nmant + 1
    assert f.emin == info.minexp
    assert f.emax == info.maxexp - 1
    assert f.largest == float(info.max)
    assert f.least_normal == float(info.smallest_normal)
    assert f.least_subnormal == float(info.smallest_subnormal)
    assert f.largest.is_integer()
    assert math.isfinite(f.largest)


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_numbers_of_the_format_are_those_of_numpy(name):
    f, info = FORMATS[name], np.finfo(name)
    assert (f.bits, f.precision, f.emin, f.emax) == (info.bits, info.nmant + 1, info.minexp, info.maxexp - 1)
    assert (f.largest, f.least_normal, f.least_subnormal) == (info.max, info.smallest_normal, info.smallest_subnormal)


@every_format
def test_infinity_follows_the_largest_number(f):
    around = f.from_patterns([f.infinity_pattern - 1, f.infinity_pattern, f.infinity_pattern + 1])
    assert float(around[0]) == f.largest
    assert float(around[1]) == math.inf
    assert math.isnan(float(around[2]))


@every_format
def test_ordinals_of_landmarks(f):
    top = f.infinity_pattern
    landmarks = {
        0.0: 0,
        f.least_subnormal: 1,
        -f.least_subnormal: -1,
        f.least_normal: 1 << (f.precision - 1),
        1.0: f.emax << (f.precision - 1),
        f.largest: top - 1,
        -f.largest: 1 - top,
        math.inf: top,
        -math.inf: -top,
    }
    values = np.array(list(landmarks)).astype(f.dtype)
    assert f.ordinals(values).tolist() == list(landmarks.values())
    assert f.ordinals(np.array([-0.0]).astype(f.dtype)).tolist() == [0]


@every_format
def test_ordinals_round_trip(f):
    ordinals = sample_of_ordinals(f)
    values = f.from_ordinals(ordinals)
    assert values.dtype == f.dtype
    assert np.array_equal(f.ordinals(values), ordinals)


@every_format
def test_ordinals_are_in_the_order_of_the_numbers(f):
    values = f.from_ordinals(sample_of_ordinals(f)).astype(np.float64)
    assert np.all(np.diff(values) > 0)


@every_format
def test_the_next_ordinal_is_the_next_number_also_through_zero(f):
    ordinals = sample_of_ordinals(f)
    ordinals = np.concatenate([ordinals[ordinals < f.infinity_pattern], [-2, -1, 0, 1]])
    with np.errstate(over="ignore"):  # from the largest number to infinity
        following = np.nextafter(f.from_ordinals(ordinals), f.dtype.type(np.inf))
    assert np.array_equal(following, f.from_ordinals(ordinals + 1))


@every_format
def test_patterns_are_kept_bit_by_bit(f):
    patterns = [0, 1, 1 << (f.bits - 1), f.infinity_pattern, f.infinity_pattern + 1, (1 << f.bits) - 1]
    values = f.from_patterns(patterns)
    assert values.dtype == f.dtype
    assert bits(values, f) == patterns


@every_format
def test_ordinals_of_values_that_are_not_contiguous(f):
    values = f.from_ordinals(np.arange(-8, 8))
    assert f.ordinals(values[::-2]).tolist() == list(range(7, -9, -2))
    assert f.ordinals(values.reshape(4, 4).T).shape == (4, 4)


@small_formats
def test_every_value_is_there_once(f):
    values = f.every_value()
    assert bits(values, f) == list(range(1 << 16))
    with np.errstate(invalid="ignore"):  # half of the NaNs are signaling
        nans = np.isnan(values).sum()
    assert nans == 2 * ((1 << (f.precision - 1)) - 1)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_every_value_of_a_large_format_is_refused(name):
    with pytest.raises(ValueError, match=name):
        FORMATS[name].every_value()
