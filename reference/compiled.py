# SPDX-License-Identifier: MIT
"""Compiling arithmetic, and keeping the code: the one place of compile options of the fast oracle and of the sweeps.

Numba's own cache looks only at the file of the function that it compiled. Here the folder of the cache is named by a
hash of all sources that the code may be made of, so code from an older state of them is never found.
"""

import contextlib
import functools
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import mpmath
import numba
from numba import njit
from numba.core.dispatcher import Dispatcher

# error_model: IEEE division, without a check for a zero divisor that would stop vectorisation.
# fastmath stays off: what is derived of the arithmetic holds for IEEE operations in the order in which they stand.
OPTIONS = {"error_model": "numpy", "fastmath": False}

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("reference", "bench")  # bench compiles loops around the oracle's arithmetic

_decorating = threading.Lock()  # Numba reads the folder from a global while a function is decorated


def block(function: Callable[..., Any]) -> Dispatcher:
    """Make a function callable from compiled code, where it is put in the place of each call."""
    return njit(forceinline=True, **OPTIONS)(function)


def compile_loop(loop: Callable[..., Any], name: str, signature: Any, parts: dict[str, Any]) -> Dispatcher:
    """Compile ``loop`` for one signature, with ``parts`` as its global names, or load it from the cache.

    The parts are globals of a copy of the loop, and not closed over, because Numba can't cache a closure over
    compiled functions. ``name`` must be unique: the cache files it under that.
    """
    copy = FunctionType(loop.__code__, {**loop.__globals__, **parts}, name)
    copy.__module__, copy.__qualname__ = loop.__module__, name
    folder = _cache_folder()
    if folder is None:
        return njit(signature, nogil=True, **OPTIONS)(copy)
    with _decorating, _numba_cache_in(folder):
        return njit(signature, nogil=True, cache=True, **OPTIONS)(copy)


def is_cached(name: str) -> bool:
    """Whether there is code of that name in the cache."""
    folder = _cache_folder()
    return folder is not None and any(folder.glob(f"*/*.{name}-*.nbi"))


@contextlib.contextmanager
def _numba_cache_in(folder: Path) -> Iterator[None]:
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


@functools.cache
def _cache_folder() -> Path | None:
    """The folder of compiled code for the present sources, made if need be; None where it can't be written."""
    root = Path(os.environ.get("HALFULP_CACHE_DIR") or ROOT / ".cache")
    folder = root / "oracle-code" / sources_digest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


@functools.cache
def sources_digest() -> str:
    """SHA-256 over every source file that compiled code may be made of, and the versions of what made it."""
    digest = hashlib.sha256(f"numba {numba.__version__}, mpmath {mpmath.__version__}".encode())
    for path in sorted(p for folder in SOURCES for p in (ROOT / folder).glob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
