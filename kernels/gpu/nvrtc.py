# SPDX-License-Identifier: MIT
"""NVIDIA's runtime compiler, which needs no GPU: CUDA C++ to PTX and to a cubin.

CuPy's own way to it appends ``-ftz=true`` to the options of everything it compiles, and subnormals would be lost. Hence
a cubin is made here, which CuPy loads as it is.
"""

import ctypes
import ctypes.util
import functools
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kernels.gpu import driver

OPTIONS = (
    "--std=c++17",
    "--device-as-default-execution-space",  # a body is written as for any compiler
    "--fmad=false",  # a multiply-add is where `fma` stands: only so the bits are those of the CPU
    "--ftz=false",
    "--prec-div=true",
    "--prec-sqrt=true",
    "--ptxas-options=-v",
)
NEWEST, OLDEST = 14, 12  # CUDA's versions that are tried where only the system knows the library
USUAL = "/usr/local/cuda"  # where a toolkit is that nobody named
INSTALL = (
    "pip install nvidia-cuda-nvrtc-cu12, or for a driver of CUDA 13 nvidia-cuda-nvrtc; "
    "or set CUDA_PATH to the folder of a CUDA toolkit"
)


class CompileError(RuntimeError):
    """What the compiler said of a text that it refused."""


@dataclass(frozen=True)
class Compiled:
    """What one text was compiled to."""

    ptx: str
    cubin: bytes
    log: str  # what ptxas says of each function: registers, spills


def compile_source(text: str, headers: Mapping[str, str], architecture: str) -> Compiled:
    """Compile for a real architecture, as sm_90.

    Raises:
        FileNotFoundError: NVRTC is not installed.
        CompileError: the compiler refused the text or the architecture.
    """
    library = _library()
    program = ctypes.c_void_p()
    names = (ctypes.c_char_p * len(headers))(*[name.encode() for name in headers])
    texts = (ctypes.c_char_p * len(headers))(*[header.encode() for header in headers.values()])
    _check(library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernel.cu", len(headers), texts, names))
    try:
        options = [f"--gpu-architecture={architecture}", *OPTIONS]
        given = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
        if library.nvrtcCompileProgram(program, len(options), given):
            raise CompileError(f"{architecture}: {_text('ProgramLog', program)}")
        return Compiled(_text("PTX", program), _bytes("CUBIN", program), _text("ProgramLog", program))
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


@functools.cache
def version() -> str:
    """NVRTC's version, as 12.9.

    Raises:
        FileNotFoundError: NVRTC is not installed.
    """
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(_library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return f"{major.value}.{minor.value}"


def is_installed() -> bool:
    """Whether there is an NVRTC to compile with."""
    return why_absent() is None


def why_absent() -> str | None:
    """Why nothing can be compiled, where that is so: a sentence that says what to do."""
    try:
        _library()
    except FileNotFoundError as error:
        return str(error)
    return None


@functools.cache
def _library() -> ctypes.CDLL:
    for name in _candidates():
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise FileNotFoundError(f"NVRTC, NVIDIA's runtime compiler, was not found: {INSTALL}")


def _candidates() -> Iterator[str]:
    """The library's files and names, the newest first, but those last that are of a later CUDA than the driver.

    A driver loads no code that the compiler of a later CUDA made, by the first number of its version.
    """
    known = driver.described()

    def order(name: str) -> tuple[bool, int, int]:
        major = int(re.search(r"\.so\.(\d+)", name).group(1))
        return known is not None and known.is_too_old_for(str(major)), -major, -_minor(Path(name), major)

    names = [f"libnvrtc.so.{major}" for major in range(NEWEST, OLDEST - 1, -1)]
    yield from sorted([*_files(), *names], key=order)
    found = ctypes.util.find_library("nvrtc")
    if found:
        yield found
    yield from _where_cupy_looks()


def _minor(file: Path, major: int) -> int:
    """The second number of a file's version, as the builtins beside it are named; -1 where it is not told.

    The library itself is not asked: the first that is loaded may be what CuPy gets by the name alone.
    """
    beside = f"libnvrtc-builtins.so.{major}."
    numbers = [found.name.removeprefix(beside).split(".")[0] for found in file.parent.glob(f"{beside}[0-9]*")]
    return max(map(int, numbers), default=-1) if file.is_absolute() else -1


def _files() -> Iterator[str]:
    """The library's files in NVIDIA's wheels, and in the folders of toolkits that CuPy knows too."""
    spec = importlib.util.find_spec("nvidia")
    wheels = [Path(folder) for folder in (spec.submodule_search_locations if spec else None) or []]
    named = [os.environ.get(name) for name in ("CUDA_PATH", "CUDA_HOME", "CONDA_PREFIX")]
    toolkits = [Path(folder) for folder in (*named, sys.prefix, USUAL) if folder]
    places = [(wheels, ("*/lib",)), (toolkits, ("lib64", "lib", "targets/*/lib"))]
    for folders, below in places:
        for folder in folders:
            for pattern in below:
                yield from map(str, sorted(folder.glob(f"{pattern}/libnvrtc.so.[0-9]*")))


def _where_cupy_looks() -> Iterator[str]:
    """The file that CuPy 14 finds by itself."""
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib

        yield load_nvidia_dynamic_lib("nvrtc").abs_path
    except (ImportError, RuntimeError):  # which it raises where it finds none
        return


def _check(status: int) -> None:
    if status:
        name = _library().nvrtcGetErrorString
        name.restype = ctypes.c_char_p
        raise CompileError(name(status).decode())


def _bytes(kind: str, program: ctypes.c_void_p) -> bytes:
    library, size = _library(), ctypes.c_size_t()
    _check(getattr(library, f"nvrtcGet{kind}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(getattr(library, f"nvrtcGet{kind}")(program, buffer))
    return buffer.raw


def _text(kind: str, program: ctypes.c_void_p) -> str:
    return _bytes(kind, program).rstrip(b"\0").decode()
