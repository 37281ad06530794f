# SPDX-License-Identifier: MIT
"""Arrays of this machine brought to the device and back, laid out there as they are here.

Strides, overlaps and the distance from a multiple of 16 bytes are kept, so that what is measured is what a kernel does
with arrays of that layout on the device.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels.gpu.arrays import empty
from kernels.gpu.device import cupy

ALIGNMENT = 256  # of the device's allocations


def _span(array: np.ndarray) -> tuple[int, int]:
    low, high = np.lib.array_utils.byte_bounds(array)
    return (low, high) if array.size else (low, low)


class Mirror:
    """Arrays of this machine, and their likes on the device."""

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self.arrays = arrays
        self.pieces = [self._sent(*span) for span in _united([_span(a) for a in arrays])]
        self.on_device = [self._like(array) for array in arrays]

    def bring_back(self) -> None:
        """Write what the device has into the arrays here."""
        for (low, high), there in self.pieces:
            writeable = [a for a in self.arrays if a.flags.writeable and low <= _span(a)[0] < high]
            if writeable:
                got = there.get()
                for array in writeable:
                    offset = array.__array_interface__["data"][0] - low
                    array[...] = np.ndarray(array.shape, array.dtype, got[low % ALIGNMENT :], offset, array.strides)

    def _sent(self, low: int, high: int) -> tuple[tuple[int, int], Any]:
        here = np.empty(low % ALIGNMENT + high - low, np.uint8)
        address = (np.ctypeslib.ctypes.c_uint8 * (high - low)).from_address(low) if high > low else b""
        here[low % ALIGNMENT :] = np.frombuffer(address, np.uint8)
        return (low, high), cupy().asarray(here)

    def _like(self, array: np.ndarray) -> Any:
        start = array.__array_interface__["data"][0]
        if not array.size:
            return empty(array.shape, array.dtype)
        (low, _), there = next(piece for piece in self.pieces if piece[0][0] <= start < piece[0][1])
        place = there.data + (low % ALIGNMENT + start - low)
        return cupy().ndarray(array.shape, array.dtype, memptr=place, strides=array.strides)


def _united(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of memory, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(span for span in spans if span[1] > span[0]):
        if found and low < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found
