# SPDX-License-Identifier: MIT
"""The device: whether kernels can be run on one, and what CuPy is asked for.

Only what computes imports CuPy, in the process that calls kernels.
"""

import contextlib
import functools
import importlib.metadata
import importlib.util
from typing import Any

from kernels.gpu import build, driver, nvrtc
from kernels.gpu.source import Entry

THREADS = 256  # of a block; sums.cuh is written for so many
BLOCKS_PER_PROCESSOR = 8  # of 256 threads: as many as a multiprocessor holds of a kernel with few registers
INSTALL = "pip install -e '.[cuda12]' or '.[cuda13]', as the driver is"


@functools.cache
def why_absent() -> str | None:
    """Why nothing can be computed on a device, where that is so: a sentence that says what to do."""
    if importlib.util.find_spec("cupy") is None:
        return f"CuPy is not installed: {INSTALL}"
    known = driver.described()
    if known is None:
        return "there is no NVIDIA GPU here, or no driver for it: run it on a machine where nvidia-smi lists one"
    wheel = cupys_cuda()
    if wheel and known.is_too_old_for(wheel):
        here = f"CuPy is a build for CUDA {wheel}, and the driver has {known.cuda}"
        return f"{here}: pip uninstall cupy-cuda{wheel}x, then {INSTALL}; or install a newer driver"
    why = nvrtc.why_absent()
    if why is None and known.is_too_old_for(nvrtc.version()):
        return f"NVRTC is of CUDA {nvrtc.version()}, and the driver has {known.cuda}: {nvrtc.INSTALL}"
    return why


def cupys_cuda() -> str | None:
    """The CUDA that the installed wheel of CuPy is for, the lowest of several; None of what was built here."""
    for cuda in range(nvrtc.OLDEST, nvrtc.NEWEST + 1):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            importlib.metadata.version(f"cupy-cuda{cuda}x")
            return str(cuda)
    return None


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
def resident_blocks(function: Any) -> int:
    """How many blocks of threads of a kernel the current device holds at once.

    A grid of more has a second wave of blocks, which work as long as the first, and leave most of the device idle.
    """
    processors = cupy().cuda.Device().attributes["MultiProcessorCount"]
    try:
        blocks = cupy().cuda.driver.occupancyMaxActiveBlocksPerMultiprocessor(function.kernel.ptr, THREADS, 0)
    except AttributeError:  # of a CuPy that has it elsewhere
        blocks = BLOCKS_PER_PROCESSOR
    return processors * max(blocks, 1)


def load(entries: tuple[Entry, ...]) -> Any:
    """A module of CuPy with these kernels, for the current device: compiled, or found on disk."""
    number = cupy().cuda.runtime.getDevice()
    return cupy().RawModule(path=str(build.cubin(entries, architecture(number))))
