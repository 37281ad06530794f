# SPDX-License-Identifier: MIT
"""How fast a kernel is: time per element, bytes moved in a second, and what share of a copy's speed that is.

What is timed is the public call, with ``out=`` where there is one, on buffers that were touched before. The arrays
either stay in L2 or have to come from DRAM; one thread, then all.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.streaming import in_threads, stream_copy
from kernels.registry import Kernel
from reference.formats import FORMATS
from reports.schema import Copy, Spread, Throughput

HOT_BYTES = 1 << 18  # an array; two or three of them stay in an L2 of 1 MiB
COLD_BYTES = 1 << 25  # an array; two of them do not fit into an L3 of 32 MiB
SEED = 20


@dataclass(frozen=True)
class Setting:
    """What a timing is taken at."""

    elements: int
    threads: int
    cache: Literal["hot", "cold"]

    @property
    def label(self) -> str:
        return f"{self.elements}-{self.cache}-{self.threads}t"


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def settings(dtype: str) -> list[Setting]:
    """In L2 and in DRAM, on one thread and on all."""
    width = FORMATS[dtype].dtype.itemsize
    caches = (("hot", HOT_BYTES), ("cold", COLD_BYTES))
    return [Setting(size // width, t, cache) for cache, size in caches for t in sorted({1, cores()})]


class Stopwatch:
    """Times calls through pytest-benchmark, several in one test item.

    The item's own ``benchmark`` fixture can be used once; the further ones are made like it, and named after the
    setting.
    """

    def __init__(self, item: pytest.Item, benchmark: BenchmarkFixture) -> None:
        self.item = item
        self.fixtures = [benchmark]

    def time(self, label: str, group: str, info: dict[str, Any], call: Callable[[], Any]) -> Any | None:
        """The statistics of a call, in seconds; None where timing is switched off (--benchmark-disable)."""
        fixture = self.fixtures.pop() if self.fixtures else self._another()
        fixture.name, fixture.fullname = f"{self.item.name}[{label}]", f"{self.item.nodeid}[{label}]"
        fixture.group = group
        fixture.extra_info.update(info)
        fixture(call)
        return fixture.stats.stats if fixture.stats else None

    def unused(self) -> None:
        """Nothing will be timed in this item, and that is no mistake."""
        for fixture in self.fixtures:
            fixture.skipped = True

    def _another(self) -> BenchmarkFixture:
        session = self.item.config._benchmarksession
        return BenchmarkFixture(
            SimpleNamespace(name=self.item.name, nodeid=self.item.nodeid),
            add_stats=session.benchmarks.append,
            logger=session.logger,
            warner=self.item.warn,
            disabled=session.disabled,
            **session.options,
        )


class Yardstick:
    """The speed of a copy, measured once per dtype, size and number of threads, when first asked for."""

    def __init__(self) -> None:
        self.copies: dict[tuple[str, Setting], Copy] = {}

    def copy(self, dtype: str, setting: Setting, stopwatch: Stopwatch) -> Copy | None:
        """The faster of np.copyto and a streaming loop; None where timing is switched off."""
        key = dtype, setting
        if key not in self.copies:
            x, out = _touched(dtype, setting.elements), _touched(dtype, setting.elements)
            methods = {"np.copyto": np.copyto, "streaming loop": stream_copy}
            group, info = f"copy-{dtype}-{setting.label}", asdict(setting)
            timed = {
                name: stopwatch.time(f"{name}-{setting.label}", group, info, in_threads(copy, out, x, setting.threads))
                for name, copy in methods.items()
            }
            if None in timed.values():
                return None
            best = min(timed, key=lambda name: timed[name].median)
            self.copies[key] = Copy(
                dtype=dtype,
                elements=setting.elements,
                threads=setting.threads,
                cache=setting.cache,
                gb_per_s=2 * x.nbytes / timed[best].median / 1e9,
                method=best,
            )
        return self.copies[key]


def measure(kernel: Kernel, stopwatch: Stopwatch, yardstick: Yardstick) -> list[Throughput]:
    """The throughput of a kernel in every setting; empty where timing is switched off."""
    results = []
    for setting in settings(kernel.dtype):
        arrays, out = _buffers(kernel, setting.elements)
        threads = setting.threads if kernel.takes_threads else None

        def call(arrays=arrays, out=out, threads=threads) -> None:
            kernel(*arrays, out=out, threads=threads)

        call()
        group = f"{kernel.activation}-{kernel.direction}-{kernel.dtype}-{setting.label}"
        info = {"kernel": kernel.id, "elements": setting.elements, "threads": setting.threads, "cache": setting.cache}
        stats = stopwatch.time(setting.label, group, info, call)
        copy = yardstick.copy(kernel.dtype, setting, stopwatch)
        if stats is not None and copy is not None:
            results.append(_throughput(setting, stats, bytes_moved(kernel), copy))
    return results


def bytes_moved(kernel: Kernel) -> int:
    """Bytes per element that must move: every input read once, every output written once."""
    arrays = {"forward": 2, "backward": 3, "backward_alpha": 2}[kernel.direction]
    return arrays * FORMATS[kernel.dtype].dtype.itemsize


def _throughput(setting: Setting, stats: Any, bytes_per_element: int, copy: Copy) -> Throughput:
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
    )


def _buffers(kernel: Kernel, elements: int) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Inputs as networks see them, N(0, 1), and an output where there is one."""
    count = 1 if kernel.direction == "forward" else 2
    arrays = [_touched(kernel.dtype, elements, draw) for draw in range(count)]
    has_out = kernel.takes_out and kernel.direction != "backward_alpha"
    return arrays, np.zeros_like(arrays[0]) if has_out else None


def _touched(dtype: str, elements: int, draw: int = 0) -> np.ndarray:
    """N(0, 1), repeated blockwise: drawing all of a large array would take longer than timing it."""
    block = np.random.default_rng([SEED, draw]).standard_normal(min(elements, 1 << 16)).astype(FORMATS[dtype].dtype)
    return np.resize(block, elements)
