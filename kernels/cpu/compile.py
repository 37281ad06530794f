# SPDX-License-Identifier: MIT
"""The one place of compile options, and of the cache of compiled code.

Numba's own cache looks only at the file of the function it compiled: edit a building block in another file and its
callers keep the old code. Here the folder of the cache is named by a hash of every file of kernels/ and of Numba's
version, so code from an older state of the sources is never found.
"""

import contextlib
import functools
import hashlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite.binding
import numba
from numba import njit, types
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic

from kernels.cpu import assembly
from kernels.cpu.launch import cores
from kernels.registry import RunsWith

# error_model: IEEE division, without a check for a zero divisor that would stop vectorisation.
# fastmath stays off: contraction and reordering would make the bits depend on the machine.
OPTIONS = {"error_model": "numpy", "fastmath": False}

VECTORS_AT_ONCE = 4  # of 2, 4 and 8 the fastest for most: 1.1 to 1.5 times as fast as LLVM's own choice, of 1

KERNELS = Path(__file__).resolve().parent.parent
STALE_AFTER_S = 7 * 24 * 3600.0  # a cache folder not used for so long belongs to sources long gone

_decorating = threading.Lock()  # Numba reads the folder from a global while a function is decorated


def block(function: Callable[..., Any]) -> Dispatcher:
    """Make a function callable from compiled code, where it is put in the place of each call: for the types passed.

    A body left as a call (LLVM leaves large ones) would keep the loop around it from being vectorised.
    """
    return njit(forceinline=True, **OPTIONS)(function)


@intrinsic
def full_width(typing_context):
    """Have the loop that calls this use the machine's widest vectors: LLVM prefers half of what AVX-512 has.

    And have it copy with these itself: LLVM would call the C library's memcpy.
    """

    def generate(context, builder, signature, arguments):
        for attribute in ('"prefer-vector-width"="512"', '"no-builtins"'):
            set.add(builder.function.attributes, attribute)  # llvmlite knows no such ones
        return context.get_dummy_value()

    return types.none(), generate


def compile_loop(loop: Callable[..., None], name: str, signature: Any, parts: dict[str, Any]) -> Dispatcher:
    """Compile ``loop`` for one signature, with ``parts`` as its global names, or load it from the cache.

    The parts are globals of a copy of the loop, and not closed over, because Numba can't cache a closure over
    compiled functions. ``name`` must be unique: the cache files it under that.
    """
    copy = FunctionType(loop.__code__, {**loop.__globals__, **parts}, name)
    copy.__module__, copy.__qualname__ = loop.__module__, name
    folder = cache_folder()
    if folder is None:
        with _decorating, _interleaved():
            return njit(signature, nogil=True, **OPTIONS)(copy)
    with _decorating, _interleaved(), _numba_cache_in(folder):
        compiled = njit(signature, nogil=True, cache=True, **OPTIONS)(copy)
    if compiled.stats.cache_misses:
        assembly.keep(folder, name, compiled)
    return compiled


def is_cached(name: str) -> bool:
    """Whether there is code of that name in the cache."""
    folder = cache_folder()
    return folder is not None and any(folder.glob(f"*/*.{name}-*.nbi"))


def runs_with() -> RunsWith:
    """All processors of this process, and the one that LLVM takes this one for and makes code for."""
    target = numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    return RunsWith(threads=cores(), instruction_set=f"LLVM's target {target}")


@contextlib.contextmanager
def _interleaved() -> Iterator[None]:
    """Have LLVM work on several vectors in each pass through a loop.

    The operations on one depend each on the one before. A processor does those of other elements meanwhile, but sees
    only about a hundred operations ahead, which in a long body are two vectors' or three's.
    """
    llvmlite.binding.set_option("halfulp", f"-force-vector-interleave={VECTORS_AT_ONCE}")
    try:
        yield
    finally:
        llvmlite.binding.set_option("halfulp", "-force-vector-interleave=0")  # LLVM's own choice, for other code


@contextlib.contextmanager
def _numba_cache_in(folder: Path) -> Iterator[None]:
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


@functools.cache
def cache_folder() -> Path | None:
    """The folder of compiled code for the present sources, made if need be; None where it can't be written."""
    root = Path(os.environ.get("HALFULP_CACHE_DIR") or KERNELS.parent / ".cache") / "numba"
    folder = root / source_hash(KERNELS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        os.utime(folder)  # in use: not stale
    except OSError:
        return None
    _remove_stale(root)
    return folder


def source_hash(kernels: Path) -> str:
    """A hash over every Python file under ``kernels``, its name and its text, and Numba's version."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(kernels.rglob("*.py")):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(kernels).as_posix()} {len(text)}\n".encode() + text)
    return digest.hexdigest()[:16]


def _remove_stale(root: Path) -> None:
    """Remove the folders of sources long gone. Another process that still uses one merely compiles again."""
    for folder in root.iterdir():
        with contextlib.suppress(OSError):
            if re.fullmatch("[0-9a-f]{16}", folder.name) and time.time() - folder.stat().st_mtime > STALE_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)
