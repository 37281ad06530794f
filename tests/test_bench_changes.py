# SPDX-License-Identifier: MIT
"""Where the rate of misrounded results changes is found, to within what results can tell; and nothing is made up."""

import numpy as np
import pytest

from bench.changes import Rates, Results, best_split, changes

LOW, HIGH = 1 << 61, (1 << 61) + (1 << 54)


def sampled(count: int, change: int, below: float, above: float, seed: int = 0) -> tuple[Results, np.random.Generator]:
    """A sorted sample between LOW and HIGH whose rate changes at an ordinal."""
    rng = np.random.default_rng(seed)
    ordinals = np.unique(rng.integers(LOW, HIGH, count))
    return Results(ordinals, misrounded(ordinals, change, below, above)), rng


def misrounded(ordinals: np.ndarray, change: int, below: float, above: float) -> np.ndarray:
    drawn = ordinals.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    drawn = (drawn ^ (drawn >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    share = ((drawn ^ (drawn >> np.uint64(29))) >> np.uint64(11)).astype(float) * 2.0**-53
    return share < np.where(ordinals < change, below, above)


def located(change: int, below: float, above: float, seed: int = 0):
    sample, rng = sampled(1 << 15, change, below, above, seed)
    none = np.array([], np.int64)
    return list(changes(sample, none, lambda o: misrounded(o, change, below, above), rng))


@pytest.mark.parametrize(("below", "above"), [(0.1, 0.2), (0.2, 0.1), (0.05, 0.1), (0.4, 0.2), (0.0, 0.3)])
@pytest.mark.parametrize("share", [0.2, 0.71])
def test_a_change_is_located(below, above, share):
    place = LOW + int(share * (HIGH - LOW))
    found = located(place, below, above)
    assert any(change.low <= place <= change.high and change.high - change.low < 1 << 20 for change in found)


def test_where_nothing_changes_nothing_is_located():
    assert located(HIGH + 1, 0.15, 0.15) == []


def test_the_best_split_is_where_the_rate_changes():
    place = LOW + (HIGH - LOW) // 3
    sample, _ = sampled(1 << 14, place, 0.1, 0.3)
    split = best_split(sample)
    middle = int(sample.ordinals[split.middle])
    assert abs(middle - place) < (HIGH - LOW) / 50
    assert split.rates.below == pytest.approx(0.1, abs=0.03)
    assert split.rates.above == pytest.approx(0.3, abs=0.03)


def test_rates_tell_how_much_a_result_tells():
    near, far = Rates(0.1, 0.11), Rates(0.1, 0.4)
    assert 0 < near.information < far.information
    assert near.results_for(20.0) > far.results_for(20.0)
    assert far.rises
    assert not Rates(0.4, 0.1).rises


def test_results_merge_in_order_and_once():
    a = Results(np.array([1, 5, 9]), np.array([True, False, True]))
    b = Results(np.array([2, 5]), np.array([True, False]))
    merged = Results.merged([a, b])
    assert merged.ordinals.tolist() == [1, 2, 5, 9]
    assert merged.wrong.tolist() == [True, True, False, True]
