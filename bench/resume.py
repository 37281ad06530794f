# SPDX-License-Identifier: MIT
"""What a sweep that was cut off had found, kept so that it goes on where it was, and only while nothing has changed.

The file of a kernel is named by a hash of all that its results could depend on: its own identity and parameters, every
source file outside of Python's own folders that is loaded (the user's, and this checkout's with the oracle), the
versions of everything installed, and the processor; where a GPU computes, also that, its driver and the code for it. It
has a line for each block, written whole; the last line may be cut, and is then not believed.
"""

import contextlib
import functools
import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import msgspec
from llvmlite import binding

import kernels.gpu
from bench.calling import KernelError
from bench.tally import Tally
from kernels.gpu import driver, source
from kernels.registry import Kernel
from reference.compiled import remove_stale
from reference.sources import loaded_sources

# Beginnings of the names of environment variables by which libraries choose among code paths.
CHOOSING = (
    *("ATEN_", "CUDA_", "CUPY_", "DNNL_", "GLIBC_", "KMP_", "LD_", "MKL_", "NPY_"),
    *("NUMBA_", "NVIDIA_", "OMP_", "ONEDNN_", "OPENBLAS_", "TF_", "XLA_"),
)


class _Line(msgspec.Struct):
    block: int
    tally: Tally
    check: str  # a digest of both: a damaged line must not pass for a finding


class Findings:
    """The tallies of blocks that are kept for one kernel; without a folder, until it is forgotten."""

    def __init__(self, folder: Path | None, kernel: Kernel) -> None:
        key = _key(kernel) if folder else None
        if folder:
            remove_stale(folder, "*.jsonl")
        self.path = folder / f"{kernel.id}-{key[:24]}.jsonl" if folder and key else None
        self.blocks: dict[int, Tally] = dict(self._read())
        self._kernel, self._sources = kernel, _sources(kernel) if self.path else []

    def _read(self) -> Iterator[tuple[int, Tally]]:
        kept = b""
        if self.path is not None:
            with contextlib.suppress(OSError):
                kept = self.path.read_bytes()
        for text in kept.split(b"\n"):
            with contextlib.suppress(ValueError):  # no JSON, not of this form, or not even text
                line = msgspec.json.decode(text, type=_Line)
                if line.check == _check(line.block, line.tally):
                    yield line.block, line.tally

    def keep(self, block: int, tally: Tally) -> None:
        """Note what was found in a block; a folder that can't be written costs a later run time, and nothing else."""
        self.blocks[block] = tally
        if self.path is None or _sources(self._kernel) != self._sources:  # since then more code has been imported
            return
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:  # begins with a line's end, in case that the last one was cut
                file.write(b"\n" + msgspec.json.encode(_Line(block, tally, _check(block, tally))) + b"\n")

    def forget(self) -> None:
        """Remove what was kept: the sweep is complete, and the next one tries all inputs again."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)


def _check(block: int, tally: Tally) -> str:
    return hashlib.sha256(msgspec.json.encode((block, tally))).hexdigest()[:16]


def _key(kernel: Kernel) -> str | None:
    """The hash that a kernel's file is named by; None where its code is in no file, and so can't be told again."""
    if kernel.source is None or not Path(kernel.source).is_file():
        return None
    parameters = sorted((name, float(value).hex()) for name, value in kernel.parameters.items())
    digest = hashlib.sha256(repr((kernel.id, parameters, binding.get_host_cpu_name())).encode())
    digest.update(_environment().encode())
    if kernel.device == "cuda":
        digest.update(repr((driver.described(), kernels.gpu.versions())).encode())
    sources = _sources(kernel)
    if sources is None:
        return None
    for path in sources:
        with contextlib.suppress(OSError):
            digest.update(path.encode() + b"\0" + Path(path).read_bytes())
    return digest.hexdigest()


@functools.cache
def _environment() -> str:
    """Python, the C library and everything installed, with versions, the processor, and what chooses code paths."""
    installed = sorted(f"{d.metadata['Name']} {d.version}" for d in metadata.distributions())
    settings = sorted((k, v) for k, v in os.environ.items() if k.startswith(CHOOSING))
    machine = (platform.machine(), platform.libc_ver(), binding.get_host_cpu_features().flatten())
    return repr((sys.version, machine, installed, settings))


def _sources(kernel: Kernel) -> list[str] | None:
    """The source files that a kernel's results could depend on; None where its process is lost, and can't tell."""
    elsewhere = getattr(kernel.function, "sources", None)  # in the process that it is called in
    on_device = map(str, source.files() if kernel.device == "cuda" else ())
    try:
        return sorted({*loaded_sources(kernel.source), *(elsewhere(kernel.source) if elsewhere else ()), *on_device})
    except KernelError:
        return None
