# SPDX-License-Identifier: MIT
"""CuPy as far as our kernels use it, without a device: arrays lie in this machine's memory.

They are computed on by kernels of `kernels.gpu.host` alone, so what passes here as CuPy's own arithmetic would is an
error. Like an older CuPy it moves and makes no arrays of bfloat16, but as whole numbers.
"""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests import fake_cuda
from tests.fake_cuda import RawModule  # noqa: F401 - CuPy's name

ALIGNMENT = 256
moved: list[tuple[str, int]] = []  # to the device and from it: the bytes of each array


class MemoryPointer:
    """A place in an allocation."""

    def __init__(self, memory: np.ndarray, offset: int = 0, device_id: int | None = None) -> None:
        self.memory, self.offset = memory, offset
        self.device_id = fake_cuda.current.device if device_id is None else device_id

    @property
    def ptr(self) -> int:
        return self.memory.__array_interface__["data"][0] + self.offset

    def copy_from_device_async(self, source: "MemoryPointer", size: int) -> None:
        self.memory[self.offset :][:size] = source.memory[source.offset :][:size]

    def memset_async(self, value: int, size: int) -> None:
        self.memory[self.offset :][:size] = value

    def __add__(self, offset: int) -> "MemoryPointer":
        return MemoryPointer(self.memory, self.offset + offset, self.device_id)


def _allocated(size: int) -> MemoryPointer:
    memory = np.full(size + ALIGNMENT, 0xEE, np.uint8)  # what is not written shows
    return MemoryPointer(memory, -memory.__array_interface__["data"][0] % ALIGNMENT)


def _refuse_bfloat16(dtype: np.dtype) -> None:
    if dtype.name == "bfloat16":
        raise TypeError("bfloat16 is no dtype of this CuPy")


class ndarray:  # noqa: N801 - CuPy's name
    """An array of the device."""

    def __init__(self, shape: Any, dtype: Any = float, memptr: MemoryPointer | None = None, strides: Any = None):
        dtype = np.dtype(dtype)
        self.data = memptr or _allocated(int(np.prod(shape, dtype=int)) * dtype.itemsize)
        self.array = np.ndarray(shape, dtype, self.data.memory, self.data.offset, strides)

    def __getattr__(self, name: str) -> Any:
        if name not in ("shape", "strides", "dtype", "size", "itemsize", "ndim", "nbytes", "flags"):
            raise AttributeError(f"{name} is not faked")
        return getattr(self.array, name)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"fake": self}

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def _like(self, array: np.ndarray) -> "ndarray":
        place = self.data + (array.__array_interface__["data"][0] - self.data.ptr)
        return ndarray(array.shape, array.dtype, place, array.strides)

    def view(self, dtype: Any) -> "ndarray":
        return self._like(self.array.view(dtype))

    def reshape(self, *shape: int) -> "ndarray":
        return self._like(self.array.reshape(*shape))

    def __getitem__(self, key: Any) -> "ndarray":
        return self._like(self.array[key] if isinstance(key, tuple) else self.array[key, ...])

    def __setitem__(self, key: Any, value: "ndarray") -> None:
        _refuse_bfloat16(self.dtype)
        self.array[key] = value.array

    def copy(self) -> "ndarray":
        return asarray(self.array)

    def get(self, out: np.ndarray | None = None) -> np.ndarray:
        _refuse_bfloat16(self.dtype)
        moved.append(("from", self.nbytes))
        if out is None:
            return self.array.copy()
        assert (out.shape, out.dtype) == (self.shape, self.dtype), "which CuPy refuses"
        out[...] = self.array
        return out

    def set(self, array: np.ndarray) -> None:
        _refuse_bfloat16(self.dtype)
        assert (array.shape, array.dtype) == (self.shape, self.dtype), "which CuPy refuses"
        moved.append(("to", self.nbytes))
        self.array[...] = array

    def item(self) -> Any:
        return self.array.item()


def empty(shape: Any, dtype: Any = float) -> ndarray:
    _refuse_bfloat16(np.dtype(dtype))
    return ndarray(shape, dtype)


def asarray(array: Any) -> ndarray:
    if hasattr(array, "__cuda_array_interface__"):
        made = array.__cuda_array_interface__["fake"]
        return made if made.data.device_id == fake_cuda.current.device else asarray(made.array)  # as CuPy copies it
    made = empty(array.shape, array.dtype)
    made.array[...] = array
    return made


def array_equal(one: ndarray, other: ndarray) -> Any:
    assert one.dtype == other.dtype == np.uint8, "CuPy's own arithmetic is not faked"
    return np.array_equal(one.array, other.array)


def ascontiguousarray(array: ndarray) -> ndarray:
    return array if array.flags.c_contiguous else asarray(array.array)


def from_dlpack(array: Any) -> ndarray:
    return array.__dlpack__()


def on_device(array: np.ndarray) -> ndarray:
    """A copy of an array of any dtype, for tests."""
    if array.dtype.name == "bfloat16":
        return asarray(array.view(np.uint16)).view(array.dtype)
    return asarray(array)


class Event:
    done = False  # when it is asked: a device would still be busy with what was before

    def record(self) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        pass


cuda = SimpleNamespace(
    runtime=fake_cuda.runtime,
    driver=fake_cuda.driver,
    Device=fake_cuda.Device,
    ExternalStream=fake_cuda.ExternalStream,
    get_current_stream=fake_cuda.get_current_stream,
    Event=Event,
    get_elapsed_time=lambda first, last: 1e3 * (last.at - first.at),
)
