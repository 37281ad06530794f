# SPDX-License-Identifier: MIT
"""Kernels in a process of their own: one that crashes, hangs or spoils its process costs no other result.

A `Host` is a process for the kernels of one backend, or of one file of a user's. It lives through the run, and a new
one takes its place when it is lost. Arrays go there and back through shared memory, laid out as they are here.

A kernel that can't be told how many threads to use is timed on one in another process, which has one processor: a
library makes as many threads as it finds processors and, whatever it does, gets no more than one thread's worth.
"""

import contextlib
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from bench.calling import KernelError, StartError, hexadecimal
from bench.culprit import culprit
from bench.process import Host
from bench.spans import CACHE_LINE, lay_out
from bench.speed import Setting
from kernels.registry import Kernel, RunsWith
from reports.schema import Failure

T = TypeVar("T")

CALL_LIMIT_S = 60.0  # for one call, with the import of a library or a compilation in it
BATCH_S = 0.02  # of calls that are timed at a time, before the durations are sent
CALLS = 15  # times the limit of one call: so long all calls of a kernel may take, beside
ELEMENT_S = 1e-6  # for each element that they compute
LOSSES = ("hung", "crashed")  # failures that cost the process


@dataclass
class Remote:
    """A kernel's function that is called in its host. Once it has cost a host its life, it is not called again.

    A call that is lost with its process is made again in a new one first: what was called there before may have done
    it. If it then returns, nobody is blamed, but the kernel called before gets a process of its own; a kernel that was
    the only one in its process is spared once. All its calls together may take so long and no longer.
    """

    host: Host
    name: str  # the kernel's id
    takes_threads: bool = True
    limit_s: float | None = None  # for a call of it; None: as for any other
    lost: Failure | None = field(default=None, init=False)
    spared: bool = field(default=False, init=False)  # it has lost a process of its own, and the same call then returned
    spent_s: float = field(default=0.0, init=False)  # in calls
    elements: int = field(default=0, init=False)  # of all calls
    turn: int = field(default=0, init=False)

    def __call__(self, *arrays: np.ndarray, out: np.ndarray | None = None, **options: Any) -> np.ndarray:
        """Call it there, on copies; what it wrote, also to its inputs, is then in these arrays.

        Args:
            options: the kernel's parameters, and ``threads`` where it takes them.

        Raises:
            KernelError: the call failed; where it cost the process, an input that does so alone is looked for.
        """
        self.elements += arrays[-1].size
        try:
            return self._settled(lambda: self._call(arrays, out, options))
        except KernelError as error:
            if error.failure is self.lost and arrays[-1].size > 1:
                error.failure.input = self._culprit(arrays, out, options)
            raise

    def _settled(self, ask: Callable[[], T], host: Host | None = None) -> T:
        """What the kernel's host, or another, answers; see above for what is done where it is lost."""
        if self.lost:  # not the same exception: it would keep the arrays of every call
            raise KernelError(self.lost.kind, self.lost.message, self.lost.input)
        others = (host or self.host).others(self.name)
        try:
            return ask()
        except KernelError as error:
            if error.failure.kind not in LOSSES or isinstance(error, StartError):
                raise
            if not others and (self.spared or error.failure.kind == "hung"):
                self.lost = error.failure
                raise
        try:
            answer = ask()
        except KernelError as error:
            if error.failure.kind in LOSSES and not isinstance(error, StartError):
                self.lost = error.failure
            raise
        if others:
            self.host.set_apart(others[-1])
        else:
            self.spared = True
        return answer

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
        """The input at which a call is lost, found in processes of its own; None also where none can be started."""
        flat = [array.reshape(-1) for array in arrays]
        one_each = out is not None and out.shape == arrays[-1].shape

        def is_lost(part: slice, limit_s: float) -> bool:
            some = [array[part].copy() for array in flat]  # what is written there comes back
            where = np.empty_like(some[-1]) if one_each else out
            try:
                Remote(host, self.name)._call(some, where, options, limit_s)
            except StartError:
                raise
            except KernelError as error:
                return error.failure.kind in LOSSES
            return False

        at = None
        with contextlib.closing(Host(self.host.places)) as host, contextlib.suppress(StartError):
            at = culprit(flat[-1].size, is_lost, self.limit_s or CALL_LIMIT_S)
        return None if at is None else hexadecimal(flat[-1][at])

    def flags(self, *arrays: np.ndarray, out: np.ndarray | None) -> frozenset[str]:
        """The exception flags that a call raises there, on one thread."""

        def ask() -> frozenset[str]:
            with self._shared(arrays, out) as (places, size):
                return self._ask("flags", places, size, out is not None)

        return self._settled(ask)

    def sources(self, own: str) -> list[str]:
        """The source files that are loaded there, as `bench.resume` counts them."""
        return self._settled(lambda: self._ask("sources", own))

    def libraries(self) -> dict[str, str]:
        """The versions of the libraries that the user's files there import, by name."""
        return self._settled(lambda: self._ask("libraries"))

    def runs_with(self) -> RunsWith:
        """What the kernel's backend says that it runs with there."""
        return self._settled(lambda: self._ask("runs_with"))

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
        return self._settled(lambda: self._ask("durations", astuple(setting), BATCH_S, host=host), host)

    def buffers(self, inputs: int, count: int, dtype: np.dtype, turns: int) -> tuple[np.ndarray, ...]:
        """Arrays in the shared memory itself, for inputs, and for results, that need not be brought there and back.

        The last is that of the results: another one each time, until after so many turns it is the first again. They
        are the kernel's own until `give_back`.
        """
        size = -(-count * dtype.itemsize // CACHE_LINE) * CACHE_LINE
        first, memory = self.host.region(self.name, size * (inputs + turns))
        self.turn = (self.turn + 1) % turns
        starts = [first + size * i for i in (*range(inputs), inputs + self.turn)]
        return tuple(np.frombuffer(memory, dtype, count, start) for start in starts)

    def give_back(self) -> None:
        """The buffers of all kernels of the host are used no more."""
        self.host.give_back()

    def _ask(self, operation: str, *what: Any, limit_s: float | None = None, host: Host | None = None) -> Any:
        host, limit_of_one_s = host or self.host, self.limit_s or CALL_LIMIT_S
        host.start()
        begin = time.monotonic()
        try:
            return host.ask(operation, self.name, *what, limit_s=limit_s or limit_of_one_s)
        finally:
            self.spent_s += time.monotonic() - begin
            budget_s = CALLS * limit_of_one_s + self.elements * ELEMENT_S
            if self.lost is None and self.spent_s > budget_s:
                took = f"its calls took longer than {budget_s:,.0f} s together, for {self.elements:,} elements"
                self.lost = Failure("hung", f"{took}: make it faster, or try fewer with another --depth", None)

    @contextlib.contextmanager
    def _shared(self, arrays: Sequence[np.ndarray], out: np.ndarray | None) -> Iterator[tuple[list, int]]:
        """Lay the arrays out in shared memory, with room for a result, and bring back what was written there."""
        given, memory = [*arrays, *([] if out is None else [out])], None
        while memory is None or self.host.memory is not memory:  # it is another where there was no room
            self.host.start()
            memory = self.host.memory
            spans, places, size = lay_out(given, memory.map, self.host.reserved)
            room = self.host.room(size + CACHE_LINE + arrays[-1].nbytes)
        for span in spans:
            room[span.offset : span.offset + span.high - span.low] = span.bytes
        try:
            yield places, size
        except KernelError as error:
            if error.failure.input is None and arrays[-1].size == 1 and not isinstance(error, StartError):
                error.failure.input = hexadecimal(arrays[-1].flat[0])
            raise
        room = self.host.room(size)
        for span in spans:
            if span.writeable:
                span.bytes[:] = room[span.offset : span.offset + span.high - span.low]


def hosts_for(kernels: Iterable[Kernel], own: Mapping[str, Host]) -> dict[str, Host]:
    """A host for each kernel, by its id: ``own`` has those of the user's kernels, each backend of ours gets one."""
    backends: defaultdict[str, Host] = defaultdict(Host)
    return {k.id: own.get(k.id) or backends[k.backend] for k in kernels}


def isolated(kernel: Kernel, hosts: Mapping[str, Host]) -> Kernel:
    """The kernel, called in the host of its backend where there is one, or of the file that it is in."""
    host = hosts.get(kernel.id)
    if host is None:
        return kernel
    there = host.remotes.setdefault(kernel.id, Remote(host, kernel.id, kernel.takes_threads, kernel.call_limit_s))
    return replace(kernel, function=there, runs_with=there.runs_with if kernel.runs_with else None)


@contextlib.contextmanager
def closing_all(hosts: dict[str, Host]) -> Iterator[dict[str, Host]]:
    """The same hosts, to which more may be added; their processes end with the block."""
    try:
        yield hosts
    finally:
        for host in hosts.values():
            host.close()
