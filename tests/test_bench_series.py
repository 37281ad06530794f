# SPDX-License-Identifier: MIT
"""Inputs in arithmetic order: they are made right, and any change to them is told and undone."""

import numpy as np
import pytest

from bench.calling import hexadecimal
from bench.series import Filled, Series, series_of

COUNT = 1000
FIRST = 0xFFFF_FC18  # the last so many patterns there are


def expected(direction: str) -> list[np.ndarray]:
    x = np.arange(FIRST, FIRST + COUNT, dtype=np.uint64).astype(np.uint32).view(np.float32)
    return [x] if direction == "forward" else [np.ones(COUNT, np.float32), x]


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_arrays_are_filled_with_consecutive_inputs(direction):
    series = series_of(direction, FIRST)
    arrays = [np.empty(COUNT, np.float32) for _ in series]
    filled = Filled(arrays, series)
    for got, want in zip(arrays, expected(direction), strict=True):
        np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))
    assert filled.restore() == []


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("at", [0, 517, COUNT - 1])
def test_a_changed_element_is_named_and_set_right(which, at):
    series = series_of("backward", 0x4000_0000)
    arrays = [np.empty(COUNT, np.float32) for _ in series]
    filled = Filled(arrays, series)
    before = arrays[which][at]
    arrays[which].view(np.uint32)[at] ^= 1
    wrote = hexadecimal(arrays[which][at])
    (error,) = filled.restore()
    assert error.failure.kind == "wrote_input"
    assert f"wrote {wrote} over an input" in error.failure.message
    assert float.fromhex(error.failure.input) == before
    assert arrays[which][at] == before
    assert filled.restore() == []


@pytest.mark.parametrize("change", [{"dtype": np.int32}, {"shape": (10, 100)}])
def test_another_form_is_told_and_undone(change):
    array = np.empty(COUNT, np.float32)
    filled = Filled([array], [Series(0, 1)])
    for name, value in change.items():
        setattr(array, name, value)
    (error,) = filled.restore()
    assert error.failure.kind == "wrote_input"
    assert array.dtype == np.float32
    assert array.shape == (COUNT,)
