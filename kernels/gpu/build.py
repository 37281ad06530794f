# SPDX-License-Identifier: MIT
"""Compiled kernels, kept on disk: a cubin for a device, or a shared library for this machine, of the same source.

A file is named by a hash of all that it was made of, so what an older state of the sources made is never found. The
host's compiler is told to contract nothing either, so that IEEE operations have the same bits as on the device.
"""

import functools
import hashlib
import os
import pickle
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from kernels.cpu.compile import KERNELS
from kernels.gpu import nvrtc, source
from kernels.gpu.nvrtc import Compiled
from kernels.gpu.source import Entry

HOST_OPTIONS = (
    "-std=c++17",
    "-O2",
    "-march=native",  # with FMA, which is a call otherwise
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-strict-aliasing",  # packets are read from arrays of any type
    "-shared",
    "-fPIC",
    "-pthread",
    "-w",
)


def cubin(entries: Iterable[Entry], architecture: str) -> Path:
    """The file of these kernels for an architecture, as sm_90: made now, or found.

    Raises:
        FileNotFoundError: NVRTC is not installed, and the file is not there.
        CompileError: the compiler refused the architecture.
    """
    return cubin_of(source.unit(entries), architecture)


def cubin_of(text: str, architecture: str) -> Path:
    """The same of a text of CUDA C++."""

    def make(path: Path) -> None:
        path.write_bytes(nvrtc.compile_source(text, source.headers(), architecture).cubin)

    return _kept(f"{architecture}.cubin", [text, *nvrtc.OPTIONS, nvrtc.version()], make)


def examined(entries: Iterable[Entry], architecture: str) -> Compiled:
    """What the compiler makes of these kernels and says of them; raises as `cubin` does."""
    text = source.unit(entries)

    def make(path: Path) -> None:
        path.write_bytes(pickle.dumps(nvrtc.compile_source(text, source.headers(), architecture)))

    path = _kept(f"{architecture}.pickle", [text, *nvrtc.OPTIONS, nvrtc.version()], make)
    return pickle.loads(path.read_bytes())


def host_library(entries: Iterable[Entry]) -> Path:
    """The same kernels as functions of a shared library, see host.cuh.

    Raises:
        FileNotFoundError: there is no g++.
    """
    text, compiler = source.unit(entries, host=True), host_compiler()
    if compiler is None:
        raise FileNotFoundError("there is no g++ on the PATH: install it, to run device code without a device")

    def make(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name, header in source.headers().items():
                Path(folder, name).write_text(header)
            unit = Path(folder, "unit.cpp")
            unit.write_text(text)
            command = [compiler, *HOST_OPTIONS, "-I", folder, str(unit), "-o", str(path)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise nvrtc.CompileError(f"{compiler}: {done.stderr[:4000]}")

    return _kept("so", [text, *HOST_OPTIONS, _machine(compiler)], make)


def host_compiler() -> str | None:
    """Where the host's C++ compiler is."""
    return shutil.which("g++")


@functools.cache
def _machine(compiler: str) -> str:
    """The compiler's version, and what it takes this processor for: a kept file may have come from another machine."""
    command = [compiler, "-march=native", "-E", "-v", "-x", "c++", os.devnull]
    said = subprocess.run(command, capture_output=True, text=True).stderr
    return " ".join(re.findall(r"version [\d.]+|-m\S+", said))


def _kept(suffix: str, made_of: list[str], make: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256()
    for part in [*made_of, *[name + text for name, text in sorted(source.headers().items())]]:
        digest.update(f"{len(part)} {part}".encode())
    path = _folder() / f"{digest.hexdigest()[:24]}.{suffix}"
    if not path.exists():
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        make(part)
        part.replace(path)  # whole or not at all, whoever else makes it meanwhile
    return path


@functools.cache
def _folder() -> Path:
    """The folder of compiled kernels; one for this process alone where none can be written."""
    root = Path(os.environ.get("HALFULP_CACHE_DIR") or KERNELS.parent / ".cache") / "gpu"
    try:
        root.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=root).close()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="halfulp-gpu-"))
    return root
