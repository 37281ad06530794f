# SPDX-License-Identifier: MIT
"""Arrays of this machine brought to the device and back, laid out there as they are here.

So a kernel of the device is called and timed as any other. Strides, overlaps and the distance from a multiple of 16
bytes are kept: what is measured is what a kernel does with arrays of that layout.
"""

import ctypes
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kernels.gpu import timing
from kernels.gpu.arrays import adopted, empty, movable
from kernels.gpu.device import architecture, cupy
from kernels.registry import Kernel, ResultError, RunsWith

ALIGNMENT = 256  # of the device's allocations
FEW = 1 << 16  # bytes that are brought back about as fast as anything is asked of the device


def _start(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _span(array: np.ndarray) -> tuple[int, int]:
    low, high = np.lib.array_utils.byte_bounds(array)
    return (low, high) if array.size else (low, low)


class Piece:
    """A stretch of this machine's memory with arrays in it, and its like on the device.

    One with nothing but what is to be written is not sent: it is filled there with its first byte. So what a kernel
    leaves unwritten of a poison is that poison.
    """

    def __init__(self, low: int, high: int, arrays: Sequence[np.ndarray], is_sent: bool) -> None:
        self.low, self.start, self.arrays = low, low % ALIGNMENT, arrays
        self.before: Any = None  # a copy on the device, of what need not be brought back if it stays as it is
        here = np.frombuffer((ctypes.c_uint8 * (high - low)).from_address(low), np.uint8)
        self.there = cupy().empty(self.start + len(here), "uint8")
        if is_sent:
            self.there[self.start :].set(here)
        else:
            self.there.data.memset_async(int(here[0]), self.there.nbytes)

    def like(self, array: np.ndarray) -> Any:
        """The array of the device that is in the place of one that lies here."""
        place = self.there.data + (self.start + _start(array) - self.low)
        return cupy().ndarray(array.shape, array.dtype, memptr=place, strides=array.strides)

    def watch(self) -> None:
        """Remember there what it holds; not of a few bytes, which are sooner brought back than compared."""
        if self.there.nbytes > FEW:
            self.before = self.there.copy()

    def bring_back(self) -> None:
        """Write what the device has into the arrays here."""
        writeable = [array for array in self.arrays if array.flags.writeable]
        if not writeable or (self.before is not None and bool(cupy().array_equal(self.before, self.there))):
            return
        whole = None
        for array in writeable:
            if array.flags.c_contiguous:
                movable(self.like(array)).get(out=movable(array))
                continue
            whole = self.there.get() if whole is None else whole
            offset = self.start + _start(array) - self.low
            array[...] = np.ndarray(array.shape, array.dtype, whole, offset, array.strides)


class Mirror:
    """Arrays of this machine, and their likes on the device: inputs and, the last, one that is to be written."""

    def __init__(self, inputs: Sequence[np.ndarray], out: np.ndarray | None = None) -> None:
        outputs = [] if out is None else [out]
        self.pieces, self.inputs = [], []  # all, and those that nothing is to be written to
        for low, high in _united([_span(a) for a in (*inputs, *outputs)]):
            read, written = ([a for a in arrays if low <= _span(a)[0] < high] for arrays in (inputs, outputs))
            piece = Piece(low, high, [*read, *written], is_sent=bool(read))
            self.pieces.append(piece)
            if not written:
                self.inputs.append(piece)
        self.on_device = [self._like(array) for array in (*inputs, *outputs)]

    def watch(self) -> None:
        """Remember there what inputs are, so that they need not be brought back where they stay as they are."""
        for piece in self.inputs:
            piece.watch()

    def bring_back(self) -> None:
        """Write what the device has into the arrays here."""
        for piece in self.pieces:
            piece.bring_back()

    def _like(self, array: np.ndarray) -> Any:
        if not array.size:
            return empty(array.shape, array.dtype)
        return next(piece for piece in self.pieces if any(a is array for a in piece.arrays)).like(array)


@dataclass(frozen=True)
class FromHost:
    """A function of arrays of the device as one of NumPy arrays: they are brought there, and the result back."""

    function: Callable[..., Any]

    def __call__(self, *arrays: np.ndarray, out: np.ndarray | None = None, **options: Any) -> np.ndarray:
        """The results, in ``out`` where that is given.

        Raises:
            ResultError: what the function returned is no array on the device.
        """
        mirror, call = self._ready(arrays, out, options)
        mirror.watch()
        result = call()
        mirror.bring_back()
        if out is not None and result is mirror.on_device[-1]:
            return out
        try:
            array = adopted(result, "the result")
        except TypeError as error:
            raise ResultError(str(error)) from error
        return movable(array).get().view(array.dtype)

    def prepare(self, *arrays: np.ndarray, out: np.ndarray | None = None, **options: Any) -> Callable[[], Any]:
        """The call on arrays of the device, which are made here: what is timed."""
        return self._ready(arrays, out, options)[1]

    def _ready(
        self, arrays: Sequence[np.ndarray], out: np.ndarray | None, options: dict[str, Any]
    ) -> tuple[Mirror, Callable[[], Any]]:
        mirror = Mirror(arrays, out)
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
    from_here, to_here = Mirror([source], destination).on_device
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
