# SPDX-License-Identifier: MIT
"""Large arrays are written past the caches, and light kernels from a cache line on: the bits are the same."""

import ml_dtypes
import numpy as np
import pytest

from kernels.cpu import leaky_relu, sigmoid
from kernels.cpu.storage import STORAGES
from kernels.cpu.streams import STREAMED_BYTES

RNG = np.random.default_rng(7)
PIECE = 1 << 16  # elements: far from streamed


def draw(dtype: str, size: int) -> np.ndarray:
    return RNG.standard_normal(PIECE).astype(getattr(ml_dtypes, dtype, dtype)).repeat(-(-size // PIECE))[:size].copy()


def bits(array: np.ndarray) -> np.ndarray:
    return array.view(f"u{array.dtype.itemsize}")


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("dtype", STORAGES)
def test_streamed_results_are_those_of_small_arrays(dtype, direction):
    size = STREAMED_BYTES // STORAGES[dtype].dtype.itemsize + 1234
    arrays = [draw(dtype, size) for _ in range(1 if direction == "forward" else 2)]
    kernel = getattr(sigmoid, direction)
    want = np.concatenate(
        [kernel(*[a[i : i + PIECE] for a in arrays], variant="fast", threads=1) for i in range(0, size, PIECE)]
    )
    spacious = np.full(size + 99, 7, arrays[-1].dtype)
    for start in (0, 3):
        out = spacious[start : start + size]
        assert kernel(*arrays, variant="fast", threads=1, out=out) is out
        np.testing.assert_array_equal(bits(out), bits(want))
    assert (spacious[size + 3 :] == 7).all()
    x = arrays[-1]
    np.testing.assert_array_equal(bits(kernel(*arrays, variant="fast", threads=1, out=x)), bits(want))


@pytest.mark.parametrize("dtype", STORAGES)
@pytest.mark.parametrize("slope", [0.01, 0.3])
def test_a_light_kernel_begins_anywhere_in_a_cache_line(dtype, slope):
    x = draw(dtype, 300)
    want = leaky_relu(x, variant="fast", negative_slope=slope)
    for start in range(66):
        out = np.full(400, 7, x.dtype)
        for size in (0, 1, 5, 100, 300 - start):
            leaky_relu(x[start : start + size], variant="fast", out=out[start : start + size], negative_slope=slope)
            np.testing.assert_array_equal(bits(out[start : start + size]), bits(want[start : start + size]))
            assert (out[:start] == 7).all()
            assert (out[start + size :] == 7).all()
