# SPDX-License-Identifier: MIT
"""Half precisions to float32 and back: every value, against NumPy and ml_dtypes."""

import ml_dtypes
import numpy as np
import pytest
from numba import njit

from kernels.cpu.storage import BY_DTYPE, STORAGES

EVERY = np.arange(1 << 16, dtype=np.uint16)


def stored(storage, values: np.ndarray) -> np.ndarray:
    store = storage.store

    @njit
    def loop(values, out):
        for i in range(values.size):
            out[i] = store(values[i])

    out = np.empty(values.size, np.uint16)
    loop(values, out)
    return out


def loaded(storage, bits: np.ndarray) -> np.ndarray:
    load = storage.load

    @njit
    def loop(bits, out):
        for i in range(bits.size):
            out[i] = load(bits[i])

    out = np.empty(bits.size, np.float32)
    loop(bits, out)
    return out


def hard_to_round() -> np.ndarray:
    """Float32 values around every place where a 16-bit dtype changes its mind, and any others."""
    bits = np.concatenate(
        [
            EVERY.view(np.float16).astype(np.float32).view(np.uint32),
            EVERY.astype(np.uint32) << 16,
            np.random.default_rng(6).integers(0, 1 << 32, 1 << 18, np.uint32),
        ]
    )
    near = [bits + np.uint32(d) for d in (0, 1, 0xFFFF_FFFF, 0xFFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001)]
    return np.concatenate(near).view(np.float32)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_every_value_goes_there_and_back(name):
    storage = STORAGES[name]
    values = loaded(storage, EVERY)
    want = EVERY.view(storage.dtype).astype(np.float32)
    nan = np.isnan(want)
    np.testing.assert_array_equal(np.isnan(values), nan)
    np.testing.assert_array_equal(values[~nan].view(np.uint32), want[~nan].view(np.uint32))
    back = stored(storage, values)
    np.testing.assert_array_equal(back[~nan], EVERY[~nan])
    assert np.isnan(back[nan].view(storage.dtype).astype(np.float32)).all()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rounding_is_to_nearest_even_and_a_nan_stays_one(name):
    storage = STORAGES[name]
    values = hard_to_round()
    got, want = stored(storage, values), values.astype(storage.dtype)
    nan = np.isnan(values)
    np.testing.assert_array_equal(got[~nan], want[~nan].view(np.uint16))
    assert np.isnan(got[nan].view(storage.dtype).astype(np.float32)).all()


def test_wide_dtypes_are_taken_as_they_are():
    for name in ("float32", "float64"):
        x = np.ones(3, name)
        assert STORAGES[name].view(x) is x
    assert BY_DTYPE[np.dtype(ml_dtypes.bfloat16)] is STORAGES["bfloat16"]
