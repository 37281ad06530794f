# SPDX-License-Identifier: MIT
"""Arrays on the device as calls give them: CuPy's, or another library's, which are taken without a copy."""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import ml_dtypes
import numpy as np

from kernels.gpu.device import cupy

DTYPES = {
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}


DLPACK_CUDA = 2  # DLPack's number for memory of a CUDA device


def place(x: Any, *others: Any) -> AbstractContextManager[None]:
    """Where a call on arrays belongs, to be entered with ``with``: the device that x is on, whichever is current.

    If one of the arrays is PyTorch's, also its current stream, which CuPy knows nothing of; CuPy's otherwise. What was
    asked for on CuPy's before is done first, and what is asked for on it afterwards waits for the call.
    """
    cuda = cupy().cuda
    here = cuda.runtime.getDevice()
    number = number_of(x)
    number = here if number is None else number
    stream = None
    if any(_is_tensor(array) and array.is_cuda for array in (x, *others)):
        stream = sys.modules["torch"].cuda.current_stream(number).cuda_stream
        if stream == cuda.get_current_stream(number).ptr:
            stream = None
    return contextlib.nullcontext() if number == here and stream is None else _entered(number, stream)


@contextlib.contextmanager
def _entered(number: int, stream: int | None) -> Iterator[None]:
    cuda = cupy().cuda
    with cuda.Device(number):
        if stream is None:
            yield
            return
        usual, other = cuda.get_current_stream(number), cuda.ExternalStream(stream, number)
        waits = not other.is_capturing()  # of a graph that is captured nothing else may wait, nor the graph for it
        if waits:
            other.wait_event(usual.record())
        with other:
            yield
        if waits:
            usual.wait_event(other.record())


def number_of(array: Any) -> int | None:
    """The number of the device that an array is on; None where it does not tell, or is elsewhere."""
    library = cupy()
    if isinstance(array, library.ndarray):
        return array.data.device_id
    if _is_tensor(array):
        return array.device.index
    if hasattr(array, "__dlpack_device__"):
        kind, number = array.__dlpack_device__()
        return number if kind == DLPACK_CUDA else None
    address = getattr(array, "__cuda_array_interface__", {}).get("data", (0,))[0]
    return library.cuda.runtime.pointerGetAttributes(address).device if address else None


def is_array(value: Any) -> bool:
    """Whether something is an array, of whatever library, wherever it is."""
    return hasattr(value, "__dlpack__") or hasattr(value, "__cuda_array_interface__")


def taken(array: Any, label: str) -> Any:
    """The CuPy array of the same memory, of a dtype that there are kernels for.

    Raises:
        TypeError: it is no array on the device, or of another dtype.
        ValueError: it is on another device than the current one.
    """
    array = adopted(array, label)
    if array.dtype not in DTYPES.values():
        raise TypeError(f"{label} is {array.dtype}: convert it to one of {', '.join(DTYPES)}")
    return array


def adopted(array: Any, label: str) -> Any:
    """The CuPy array of the same memory, of whatever dtype. Raises as ``taken`` does."""
    library = cupy()
    if isinstance(array, np.ndarray | list | tuple | int | float):
        raise TypeError(f"{label} must be an array on the device, not {type(array).__name__}: use cupy.asarray")
    number, current = number_of(array), library.cuda.runtime.getDevice()
    if number not in (None, current):  # CuPy would launch on the wrong device, or copy what is to be written
        raise ValueError(f"{label} is on device {number}, but x is on device {current}: bring both to one device")
    return array if isinstance(array, library.ndarray) else _converted(array, label)


def _is_tensor(array: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and not isinstance(array, cupy().ndarray) and isinstance(array, torch.Tensor)


def _converted(array: Any, label: str) -> Any:
    if _is_tensor(array):
        torch, array = sys.modules["torch"], array.detach()
        if not array.is_cuda:
            raise TypeError(f"{label} is on {array.device}: move it to the device with .cuda()")
        if array.dtype == torch.bfloat16:  # which neither protocol has everywhere
            return cupy().asarray(array.view(torch.int16)).view(DTYPES["bfloat16"])
        return cupy().asarray(array)
    if hasattr(array, "__dlpack__"):
        try:
            return cupy().from_dlpack(array)
        except NotImplementedError as error:  # of bfloat16, in CuPy 13
            raise TypeError(f"{label} can't be taken by DLPack ({error}): bfloat16 needs CuPy 14 or later") from error
    if hasattr(array, "__cuda_array_interface__"):
        return cupy().asarray(array)
    raise TypeError(
        f"{label} must be a CuPy array, or have __cuda_array_interface__ or DLPack, not {type(array).__name__}"
    )


def movable(array: Any) -> Any:
    """The same array in a dtype that every CuPy can copy: bfloat16 as whole numbers."""
    return array.view("uint16") if array.dtype.name == "bfloat16" else array


def empty(shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """A new array of the device."""
    if dtype.name == "bfloat16":
        return cupy().empty(shape, "uint16").view(dtype)
    return cupy().empty(shape, dtype)


def is_plain(array: Any) -> bool:
    """Whether kernels take an array as it is: in C order, and each element at a multiple of its size."""
    return array.flags.c_contiguous and array.data.ptr % array.itemsize == 0


def contiguous(array: Any) -> Any:
    """The array, or a copy that kernels take."""
    if is_plain(array):
        return array
    if _is_aligned(array):
        return cupy().ascontiguousarray(movable(array)).view(array.dtype)
    return _in_bytes(array).copy().view(array.dtype).reshape(array.shape)


def copy_to(out: Any, array: Any) -> None:
    """Write an array to another, of any layout."""
    as_moved = movable if _is_aligned(out) else _in_bytes
    as_moved(out)[...] = as_moved(array)


def _is_aligned(array: Any) -> bool:
    return not any(number % array.itemsize for number in (array.data.ptr, *array.strides))


def _in_bytes(array: Any) -> Any:
    """The same memory with an axis more, of bytes: a device faults on an element that lies across its size."""
    shape, strides = (*array.shape, array.itemsize), (*array.strides, 1)
    return cupy().ndarray(shape, "uint8", memptr=array.data, strides=strides)


def span(array: Any) -> tuple[int, int]:
    """The addresses of its first byte and of what follows its last."""
    low = high = array.data.ptr
    for count, stride in zip(array.shape, array.strides, strict=True):
        reach = (count - 1) * stride
        low, high = low + min(reach, 0), high + max(reach, 0)
    return (low, high + array.itemsize) if array.size else (low, low)


def overlap(a: Any, b: Any) -> bool:
    """Whether memory may be shared; by an array and itself, or another of the same places, it may be used in place."""
    if a.data.ptr == b.data.ptr and a.strides == b.strides:
        return False
    (low, high), (other_low, other_high) = span(a), span(b)
    return low < other_high and other_low < high
