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
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from bench.affinity import CAN_LIMIT, limited
from bench.calling import KernelError, hexadecimal
from bench.culprit import culprit
from bench.machine import ROOT
from bench.spans import CACHE_LINE, lay_out
from bench.speed import Setting
from kernels.cpu.launch import cores
from kernels.registry import Kernel, RunsWith

CALL_LIMIT_S = 60.0  # for one call, with the import of a library or a compilation in it
BATCH_S = 0.02  # of calls that are timed at a time, before the durations are sent
START_LIMIT_S = 60.0  # for Python, the kernels' modules and the user's
LOSSES = ("hung", "crashed")  # failures that cost the process
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
    reserved: int = field(default=0, init=False)  # bytes of it that `Remote.buffers` gave away

    def start(self) -> None:
        """Start the process, where there is none, and wait until it has imported what it needs.

        Raises:
            KernelError: that failed, did not end within its time, or ended the process; the message says of what.
        """
        if self.process:
            return
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
            self._reply(START_LIMIT_S)
        except KernelError as error:
            self._end()
            if error.failure.kind == "raised":  # it says itself what it is about
                raise
            own = [f"--kernels {place} could not be imported" for place in self.places]
            what = ", ".join(own) or "the process for its calls could not be started"
            raise KernelError(error.failure.kind, f"{what}: {error.failure.message}") from error

    def ask(self, *request: Any, limit_s: float | None = None) -> Any:
        """What it answers.

        Raises:
            KernelError: the call failed there, did not end within its time, or ended the process.
        """
        self.start()
        try:
            self.connection.send(request)
        except OSError as error:
            raise KernelError("crashed", _how_it_ended(self._end())) from error
        return self._reply(CALL_LIMIT_S if limit_s is None else limit_s)

    def _reply(self, limit_s: float) -> Any:
        try:
            if not self.connection.poll(limit_s):
                self.process.kill()
                self._end()
                raise KernelError("hung", f"did not return within {limit_s:g} s, and was stopped")
            kind, answer = self.connection.recv()
        except (EOFError, OSError) as error:
            raise KernelError("crashed", _how_it_ended(self._end())) from error
        if kind in LOSSES:
            self._end()
        if kind != "done":
            raise KernelError(kind, answer)
        return answer

    def room(self, size: int) -> memoryview:
        """Shared memory of at least so many bytes."""
        self.start()
        size = max(size, 1)  # nothing can't be mapped
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
    limit_s: float | None = None  # for a call of it; None: as for any other
    lost: KernelError | None = field(default=None, init=False)
    own: int | None = field(default=None, init=False)  # where in the shared memory its buffers are
    turn: int = field(default=0, init=False)

    def __call__(self, *arrays: np.ndarray, out: np.ndarray | None = None, **options: Any) -> np.ndarray:
        """Call it there, on copies; what it wrote, also to its inputs, is then in these arrays.

        Args:
            options: the kernel's parameters, and ``threads`` where it takes them.

        Raises:
            KernelError: the call failed; where it cost the process, an input that does so alone is looked for.
        """
        self._refuse_if_lost()
        try:
            return self._call(arrays, out, options)
        except KernelError as error:
            if self.lost and arrays[-1].size > 1:
                error.failure.input = self._culprit(arrays, out, options)
            raise

    def _call(
        self,
        arrays: Sequence[np.ndarray],
        out: np.ndarray | None,
        options: Mapping[str, Any],
        limit_s: float | None = None,
    ) -> np.ndarray:
        with self._shared(arrays, out) as (places, size):
            found = self._ask("call", places, size, out is not None, options, limit_s=limit_s)
            if found is None:
                return out
            place, end = found
            return place.view(self.host.room(end)).copy()

    def _culprit(self, arrays: Sequence[np.ndarray], out: np.ndarray | None, options: Mapping[str, Any]) -> str | None:
        """The input at which a call is lost, found in processes of its own."""
        flat = [array.reshape(-1) for array in arrays]
        one_each = out is not None and out.shape == arrays[-1].shape

        def is_lost(part: slice, limit_s: float) -> bool:
            some = [array[part] for array in flat]
            where = np.empty_like(some[-1]) if one_each else out
            try:
                Remote(host, self.name)._call(some, where, options, limit_s)
            except KernelError as error:
                return error.failure.kind in LOSSES
            return False

        with contextlib.closing(Host(self.host.places)) as host:
            at = culprit(flat[-1].size, is_lost, CALL_LIMIT_S)
        return None if at is None else hexadecimal(flat[-1][at])

    def flags(self, *arrays: np.ndarray, out: np.ndarray | None) -> frozenset[str]:
        """The exception flags that a call raises there, on one thread."""
        with self._shared(arrays, out) as (places, size):
            return self._ask("flags", places, size, out is not None)

    def sources(self, own: str) -> list[str]:
        """The source files that are loaded there, as `bench.resume` counts them."""
        return self._ask("sources", own)

    def libraries(self) -> dict[str, str]:
        """The versions of the libraries that the user's files there import, by name."""
        return self._ask("libraries")

    def runs_with(self) -> RunsWith:
        """What the kernel's backend says that it runs with there."""
        return self._ask("runs_with")

    def durations(self, setting: Setting) -> Callable[[], float]:
        """The durations of calls there, in seconds, one each time."""
        pending: deque[float] = deque()

        def following() -> float:
            if not pending:
                pending.extend(self.batch(setting))
            return pending.popleft()

        return following

    def batch(self, setting: Setting) -> list[float]:
        """The durations of calls there for a while, in seconds, on as many threads or processors as it says.

        Where a device computes, these are all: its clocks are told where it was timed.
        """
        here = self.takes_threads or not setting.threads
        host = self.host if here else self.host.limited_to(setting.threads)
        return self._ask("durations", astuple(setting), BATCH_S, host=host)

    def buffers(self, inputs: int, count: int, dtype: np.dtype, turns: int) -> tuple[np.ndarray, ...]:
        """Arrays in the shared memory itself, for inputs, and for results, that need not be brought there and back.

        The last is that of the results: another one each time, until after so many turns it is the first again.
        """
        size = -(-count * dtype.itemsize // CACHE_LINE) * CACHE_LINE
        if self.own is None:
            self.own, self.host.reserved = self.host.reserved, self.host.reserved + size * (inputs + turns)
        memory = self.host.room(self.host.reserved + 4 * size)  # with room for what is laid out beside them
        self.turn = (self.turn + 1) % turns
        starts = [self.own + size * i for i in (*range(inputs), inputs + self.turn)]
        return tuple(np.frombuffer(memory, dtype, count, start) for start in starts)

    def _ask(self, operation: str, *what: Any, limit_s: float | None = None, host: Host | None = None) -> Any:
        self._refuse_if_lost()
        try:
            return (host or self.host).ask(operation, self.name, *what, limit_s=limit_s or self.limit_s)
        except KernelError as error:
            if error.failure.kind in LOSSES:
                self.lost = error
            raise

    def _refuse_if_lost(self) -> None:
        if self.lost:
            raise self.lost

    @contextlib.contextmanager
    def _shared(self, arrays: Sequence[np.ndarray], out: np.ndarray | None) -> Iterator[tuple[list, int]]:
        """Lay the arrays out in shared memory, and bring back what was written there."""
        self._refuse_if_lost()
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


def hosts_for(kernels: Iterable[Kernel], own: Mapping[str, Host]) -> dict[str, Host]:
    """A host for each kernel, by its id: ``own`` has those of the user's kernels, each backend of ours gets one."""
    backends: defaultdict[str, Host] = defaultdict(Host)
    return {k.id: own.get(k.id) or backends[k.backend] for k in kernels}


def isolated(kernel: Kernel, hosts: Mapping[str, Host]) -> Kernel:
    """The kernel, called in the host of its backend where there is one, or of the file that it is in."""
    host = hosts.get(kernel.id)
    if host is None:
        return kernel
    there = Remote(host, kernel.id, kernel.takes_threads, kernel.call_limit_s)
    return replace(kernel, function=there, runs_with=there.runs_with if kernel.runs_with else None)


@contextlib.contextmanager
def closing_all(hosts: dict[str, Host]) -> Iterator[dict[str, Host]]:
    """The same hosts, to which more may be added; their processes end with the block."""
    try:
        yield hosts
    finally:
        for host in hosts.values():
            host.close()
