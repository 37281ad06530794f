# SPDX-License-Identifier: MIT
"""The floating-point environment of this thread: exception flags and traps of IEEE 754, rounding, and whether
subnormals are flushed.

All by the C library's <fenv.h>; where that can't be had, `unavailable` says why.
"""

import ctypes
import functools
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import mpmath
import numpy as np

_ARM = {"invalid": 1, "divide by zero": 2, "overflow": 4}
_X86 = {"invalid": 1, "divide by zero": 4, "overflow": 8}
BITS = {"x86_64": _X86, "amd64": _X86, "i686": _X86, "aarch64": _ARM, "arm64": _ARM}  # of <fenv.h>, by machine
AS_NUMPY_SAYS = {"invalid value": "invalid"}
MXCSR = 28  # where fenv_t of glibc on x86-64 has the control and status of SSE
FLUSHES, ROUNDS, MASKS = 0x8040, 0x6000, 0x1F80  # bits of it: subnormal results or operands are 0; how it rounds; traps
X87 = 0  # where it has the control word of that unit


@functools.cache
def _library() -> ctypes.CDLL | None:
    """The C library's functions of <fenv.h>, where this process has them."""
    for name in (None, "libm.so.6"):
        try:
            library = ctypes.CDLL(name)
            library.feclearexcept, library.fetestexcept, library.fegetenv, library.fesetenv  # noqa: B018  (looks up)
        except (OSError, AttributeError, TypeError):
            continue
        return library
    return None


def unavailable() -> str | None:
    """Why flags can't be read here; None where they can."""
    if platform.machine().lower() not in BITS:
        return f"how exception flags are numbered on {platform.machine()} is not known here"
    return None if _library() else "the C library of this system offers no feclearexcept and fetestexcept"


def raised(function: Callable[[], Any]) -> frozenset[str]:
    """The flags that a call raises: "overflow", "invalid", "divide by zero".

    NumPy clears the flags when one of its own functions begins, so that what an earlier one raised is gone in the end:
    of those it is asked for what it saw itself.
    """
    library, bits = _library(), BITS[platform.machine().lower()]
    mask, told = sum(bits.values()), set()
    with np.errstate(over="call", invalid="call", divide="call", call=lambda kind, _: told.add(kind)):
        library.feclearexcept(mask)
        function()
        found = library.fetestexcept(mask)
    return frozenset(AS_NUMPY_SAYS.get(kind, kind) for kind in told) | {n for n, bit in bits.items() if found & bit}


class Mode(NamedTuple):
    """What changes results, or ends a process for one that it computes; as the machine numbers it."""

    flushes: int  # subnormals to zero
    rounds: int
    masks: int  # the exceptions that are not trapped
    x87: int  # the control word of the older unit, which computes long doubles


def mode() -> Mode | None:
    """The mode of this thread; None where it can't be read, which is anywhere but on Linux with glibc on x86-64."""
    environment = _environment()
    if environment is None:
        return None
    word, x87 = _word(environment, MXCSR, 4), _word(environment, X87, 2)
    return Mode(word & FLUSHES, word & ROUNDS, word & MASKS, x87)


def set_mode(wanted: Mode | None) -> None:
    """Set it as it was."""
    environment = _environment()
    if environment is None or wanted is None:
        return
    word = _word(environment, MXCSR, 4) & ~(FLUSHES | ROUNDS | MASKS) | wanted.flushes | wanted.rounds | wanted.masks
    raw = bytearray(environment.raw)
    raw[MXCSR : MXCSR + 4] = word.to_bytes(4, "little")
    raw[X87 : X87 + 2] = wanted.x87.to_bytes(2, "little")
    _library().fesetenv(ctypes.create_string_buffer(bytes(raw), len(raw)))


def said(before: Mode, after: Mode) -> str:
    """What changed, in words."""
    changed = {
        "subnormals are flushed to zero": after.flushes != before.flushes,
        "results are not rounded to nearest": after.rounds != before.rounds,
        "exceptions are trapped": after.masks != before.masks,
    }
    words = [what for what, is_so in changed.items() if is_so]
    return " and ".join(words) or "long doubles are computed in another way"


@dataclass
class Kept:
    """What became of the mode in a block: a sentence, once it is left, where it was changed."""

    changed: str | None = None


@contextmanager
def kept() -> Iterator[Kept]:
    """Whatever a block does to the floating-point mode, and to how NumPy and mpmath compute, is undone after it."""
    before, found = mode(), Kept()
    try:
        with np.errstate(), mpmath.workprec(mpmath.mp.prec):
            yield found
    finally:
        after = mode()
        if after != before:
            set_mode(before)
            found.changed = f"left the floating-point mode changed: {said(before, after)}"


@functools.cache
def _has_mode() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64") and platform.libc_ver()[0] == "glibc" and bool(_library())


def _environment() -> Any:
    if not _has_mode():
        return None
    environment = ctypes.create_string_buffer(32)
    _library().fegetenv(environment)
    return environment


def _word(environment: Any, at: int, size: int) -> int:
    return int.from_bytes(environment.raw[at : at + size], "little")
