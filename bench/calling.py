# SPDX-License-Identifier: MIT
"""Calling a kernel that need not be right: every way in which it may break the contract becomes a verdict."""

import re
import sysconfig
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bench import fenv
from bench.culprit import culprit
from kernels.registry import Kernel, ResultError
from reports import wording
from reports.schema import Failure

ROOT = Path(__file__).resolve().parent.parent
OURS = [f"{ROOT / package}/" for package in ("bench", "kernels", "reference", "reports")]
NO_USERS = (*OURS, str(ROOT / "halfulp.py"), sysconfig.get_path("stdlib"))  # where code of a user's is not
POISON = 0xA5  # fills outputs before each call, so that what a kernel leaves unwritten can't pass for a result


class KernelError(Exception):
    """A kernel broke the contract of a call; ``failure`` is what the report says of it."""

    def __init__(self, kind: str, message: str, example: str | None = None) -> None:
        super().__init__(kind, message, example)
        self.failure = Failure(kind=kind, message=message, input=example)

    def __str__(self) -> str:
        return wording.failure(self.failure, width=None)


class StartError(KernelError):
    """No process could be had for calls, or no room: a verdict on a file, or on the machine, and on no input."""


class Originals(Protocol):
    """What inputs were before a kernel was called."""

    def restore(self) -> list[KernelError]:
        """Undo what the kernel did to them, and say what that was."""
        ...


class Copies:
    """Inputs beside copies of them."""

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self.both = [(a, a.copy()) for a in arrays]

    def restore(self) -> list[KernelError]:
        """See `Originals`."""
        return [error for given, copy in self.both if (error := restored(given, copy))]


def call(
    kernel: Kernel,
    *arrays: np.ndarray,
    shape: tuple[int, ...] | None = None,
    out: np.ndarray | None = None,
    threads: int | None = None,
    originals: Originals | None = None,
) -> np.ndarray:
    """Call a kernel on arrays of its dtype and return its results, checked for shape and dtype.

    Args:
        shape: of the results, where it is not that of the inputs.
        out: where they are to be written, if the kernel takes ``out``: an array of a layout of one's own, apart from
            the inputs; made here if left out.
        threads: passed on where the kernel takes it.
        originals: what the arrays are to hold, where that is known without copies of them.

    Raises:
        KernelError: it raised, returned another shape or dtype, wrote to an input, left outputs unwritten, or left
            the floating-point mode changed.
    """
    like = arrays[-1]
    shape = like.shape if shape is None else shape
    if out is None and kernel.takes_out:
        out = np.empty(shape, like.dtype)
    originals = originals or Copies(arrays)
    try:
        try:
            got = _poisoned(kernel, arrays, shape, out, threads, POISON)
        finally:  # others need them, too, whatever it did to them
            errors = originals.restore()
    except KernelError as error:
        is_open = error.failure.input is None and not isinstance(error, StartError)
        if error.failure.kind == "raised" and is_open and like.size > 1:
            error.failure.input = _where_it_raises(kernel, arrays, threads)
        raise
    for error in errors:
        raise error
    if kernel.takes_out:
        _check_all_written(kernel, arrays, got, out, threads)
    return got


def arguments(kernel: Kernel, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """What a kernel that is no sum takes for inputs x: x or, backward, dy = 1 and x."""
    return (x,) if kernel.direction == "forward" else (np.ones_like(x), x)


def restored(given: np.ndarray, original: np.ndarray) -> KernelError | None:
    """What a kernel did to its input, which is then as it was."""
    if given.shape != original.shape or given.dtype != original.dtype:
        error = KernelError("wrote_input", f"the kernel made its input {given.dtype} of shape {given.shape}")
        given.dtype, given.shape = original.dtype, original.shape
        given[...] = original
        return error
    changed = _words(given) != _words(original)
    if not changed.any():
        return None
    at = int(np.flatnonzero(changed)[0])
    wrote = hexadecimal(given.flat[at])
    given[...] = original
    return KernelError("wrote_input", f"the kernel wrote {wrote} over an input", hexadecimal(original.flat[at]))


def _words(array: np.ndarray) -> np.ndarray:
    """The bit pattern of each element, flat."""
    return np.ascontiguousarray(array).reshape(-1).view(f"u{array.itemsize}")


def _word(poison: int, width: int) -> np.unsignedinteger:
    """The bit pattern of an element of so many bytes that all hold the poison."""
    return np.full(width, poison, np.uint8).view(f"u{width}")[0]


def _poisoned(
    kernel: Kernel,
    arrays: Sequence[np.ndarray],
    shape: tuple[int, ...],
    out: np.ndarray | None,
    threads: int | None,
    poison: int,
) -> np.ndarray:
    if out is not None:
        out.view(f"u{out.itemsize}")[...] = _word(poison, out.itemsize)
    return answer(kernel, arrays, shape, out, threads)


def answer(
    kernel: Kernel,
    arrays: Sequence[np.ndarray],
    shape: tuple[int, ...],
    out: np.ndarray | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Call a kernel and check the form of what it returns; ``out`` may be one of the inputs.

    Raises:
        KernelError: it raised, returned another shape or dtype, or another array than ``out``.
    """
    got = as_array(attempt(kernel, *arrays, out=out, threads=threads), arrays[-1].dtype)
    if got.shape != shape:
        raise KernelError("wrong_shape", f"returned shape {got.shape}, not {shape}: return one result per input")
    if kernel.takes_out and out is not None and out.size and not is_same(got, out):  # of nothing, none is
        raise KernelError("left_output", "did not return the out= array that it was given")
    return got


def as_array(got: Any, dtype: np.dtype) -> np.ndarray:
    """What a kernel returned, which is to be an array of a dtype.

    Raises:
        KernelError: it is none.
    """
    if isinstance(got, np.generic):  # as a sum comes out of NumPy
        got = np.asarray(got)
    plain = type(got) is np.ndarray  # a subclass may compare and convert in ways of its own
    if not plain or got.dtype != dtype:
        what = got.dtype if plain else type(got).__name__
        raise KernelError("wrong_dtype", f"returned {what} for {dtype}: return an array of x's dtype")
    return got


def is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays are the same elements in the same order, in the same memory."""
    strides = zip(one.shape, one.strides, other.strides, strict=False)
    return (
        one.shape == other.shape
        and one.ctypes.data == other.ctypes.data
        and all(size == 1 or a == b for size, a, b in strides)
    )


def attempt(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call something that need not be right; warnings and exception flags of floating point are no error.

    Raises:
        KernelError: it raised, whatever that was: it is a finding, and must not end the run; or what it returned is
            no array where its arrays are; or it left the floating-point mode changed, which is then as it was.
    """
    before = fenv.mode()
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(*arguments, **options)
    except KernelError:  # of a kernel that is called in a process of its own
        raise
    except (Exception, SystemExit) as error:
        raise KernelError(*blamed(error)) from error
    finally:
        after = fenv.mode()
        if after != before:
            fenv.set_mode(before)
    if after != before:
        raise KernelError("changed_mode", f"left the floating-point mode changed: {fenv.said(before, after)}")
    return result


def blamed(error: BaseException) -> tuple[str, str]:
    """The kind of failure that an exception out of a call of a kernel is, and its message."""
    return ("wrong_dtype", str(error)) if isinstance(error, ResultError) else ("raised", described(error))


def described(error: BaseException) -> str:
    """The type and the message of an exception, which may raise another when it is asked for that, and where it was."""
    try:
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception as another:
        said = f"{type(error).__name__}, whose message raises {type(another).__name__}"
    return said + _place(error)


def _place(error: BaseException) -> str:
    """The last line of code that is neither ours nor a library's, in brackets; nothing where there is none."""
    own = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(("<", *NO_USERS))]
    own = [f for f in own if not {"site-packages", "dist-packages"} & set(Path(f.filename).parts)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _where_it_raises(kernel: Kernel, arrays: Sequence[np.ndarray], threads: int | None) -> str | None:
    """An input at which alone a kernel raises that does not raise at each; None where there is none."""
    flat = [array.flatten() for array in arrays]

    def raises(part: slice, limit_s: float) -> bool:
        some = [array[part].copy() for array in flat]  # it may write to them
        out = np.empty_like(some[-1]) if kernel.takes_out else None
        try:
            attempt(kernel, *some, out=out, threads=threads)
        except KernelError as error:
            return error.failure.kind == "raised"
        return False

    at = culprit(flat[-1].size, raises, 0.0)  # what raises does so at once
    return None if at is None else hexadecimal(flat[-1][at])


def _check_all_written(
    kernel: Kernel, arrays: Sequence[np.ndarray], got: np.ndarray, out: np.ndarray, threads: int | None
) -> None:
    """An element that still holds the poison is called again with another; if it follows, it was never written."""
    stale = _words(got) == _word(POISON, got.itemsize)
    if not stale.any():
        return
    other = POISON ^ 0xFF
    again = _poisoned(kernel, arrays, got.shape, np.empty_like(out), threads, other)
    still = stale & (_words(again) == _word(other, got.itemsize))
    if still.any():
        at = int(np.flatnonzero(still)[0])
        raise KernelError(
            "left_output",
            f"left {int(still.sum())} outputs unwritten",
            hexadecimal(arrays[-1].flat[at]),
        )


def hexadecimal(value: np.generic) -> str:
    """A value as a hexadecimal float, exact for every dtype here; "inf", "-inf" and "nan" as such."""
    return re.sub(r"\.?0+p", "p", float(value).hex())
