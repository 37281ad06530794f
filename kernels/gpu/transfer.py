# SPDX-License-Identifier: MIT
"""Arrays of this machine brought to the device and back, laid out there as they are here.

So a kernel of the device is called and timed as any other. Strides, overlaps and the distance from a multiple of 16
bytes are kept: what is measured is what a kernel does with arrays of that layout.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kernels.gpu import timing
from kernels.gpu.arrays import empty, movable, taken
from kernels.gpu.device import architecture, cupy
from kernels.registry import Kernel, RunsWith

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


@dataclass(frozen=True)
class FromHost:
    """A function of arrays of the device as one of NumPy arrays: they are brought there, and the result back."""

    function: Callable[..., Any]

    def __call__(self, *arrays: np.ndarray, out: np.ndarray | None = None, **options: Any) -> np.ndarray:
        """The results, in ``out`` where that is given."""
        mirror, call = self._ready(arrays, out, options)
        result = call()
        mirror.bring_back()
        if out is not None and result is mirror.on_device[-1]:
            return out
        array = taken(result, "the result")
        return movable(array).get().view(array.dtype)

    def prepare(self, *arrays: np.ndarray, out: np.ndarray | None = None, **options: Any) -> Callable[[], Any]:
        """The call on arrays of the device, which are made here: what is timed."""
        return self._ready(arrays, out, options)[1]

    def _ready(
        self, arrays: Sequence[np.ndarray], out: np.ndarray | None, options: dict[str, Any]
    ) -> tuple[Mirror, Callable[[], Any]]:
        mirror = Mirror([*arrays, *([] if out is None else [out])])
        given = mirror.on_device[: len(arrays)]
        options = options if out is None else options | {"out": mirror.on_device[-1]}
        return mirror, functools.partial(self.function, *given, **options)


def on_device(kernel: Kernel, function: Callable[..., Any]) -> Kernel:
    """The kernel with that function of arrays of the device for its own, timed there."""
    from_host = FromHost(function)
    return timed_there(replace(kernel, function=from_host, prepare=from_host.prepare, takes_threads=False))


def timed_there(kernel: Kernel) -> Kernel:
    """The kernel, which computes on the device, timed there and asked there what it runs with."""
    return replace(kernel, device="cuda", timer=timing.elapsed, copy=copy_there, runs_with=runs_with)


def copy_there(source: np.ndarray, destination: np.ndarray) -> Callable[[], Any]:
    """A call that copies one array of the device to another, the likes of these: the yardstick."""
    from_here, to_here = Mirror([source, destination]).on_device
    return lambda: to_here.data.copy_from_device_async(from_here.data, source.nbytes)


def runs_with() -> RunsWith:
    """The device's architecture, and its clocks so far."""
    number = cupy().cuda.runtime.getDevice()
    return RunsWith(threads=None, instruction_set=architecture(number), clocks_mhz=timing.clocks(number))


def _united(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of memory, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(span for span in spans if span[1] > span[0]):
        if found and low < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found
