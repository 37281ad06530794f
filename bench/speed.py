# SPDX-License-Identifier: MIT
"""How fast a kernel is: time per element, bytes moved in a second, and what share of a copy's speed that is.

What is timed is the public call, with ``out=`` where there is one, on buffers that were touched before; on one thread,
then on all. Hot: the same arrays each time, which stay in L2. Cold: each call takes the next piece of buffers so large
that the last level of cache has forgotten it, so that every byte comes from DRAM and goes back there, while a call
stays short.

On a GPU it is the time that the device works, by its own events; what a call costs the processor is apart from it.
"""

import contextlib
import functools
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bench.affinity import CAN_LIMIT
from bench.calling import attempt, call
from bench.streaming import in_threads, stream_copy
from kernels.cpu.launch import cores
from kernels.registry import Kernel
from reference.formats import FORMATS
from reports.schema import Copy, Spread, Throughput

if TYPE_CHECKING:  # the processes that call kernels need neither
    import pytest
    from pytest_benchmark.fixture import BenchmarkFixture

CALL_BYTES = {"hot": 1 << 18, "cold": 1 << 22}  # of one array in one call; two or three hot ones stay in 1 MiB of L2
PIECES = {"hot": 1, "cold": 16}  # that calls go through in turn: two or three times 64 MiB in all
DEVICE_BYTES = {"hot": 1 << 23, "cold": 1 << 28}  # two or three hot ones stay in the L2 of a datacentre's card
DEVICE_PIECES = {"hot": 1, "cold": 2}
DEVICE_ROUNDS = 1000  # at most: each takes 0.1 ms and more beside the little that is timed, see kernels/gpu/timing.py
DEVICE_KEPT = 9  # buffers kept, which take long to make: of dy, x and out, hot, cold, and for the cost of a call
THROTTLED_S = 20.0  # so long it is waited for a device that is throttled
SEED = 20
CALLS_S = 0.02  # of calls whose cost for the processor is taken


@dataclass(frozen=True)
class Setting:
    """What a timing is taken at."""

    elements: int
    threads: int  # of the processor; 0: a GPU computes
    cache: Literal["hot", "cold"]
    of: Literal["kernel", "copy", "call"] = "kernel"  # copy: of the device; call: what it costs the processor

    @property
    def label(self) -> str:
        return f"{self.elements}-{self.cache}-{f'{self.threads}t' if self.threads else 'gpu'}"

    @property
    def pieces(self) -> int:
        return (PIECES if self.threads else DEVICE_PIECES)[self.cache]

    @property
    def most_rounds(self) -> int | None:
        return None if self.threads else DEVICE_ROUNDS


def settings(kernel: Kernel) -> list[Setting]:
    """In L2 and in DRAM, on one thread and, where the kernel can use them, on all.

    How many threads a kernel uses that takes none is settled by the processors of its process, see `bench.remote`.
    """
    width = FORMATS[kernel.dtype].dtype.itemsize
    sizes = DEVICE_BYTES if kernel.device == "cuda" else CALL_BYTES
    return [Setting(size // width, t, cache) for cache, size in sizes.items() for t in sorted(_threads(kernel))]


def _threads(kernel: Kernel) -> set[int]:
    if kernel.device == "cuda":
        return {0}
    if kernel.takes_threads or (kernel.uses_all and CAN_LIMIT):
        return {1, cores()}
    return {cores() if kernel.uses_all else 1}


class Clock:
    """The timer of a run: another timer or, for what runs in another process, one that its durations advance."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self.timer = timer
        self.virtual: float | None = None  # seconds; None while it is the other timer

    def __call__(self) -> float:
        """Seconds since some time."""
        if self.virtual is None:
            return self.timer()
        self.virtual += 1e-9  # pytest-benchmark waits to see it tick
        return self.virtual

    @contextlib.contextmanager
    def advanced_by(self, durations: Callable[[], float]) -> Iterator[Callable[[], None]]:
        """Stand still, but for the calls of what this gives: each advances it by the next duration."""
        self.virtual = 0.0

        def advance() -> None:
            self.virtual += durations()

        try:
            yield advance
        finally:
            self.virtual = None


class Stopwatch:
    """Times calls through pytest-benchmark, several in one test item.

    The item's own ``benchmark`` fixture can be used once; the further ones are made like it, and named after the
    setting.
    """

    def __init__(self, item: "pytest.Item", benchmark: "BenchmarkFixture", clock: Clock) -> None:
        self.item = item
        self.fixtures = [benchmark]
        self.clock = clock

    def time(
        self, label: str, group: str, info: dict[str, Any], call: Callable[[], Any], most_rounds: int | None = None
    ) -> Any | None:
        """The statistics of a call, in seconds; None where timing is switched off (--benchmark-disable)."""
        fixture = self.fixtures.pop() if self.fixtures else self._another()
        fixture.name, fixture.fullname = f"{self.item.name}[{label}]", f"{self.item.nodeid}[{label}]"
        fixture.group = group
        fixture.extra_info.update(info)
        if most_rounds is None:
            fixture(call)
        else:
            fixture.pedantic(call, rounds=min(self._rounds(call), most_rounds))
        return fixture.stats.stats if fixture.stats else None

    def _rounds(self, call: Callable[[], Any]) -> int:
        """As many as pytest-benchmark would have, whose own count has no upper limit."""
        options, start = self.item.config._benchmarksession.options, self.clock()
        call()
        return max(options["min_rounds"], math.ceil(float(options["max_time"]) / (self.clock() - start)))

    def _another(self) -> "BenchmarkFixture":
        from pytest_benchmark.fixture import BenchmarkFixture
        from pytest_benchmark.utils import NameWrapper

        session = self.item.config._benchmarksession
        return BenchmarkFixture(
            SimpleNamespace(name=self.item.name, nodeid=self.item.nodeid),
            add_stats=session.benchmarks.append,
            logger=session.logger,
            warner=self.item.warn,
            disabled=session.disabled,
            **session.options | {"timer": NameWrapper(self.clock)},
        )


class Yardstick:
    """The speed of a copy, measured once per dtype, size and number of threads, when first asked for."""

    def __init__(self) -> None:
        self.copies: dict[tuple[str, Setting], Copy] = {}

    def copy(self, kernel: Kernel, setting: Setting, stopwatch: Stopwatch) -> Copy | None:
        """Of the kernel's dtype, the faster of the methods; None where timing is switched off."""
        dtype = kernel.dtype
        key = dtype, setting
        if key not in self.copies:
            group, info = f"copy-{dtype}-{setting.label}", asdict(setting)
            timed = {
                name: stopwatch.time(f"{name}-{setting.label}", group, info, call, setting.most_rounds)
                for name, call in _copies(kernel, setting, stopwatch.clock)
            }
            if None in timed.values():
                return None
            best = min(timed, key=lambda name: timed[name].median)
            self.copies[key] = Copy(
                dtype=dtype,
                elements=setting.elements,
                threads=setting.threads,
                cache=setting.cache,
                gb_per_s=2 * setting.elements * FORMATS[dtype].dtype.itemsize / timed[best].median / 1e9,
                method=best,
            )
        return self.copies[key]


def _copies(kernel: Kernel, setting: Setting, clock: Clock) -> Iterator[tuple[str, Callable[[], Any]]]:
    """On a device its own copy; here np.copyto, and a loop whose stores bypass the cache."""
    if kernel.device == "cuda":
        with _timed(kernel, replace(setting, of="copy"), clock) as call:
            yield "device copy", call
        return
    x, out = buffers(kernel.dtype, setting), buffers(kernel.dtype, setting)
    for name, copy in {"np.copyto": np.copyto, "streaming loop": stream_copy}.items():
        yield name, in_turn([in_threads(copy, o, i, setting.threads) for o, i in zip(out, x, strict=True)])


def measure(kernel: Kernel, stopwatch: Stopwatch, yardstick: Yardstick) -> list[Throughput]:
    """The throughput of a kernel in every setting; empty where timing is switched off.

    Raises:
        KernelError: the kernel raised, or broke the contract of the call that is made before.
    """
    results, chosen = [], settings(kernel)
    _see_that_it_works(kernel, chosen[0])
    for setting in chosen:
        group = f"{kernel.activation}-{kernel.direction}-{kernel.dtype}-{setting.label}"
        info = {"kernel": kernel.id, "elements": setting.elements, "threads": setting.threads, "cache": setting.cache}
        with _timed(kernel, setting, stopwatch.clock) as call:
            attempt(call)
            stats = attempt(stopwatch.time, setting.label, group, info, call, setting.most_rounds)
        copy = yardstick.copy(kernel, setting, stopwatch)
        if stats is not None and copy is not None:
            call_us = _call_us(kernel, setting)
            results.append(_throughput(setting, stats, bytes_moved(kernel), copy, call_us))
    return results


def _see_that_it_works(kernel: Kernel, setting: Setting) -> None:
    """One call whose result is looked at: nothing is done faster than nothing."""
    x = buffers(kernel.dtype, setting)[0]
    arrays = (x,) if kernel.direction == "forward" else (x.copy(), x)
    call(kernel, *arrays, shape=() if kernel.direction == "backward_alpha" else x.shape)


def _call_us(kernel: Kernel, setting: Setting) -> float | None:
    """What a call costs the processor that starts it, in microseconds; None where that computes itself.

    On one element: with more of them the device falls behind, its queue is soon full, and a call waits for it.
    """
    if kernel.device == "cpu" or setting.cache == "cold":
        return None
    setting = replace(setting, elements=1, of="call")
    batch = getattr(kernel.function, "batch", None)
    taken = attempt(batch, setting) if batch else attempt(durations, in_turn(calls(kernel, setting)), CALLS_S)
    return 1e6 * statistics.median(taken)


@contextlib.contextmanager
def _timed(kernel: Kernel, setting: Setting, clock: Clock) -> Iterator[Callable[[], Any]]:
    """What is timed: the kernel itself or, where that is called in another process, the durations from there."""
    elsewhere = getattr(kernel.function, "durations", None)
    if elsewhere is None:
        call = in_turn(calls(kernel, setting))
        if kernel.timer is None:
            yield call
            return
        with clock.advanced_by(lambda: durations(call, 0.0, kernel.timer)[0]) as advance:
            yield advance
    else:
        with clock.advanced_by(elsewhere(setting)) as advance:
            yield advance


def bytes_moved(kernel: Kernel) -> int:
    """Bytes per element that must move: every input read once, every output written once."""
    arrays = {"forward": 2, "backward": 3, "backward_alpha": 2}[kernel.direction]
    return arrays * FORMATS[kernel.dtype].dtype.itemsize


def _throughput(setting: Setting, stats: Any, bytes_per_element: int, copy: Copy, call_us: float | None) -> Throughput:
    ns = {name: getattr(stats, name) / setting.elements * 1e9 for name in ("min", "median", "iqr")}
    gb_per_s = bytes_per_element / ns["median"]
    return Throughput(
        elements=setting.elements,
        threads=setting.threads,
        cache=setting.cache,
        rounds=stats.rounds,
        ns_per_element=Spread(**ns),
        gb_per_s=gb_per_s,
        percent_of_copy=100 * gb_per_s / copy.gb_per_s,
        call_us=call_us,
    )


def in_turn(calls: list[Callable[[], Any]]) -> Callable[[], Any]:
    """A call that makes the first of ``calls``, then the second, and so on, round and round."""
    following = itertools.cycle(calls).__next__
    return lambda: following()()


def calls(kernel: Kernel, setting: Setting) -> list[Callable[[], Any]]:
    """A call of the kernel for each piece of its buffers."""
    if setting.of == "copy":
        pieces = zip(buffers(kernel.dtype, setting), buffers(kernel.dtype, setting, "out"), strict=True)
        return [kernel.copy(source, destination) for source, destination in pieces]
    inputs = [buffers(kernel.dtype, setting, of) for of in (["x"] if kernel.direction == "forward" else ["dy", "x"])]
    has_out = kernel.takes_out and kernel.direction != "backward_alpha"
    outs = buffers(kernel.dtype, setting, "out") if has_out else [None] * len(inputs[0])
    threads = setting.threads if kernel.takes_threads else None
    return [kernel.timed(*arrays, out=out, threads=threads) for *arrays, out in zip(*inputs, outs, strict=True)]


def clocked(call: Callable[[], Any]) -> float:
    """How long a call takes, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def durations(
    call: Callable[[], Any], seconds: float, timer: Callable[[Callable[[], Any]], float | None] | None = None
) -> list[float]:
    """How long calls take, in seconds, one after the other until that time is over, by the clock or that timer.

    Raises:
        RuntimeError: the timer counts none of them.
    """
    found: list[float] = []
    timer, start = timer or clocked, time.perf_counter()
    while not found or time.perf_counter() < start + seconds:
        taken = timer(call)
        if taken is not None:
            found.append(taken)
        elif not found and time.perf_counter() > start + THROTTLED_S:
            raise RuntimeError(
                f"the device was throttled for {THROTTLED_S:g} s: cool it, and see nvidia-smi -q -d PERFORMANCE"
            )
    return found


def buffers(dtype: str, setting: Setting, of: Literal["x", "dy", "out"] = "x") -> list[np.ndarray]:
    """Pieces of a touched buffer: N(0, 1) as networks see it, drawn once and repeated, since drawing takes long.

    A device gets a copy of each, so one piece stands for all, and is kept for the next kernel.
    """
    if not setting.threads:
        return [_kept(dtype, setting.elements, of)] * setting.pieces
    return np.split(_drawn(dtype, setting.pieces * setting.elements, of), setting.pieces)


@functools.lru_cache(maxsize=DEVICE_KEPT)
def _kept(dtype: str, elements: int, of: str) -> np.ndarray:
    return np.zeros(elements, FORMATS[dtype].dtype) if of == "out" else _drawn(dtype, elements, of)


def _drawn(dtype: str, elements: int, of: str) -> np.ndarray:
    block = np.random.default_rng([SEED, of == "dy"]).standard_normal(1 << 16).astype(FORMATS[dtype].dtype)
    return np.resize(block, elements)
