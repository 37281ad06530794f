# SPDX-License-Identifier: MIT
"""Timing on the device: between its events, at clocks that are told, and not while it is throttled."""

import sys
import time
from types import SimpleNamespace

import pytest

from kernels.gpu import nvrtc, timing
from tests.gpu import fake, needs_nvrtc  # noqa: F401

pytestmark = pytest.mark.usefixtures("fake")


class FakeNvml:
    """NVML that answers what it is told to."""

    NVML_CLOCK_SM = 1
    NVMLError = OSError

    def __init__(self, *answers: tuple[int, int]) -> None:
        self.answers = list(answers)

    def nvmlInit(self):  # noqa: N802
        pass

    def nvmlDeviceGetHandleByPciBusId(self, bus):  # noqa: N802
        assert bus == "0000:01:00.0"
        return "device"

    def nvmlDeviceGetClockInfo(self, device, kind):  # noqa: N802
        assert (device, kind) == ("device", 1)
        return self.answers[0][0]

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, device):  # noqa: N802
        return self.answers.pop(0)[1]


@pytest.fixture(autouse=True)
def _unseen():
    timing._management.cache_clear()
    yield
    timing._management.cache_clear()
    timing._seen.clear()


def test_what_is_between_the_events_is_timed_while_the_device_has_work_before(monkeypatch):
    done = []
    monkeypatch.setattr(timing, "_spin", lambda number: lambda *launch: done.append(launch))
    assert 0.01 <= timing.elapsed(lambda: done.append(time.sleep(0.01))) < 5
    assert done == [((1,), (1,), (timing.SPIN_CYCLES,)), None]


def test_clocks_are_kept_and_a_throttled_sample_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml((1980, 0), (1700, 0x40), (1990, 0x4), (1800, 0x1)))
    assert timing.clocks(0) is None
    counted = [timing.elapsed(lambda: None) is not None for _ in range(4)]
    assert counted == [True, False, True, True]
    assert timing.clocks(0) == (1700, 1990)


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
