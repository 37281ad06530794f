# SPDX-License-Identifier: MIT
"""Timing on the device: between its events, at clocks that are told, and not while it is throttled."""

import sys
import time
from types import SimpleNamespace

import pytest

from kernels.gpu import nvrtc, timing
from tests import fake_cupy
from tests.gpu import fake, needs_nvrtc  # noqa: F401

pytestmark = pytest.mark.usefixtures("fake")


class FakeNvml:
    """NVML that answers what it is told to: a clock and reasons, or None for what it refuses."""

    NVML_CLOCK_SM = 1
    NVMLError = OSError

    def __init__(self, *answers: tuple[int | None, int | None], reasons: str = timing.REASONS[0]) -> None:
        self.answers = list(answers)
        setattr(self, reasons, self.reasons)

    def nvmlInit(self):  # noqa: N802
        pass

    def nvmlDeviceGetHandleByPciBusId(self, bus):  # noqa: N802
        assert bus == "0000:01:00.0"
        return "device"

    def nvmlDeviceGetClockInfo(self, device, kind):  # noqa: N802
        assert (device, kind) == ("device", 1)
        return self.answer(self.answers[0][0])

    def reasons(self, device):
        return self.answer(self.answers.pop(0)[1])

    def answer(self, told: int | None) -> int:
        if told is None:
            raise OSError("Not Supported")
        return told


@pytest.fixture(autouse=True)
def _unseen(monkeypatch):
    monkeypatch.setattr(timing, "LOOK_EVERY_S", 0.0)
    timing._management.cache_clear()
    yield
    timing._management.cache_clear()
    timing._seen.clear()


def test_what_is_between_the_events_is_timed_while_the_device_has_work_before(monkeypatch):
    done = []
    monkeypatch.setattr(timing, "_spin", lambda number: lambda *launch: done.append(launch))
    assert 0.01 <= timing.elapsed(lambda: done.append(time.sleep(0.01))) < 5
    assert done == [((1,), (1,), (timing.SPIN_CYCLES,)), None]


@pytest.mark.parametrize(("needed", "tries"), [(1, 1), (8, 4), (16, 5), (1000, 5)])
def test_a_call_that_is_set_up_after_the_spin_is_timed_again_after_a_longer_one(monkeypatch, needed, tries):
    spins = []
    monkeypatch.setattr(timing, "_spin", lambda number: lambda grid, block, given: spins.append(given[0]))
    is_late = property(lambda event: spins[-1] < needed * timing.SPIN_CYCLES)
    monkeypatch.setattr(fake_cupy.Event, "done", is_late)
    calls = []

    def call():
        calls.append(None)

    timing.elapsed(call)
    assert spins == [timing.SPIN_CYCLES << n for n in range(tries)]
    assert len(calls) == tries
    timing.elapsed(call)
    assert spins[tries:] == spins[tries - 1 : tries]


@pytest.mark.parametrize("reasons", timing.REASONS)
def test_clocks_are_kept_and_a_throttled_sample_is_none(monkeypatch, reasons):
    answers = (1980, 0), (1700, 0x40), (1990, 0x4), (1800, 0x1)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(*answers, reasons=reasons))
    assert timing.clocks(0) is None
    counted = [timing.elapsed(lambda: None) is not None for _ in range(4)]
    assert counted == [True, False, True, True]
    assert timing.clocks(0) == (1700, 1990)


def test_what_nvml_refuses_is_not_told_and_costs_no_sample(monkeypatch):
    answers = (None, None), (1800, None), (None, 0x40), (None, None)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(*answers))
    counted = [timing.elapsed(lambda: None) is not None for _ in range(4)]
    assert counted == [True, True, False, True]
    assert timing.clocks(0) == (1800, 1800)


def test_it_is_asked_now_and_then_and_what_it_said_last_holds_until_then(monkeypatch):
    monkeypatch.setattr(timing, "LOOK_EVERY_S", 1.0)
    now = iter([100.0, 100.5, 101.5, 101.9, 102.6])
    monkeypatch.setattr(timing.time, "monotonic", lambda: next(now))
    nvml = FakeNvml((1900, 0), (1700, 0x8), (1800, 0))
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert [timing.elapsed(lambda: None) is not None for _ in range(5)] == [True, True, False, False, True]
    assert nvml.answers == []


@pytest.mark.parametrize("nvml", [None, SimpleNamespace(nvmlInit=lambda: 1 / 0, NVMLError=ZeroDivisionError)])
def test_without_nvml_every_sample_counts_and_no_clock_is_told(monkeypatch, nvml):
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert timing.elapsed(lambda: None) is not None
    assert timing.clocks(0) is None


def test_what_keeps_the_device_busy_compiles():
    needs_nvrtc()
    ptx = nvrtc.compile_source(timing.SPIN, {}, "sm_90").ptx
    assert ".entry spin(" in ptx
    assert "clock64" in ptx
