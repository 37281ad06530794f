# SPDX-License-Identifier: MIT
"""Arrays lie in the shared memory as they lie here: the same strides, overlaps and place in a cache line."""

import errno
import mmap
import os
import tempfile

import ml_dtypes
import numpy as np
import pytest

from bench.spans import CACHE_LINE, GROWTH, Memory, lay_out

DTYPES = [np.dtype(t) for t in (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)]


def carried(arrays, shared=None, first=0):
    """The arrays as the other side sees them, and the spans that were copied."""
    spans, places, end = lay_out(arrays, shared, first)
    memory = mmap.mmap(-1, max(end, 1)) if shared is None else shared
    for span in spans:
        memory[span.offset : span.offset + span.high - span.low] = span.bytes
    return [place.view(memoryview(memory)) for place in places], spans, end


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "view", [lambda a: a, lambda a: a[5:], lambda a: a[::-1], lambda a: a[1::3], lambda a: a.reshape(8, -1).T[2:]]
)
def test_an_array_is_the_same_there(dtype, view):
    array = view(np.arange(120).astype(dtype))
    (there,), _, _ = carried([array])
    assert (there.dtype, there.shape, there.strides) == (array.dtype, array.shape, array.strides)
    assert np.array_equal(there, array)
    assert there.ctypes.data % CACHE_LINE == array.ctypes.data % CACHE_LINE


def test_what_overlaps_here_overlaps_there():
    whole = np.arange(100.0)
    (one, two, alone), spans, _ = carried([whole[10:60], whole[40:90], np.arange(3.0)])
    assert len(spans) == 2
    one[35] = -1.0  # the fifth of the other
    assert two[5] == -1.0
    assert alone.tolist() == [0, 1, 2]


def test_what_is_read_only_is_known():
    fixed = np.arange(3.0)
    fixed.flags.writeable = False
    _, (span,), _ = carried([fixed])
    assert not span.writeable


def test_what_is_in_the_shared_memory_stays_and_what_is_not_goes_behind_it():
    shared = mmap.mmap(-1, 1 << 12)
    inside = np.frombuffer(shared, np.float64, 10, 128)
    inside[:] = np.arange(10)
    outside = np.arange(4.0)
    (one, two), spans, end = carried([inside, outside], shared, first=600)
    assert len(spans) == 1
    assert spans[0].offset >= 600
    assert end <= 1 << 12
    assert np.shares_memory(one, inside)
    assert two.tolist() == outside.tolist()
    assert inside.tolist() == list(range(10))


def test_an_empty_array_takes_nothing():
    (there,), _, end = carried([np.empty((0, 3), np.float32)])
    assert (there.shape, end < CACHE_LINE) == ((0, 3), True)


def test_empty_views_of_one_place_and_what_begins_there_are_told_apart():
    whole = np.arange(10.0)
    (one, two, full), spans, _ = carried([whole[3:3], whole[3:3], whole[3:]])
    assert (one.size, two.size) == (0, 0)
    assert full.tolist() == whole[3:].tolist()
    assert sum(span.high - span.low for span in spans) == full.nbytes


def test_the_memory_is_mapped_anew_when_it_has_grown():
    with tempfile.TemporaryFile() as file:
        here, there = Memory(file.fileno()), Memory(file.fileno())
        small = here.of(10)
        small[:3] = b"abc"
        there.of(GROWTH + 1)[GROWTH] = 7
        large = here.of(GROWTH + 1)
        assert (len(large), bytes(large[:3]), large[GROWTH]) == (2 * GROWTH, b"abc", 7)
        small[:3] = b"xyz"
        assert bytes(large[:3]) == b"xyz"


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room can't be claimed here")
def test_room_that_there_is_not_is_an_error_before_anything_is_written_to_it(monkeypatch):
    def full(file, offset, length):
        raise OSError(errno.ENOSPC, "No space left on device")

    with tempfile.TemporaryFile() as file:
        memory = Memory(file.fileno())
        memory.of(1)[0] = 7
        monkeypatch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match="No space"):
            memory.of(GROWTH + 1)
        assert memory.of(GROWTH)[0] == 7
