# SPDX-License-Identifier: MIT
"""The process that times kernels of one state of the sources: what it answers."""

import itertools
import os

import pytest

from bench import racing, speed
from tests.making import make_kernel

SETTING = (64, 1, "hot", "kernel")


@pytest.fixture(autouse=True)
def _anywhere(monkeypatch):
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)


def racer(monkeypatch, *kernels):
    monkeypatch.setattr("kernels.registry.registered", lambda: list(kernels))
    return racing.Racer([])


def test_it_tells_what_there_is(monkeypatch):
    kernel = make_kernel(lambda x: x)
    kind, found = racer(monkeypatch, kernel).answer(("known", ""))
    assert kind == "done"
    assert found == {
        "known": {kernel.id: dict(zip(racing.FIELDS, ("relu", "forward", "float32", "test", "stable"), strict=True))},
        "own": [kernel.id],
        "failed_places": {},
        "threaded": [],
    }


def test_a_slice_of_calls_is_timed(monkeypatch):
    kernel = make_kernel(lambda x: x)
    kind, seconds = racer(monkeypatch, kernel).answer(("time", kernel.id, SETTING, 0.001))
    assert kind == "done"
    assert 0 < seconds < 1


def test_a_kernel_that_raises_is_told_and_the_next_is_timed(monkeypatch):
    def bad(x):
        raise ValueError("no")

    first, second = make_kernel(bad, variant="bad"), make_kernel(lambda x: x)
    there = racer(monkeypatch, first, second)
    kind, said = there.answer(("time", first.id, SETTING, 0.001))
    assert (kind, said.startswith("ValueError: no")) == ("raised", True)
    assert there.answer(("time", second.id, SETTING, 0.001))[0] == "done"


def test_to_compile_calls_nothing(monkeypatch):
    compiled = []
    kernel = make_kernel(lambda x: pytest.fail("it was called"))
    object.__setattr__(kernel, "compile", lambda: compiled.append(1))
    assert racer(monkeypatch, kernel).answer(("compile", kernel.id)) == ("done", None)
    assert compiled == [1]


def test_the_least_of_a_slice_is_taken(monkeypatch):
    kernel = make_kernel(lambda x: x)
    monkeypatch.setattr(speed, "durations", lambda call, seconds, timer: [9.0, 5.0, 7.0])
    assert racer(monkeypatch, kernel).time(kernel.id, SETTING, 0) == 5.0


def test_a_kernel_is_warm_before_it_is_timed_and_its_buffers_stay(monkeypatch):
    monkeypatch.setattr(racing, "WARMING_S", 0)
    taken = itertools.chain([9.0, 5.0], itertools.repeat(7.0))
    kernel = make_kernel(lambda x: x)
    object.__setattr__(kernel, "timer", lambda call: next(taken))
    made = []
    monkeypatch.setattr(speed, "calls", lambda *what: made.append(what) or [lambda: None])
    there = racer(monkeypatch, kernel)
    assert [there.time(kernel.id, SETTING, 0) for _ in range(3)] == [5.0, 7.0, 7.0]  # the first call only warms
    assert len(made) == 1
    there.time(kernel.id, (32, *SETTING[1:]), 0)
    there.time(kernel.id, SETTING, 0)
    assert len(made) == 3


@pytest.mark.parametrize(("threads", "stays"), [(1, [5]), (2, [3, 5]), (0, [3, 5])])
def test_one_thread_stays_on_one_processor(monkeypatch, threads, stays):
    placed = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, where: placed.append(list(where)), raising=False)
    monkeypatch.setattr(racing, "_processors", lambda: [3, 5])
    kernel = make_kernel(lambda x: x)
    racer(monkeypatch, kernel).answer(("time", kernel.id, (64, threads, "hot", "kernel"), 0))
    assert placed == [stays]
