# SPDX-License-Identifier: MIT
"""Kernels in a process of their own: one that crashes, hangs or spoils its process costs no other result.

A `Host` is a process for the kernels of one backend, or of one file of a user's. It lives through the run, and a new
one takes its place when it is lost. Arrays go there and back through shared memory, laid out as they are here.

A kernel that can't be told how many threads to use is timed on one in another process, which has one processor: a
library makes as many threads as it finds processors and, whatever it does, gets no more than one thread's worth.
"""

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from bench.affinity import CAN_LIMIT, limited
from bench.calling import KernelError, hexadecimal
from bench.machine import ROOT
from bench.spans import CACHE_LINE, lay_out
from bench.speed import Setting
from kernels.cpu.launch import cores
from kernels.registry import Kernel, RunsWith

CALL_LIMIT_S = 60.0  # for one call, with the import of a library or a compilation in it
BATCH_S = 0.02  # of calls that are timed at a time, before the durations are sent
START_LIMIT_S = 120.0  # for Python, the kernels' modules and the user's
SHARED = Path("/dev/shm")  # in memory, where there is such a place


@dataclass
class Host:
    """A process that calls kernels.

    Args:
        places: what ``--kernels`` named that it needs.
        processors: how many it may use; None for all that this process may use.
    """

    places: Sequence[str] = ()
    processors: int | None = None
    limited: dict[int, "Host"] = field(default_factory=dict, init=False)  # by their numbers of processors
    process: subprocess.Popen | None = field(default=None, init=False)
    connection: Connection | None = field(default=None, init=False)
    file: Any = field(default=None, init=False)
    memory: mmap.mmap | None = field(default=None, init=False)
    reserved: int = field(default=0, init=False)  # bytes of it that `Remote.pair` gave away

    def ask(self, *request: Any, limit_s: float | None = None) -> Any:
        """What it answers.

        Raises:
            KernelError: the call failed there, did not end within its time, or ended the process.
        """
        limit_s = CALL_LIMIT_S if limit_s is None else limit_s
        if self.process is None:
            self._start()
        try:
            self.connection.send(request)
            if not self.connection.poll(limit_s):
                self._end()
                raise KernelError("hung", f"did not return within {limit_s:g} s, and was stopped")
            kind, answer = self.connection.recv()
        except (EOFError, OSError) as error:
            raise KernelError("crashed", _how_it_ended(self._end())) from error
        if kind != "done":
            raise KernelError(kind, answer)
        return answer

    def room(self, size: int) -> memoryview:
        """Shared memory of at least so many bytes."""
        if self.process is None:
            self._start()
        if self.memory is None or len(self.memory) < size:
            have = os.fstat(self.file.fileno()).st_size
            if have < size:
                os.ftruncate(self.file.fileno(), max(2 * have, size, mmap.PAGESIZE))
            self.memory = mmap.mmap(self.file.fileno(), os.fstat(self.file.fileno()).st_size)
        return memoryview(self.memory)

    def limited_to(self, processors: int) -> "Host":
        """Where the same kernels are called with so many processors: here, where these are all that there are."""
        if processors == cores() or not CAN_LIMIT:
            return self
        return self.limited.setdefault(processors, Host(self.places, processors))

    def close(self) -> None:
        """End the process, whatever it is doing, and those that are limited."""
        for host in (self, *self.limited.values()):
            host._end()

    def _end(self) -> int:
        """End this process; returns how it ended."""
        process, self.process, self.memory = self.process, None, None
        if process is None:
            return 0
        self.connection.close()
        self.file.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(2)
        process.kill()
        return process.wait()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self.file = tempfile.TemporaryFile(dir=SHARED if os.access(SHARED, os.W_OK) else None)  # noqa: SIM115
        shared = (theirs.fileno(), self.file.fileno())
        with theirs, limited(self.processors):
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bench.host", *map(str, shared), *self.places],
                pass_fds=shared,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            )
        self.connection = Connection(ours.detach())
        try:
            if not self.connection.poll(START_LIMIT_S):
                self.process.kill()
            self.connection.recv()
        except (EOFError, OSError) as error:
            why = _how_it_ended(self._end())
            raise KernelError("crashed", f"the process for its calls could not be started: {why}") from error


def _how_it_ended(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"the process was ended by {signal.Signals(-code).name}"
    return f"the process exited with {code}"


@dataclass
class Remote:
    """A kernel's function that is called in its host. Once it has cost a host its life, it is not called again."""

    host: Host
    name: str  # the kernel's id
    takes_threads: bool = True
    lost: KernelError | None = field(default=None, init=False)
    own: int | None = field(default=None, init=False)  # where in the shared memory its pairs are
    turn: int = field(default=0, init=False)

    def __call__(
        self, *arrays: np.ndarray, out: np.ndarray | None = None, threads: int | None = None, **_: Any
    ) -> np.ndarray:
        """Call it there, on copies; what it wrote, also to its inputs, is then in these arrays.

        Raises:
            KernelError: the call failed.
        """
        with self._shared(arrays, out) as (places, size):
            found = self._ask("call", places, size, out is not None, threads)
            if found is None:
                return out
            place, end = found
            return place.view(self.host.room(end)).copy()

    def flags(self, *arrays: np.ndarray, out: np.ndarray | None) -> frozenset[str]:
        """The exception flags that a call raises there, on one thread."""
        with self._shared(arrays, out) as (places, size):
            return self._ask("flags", places, size, out is not None)

    def sources(self, own: str) -> list[str]:
        """The source files that are loaded there, as `bench.resume` counts them."""
        return self._ask("sources", own)

    def runs_with(self) -> RunsWith:
        """What the kernel's backend says that it runs with there."""
        return self._ask("runs_with")

    def durations(self, setting: Setting) -> Callable[[], float]:
        """The durations of calls there, in seconds, one each time, on as many threads or processors as it says."""
        host = self.host if self.takes_threads else self.host.limited_to(setting.threads)
        pending: deque[float] = deque()

        def following() -> float:
            if not pending:
                pending.extend(self._ask("durations", astuple(setting), BATCH_S, host=host))
            return pending.popleft()

        return following

    def pair(self, count: int, dtype: np.dtype, turns: int) -> tuple[np.ndarray, np.ndarray]:
        """Two arrays in the shared memory itself, for inputs and results that need not be brought there and back.

        The second is another one each time, until after so many turns it is the first again.
        """
        size = -(-count * dtype.itemsize // CACHE_LINE) * CACHE_LINE
        if self.own is None:
            self.own, self.host.reserved = self.host.reserved, self.host.reserved + size * (1 + turns)
        memory = self.host.room(self.host.reserved + 4 * size)  # with room for what is laid out beside them
        self.turn = (self.turn + 1) % turns
        starts = self.own, self.own + size * (1 + self.turn)
        return tuple(np.frombuffer(memory, dtype, count, start) for start in starts)

    def _ask(self, operation: str, *what: Any, host: Host | None = None) -> Any:
        if self.lost:
            raise self.lost
        try:
            return (host or self.host).ask(operation, self.name, *what)
        except KernelError as error:
            if error.failure.kind in ("hung", "crashed"):
                self.lost = error
            raise

    @contextlib.contextmanager
    def _shared(self, arrays: Sequence[np.ndarray], out: np.ndarray | None) -> Iterator[tuple[list, int]]:
        """Lay the arrays out in shared memory, and bring back what was written there."""
        spans, places, size = lay_out([*arrays, *([] if out is None else [out])], self.host.memory, self.host.reserved)
        memory = self.host.room(size)
        for span in spans:
            memory[span.offset : span.offset + span.high - span.low] = span.bytes
        try:
            yield places, size
        except KernelError as error:
            if error.failure.input is None and arrays[-1].size == 1:
                error.failure.input = hexadecimal(arrays[-1].flat[0])
            raise
        memory = self.host.room(size)
        for span in spans:
            if span.writeable:
                span.bytes[:] = memory[span.offset : span.offset + span.high - span.low]


def hosts_for(kernels: Iterable[Kernel], places: Mapping[str, str]) -> dict[str, Host]:
    """A host for each backend of ours, and for each place that ``--kernels`` named, by the ids of their kernels."""
    hosts: dict[str, Host] = {}
    found = {}
    for kernel in kernels:
        place = places.get(kernel.id)
        name = kernel.backend if place is None else f"--kernels {place}"
        found[kernel.id] = hosts.setdefault(name, Host([place] if place else []))
    return found


def isolated(kernel: Kernel, hosts: Mapping[str, Host]) -> Kernel:
    """The kernel, called in the host of its backend where there is one, or of the file that it is in."""
    host = hosts.get(kernel.id)
    if host is None:
        return kernel
    there = Remote(host, kernel.id, kernel.takes_threads)
    return replace(kernel, function=there, runs_with=there.runs_with if kernel.runs_with else None)
