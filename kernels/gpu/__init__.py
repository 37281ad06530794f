# SPDX-License-Identifier: MIT
"""The activations on a GPU: ``from kernels.gpu import silu; silu(x)``, ``silu.backward(dy, x)`` on CuPy arrays.

One .cuh file an activation, of CUDA C++. Importing compiles nothing, and needs neither CuPy nor a device; where both
are there the kernels are registered as the backend ``cupy``.
"""

from importlib import metadata

import kernels.cpu
from kernels.gpu import device, nvrtc
from kernels.gpu.define import Activation, kernels_of
from kernels.registry import Absent, register

ACTIVATIONS = {name: Activation(cpu) for name, cpu in kernels.cpu.ACTIVATIONS.items()}
globals().update(ACTIVATIONS)

if device.why_absent() is None:
    for _kernel in kernels_of(ACTIVATIONS):
        register(_kernel)


def absent() -> list[Absent]:
    """The backend, where it can't be measured here."""
    why = device.why_absent()
    return [Absent("cupy", why)] if why else []


def versions() -> dict[str, str]:
    """The versions of what our kernels are compiled and launched with, by name, as far as it is there."""
    found = metadata.packages_distributions().get("cupy", ())
    compiler = {"NVRTC": nvrtc.version()} if nvrtc.is_installed() else {}
    return {name: metadata.version(name) for name in dict.fromkeys(found)} | compiler


__all__ = ["ACTIVATIONS", "absent", *ACTIVATIONS]
