# SPDX-License-Identifier: MIT
"""The exact results that a run needs: loaded where they were computed before, else computed on all cores."""

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import reference
from bench import conditioning
from bench.accuracy import Truth
from bench.conditioning import Reach
from bench.inputs import make_inputs, random_pairs
from kernels.registry import Kernel
from reference.formats import FORMATS, Format
from reference.oracle import Exact, exact, right_at_kink
from reference.store import Store

CHUNK = 1 << 13  # inputs per task
ASK_BESIDE_SAMPLES = False  # also for the exact values at the neighbours of samples: up to three times the work


@dataclass(frozen=True)
class Question:
    """What is asked of the oracle: one function in one format, on inputs, with or without dy."""

    activation: str
    direction: str
    form: Format
    parameters: tuple[tuple[str, float], ...]
    x: np.ndarray
    dy: np.ndarray | None

    def path(self, store: Store) -> Path:
        return store.path(self.activation, self.direction, self.form, dict(self.parameters), self.x, self.dy)

    def chunks(self) -> list["Question"]:
        cuts = range(0, len(self.x), CHUNK)
        return [self._part(slice(i, i + CHUNK)) for i in cuts]

    def _part(self, part: slice) -> "Question":
        dy = None if self.dy is None else self.dy[part]
        return Question(self.activation, self.direction, self.form, self.parameters, self.x[part], dy)

    def answer(self) -> Exact:
        activation = reference.activations()[self.activation]
        return exact(activation, self.direction, self.form, self.x, dict(self.parameters), self.dy)


class Oracle:
    """Answers questions from a store; `prepare` first computes all that are missing, in parallel."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.unsaved: dict[Path, Exact] = {}

    def truth(self, kernel: Kernel, depth: str, seed: int) -> Truth:
        """What a kernel is held against, for a forward or backward kernel."""
        activation, form = reference.activations()[kernel.activation], FORMATS[kernel.dtype]
        inputs = make_inputs(activation, form, depth, seed)
        asked = _asked(kernel, depth, seed)
        kinked = kernel.direction == "backward" and activation.right_derivative_at_zero is not None
        with np.errstate(invalid="ignore"):  # comparing a signalling NaN of bfloat16 warns
            kinks = np.flatnonzero(inputs.values == 0) if kinked else np.array([], np.intp)
        answer = self._answer(asked.main)
        return Truth(
            activation=activation,
            direction=kernel.direction,
            form=form,
            inputs=inputs,
            exact=answer,
            kinks=kinks,
            right=right_at_kink(answer[kinks], activation, form, kernel.parameters) if len(kinks) else None,
            reach=self._reach(asked, answer),
            pairs=(asked.pairs.dy, asked.pairs.x) if asked.pairs else None,
            pairs_exact=self._answer(asked.pairs) if asked.pairs else None,
        )

    def missing(self, kernels: Iterable[Kernel], depth: str, seed: int) -> list[Question]:
        """The questions that kernels will ask and that are not in the store, each once."""
        asked = {}
        for kernel in kernels:
            if kernel.direction in ("forward", "backward") and kernel.activation in reference.own():
                for question in _asked(kernel, depth, seed).all():
                    asked.setdefault(question.path(self.store), question)
        return [question for path, question in asked.items() if not path.exists()]

    def prepare(self, questions: list[Question], pool: Executor, done: Callable[[], None]) -> None:
        """Compute and store the answers; ``done`` is called after each chunk of a question."""
        parts: dict[int, list[Exact | None]] = {}
        pending: dict[Future[Exact], tuple[int, int]] = {}
        for i, question in enumerate(questions):
            chunks = question.chunks()
            parts[i] = [None] * len(chunks)
            pending |= {pool.submit(chunk.answer): (i, j) for j, chunk in enumerate(chunks)}
        for future in as_completed(pending):
            i, j = pending.pop(future)
            parts[i][j] = future.result()
            if all(part is not None for part in parts[i]):
                self._keep(questions[i], Exact.concatenate(parts.pop(i)))
            done()

    def _reach(self, asked: "Asked", answer: Exact) -> Reach | None:
        """What f takes between the neighbours of each input; None where the exact values there are not asked for."""
        main, beside = asked.main, asked.beside
        if beside is None:
            return None
        values, known = main.x, answer
        if len(beside.x):
            values = np.concatenate([values, beside.x])
            known = Exact.concatenate([known, self._answer(beside)])
        order = np.argsort(_patterns(values, main.form))

        def at(x: np.ndarray) -> Exact:
            places = np.searchsorted(_patterns(values, main.form), _patterns(x, main.form), sorter=order)
            return known[order[places]]

        below, above = conditioning.neighbours(main.x, main.form)
        activation = reference.activations()[main.activation]
        turns = conditioning.turns_of(activation, main.direction, dict(main.parameters), main.form)
        return conditioning.reach(main.x, at(below), answer, at(above), main.form, turns)

    def _answer(self, question: Question) -> Exact:
        if question.activation not in reference.own():
            return question.answer()
        path = question.path(self.store)
        stored = self.unsaved.get(path) or self.store.load(path, question.form)
        if stored is not None and len(stored) == len(question.x):
            return stored
        return self._keep(question, question.answer())

    def _keep(self, question: Question, answer: Exact) -> Exact:
        path = question.path(self.store)
        try:
            self.store.save(path, answer, question.form)
        except OSError:  # a folder that can't be written costs the next run time, and nothing else
            self.unsaved[path] = answer
        return answer


@contextlib.contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes: none of this one's threads, locks or floating-point modes.

    Ctrl-C is for the process that waits for them; it drops what they have not begun.
    """
    pool = ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


@dataclass(frozen=True)
class Asked:
    """All that is asked for one kernel."""

    main: Question
    pairs: Question | None  # with dy drawn at random, for a gradient
    beside: Question | None  # at the neighbours that are not among the inputs, perhaps none; None: not to be asked

    def all(self) -> list[Question]:
        return [q for q in (self.main, self.pairs, self.beside) if q is not None and len(q.x)]


def _asked(kernel: Kernel, depth: str, seed: int) -> Asked:
    activation, form = reference.activations()[kernel.activation], FORMATS[kernel.dtype]

    def question(x: np.ndarray, dy: np.ndarray | None = None) -> Question:
        parameters = tuple(sorted(kernel.parameters.items()))
        return Question(kernel.activation, kernel.direction, form, parameters, x, dy)

    x = make_inputs(activation, form, depth, seed).values
    pairs = random_pairs(activation, form, depth, seed) if kernel.direction == "backward" else None
    beside = conditioning.beside(x, form) if form.bits == 16 or ASK_BESIDE_SAMPLES else None
    return Asked(
        main=question(x),
        pairs=None if pairs is None else question(pairs[1], pairs[0]),
        beside=None if beside is None else question(beside),
    )


def _patterns(x: np.ndarray, form: Format) -> np.ndarray:
    return np.ascontiguousarray(x).view(form.pattern)
