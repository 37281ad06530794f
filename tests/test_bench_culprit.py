# SPDX-License-Identifier: MIT
"""The element on which alone a call is lost is found in few rounds, in bounded time, and none where there is none."""

import time
from types import SimpleNamespace

import pytest

from bench import culprit as module
from bench.culprit import OTHERS, PARTS, SEARCH_S, SLOWER, culprit

PATIENCE_S = 30.0


class Calls:
    """Calls on parts, of which each takes a second; lost are those for which ``hangs`` or ``crashes``."""

    def __init__(self, patch, crashes=lambda part: False, hangs=lambda part: False, seconds=1.0):
        self.now = 0.0
        self.crashes, self.hangs, self.seconds = crashes, hangs, seconds
        self.tried, self.limits, self.lost = [], [], 0
        patch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))

    def __call__(self, part: slice, limit_s: float) -> bool:
        self.tried.append(part)
        self.limits.append(limit_s)
        hangs = self.hangs(part)
        self.now += limit_s if hangs else self.seconds
        lost = hangs or self.crashes(part)
        self.lost += lost
        return lost


def holds(place: int):
    return lambda part: part.start <= place < part.stop


@pytest.mark.parametrize(("size", "rounds"), [(2, 1), (PARTS, 1), (PARTS + 1, 2), (40_000, 3), (PARTS**4, 4)])
def test_every_place_is_found_in_few_rounds(monkeypatch, size, rounds):
    for place in {0, 1, size // 3, size - 2, size - 1}:
        calls = Calls(monkeypatch, crashes=holds(place), seconds=0.0)
        assert culprit(size, calls, PATIENCE_S) == place
        assert calls.lost <= rounds
        assert len(calls.tried) <= rounds * PARTS + 1
        assert slice(place, place + 1) in calls.tried[-2:]


def test_one_of_several_is_found(monkeypatch):
    calls = Calls(monkeypatch, crashes=lambda part: any(holds(place)(part) for place in (7, 5000, 39_000)), seconds=0.0)
    assert culprit(40_000, calls, PATIENCE_S) in (7, 5000, 39_000)


def test_what_takes_several_elements_has_none(monkeypatch):
    for least in (2, 700, 40_000):
        calls = Calls(monkeypatch, crashes=lambda part, n=least: part.stop - part.start >= n, seconds=0.0)
        assert culprit(40_000, calls, PATIENCE_S) is None


@pytest.mark.parametrize("size", [2, PARTS, 40_000])
def test_where_every_element_is_lost_none_is_named_and_few_more_are_tried(monkeypatch, size):
    calls = Calls(monkeypatch, crashes=lambda part: True, seconds=0.1)
    assert culprit(size, calls, PATIENCE_S) is None
    assert len(calls.tried) <= 3 + OTHERS
    assert len(set(map(str, calls.tried))) == len(calls.tried)


def test_one_of_many_is_named_where_another_is_spared(monkeypatch):
    calls = Calls(monkeypatch, crashes=lambda part: part != slice(30_000, 30_001), seconds=0.1)
    found = culprit(40_000, calls, PATIENCE_S)
    assert found not in (None, 30_000)
    assert slice(found, found + 1) in calls.tried


def test_one_that_hangs_is_given_up_sooner_than_at_first(monkeypatch):
    calls = Calls(monkeypatch, hangs=holds(39_999), seconds=0.5)
    assert culprit(40_000, calls, PATIENCE_S) == 39_999
    assert calls.limits[0] == PATIENCE_S
    assert set(calls.limits[1:]) == {SLOWER * 0.5}


def test_the_first_to_be_called_is_no_zero_and_no_nan(monkeypatch):
    calls = Calls(monkeypatch)
    culprit(40_000, calls, PATIENCE_S)
    assert calls.tried[0].start == 10_000
    assert sorted((part.start, part.stop) for part in calls.tried)[0][0] == 0
    assert sum(part.stop - part.start for part in calls.tried) == 40_000


def test_no_call_begins_that_could_not_be_told_from_one_that_hangs(monkeypatch):
    calls = Calls(monkeypatch, hangs=lambda part: True)
    assert culprit(40_000, calls, SEARCH_S / 2.5) is None
    assert calls.now <= SEARCH_S
    assert len(calls.tried) == 2
    calls = Calls(monkeypatch, seconds=SEARCH_S / 10)
    assert culprit(40_000, calls, SEARCH_S / 4) is None
    assert calls.now <= SEARCH_S


def test_the_time_is_that_of_the_machine():
    begin = time.monotonic()
    assert culprit(PARTS, lambda part, limit_s: time.sleep(0.01) or part.start == 15, 1.0) == 15
    assert 0.6 < time.monotonic() - begin < 5
