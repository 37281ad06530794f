# SPDX-License-Identifier: MIT
"""On what a run was made: the machine, the versions, the state of the sources."""

import contextlib
import platform
from collections.abc import Collection
from importlib import metadata
from pathlib import Path

import cpuinfo
import psutil

import kernels.gpu
from bench.git import GitError, line
from bench.speed import cores
from kernels.gpu import driver
from kernels.peers import PEERS
from reports.schema import Machine

LIBRARIES = ("numpy", "numba", "llvmlite", "mpmath", "gmpy2", "ml_dtypes", "pytest", "pytest-benchmark")
INSTRUCTION_SETS = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512bw",
    "avx512_bf16",
    "avx512_fp16",
    "asimd",
)

ROOT = Path(__file__).resolve().parent.parent


def libraries_of(backend: str) -> dict[str, str]:
    """The versions of what a backend's results may depend on, by name; of a user's own, that its process tells."""
    if backend == "numba":
        return {name: metadata.version(name) for name in ("numba", "llvmlite")}
    if backend == "cupy":
        return kernels.gpu.versions()
    return PEERS[backend].versions() if backend in PEERS else {}


def machine(backends: Collection[str] = ()) -> Machine:
    """What this process runs on, with the versions of the libraries that these backends are."""
    cpu = cpuinfo.get_cpu_info()
    gpu = driver.described()
    measured = {name: version for backend in backends for name, version in libraries_of(backend).items()}
    return Machine(
        cpu=cpu.get("brand_raw") or platform.processor() or platform.machine(),
        instruction_sets=[name for name in INSTRUCTION_SETS if name in cpu.get("flags", ())],
        cores=cores(),
        memory_bytes=psutil.virtual_memory().total,
        gpu=gpu.name if gpu else None,
        driver=gpu.driver if gpu else None,
        system=" ".join([platform.system(), platform.release(), platform.machine(), *platform.libc_ver()]).strip(),
        python=platform.python_version(),
        libraries={name: metadata.version(name) for name in LIBRARIES} | measured,
    )


def commit() -> tuple[str | None, bool | None]:
    """The checkout's commit and whether tracked files differ from it; None where git does not say."""
    head = changes = None
    with contextlib.suppress(GitError):
        head = line(ROOT, "rev-parse", "HEAD")
        changes = bool(line(ROOT, "status", "--porcelain", "--untracked-files=no"))
    return head, changes
