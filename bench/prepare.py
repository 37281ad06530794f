# SPDX-License-Identifier: MIT
"""What has to be there before anything is timed: compiled kernels, and the compiled oracle, made on all cores."""

import functools
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import wait

from tqdm import tqdm

import kernels
import reference
from bench.speed import cores
from bench.sweep import can_sweep
from bench.sweep_loops import is_known, knower
from kernels.registry import Kernel, registered
from reference import fast
from reference.workers import worker_pool


def prepare(chosen: Sequence[Kernel], *, accuracy: bool, sweeps: bool = False) -> None:
    """Compile what is not in the cache, with a bar of progress: kernels, and the oracle for accuracy and for sweeps."""
    tasks = [functools.partial(compile_kernel, k.id) for k in chosen if k.compile and not k.is_compiled()]
    tasks += _oracles(chosen) if accuracy else []
    tasks += _sweeps(chosen) if sweeps else []
    if not tasks:
        return
    terminal = sys.stderr.isatty()
    bar = tqdm(
        total=len(tasks),
        desc="preparing compiled kernels and the oracle",
        unit="task",
        file=sys.stderr,
        mininterval=0.2 if terminal else 10,  # a log gets a line now and then
        ascii=not terminal,
    )
    with bar, worker_pool(cores()) as pool:
        pending = [pool.submit(task) for task in tasks]
        for future in pending:
            future.add_done_callback(lambda _: bar.update())
        wait(pending)  # one that does not compile says so when it is measured


def _oracles(chosen: Sequence[Kernel]) -> list[Callable[[], None]]:
    """What compiles the loops of the oracle that these kernels need and the cache lacks."""
    own = reference.own()
    needed = {
        (k.activation, k.direction, k.dtype == "float64")
        for k in chosen
        if k.activation in own and fast.supports(own[k.activation], k.direction, k.parameters)
    }
    missing = [n for n in sorted(needed) if not fast.is_compiled(own[n[0]], *n[1:])]
    return [functools.partial(compile_oracle, *n) for n in missing]


def _sweeps(chosen: Sequence[Kernel]) -> list[Callable[[], None]]:
    own = reference.own()
    needed = sorted({(k.activation, k.direction) for k in chosen if can_sweep(k)})
    return [functools.partial(compile_sweep, *n) for n in needed if not is_known(own[n[0]], n[1])]


def compile_kernel(name: str) -> None:
    """Compile one of our own kernels into the cache; runs in a worker."""
    kernels.load()
    next(k for k in registered() if k.id == name).compile()


def compile_oracle(activation: str, direction: str, is_fine: bool) -> None:
    """Compile the oracle of one function into the cache; runs in a worker."""
    fast.evaluator(reference.own()[activation], direction, is_fine)


def compile_sweep(activation: str, direction: str) -> None:
    """Compile what a sweep of one function needs into the cache; runs in a worker."""
    knower(reference.own()[activation], direction)
