# SPDX-License-Identifier: MIT
"""Arrays of this machine on the device: the same strides, overlaps and distance from a multiple of 16 bytes."""

import ml_dtypes
import numpy as np
import pytest

from kernels.gpu.transfer import Mirror
from tests.gpu import fake  # noqa: F401

pytestmark = pytest.mark.usefixtures("fake")


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_layout_is_kept(dtype):
    memory = np.arange(60).astype(dtype)
    arrays = [memory[3:33:2], memory[40:20:-1], memory[50:].reshape(2, 5).T, memory[:0], np.array(2, dtype)]
    mirrored = Mirror(arrays).on_device
    for here, there in zip(arrays, mirrored, strict=True):
        assert there.array.tobytes() == here.tobytes()
        assert (there.shape, there.dtype) == (here.shape, here.dtype)
        if here.size:
            assert there.strides == here.strides
            assert (there.data.ptr - here.__array_interface__["data"][0]) % 256 == 0
    assert np.shares_memory(mirrored[0].array, mirrored[1].array)
    assert not np.shares_memory(mirrored[0].array, mirrored[2].array)


def test_what_was_written_there_is_brought_back_and_only_to_what_was_given():
    memory = np.zeros(20, np.float32)
    mirror = Mirror([memory[2:10:2]])
    mirror.on_device[0].array[...] = 7
    mirror.bring_back()
    assert list(np.flatnonzero(memory)) == [2, 4, 6, 8]


def test_an_array_that_must_not_be_written_stays_as_it_is():
    x = np.zeros(4, np.float32)
    x.flags.writeable = False
    mirror = Mirror([x])
    mirror.on_device[0].array[...] = 7
    mirror.bring_back()
    assert not x.any()
