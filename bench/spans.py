# SPDX-License-Identifier: MIT
"""Arrays laid out in memory that two processes share: at the same strides, overlaps and place in a cache line.

What lies in the gaps of an array is carried over with it, and what a kernel writes there comes back.
"""

import ctypes
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import ml_dtypes
import numpy as np
from numpy.lib.array_utils import byte_bounds

CACHE_LINE = 64  # bytes
GROWTH = 1 << 20  # bytes: the size of the memory is a multiple of this
DTYPES = {"bfloat16": np.dtype(ml_dtypes.bfloat16)}  # those that their name alone does not say


class Memory:
    """The memory that two processes share, mapped anew when the other side has made it larger."""

    def __init__(self, file: int) -> None:
        self.file = file
        self.map: mmap.mmap | None = None

    def of(self, size: int) -> memoryview:
        """At least so many bytes of it.

        Raises:
            OSError: there is no room where it lies.
        """
        size = max(size, 1)  # nothing can't be mapped
        if os.fstat(self.file).st_size < size:
            _grow(self.file, -(-size // GROWTH) * GROWTH)
        if self.map is None or len(self.map) < size:
            self.map = mmap.mmap(self.file, os.fstat(self.file).st_size)  # the old one lives while arrays are in it
        return memoryview(self.map)


def _grow(file: int, size: int) -> None:
    """Make a file larger; one that only claims to be, on a full file system, ends who writes to it by SIGBUS."""
    have = os.fstat(file).st_size
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, have, size - have)
    else:
        os.ftruncate(file, size)


class Place(NamedTuple):
    """Where an array is: what the other process needs to see it."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str

    def view(self, memory: memoryview) -> np.ndarray:
        """The array in the shared memory."""
        dtype = DTYPES.get(self.dtype) or np.dtype(self.dtype)
        return np.ndarray(self.shape, dtype, memory, self.offset, self.strides)


@dataclass
class Span:
    """Bytes from one address on that one array covers, or several that overlap; and where they go."""

    low: int
    high: int
    offset: int = 0
    writeable: bool = True

    @property
    def bytes(self) -> memoryview:
        """The bytes themselves, as long as their arrays live."""
        return memoryview((ctypes.c_char * (self.high - self.low)).from_address(self.low)).cast("B")


def lay_out(
    arrays: Sequence[np.ndarray], shared: mmap.mmap | None = None, first: int = 0
) -> tuple[list[Span], list[Place], int]:
    """Where arrays go that are not in the shared memory already, each a whole number of cache lines from where it is.

    Args:
        first: the first byte of the memory that is free.

    Returns:
        the spans that have to be copied, the place of each array, and how many bytes are taken.
    """
    base = 0 if shared is None else np.frombuffer(shared, np.uint8).ctypes.data
    size = 0 if shared is None else len(shared)
    bounds = [byte_bounds(a) for a in arrays]
    spans: list[Span] = []
    for low, high in sorted(bounds):
        if spans and low < spans[-1].high:
            spans[-1].high = max(spans[-1].high, high)
        else:
            spans.append(Span(low, high))
    inside = [s for s in spans if base <= s.low and s.high <= base + size]
    for span in inside:
        span.offset = span.low - base
    end = max([first, *(s.offset + s.high - s.low for s in inside)])
    outside = [s for s in spans if s not in inside]
    for span in outside:
        span.offset = -(-end // CACHE_LINE) * CACHE_LINE + span.low % CACHE_LINE
        end = span.offset + span.high - span.low
    places = []
    for array, (low, _) in zip(arrays, bounds, strict=True):
        span = next(s for s in reversed(spans) if s.low <= low < max(s.high, s.low + 1))  # one of nothing comes first
        span.writeable &= array.flags.writeable
        start = array.__array_interface__["data"][0]
        places.append(Place(span.offset + start - span.low, array.shape, array.strides, array.dtype.name))
    return outside, places, end
