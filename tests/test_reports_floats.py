# SPDX-License-Identifier: MIT
"""The line of floats is that of the formats themselves."""

import math

import ml_dtypes
import numpy as np
import pytest

from reports import floats

DTYPES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32, "float64": np.float64}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_ordinals_of_all_16_bit_numbers_are_their_bit_patterns(dtype):
    infinity = np.array(math.inf, DTYPES[dtype]).view(np.uint16)
    bits = np.arange(infinity + 1, dtype=np.uint16)
    for pattern, value in zip(bits.tolist(), bits.view(DTYPES[dtype]).astype(np.float64).tolist(), strict=True):
        assert floats.ordinal(value, dtype) == pattern
        assert floats.ordinal(-value, dtype) == -pattern


@pytest.mark.parametrize(("dtype", "integer"), [("float32", np.int32), ("float64", np.int64)])
def test_ordinals_of_wider_numbers_are_their_bit_patterns(dtype, integer):
    least, largest = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    for value in (0, least, np.finfo(dtype).smallest_normal, 0.1, 1, math.pi, largest, math.inf):
        assert floats.ordinal(float(np.dtype(dtype).type(value)), dtype) == np.array(value, dtype).view(integer)


@pytest.mark.parametrize("dtype", DTYPES)
def test_ticks_are_in_range_and_apart(dtype):
    ticks = floats.ticks(dtype)
    assert [label for _, label in ticks[:5]] == ["0", "inf", "−inf", "1", "−1"]
    places = [place for place, _ in ticks]
    assert len(set(places)) == len(places)
    assert min(places) == -1
    assert max(places) == 1
