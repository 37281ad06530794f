# SPDX-License-Identifier: MIT
"""What has to be there before anything is timed: exact results and compiled kernels, made on all cores at once."""

import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, wait

from tqdm import tqdm

import kernels
from bench.speed import cores
from bench.truths import Oracle, Question, worker_pool
from kernels.registry import Kernel, registered


def prepare(chosen: Sequence[Kernel], oracle: Oracle, questions: list[Question]) -> None:
    """Answer the questions that the store can't, and compile what is not in the cache, with a bar of progress."""
    uncompiled = [k.id for k in chosen if k.compile and not k.is_compiled()]
    if not questions and not uncompiled:
        return
    tasks = sum(len(q.chunks()) for q in questions) + len(uncompiled)
    terminal = sys.stderr.isatty()
    bar = tqdm(
        total=tasks,
        desc="preparing exact values and compiled kernels",
        unit="task",
        file=sys.stderr,
        mininterval=0.2 if terminal else 10,  # a log gets a line now and then
        ascii=not terminal,
    )
    with bar, worker_pool(cores()) as pool:
        compiling: list[Future[None]] = [pool.submit(compile_kernel, name) for name in uncompiled]
        for future in compiling:
            future.add_done_callback(lambda _: bar.update())
        oracle.prepare(questions, pool, bar.update)
        wait(compiling)  # one that does not compile says so when it is measured


def compile_kernel(name: str) -> None:
    """Compile one of our own kernels into the cache; runs in a worker."""
    kernels.load()
    by_id(registered())[name].compile()


def by_id(chosen: Iterable[Kernel]) -> dict[str, Kernel]:
    """Kernels by their identity."""
    return {k.id: k for k in chosen}
