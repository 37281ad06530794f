# SPDX-License-Identifier: MIT
"""The floating-point environment of this thread: exception flags of IEEE 754, rounding, and flushing of subnormals.

All by the C library's <fenv.h>; where that can't be had, `unavailable` says why.
"""

import ctypes
import functools
import platform
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_ARM = {"invalid": 1, "divide by zero": 2, "overflow": 4}
_X86 = {"invalid": 1, "divide by zero": 4, "overflow": 8}
BITS = {"x86_64": _X86, "amd64": _X86, "i686": _X86, "aarch64": _ARM, "arm64": _ARM}  # of <fenv.h>, by machine
AS_NUMPY_SAYS = {"invalid value": "invalid"}
MXCSR = 28  # where fenv_t of glibc on x86-64 has the control and status of SSE
FLUSHES, ROUNDS = 0x8040, 0x6000  # bits of it: subnormal results or operands are 0; how it rounds


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
    """What changes results: whether subnormals are flushed, and how is rounded; as the machine numbers it."""

    flushes: int
    rounds: int


def mode() -> Mode | None:
    """The mode of this thread; None where it can't be read, which is anywhere but on Linux with glibc on x86-64."""
    environment = _environment()
    if environment is None:
        return None
    word = int.from_bytes(environment.raw[MXCSR : MXCSR + 4], "little")
    return Mode(word & FLUSHES, word & ROUNDS)


def set_mode(wanted: Mode | None) -> None:
    """Set it as it was."""
    environment = _environment()
    if environment is None or wanted is None:
        return
    word = int.from_bytes(environment.raw[MXCSR : MXCSR + 4], "little") & ~(FLUSHES | ROUNDS)
    changed = environment.raw[:MXCSR] + (word | wanted.flushes | wanted.rounds).to_bytes(4, "little")
    _library().fesetenv(ctypes.create_string_buffer(changed, 32))


def said(before: Mode, after: Mode) -> str:
    """What changed, in words."""
    flushes = "subnormals are flushed to zero" if after.flushes != before.flushes else ""
    rounds = "results are not rounded to nearest" if after.rounds != before.rounds else ""
    return " and ".join(filter(None, (flushes, rounds)))


@functools.cache
def _has_mode() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64") and platform.libc_ver()[0] == "glibc" and bool(_library())


def _environment() -> Any:
    if not _has_mode():
        return None
    environment = ctypes.create_string_buffer(32)
    _library().fegetenv(environment)
    return environment
