# SPDX-License-Identifier: MIT
"""NVIDIA's driver, asked without CuPy, whose import takes a second: what device there is, and whether it answers."""

import ctypes
import functools
import re
from dataclasses import dataclass
from pathlib import Path

VERSION = Path("/proc/driver/nvidia/version")
NEVER_ASKED = (3, 201)  # CUDA_ERROR_NOT_INITIALIZED, CUDA_ERROR_INVALID_CONTEXT: this thread has nothing on a device


@dataclass(frozen=True)
class Described:
    """A device, as the driver describes it."""

    name: str
    driver: str | None
    cuda: str  # the newest version of CUDA that the driver has

    @property
    def cuda_major(self) -> int:
        return int(self.cuda.split(".")[0])

    def is_too_old_for(self, cuda: str) -> bool:
        """Whether it runs nothing that was built for that version of CUDA, of which the first number counts."""
        return int(cuda.split(".")[0]) > self.cuda_major


@functools.cache
def described() -> Described | None:
    """The first device; None where there is none."""
    cuda = _library()
    if cuda is None:
        return None
    count, version, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return None
    cuda.cuDeviceGetName(name, len(name), 0)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    major, minor = divmod(version.value, 1000)
    return Described(name.value.decode(), _version(), f"{major}.{minor // 10}")


def fault() -> str | None:
    """The error after which a device answers this process no more, by its name; None where there was none.

    It waits until the device has done what this thread asked for.
    """
    cuda = _library()
    status = cuda.cuCtxSynchronize() if cuda else 0
    if not status or status in NEVER_ASKED:
        return None
    name = ctypes.c_char_p()
    cuda.cuGetErrorName(status, ctypes.byref(name))
    return name.value.decode() if name.value else f"CUDA error {status}"


def _library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None


def _version() -> str | None:
    try:
        found = re.search(r"Module\S*(?: for \S+)?\s+([\d.]+)", VERSION.read_text())
    except OSError:
        return None
    return found.group(1) if found else None
