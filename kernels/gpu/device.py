# SPDX-License-Identifier: MIT
"""The device: whether there is one, what it is, and what CuPy is asked for.

Whether there is one the driver itself is asked, without CuPy, whose import takes a second. Only what computes imports
CuPy, in the process that calls kernels.
"""

import ctypes
import functools
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernels.gpu import build
from kernels.gpu.source import Entry

THREADS = 256  # of a block; sums.cuh is written for so many
BLOCKS_PER_PROCESSOR = 8  # of 256 threads: as many as a multiprocessor holds at once
INSTALL = "pip install -e '.[cuda12]' or '.[cuda13]', as the driver is"
DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Described:
    """A device, as the driver describes it."""

    name: str
    driver: str | None
    cuda: str  # the newest version of CUDA that the driver has


@functools.cache
def why_absent() -> str | None:
    """Why nothing can be computed on a device, where that is so: a sentence that says what to do."""
    if importlib.util.find_spec("cupy") is None:
        return f"CuPy is not installed: {INSTALL}"
    if described() is None:
        return "there is no NVIDIA GPU here, or no driver for it: run it on a machine where nvidia-smi lists one"
    return None


@functools.cache
def described() -> Described | None:
    """The first device; None where there is none."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    count, version, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return None
    cuda.cuDeviceGetName(name, len(name), 0)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    major, minor = divmod(version.value, 1000)
    return Described(name.value.decode(), _driver(), f"{major}.{minor // 10}")


def _driver() -> str | None:
    try:
        found = re.search(r"Module\S*(?: for \S+)?\s+([\d.]+)", DRIVER.read_text())
    except OSError:
        return None
    return found.group(1) if found else None


@functools.cache
def cupy() -> Any:
    """CuPy, imported.

    Raises:
        RuntimeError: it is not installed, or finds no device.
    """
    why = why_absent()
    if why:
        raise RuntimeError(why)
    import cupy

    return cupy


@functools.cache
def architecture(number: int) -> str:
    """The architecture of a device, by its number."""
    return f"sm_{cupy().cuda.Device(number).compute_capability}"


@functools.cache
def resident_blocks(number: int) -> int:
    """How many blocks of threads a device holds at once, by its number: a grid needs no more."""
    return cupy().cuda.Device(number).attributes["MultiProcessorCount"] * BLOCKS_PER_PROCESSOR


def load(entries: tuple[Entry, ...]) -> Any:
    """A module of CuPy with these kernels, for the current device: compiled, or found on disk."""
    number = cupy().cuda.runtime.getDevice()
    return cupy().RawModule(path=str(build.cubin(entries, architecture(number))))
