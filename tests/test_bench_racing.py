# SPDX-License-Identifier: MIT
"""The process that times kernels of one state of the sources: what it writes, and when."""

import io
import itertools
import json

import pytest

from bench import racing
from tests.making import make_kernel

SETTING = [64, 1, "hot", "kernel"]


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Runs it on these kernels; returns its records."""

    def run(*kernels, seconds=0.001, names=None):
        monkeypatch.setattr(racing, "registered", lambda: list(kernels))
        names = names or [k.id for k in kernels]
        found = tmp_path / "found.jsonl"
        settings = {name: [SETTING] for name in names}
        request = {"found": str(found), "places": [], "kernels": names, "settings": settings, "seconds": seconds}
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(request)))
        racing.main()
        return [json.loads(line) for line in found.read_text().splitlines()]

    return run


def test_it_tells_what_it_knows_then_each_timing_and_each_kernel(asked):
    kernel = make_kernel(lambda x: x)
    known, timing, done = asked(kernel)
    assert known == {
        "known": {kernel.id: ["relu", "forward", "float32", "test", "stable"]},
        "own": [kernel.id],
        "failed_places": {},
        "threaded": [],
    }
    assert (timing["kernel"], timing["setting"]) == (kernel.id, SETTING)
    assert 0 < timing["seconds"] < 1
    assert done == {"done": kernel.id}


def test_a_kernel_that_raises_is_told_and_the_next_is_timed(asked):
    def bad(x):
        raise ValueError("no")

    first, second = make_kernel(bad, variant="bad"), make_kernel(lambda x: x)
    _, failed, _, timing, _ = asked(first, second)
    assert failed == {"kernel": first.id, "failed": "ValueError: no"}
    assert timing["kernel"] == second.id


def test_without_seconds_it_only_compiles(asked):
    compiled = []
    kernel = make_kernel(lambda x: pytest.fail("it was called"))
    object.__setattr__(kernel, "compile", lambda: compiled.append(1))
    _, done = asked(kernel, seconds=0)
    assert compiled == [1]
    assert done == {"done": kernel.id}


def test_a_kernel_that_is_not_there_is_passed_over(asked):
    known, done = asked(names=["relu-forward-float32-test-gone"])
    assert known == {"known": {}, "own": [], "failed_places": {}, "threaded": []}
    assert done == {"done": "relu-forward-float32-test-gone"}


def test_the_least_of_many_calls_is_taken_once_it_is_warm(monkeypatch):
    monkeypatch.setattr(racing, "WARMING_S", 0)
    taken = itertools.chain([1.0, 9.0, 5.0], itertools.repeat(7.0))
    assert racing.timed(lambda: None, 0, timer=lambda call: next(taken)) == 5.0
