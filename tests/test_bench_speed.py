# SPDX-License-Identifier: MIT
"""The arithmetic of throughput, with a clock that says what the test wants; and what the calls are made on."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bench import speed
from bench.calling import KernelError
from bench.speed import Clock, Setting, Stopwatch, Yardstick, bytes_moved, cores, in_turn, measure, settings
from reference.formats import FORMATS
from tests.making import make_kernel


class FakeStopwatch:
    """Calls what it is to time a few times, and answers with the seconds that are agreed upon."""

    def __init__(self, kernel=1e-4, copyto=2e-5, streaming=1e-5, calls=1):
        self.seconds = {"kernel": kernel, "np.copyto": copyto, "streaming loop": streaming}
        self.calls = calls
        self.timed = []
        self.clock = Clock(lambda: 0.0)

    def time(self, label, group, info, call, most_rounds=None):
        self.most_rounds = most_rounds
        self.timed.append((label, group, info))
        for _ in range(self.calls):
            call()
        median = next((s for name, s in self.seconds.items() if label.startswith(name)), self.seconds["kernel"])
        if median is None:
            return None
        return SimpleNamespace(min=0.9 * median, median=median, iqr=0.1 * median, rounds=7)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(speed, "CALL_BYTES", {"hot": 1 << 10, "cold": 1 << 12})
    monkeypatch.setattr(speed, "cores", lambda: 2)


def relu(x, out=None, threads=None):
    return np.maximum(x, x.dtype.type(0), out=out)


def test_settings_are_hot_and_cold_on_one_thread_and_on_all():
    found = settings(make_kernel(relu, dtype="float16", takes_threads=True))
    assert [(s.elements, s.threads, s.cache) for s in found] == [
        (512, 1, "hot"),
        (512, 2, "hot"),
        (2048, 1, "cold"),
        (2048, 2, "cold"),
    ]
    assert len({s.label for s in found}) == 4


def test_one_core_has_each_setting_once(monkeypatch):
    monkeypatch.setattr(speed, "cores", lambda: 1)
    assert [s.threads for s in settings(make_kernel(relu, takes_threads=True))] == [1, 1]


def test_a_kernel_without_a_say_in_threads_is_timed_on_one():
    assert [s.threads for s in settings(make_kernel(relu))] == [1, 1]


def test_a_kernel_that_uses_all_processors_is_timed_on_one_only_where_they_can_be_limited(monkeypatch):
    kernel = replace(make_kernel(relu), uses_all=True)
    for can_limit, expected in ((True, [1, 2, 1, 2]), (False, [2, 2])):
        monkeypatch.setattr(speed, "CAN_LIMIT", can_limit)
        assert [s.threads for s in settings(kernel)] == expected


@pytest.mark.parametrize(
    ("direction", "dtype", "expected"),
    [
        ("forward", "float16", 4),
        ("forward", "float64", 16),
        ("backward", "float32", 12),
        ("backward", "bfloat16", 6),
        ("backward_alpha", "float32", 8),
    ],
)
def test_bytes_that_must_move(direction, dtype, expected):
    assert bytes_moved(make_kernel(relu, "prelu", direction, dtype)) == expected


@pytest.mark.parametrize(("copyto", "streaming", "method"), [(2e-5, 1e-5, "streaming loop"), (1e-5, 2e-5, "np.copyto")])
def test_throughput_and_share_of_the_faster_copy(copyto, streaming, method):
    stopwatch, yardstick = FakeStopwatch(4e-5, copyto, streaming), Yardstick()
    results = measure(make_kernel(relu, takes_threads=True), stopwatch, yardstick)
    assert [(r.elements, r.threads, r.cache) for r in results] == [
        (256, 1, "hot"),
        (256, 2, "hot"),
        (1024, 1, "cold"),
        (1024, 2, "cold"),
    ]
    for found in results:
        ns = 4e-5 / found.elements * 1e9
        assert found.ns_per_element.median == pytest.approx(ns)
        assert found.ns_per_element.min == pytest.approx(0.9 * ns)
        assert found.ns_per_element.iqr == pytest.approx(0.1 * ns)
        assert found.gb_per_s == pytest.approx(8 * found.elements / 4e-5 / 1e9)
        assert found.percent_of_copy == pytest.approx(25)
        assert found.rounds == 7
    copies = yardstick.copies.values()
    assert {c.method for c in copies} == {method}
    assert [c.gb_per_s for c in copies] == pytest.approx([2 * 4 * r.elements / 1e-5 / 1e9 for r in results])


def test_a_gradient_moves_three_arrays_and_a_copy_two():
    def backward(dy, x, out=None):
        return np.multiply(dy, x, out=out)

    (found, *_) = measure(make_kernel(backward, "relu", "backward"), FakeStopwatch(1e-5), Yardstick())
    assert found.percent_of_copy == pytest.approx(150)


def test_a_copy_is_timed_once_for_each_dtype_and_setting():
    stopwatch, yardstick = FakeStopwatch(), Yardstick()
    for _ in range(3):
        measure(make_kernel(relu, takes_threads=True), stopwatch, yardstick)
    assert sum(label.startswith("np.copyto") for label, *_ in stopwatch.timed) == 4
    measure(make_kernel(relu, dtype="float64", takes_threads=True), stopwatch, yardstick)
    assert sum(label.startswith("np.copyto") for label, *_ in stopwatch.timed) == 8


def test_nothing_is_said_where_timing_is_switched_off():
    yardstick = Yardstick()
    assert measure(make_kernel(relu), FakeStopwatch(None, None, None), yardstick) == []
    assert yardstick.copies == {}


@pytest.mark.parametrize("dtype", FORMATS)
def test_calls_are_made_on_normal_inputs_of_the_dtype_with_out_and_threads(dtype):
    seen = []

    def recording(dy, x, out=None, threads=None):
        seen.append((dy, x, out, threads))
        return np.multiply(dy, x, out=out)

    kernel = make_kernel(recording, "relu", "backward", dtype, takes_out=True, takes_threads=True)
    measure(kernel, FakeStopwatch(calls=3), Yardstick())
    del seen[0]  # the one that is looked at
    assert {len(x) * x.itemsize for _, x, _, _ in seen} == {1 << 10, 1 << 12}
    assert {threads for *_, threads in seen} == {1, 2}
    for dy, x, out, _ in seen:
        assert dy.dtype == x.dtype == out.dtype == FORMATS[dtype].dtype
        assert dy.shape == x.shape == out.shape
        assert not np.shares_memory(x, out)
        assert (dy != x).any()
    numbers = np.concatenate([x for _, x, _, _ in seen]).astype(np.float64)
    assert abs(numbers.mean()) < 0.1
    assert abs(numbers.std() - 1) < 0.1


def test_a_kernel_without_out_or_threads_gets_none():
    def bare(x):
        return x

    assert len(measure(make_kernel(bare), FakeStopwatch(), Yardstick())) == 2


def test_cold_calls_go_through_pieces_and_hot_ones_stay():
    seen = {}

    def recording(x):
        seen.setdefault(len(x), []).append(x.__array_interface__["data"][0])
        return x

    measure(make_kernel(recording), FakeStopwatch(calls=4), Yardstick())
    hot, cold = seen[256][1:], seen[1024]  # without the call that is looked at
    assert len(set(hot)) == 1 < len(hot)
    assert len(set(cold)) == len(cold)


def test_calls_in_turn_go_round():
    said = []
    call = in_turn([lambda i=i: said.append(i) for i in range(3)])
    for _ in range(7):
        call()
    assert said == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("at", [256, 1024])
def test_a_kernel_that_raises_on_some_size_has_failed(at):
    def failing(x):
        if len(x) == at:
            raise MemoryError("no room")
        return x

    with pytest.raises(KernelError, match="no room") as error:
        measure(make_kernel(failing), FakeStopwatch(), Yardstick())
    assert error.value.failure.kind == "raised"


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda x: None, "wrong_dtype"),
        (lambda x: x[:1].copy(), "wrong_shape"),
        (lambda x: np.negative(x, out=x), "wrote_input"),
    ],
)
def test_what_breaks_the_contract_is_not_timed(function, kind):
    stopwatch = FakeStopwatch()
    with pytest.raises(KernelError, match=kind):
        measure(make_kernel(function), stopwatch, Yardstick())
    assert stopwatch.timed == []


def test_a_sum_is_timed():
    assert measure(make_kernel(lambda dy, x: np.dot(dy, x), "prelu", "backward_alpha"), FakeStopwatch(), Yardstick())


def test_floating_point_warnings_are_no_failure_while_timing():
    assert measure(make_kernel(lambda x: np.log(x)), FakeStopwatch(), Yardstick())


def test_labels_tell_the_settings_apart_and_info_names_the_kernel():
    stopwatch = FakeStopwatch()
    measure(make_kernel(relu), stopwatch, Yardstick())
    kernels = [(label, group, info) for label, group, info in stopwatch.timed if "kernel" in info]
    assert {info["kernel"] for *_, info in kernels} == {"relu-forward-float32-test-stable"}
    assert [label for label, *_ in kernels] == [
        Setting(i["elements"], i["threads"], i["cache"]).label for *_, i in kernels
    ]
    assert all(group == f"relu-forward-float32-{label}" for label, group, _ in kernels)


def test_at_least_one_core():
    assert cores() >= 1


def test_the_clock_is_the_other_timer_until_durations_advance_it():
    clock = Clock(lambda: 5.0)
    assert clock() == 5.0
    durations = iter([0.25, 0.5])
    with clock.advanced_by(lambda: next(durations)) as advance:
        start = clock()
        advance()
        middle = clock()
        advance()
        assert (middle - start, clock() - middle) == (pytest.approx(0.25, abs=1e-6), pytest.approx(0.5, abs=1e-6))
    assert clock() == 5.0


def test_the_clock_ticks_for_those_who_wait_for_that():
    clock = Clock(lambda: 5.0)
    with clock.advanced_by(lambda: 1.0):
        assert 0 < clock() < clock() < 1e-6


def test_a_kernel_that_is_called_elsewhere_is_timed_by_the_durations_from_there():
    class Elsewhere:
        def __call__(self, x):
            return relu(x)

        def durations(self, setting):
            return lambda: setting.elements * 1e-9

    class Watching(FakeStopwatch):
        def time(self, label, group, info, call, most_rounds=None):
            if "copyto" in label or "loop" in label:
                return super().time(label, group, info, call)
            start = self.clock()
            call()
            took = self.clock() - start
            return SimpleNamespace(min=took, median=took, iqr=0.0, rounds=1)

    kernel = replace(make_kernel(relu, takes_threads=False), function=Elsewhere())
    found = measure(kernel, Watching(), Yardstick())
    assert len(found) == 2
    assert all(t.ns_per_element.median == pytest.approx(1.0, rel=1e-2) for t in found)


@pytest.mark.parametrize(
    ("duration", "most", "rounds"),
    [
        (1e-4, None, "its own count"),
        (1e-4, 100, 100),
        (0.25, 100, 4),
        (10.0, 100, 3),
        (1e-4, 10**6, 10**4),
    ],
)
def test_rounds_that_take_longer_than_what_is_timed_are_limited(duration, most, rounds):
    class Fixture:
        def __init__(self):
            self.extra_info, self.stats = {}, None

        def __call__(self, call):
            self.rounds = "its own count"

        def pedantic(self, call, rounds):
            self.rounds = rounds

    session = SimpleNamespace(options={"min_rounds": 3, "max_time": "1.0"})
    item = SimpleNamespace(name="a", nodeid="a", config=SimpleNamespace(_benchmarksession=session))
    fixture, clock = Fixture(), Clock(lambda: 0.0)
    with clock.advanced_by(lambda: duration) as call:
        Stopwatch(item, fixture, clock).time("label", "group", {}, call, most)
    assert fixture.rounds == (pytest.approx(rounds, rel=1e-3) if most else rounds)
