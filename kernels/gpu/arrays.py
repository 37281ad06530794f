# SPDX-License-Identifier: MIT
"""Arrays on the device as calls give them: CuPy's, or another library's, which are taken without a copy."""

import sys
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


def taken(array: Any, label: str) -> Any:
    """The CuPy array of the same memory.

    Raises:
        TypeError: it is no array on the device, or of a dtype that there are no kernels for.
    """
    library = cupy()
    if isinstance(array, np.ndarray | list | tuple | int | float):
        raise TypeError(f"{label} must be an array on the device, not {type(array).__name__}: use cupy.asarray")
    if not isinstance(array, library.ndarray):
        array = _converted(array, label)
    if array.dtype not in DTYPES.values():
        raise TypeError(f"{label} is {array.dtype}: convert it to one of {', '.join(DTYPES)}")
    return array


def _converted(array: Any, label: str) -> Any:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        array = array.detach()
        if not array.is_cuda:
            raise TypeError(f"{label} is on {array.device}: move it to the device with .cuda()")
        if array.dtype == torch.bfloat16:  # which neither protocol has everywhere
            return cupy().asarray(array.view(torch.int16)).view(DTYPES["bfloat16"])
    if hasattr(array, "__cuda_array_interface__"):
        return cupy().asarray(array)
    if hasattr(array, "__dlpack__"):
        return cupy().from_dlpack(array)
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


def contiguous(array: Any) -> Any:
    """The array, or a copy in C order."""
    if array.flags.c_contiguous:
        return array
    return cupy().ascontiguousarray(movable(array)).view(array.dtype)


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
