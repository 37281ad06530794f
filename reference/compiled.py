# SPDX-License-Identifier: MIT
"""Compiling arithmetic, and keeping the code: the one place of compile options of the fast oracle and of the sweeps.

Numba's own cache looks only at the file of the function that it compiled. Here the folder of the cache is named by a
hash of all sources that the code may be made of, so code from an older state of them is never found.

kernels/cpu/compile.py does alike for the kernels, and looks alike: neither package may import the other, so that no
mistake is in both.
"""

import contextlib
import functools
import hashlib
import os
import shutil
import threading
import time
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

OWN = Path(__file__).resolve().parent
STALE_AFTER_S = 7 * 24 * 3600.0  # what is not used for so long belongs to sources long gone

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
    folder = cache_folder(loop)
    if folder is None:
        return njit(signature, nogil=True, **OPTIONS)(copy)
    with _decorating, _numba_cache_in(folder):
        return njit(signature, nogil=True, cache=True, **OPTIONS)(copy)


def is_cached(loop: Callable[..., Any], name: str) -> bool:
    """Whether there is code of that loop and name in the cache."""
    folder = cache_folder(loop)
    return folder is not None and any(folder.glob(f"*/*.{name}-*.nbi"))


@contextlib.contextmanager
def _numba_cache_in(folder: Path) -> Iterator[None]:
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def cache_folder(loop: Callable[..., Any]) -> Path | None:
    """The folder of code made of this package and that of a loop, made if need be; None where it can't be written."""
    return _folder(Path(loop.__code__.co_filename).resolve().parent)


@functools.cache
def _folder(package: Path) -> Path | None:
    root = cache_root() / "oracle-code"
    folder = root / sources_digest(package)[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)  # in use: not stale
    except OSError:
        return None
    remove_stale(root)
    return folder if os.access(folder, os.W_OK) else None


def cache_root() -> Path:
    """Where results that can be made again are kept: $HALFULP_CACHE_DIR, or .cache in the checkout."""
    return Path(os.environ.get("HALFULP_CACHE_DIR") or OWN.parent / ".cache")


def remove_stale(folder: Path, pattern: str = "*") -> None:
    """Remove the files and folders in a folder of the cache that were not used for `STALE_AFTER_S`."""
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_AFTER_S:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def sources_digest(package: Path) -> str:
    """SHA-256 over every source file of this package and another, and the versions of what compiles them."""
    digest = hashlib.sha256(f"numba {numba.__version__}, mpmath {mpmath.__version__}".encode())
    for path in sorted(p for folder in {OWN, package} for p in folder.glob("*.py")):
        digest.update(f"{path.parent.name}/{path.name}".encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
