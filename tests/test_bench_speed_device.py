# SPDX-License-Identifier: MIT
"""The speed of kernels of a device: its own sizes, its own timer, its own copy, and what a call costs apart."""

from dataclasses import replace

import numpy as np
import pytest

from bench import speed
from bench.calling import KernelError
from bench.run import blank
from bench.speed import Setting, Yardstick, durations, measure, settings
from reports import rows, wording
from tests.making import make_kernel
from tests.test_bench_speed import FakeStopwatch


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(speed, "DEVICE_BYTES", {"hot": 1 << 10, "cold": 1 << 12})
    monkeypatch.setattr(speed, "CALLS_S", 0.001)


class Device:
    """A device that says how long things take there."""

    def __init__(self, *seconds: float | None) -> None:
        self.seconds, self.asked, self.copied, self.is_timing = list(seconds), 0, [], False

    def timer(self, call):
        self.asked, self.is_timing = self.asked + 1, True
        call()
        self.is_timing = False
        return self.seconds.pop(0) if self.seconds else 1e-6

    def copy(self, source, destination):
        self.copied.append((source.size, destination.size))
        return lambda: None

    def kernel(self, function=lambda x: x):
        return replace(make_kernel(function), device="cuda", timer=self.timer, copy=self.copy)


def test_settings_are_hot_and_cold_on_the_gpu():
    found = settings(Device().kernel())
    assert found == [Setting(256, 0, "hot"), Setting(1024, 0, "cold")]
    assert [s.label for s in found] == ["256-hot-gpu", "1024-cold-gpu"]
    assert [s.pieces for s in found] == [1, 2]


def test_the_timer_of_the_device_advances_the_clock_and_its_copy_is_the_yardstick():
    device, stopwatch, yardstick = Device(), FakeStopwatch(4e-5), Yardstick()
    stopwatch.seconds["device copy"] = 2e-5
    hot, cold = measure(device.kernel(), stopwatch, yardstick)
    assert [(t.threads, t.cache, t.elements) for t in (hot, cold)] == [(0, "hot", 256), (0, "cold", 1024)]
    assert hot.percent_of_copy == pytest.approx(50)
    assert 0 < hot.call_us < 1e5
    assert cold.call_us is None
    assert device.asked > 0
    assert device.copied == [(256, 256), (1024, 1024), (1024, 1024)]
    assert {(c.method, c.threads) for c in yardstick.copies.values()} == {("device copy", 0)}


def test_no_more_rounds_are_timed_than_a_device_has_time_for():
    stopwatch = FakeStopwatch()
    measure(Device().kernel(), stopwatch, Yardstick())
    assert stopwatch.most_rounds == speed.DEVICE_ROUNDS


def test_the_cost_of_a_call_is_taken_on_one_element_so_that_it_waits_for_no_work(monkeypatch):
    monkeypatch.setattr(speed, "_see_that_it_works", lambda *given: None)
    device, seen = Device(), set()
    kernel = device.kernel(lambda x: None if device.is_timing else seen.add(x.size))
    assert measure(kernel, FakeStopwatch(), Yardstick())[0].call_us > 0
    assert seen == {1}


def test_buffers_are_made_once_for_all_kernels_of_a_size(monkeypatch):
    speed._kept.cache_clear()
    monkeypatch.setattr(speed, "_see_that_it_works", lambda *given: None)
    seen = {}

    def kept(*arrays, out):
        seen.setdefault(out.size, []).append(tuple(a.__array_interface__["data"][0] for a in (*arrays, out)))

    for _ in range(3):
        kernel = replace(Device().kernel(kept), direction="backward", takes_out=True)
        measure(kernel, FakeStopwatch(calls=4), Yardstick())
    assert seen.keys() == {256, 1024, 1}
    for places in seen.values():
        assert len(set(places)) == 1
        assert len(set(places[0])) == 3


def test_durations_are_the_timers_without_those_that_do_not_count():
    device = Device(0.25, None, 0.5)
    assert durations(lambda: None, 0.0, device.timer) == [0.25]
    assert durations(lambda: None, 0.0, device.timer) == [0.5]


def test_a_device_that_is_throttled_all_the_time_is_an_error(monkeypatch):
    monkeypatch.setattr(speed, "THROTTLED_S", 0.01)
    with pytest.raises(RuntimeError, match=r"the device was throttled for 0\.01 s: cool it"):
        durations(lambda: None, 0.0, lambda call: None)
    with pytest.raises(KernelError, match="throttled"):
        measure(replace(Device().kernel(), timer=lambda call: None), FakeStopwatch(), Yardstick())


def test_a_report_shows_a_gpus_settings_beside_the_others():
    from tests.report_results import results

    whole = results()
    timed = measure(Device().kernel(), FakeStopwatch(), Yardstick())
    on_gpu = blank(Device().kernel())
    on_gpu.throughput = timed
    whole.kernels.append(on_gpu)
    assert [s.title for s in rows.settings(whole)][-2:] == ["hot GPU", "cold GPU"]
    assert [s.title for s in rows.extremes(whole)] == ["hot ×1", "cold ×2", "hot GPU", "cold GPU"]
    flat = rows.flat(on_gpu, rows.settings(whole))
    assert flat["hot_gpu_call_us"] == timed[0].call_us
    assert flat["hot_1_threads_ns_per_element"] is None
    whole.kernels = [on_gpu]
    assert [s.title for s in rows.extremes(whole)] == ["hot GPU", "cold GPU"]
    assert wording.threads(0) == "GPU"


def test_without_a_timer_it_is_the_clock():
    (taken,) = durations(lambda: np.zeros(10), 0.0)
    assert 0 < taken < 5
