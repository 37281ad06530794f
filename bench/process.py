# SPDX-License-Identifier: MIT
"""The side of a process for calls that is here: it is started, asked, waited for so long and no longer, and ended.

What it answers is in `bench.host`. It ends with all that it has started; but where it has ended by itself, what it has
started in another session is not found any more. Arrays go there and back through memory that both share, in a file.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from bench.affinity import CAN_LIMIT, limited
from bench.calling import KernelError, StartError
from bench.machine import ROOT
from bench.spans import Memory
from kernels.cpu.launch import cores
from reports.schema import Failure

START_LIMIT_S = 60.0  # for Python, the kernels' modules and the user's
WATCH_S = 0.25  # so often a process is looked at that is asked something
SHARED = Path("/dev/shm")  # in memory, where there is such a place
ENDING = ("crashed", "changed_mode")  # answers after which a process is used no more: its threads may keep the mode
NOT_STARTED = "the process for its calls could not be started"


@dataclass(frozen=True)
class Start:
    """How a process is started.

    Attributes:
        module: of `bench`, whose `main` answers.
        folder: where; None for that of this process.
        paths: where Python looks for modules; None for where this process does, this checkout first.
        environment: what else is told to it.
    """

    module: str = "bench.host"
    folder: Path | None = None
    paths: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Host:
    """A process that calls kernels.

    Args:
        places: what ``--kernels`` named that it needs.
        processors: how many it may use; None for all that this process may use.
        how: how it is started.
    """

    places: Sequence[str] = ()
    processors: int | None = None
    how: Start = Start()
    limited: dict[int, "Host"] = field(default_factory=dict, init=False)  # by their numbers of processors
    apart: list["Host"] = field(default_factory=list, init=False)  # each for one kernel that may have ended a process
    remotes: dict[str, Any] = field(default_factory=dict, init=False)  # what calls a kernel here, by the kernel's id
    folder: Path | None = field(default=None, init=False)  # of the memory; None where only the system's own has room
    process: subprocess.Popen | None = field(default=None, init=False)
    connection: Connection | None = field(default=None, init=False)
    file: Any = field(default=None, init=False)
    memory: Memory | None = field(default=None, init=False)
    regions: dict[str, int] = field(default_factory=dict, init=False)  # where a kernel's `Remote.buffers` are
    reserved: int = field(default=0, init=False)  # bytes of all of them
    called: list[str] = field(default_factory=list, init=False)  # kernels that this process has called, the last last
    spoiled: str | None = field(default=None, init=False)  # what an import there did to the floating-point mode
    hung: Failure | None = field(default=None, init=False)  # of a start, which is then not tried again

    def __post_init__(self) -> None:
        self.folder = SHARED if os.access(SHARED, os.W_OK) else None

    def start(self) -> None:
        """Start the process, where there is none, and wait until it has imported what it needs.

        What takes too long, as it may on a machine that does much else, is tried once more.

        Raises:
            StartError: that failed, did not end within its time, now or before, or ended the process; the message says
                of what.
        """
        if self.process:
            return
        if self.hung:
            raise StartError(self.hung.kind, self.hung.message)
        try:
            self._launch()
        except KernelError as error:
            if error.failure.kind != "hung":
                raise
            self._launch(", twice: it hangs, or the machine is overloaded")

    def _launch(self, where_it_hangs: str = "") -> None:
        """Start the process; the message of an error that it hangs ends with these words.

        Raises:
            StartError: see `start`.
        """
        try:
            self._spawn()
        except OSError as error:
            message = f"{NOT_STARTED}: {error}: see how much memory is free, and what `ulimit -a` allows"
            raise StartError("raised", message) from error
        try:
            self.spoiled, self.hung = self._reply(START_LIMIT_S), None
        except KernelError as error:
            self._end()
            kind, message = error.failure.kind, error.failure.message
            message += where_it_hangs if kind == "hung" else ""
            if kind != "raised":  # it does not say itself what it is about
                own = [f"--kernels {place} could not be imported" for place in self.places]
                why = "" if own else "; `python -c 'import kernels; kernels.load()'` may tell why"
                message = f"{', '.join(own) or NOT_STARTED}: {message}{why}"
            failed = StartError(kind, message)
            self.hung = failed.failure if kind == "hung" else None
            raise failed from error

    def _spawn(self) -> None:
        """Start the process, with a socket and memory between it and this one; of an OSError nothing is left."""
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as unused:
            unused.enter_context(ours)
            self.file = unused.enter_context(tempfile.TemporaryFile(dir=self.folder))
            shared = (theirs.fileno(), self.file.fileno())
            paths = [str(ROOT), *sys.path] if self.how.paths is None else self.how.paths
            with limited(self.processors):
                self.process = subprocess.Popen(
                    [sys.executable, "-m", self.how.module, *map(str, shared), *self.places],
                    cwd=self.how.folder,
                    pass_fds=shared,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **self.how.environment},
                    start_new_session=True,  # so that what it starts can be ended with it
                )
            unused.pop_all()
        self.connection, self.memory = Connection(ours.detach()), Memory(self.file.fileno())

    def ask(self, operation: str, name: str, *what: Any, limit_s: float) -> Any:
        """What it answers of the kernel of this name, within so much time.

        Raises:
            KernelError: the call failed there, did not end within its time, or ended the process; or the process
                computes in another mode since its imports.
        """
        self.start()
        if self.spoiled:
            raise KernelError("changed_mode", self.spoiled)
        self.called = [*self.others(name), name]
        try:
            self.connection.send((operation, name, *what))
        except OSError as error:
            raise KernelError("crashed", _how_it_ended(self._end())) from error
        return self._reply(limit_s)

    def others(self, name: str) -> list[str]:
        """The other kernels that this process has called."""
        return [other for other in self.called if other != name]

    def _reply(self, limit_s: float) -> Any:
        end = time.monotonic() + limit_s
        try:
            while not self.connection.poll(min(WATCH_S, max(0.0, end - time.monotonic()))):
                if time.monotonic() >= end:
                    self._end(at_once=True)
                    raise KernelError("hung", f"did not return within {limit_s:g} s, and was stopped")
                if self.process.poll() is not None and not self.connection.poll():
                    raise EOFError  # though what it had forked holds the socket
            kind, answer = self.connection.recv()
        except (EOFError, OSError) as error:
            raise KernelError("crashed", _how_it_ended(self._end())) from error
        except KernelError:
            raise
        except BaseException:  # an interruption: the answer must not be taken for that to the next question
            self._end(at_once=True)
            raise
        if kind in ENDING:
            self._end()
        if kind != "done":
            raise KernelError(kind, answer)
        return answer

    def room(self, size: int) -> memoryview:
        """Shared memory of at least so many bytes: where there is none left, in a process that has it elsewhere.

        Raises:
            StartError: there is none anywhere.
        """
        self.start()
        try:
            return self.memory.of(size)
        except OSError as error:
            if self.folder is None:
                where = f"{SHARED}, and {tempfile.gettempdir()}" if SHARED.exists() else tempfile.gettempdir()
                message = f"no room for {size:,} bytes of arrays in {where}: a container gets more with --shm-size=1g"
                raise StartError("raised", message) from error
            self.folder = None
            self._end()
            return self.room(size)

    def region(self, name: str, size: int) -> tuple[int, memoryview]:
        """Where a kernel's own bytes of the shared memory begin, until they are given back; and that memory."""
        self.start()
        if name not in self.regions:
            self.regions[name], self.reserved = self.reserved, self.reserved + size
        memory = self.room(self.reserved)
        return (self.regions[name], memory) if name in self.regions else self.region(name, size)  # in another process

    def give_back(self) -> None:
        """The kernels' own bytes of the shared memory may be those of others."""
        self.regions, self.reserved = {}, 0

    def limited_to(self, processors: int) -> "Host":
        """Where the same kernels are called with so many processors: here, where these are all that there are."""
        if processors == cores() or not CAN_LIMIT:
            return self
        return self.limited.setdefault(processors, Host(self.places, processors))

    def set_apart(self, name: str) -> None:
        """Call a kernel in a process of its own from now on: if it ends that one, too, no other can be blamed."""
        if name in self.remotes:
            self.apart.append(Host(self.places))
            self.remotes[name].host = self.apart[-1]

    def close(self) -> None:
        """End the process, whatever it is doing, and those that are limited or for one kernel."""
        self._end()
        for host in (*self.limited.values(), *self.apart):
            host.close()

    def _end(self, *, at_once: bool = False) -> int:
        """End this process, and what it has started; returns how it ended."""
        process, self.process, self.memory, self.called = self.process, None, None, []
        self.give_back()
        if process is None:
            return 0
        started = _started_by(process.pid)
        self.connection.close()
        self.file.close()
        if not at_once:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
        return end_with_all(process, started)


def end_with_all(process: subprocess.Popen, started: Sequence[psutil.Process] | None = None) -> int:
    """End a process that has a session of its own, with all that it has started; returns how it ended.

    ``started`` is that, from when it still ran, if it may have ended since.
    """
    started = _started_by(process.pid) if started is None else started
    with contextlib.suppress(ProcessLookupError, PermissionError):  # none is left
        os.killpg(process.pid, signal.SIGKILL)
    for one in started:  # also in sessions of their own
        with contextlib.suppress(psutil.Error):
            one.kill()
    return process.wait()


def _started_by(pid: int) -> list[psutil.Process]:
    """What a process has started, and what that has."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _how_it_ended(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            why = ", as where memory runs out" if -code == signal.SIGKILL else ""
            return f"the process was ended by {signal.Signals(-code).name}{why}"
    return f"the process exited with {code}"
