# SPDX-License-Identifier: MIT
"""Who is blamed when a process is lost, or time: the kernel that did it, and not the one that it happened to."""

from pathlib import Path

import numpy as np
import pytest

import kernels
from bench import remote
from bench.calling import KernelError, StartError, call
from bench.process import Host
from bench.remote import Remote, closing_all, isolated
from kernels.registry import registered
from tests.hosting import kernels_of

LINGERING = Path(__file__).with_name("lingering.py")
X = np.linspace(-100, 100, 4096).astype(np.float32)
kernels.load()
SILU, RELU = (next(k for k in registered() if k.id == f"{n}-forward-float32-numba-stable") for n in ("silu", "relu"))


@pytest.fixture
def lingering():
    """The kernels that leave something behind, by their variants, with one host for all."""
    with kernels_of(LINGERING) as found:
        yield found


def test_who_falls_into_what_another_left_is_not_blamed(lingering):
    guilty, innocent = lingering["spoils-its-process"], lingering["falls-into-what-was-spoilt"]
    home = innocent.function.host
    call(guilty, X)
    assert np.array_equal(call(innocent, X), np.maximum(X, 0))
    assert innocent.function.lost is None
    assert guilty.function.host is not home
    call(guilty, X)
    process = home.process
    assert np.array_equal(call(innocent, X), np.maximum(X, 0))
    assert home.process is process
    home.close()
    assert guilty.function.host.process is None


def test_who_loses_a_process_that_called_no_other_is_spared_once(lingering):
    kernel = lingering["exits-every-other-time"]
    kernel.function.host.close()
    for _ in range(2):
        assert np.array_equal(call(kernel, X), np.maximum(X, 0))
    with pytest.raises(KernelError, match="the process exited with 4"):
        call(kernel, X)


def test_all_calls_of_a_kernel_together_have_a_limit(monkeypatch):
    with closing_all({"": Host()}) as hosts:
        kernel = isolated(SILU, {SILU.id: hosts[""]})
        monkeypatch.setattr(remote, "CALLS", 0)
        monkeypatch.setattr(remote, "ELEMENT_S", 60.0 / X.size)
        call(kernel, X)
        assert kernel.function.lost is None
        monkeypatch.setattr(remote, "ELEMENT_S", 0.0)
        call(kernel, X)
        said = "hung: its calls took longer than 0 s together, for 8,192 elements: make it faster, or try fewer"
        with pytest.raises(KernelError, match=said) as error:
            call(kernel, X)
        assert error.value.failure.input is None
        assert np.array_equal(call(isolated(RELU, {RELU.id: hosts[""]}), X), np.maximum(X, 0))


def test_the_limit_that_is_told_is_that_which_was_exceeded(monkeypatch):
    monkeypatch.setattr(remote, "CALLS", 0)
    function = Remote(Host(), "it")
    function.elements, function.spent_s = 4_000_000_000, 5000.0
    monkeypatch.setattr(Host, "start", lambda self: None)
    monkeypatch.setattr(Host, "ask", lambda self, *_, **__: None)
    function._ask("call")
    assert "longer than 4,000 s together, for 4,000,000,000 elements" in function.lost.message


@pytest.fixture
def crashing(monkeypatch):
    """A kernel whose host is lost at the first question; ``then`` is what the next ones end with."""
    function, asked = Remote(Host(), "it"), []

    def ask(self, *_, limit_s, **__):
        asked.append(limit_s)
        raise KernelError("crashed", "gone") if len(asked) < 3 else function.then

    monkeypatch.setattr(Host, "start", lambda self: setattr(self, "memory", self.memory or Here()))
    monkeypatch.setattr(Host, "room", lambda self, size: memoryview(bytearray(size)))
    monkeypatch.setattr(Host, "ask", ask)
    function.asked = asked
    return function


class Here:
    """Memory that is nowhere yet."""

    map = None


def test_where_the_process_for_the_second_call_can_not_be_started_no_kernel_is_blamed(crashing, monkeypatch):
    crashing.asked.append(0.0)
    crashing.then = StartError("hung", "no process")
    for x in (X, X[:1]):
        with pytest.raises(StartError) as error:
            crashing(x)
        assert error.value.failure.input is None
        assert crashing.lost is None


def test_where_no_process_can_be_started_in_the_search_no_input_is_named(crashing):
    crashing.then = StartError("crashed", "no process")
    with pytest.raises(KernelError, match="crashed: gone") as error:
        crashing(X)
    assert error.value.failure.input is None


def test_the_search_waits_as_long_as_a_call_of_that_kernel_may_take(crashing, monkeypatch):
    crashing.limit_s, crashing.then = 90.0, StartError("crashed", "no process")
    with pytest.raises(KernelError, match="crashed: gone"):
        crashing(X)
    assert crashing.asked == [90.0, 90.0, 90.0]
