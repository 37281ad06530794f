# SPDX-License-Identifier: MIT
"""Calling a kernel that need not be right: every way in which it may break the contract becomes a verdict."""

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.registry import Kernel
from reports.schema import Failure

POISON = 0xA5  # fills outputs before each call, so that what a kernel leaves unwritten can't pass for a result


class KernelError(Exception):
    """A kernel broke the contract of a call; ``failure`` is what the report says of it."""

    def __init__(self, kind: str, message: str, example: str | None = None) -> None:
        super().__init__(f"{kind}: {message}")
        self.failure = Failure(kind=kind, message=message, input=example)


def call(kernel: Kernel, *arrays: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Call a kernel on arrays of its dtype and return its results, checked for shape and dtype.

    Args:
        shape: of the results, where it is not that of the inputs.

    Raises:
        KernelError: it raised, returned another shape or dtype, wrote to an input, or left outputs unwritten.
    """
    like = arrays[-1]
    shape = like.shape if shape is None else shape
    originals = [a.copy() for a in arrays]
    got = _checked(kernel, arrays, shape, POISON)
    for given, original in zip(arrays, originals, strict=True):
        if given.shape != original.shape or given.dtype != original.dtype:
            raise KernelError("wrote_input", f"the kernel made its input {given.dtype} of shape {given.shape}")
        changed = given.view(np.uint8) != original.view(np.uint8)
        if changed.any():
            at = int(np.flatnonzero(changed)[0]) // given.itemsize
            raise KernelError(
                "wrote_input", f"the kernel changed element {at} of its input", hexadecimal(original.flat[at])
            )
    if kernel.takes_out:
        _check_all_written(kernel, originals, got)
    return got


def _checked(kernel: Kernel, arrays: tuple[np.ndarray, ...], shape: tuple[int, ...], poison: int) -> np.ndarray:
    out = None
    if kernel.takes_out:
        out = np.empty(shape, arrays[-1].dtype)
        out.reshape(-1).view(np.uint8).fill(poison)
    got = attempt(kernel, *arrays, out=out)
    if isinstance(got, np.generic):  # as a sum comes out of NumPy
        got = np.asarray(got)
    plain = type(got) is np.ndarray  # a subclass may compare and convert in ways of its own
    if not plain or got.dtype != arrays[-1].dtype:
        what = got.dtype if plain else type(got).__name__
        raise KernelError("wrong_dtype", f"returned {what} for {arrays[-1].dtype}: return an array of x's dtype")
    if got.shape != shape:
        raise KernelError("wrong_shape", f"returned shape {got.shape}, not {shape}: return one result per input")
    if out is not None and not np.shares_memory(got, out):
        raise KernelError("left_output", "did not return the out= array that it was given")
    return got


def attempt(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call something that need not be right; warnings and exception flags of floating point are no error.

    Raises:
        KernelError: it raised, whatever that was: it is a finding, and must not end the run.
    """
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*arguments, **options)
    except (Exception, SystemExit) as error:
        raise KernelError("raised", f"{type(error).__name__}: {error}") from error


def _check_all_written(kernel: Kernel, arrays: list[np.ndarray], got: np.ndarray) -> None:
    """An element that still holds the poison is called again with another; if it follows, it was never written."""
    width = got.dtype.itemsize
    stale = (np.ascontiguousarray(got).view(np.uint8).reshape(-1, width) == POISON).all(axis=1)
    if not stale.any():
        return
    other = POISON ^ 0xFF
    again = _checked(kernel, tuple(arrays), got.shape, other)
    still = stale & (np.ascontiguousarray(again).view(np.uint8).reshape(-1, width) == other).all(axis=1)
    if still.any():
        at = int(np.flatnonzero(still)[0])
        raise KernelError(
            "left_output",
            f"left {int(still.sum())} outputs unwritten, the first at element {at}",
            hexadecimal(arrays[-1].flat[at]),
        )


def hexadecimal(value: np.generic) -> str:
    """A value as a hexadecimal float, exact for every dtype here; "inf", "-inf" and "nan" as such."""
    return re.sub(r"\.?0+p", "p", float(value).hex())
