# SPDX-License-Identifier: MIT
"""The certification of the fast oracle: many inputs of every kind for each function, and a table of what came of it.

A row of the table is one function, forward or backward, in one arithmetic: that for float32 (and the 16-bit formats) or
that for float64. `reference.draw` has the kinds of inputs, `reference.against` what they are held against. Of four
chunks of a row's inputs, one has random dy (backward), and one has other parameters, and now and then dy too.
"""

import math
import os
import sys
from collections.abc import Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

import reference
from reference import balls, fast
from reference.activation import Activation
from reference.against import (
    TARGETS,
    Findings,
    Question,
    against_balls,
    against_mpmath,
    against_oracle,
    as_power,
)
from reference.draw import Request, draw, factors
from reference.formats import FORMATS
from reference.workers import worker_pool

INPUTS, BALLS = 50_000, 1_000  # per row, if not told otherwise
CHUNK = 1 << 12  # inputs of one task
LEAST_CHUNKS = 32  # so that a small run too has every other parameter, and random dy
SLOW_LOOK = 64  # one input in so many is asked of the slow oracle
AWKWARD = (0.3, 1e-3, 1.702, 7.0, 1.1 * 2.0**-20, 1e5)  # values of a parameter that are not round
NOT_POSITIVE = (-0.7, 0.0)  # as well, where that is allowed
SHOWN = 5  # faults of a row that are printed
HEADERS = ("function", "format", "inputs", "error", "at input", "of bound", "to mpmath", "balls", "faults")
INTERRUPTED = 130
NO_BALLS = "python-flint is not installed, so no balls were tried: pip install -e '.[certify]'"


@dataclass(frozen=True, order=True)
class Row:
    """What a row of the table is about."""

    activation: str
    direction: str
    format: str


@dataclass(frozen=True)
class Task:
    """A chunk of a row's inputs: what is drawn depends on this alone."""

    row: Row
    seed: int
    chunk: int
    count: int
    balls: int


def rows(names: Iterable[str]) -> list[Row]:
    """The rows of some activations."""
    return [Row(name, d, form) for name in names for d in ("forward", "backward") for form in TARGETS]


def tasks(row: Row, inputs: int, ball_count: int, seed: int) -> list[Task]:
    """The chunks of a row."""
    chunks = max(LEAST_CHUNKS, math.ceil(inputs / CHUNK))
    counts, shares = (np.diff(np.linspace(0, n, chunks + 1).astype(int)).tolist() for n in (inputs, ball_count))
    return [Task(row, seed, i, count, share) for i, (count, share) in enumerate(zip(counts, shares, strict=True))]


def question_of(task: Task) -> Question:
    """The inputs of a chunk, with what the fast oracle says of them."""
    row = task.row
    activation, form = reference.activations()[row.activation], FORMATS[row.format]
    rng = np.random.default_rng([task.seed, *f"{row.activation} {row.direction} {row.format}".encode(), task.chunk])
    turn, kind = divmod(task.chunk, 4)
    parameters = _other_parameters(activation, turn) if kind == 3 else activation.defaults
    request = Request(activation, row.direction, form, parameters, rng)
    x = draw(request, task.count).astype(np.float64)
    with_dy = row.direction == "backward" and (kind == 1 or (kind == 3 and turn % 2 == 1))
    dy = factors(request, len(x)).astype(np.float64) if with_dy else None
    return Question.ask(activation, row.direction, form, parameters, x, dy)


def _other_parameters(activation: Activation, turn: int) -> dict[str, float]:
    """Awkward values, others at each turn."""
    found = {}
    for p in activation.parameters:
        choices = AWKWARD if p.positive else AWKWARD + NOT_POSITIVE
        found[p.name] = choices[turn % len(choices)]
    return found


def examine(task: Task) -> Findings:
    """Try the inputs of a chunk; runs in a worker."""
    if not task.count:
        return Findings()
    question = question_of(task)
    unsure = fast.settle(question.values, question.form)[1]
    found = Findings(inputs=len(question), undecided=int(unsure.sum())) + against_mpmath(question)
    if task.balls and balls.can_judge(question.activation):
        found += against_balls(question[:: max(1, len(question) // task.balls)][: task.balls])
    return found + against_oracle(question[::SLOW_LOOK])


def certify(names: Iterable[str], inputs: int, ball_count: int, seed: int, jobs: int) -> int:
    """Certify the fast oracle of some activations and print the table; the result is the exit code.

    That is 0 where every bound holds, 1 where one is broken, and 130 after Ctrl-C.
    """
    todo = [task for row in rows(names) for task in tasks(row, inputs, ball_count, seed)]
    try:
        with worker_pool(jobs) as pool:
            found = _collect(pool, todo)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    print(table(found))
    for row, findings in found.items():
        for fault in findings.described[:SHOWN]:
            print(fault)
        if findings.faults > SHOWN:
            print(f"{row.activation} {row.direction} {row.format}: {findings.faults:,} faults in all")
    if balls.arb is None:
        print(NO_BALLS)
    return int(any(findings.faults for findings in found.values()))


def _collect(pool: Executor, todo: list[Task]) -> dict[Row, Findings]:
    """Findings by row, in the order of the rows."""
    found = {task.row: {} for task in todo}
    with tqdm(total=sum(task.count for task in todo), desc="certifying", unit=" inputs", unit_scale=True) as bar:
        pending = {pool.submit(examine, task): task for task in todo}
        for future in as_completed(pending):
            task = pending.pop(future)
            found[task.row][task.chunk] = future.result()
            bar.update(task.count)
    return {row: sum((parts[i] for i in sorted(parts)), Findings()) for row, parts in found.items()}


def table(found: dict[Row, Findings]) -> str:
    """A line a row: the largest relative error, the largest share of its bound, and what needed mpmath."""
    lines = [
        (
            f"{row.activation} {row.direction}",
            row.format,
            f"{f.inputs:,}",
            as_power(f.error) if f.error else "exact",
            f.error_at if f.error else "",
            f"{f.share:.1%}",
            f"{f.undecided / max(1, f.inputs):.2g}" if f.undecided else "none",
            f"{f.balls:,}",
            f"{f.faults:,}",
        )
        for row, f in found.items()
    ]
    align = ("left", "left", "right", "right", "left", "right", "right", "right", "right")
    return tabulate(lines, headers=HEADERS, disable_numparse=True, colalign=align)


def cores() -> int:
    """How many processes this one may have run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
