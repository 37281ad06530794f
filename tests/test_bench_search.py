# SPDX-License-Identifier: MIT
"""The search finds what is planted, keeps its budget, and repeats itself to the last bit."""

import numpy as np
import pytest

from bench import search as module
from bench.changes import Change, Rates
from bench.search import CHUNK, search
from reference.formats import FORMATS

DOUBLE, SINGLE = FORMATS["float64"], FORMATS["float32"]
BUDGET = 1 << 24
PLACES = [-515.3, 0.0072]


def scattered(x):
    """A number in [0, 1) for each input, as if drawn at random."""
    h = DOUBLE.ordinals(x.astype(np.float64)).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return ((h ^ (h >> np.uint64(32))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def ordinary(x, rate):
    """Errors below 1 ulp, of which a share is above 0.5."""
    u = scattered(x)
    return np.where(u < rate, 0.5 + 0.45 * u / np.maximum(rate, 1e-9), 0.5 * u)


def wrong_around(c, width=2.0**-15, ulps=50):
    """A fault on one interval of a relative width."""

    def errors(x):
        inside = (np.sign(x) == np.sign(c)) & (np.abs(x - c) <= abs(c) * width / 2)
        return np.where(inside, ulps * scattered(x), ordinary(x, 0.1))

    return errors


def changing_at(c, below=0.1, above=0.2, ulps=20):
    """A change of formula, beside which errors are large; how often results are misrounded differs on both sides."""
    place = int(DOUBLE.ordinals(np.array([c]))[0])

    def errors(x):
        ordinals = DOUBLE.ordinals(x)
        rate = np.where(ordinals < place, below, above)
        return np.where(np.abs(ordinals - place) <= 100, ulps * scattered(x), ordinary(x, rate))

    return errors


@pytest.mark.parametrize("c", PLACES)
def test_a_fault_on_a_narrow_interval_is_found(c):
    found = search(wrong_around(c), DOUBLE, budget=BUDGET, seed=1)
    assert found.max_ulp > 45
    assert abs(float(found.worst_input) / c - 1) <= 2.0**-16
    assert found.evaluations <= BUDGET


@pytest.mark.parametrize("c", PLACES)
def test_a_fault_beside_a_change_of_formula_is_found_at_a_place_not_told(c):
    found = search(changing_at(c), DOUBLE, budget=BUDGET, seed=2)
    assert found.max_ulp > 15
    assert abs(int(DOUBLE.ordinals(np.array([found.worst_input - 0.0]))[0] - DOUBLE.ordinals(np.array([c]))[0])) <= 100
    assert found.evaluations <= BUDGET


def test_sampling_alone_does_not_find_it(monkeypatch):
    monkeypatch.setattr(module, "look_for_changes", lambda *_: iter(()))
    assert search(changing_at(PLACES[0]), DOUBLE, budget=BUDGET, seed=2).max_ulp < 1


def test_it_repeats_itself_and_another_seed_does_not():
    first, again, other = (search(changing_at(3.3), DOUBLE, budget=1 << 16, seed=s) for s in (5, 5, 6))
    assert first == again
    assert first.evaluations != other.evaluations or first.changes != other.changes


@pytest.mark.parametrize("budget", [100, 2000, 70_000])
@pytest.mark.parametrize("form", [DOUBLE, SINGLE], ids=str)
def test_the_budget_is_kept_and_calls_are_no_larger_than_said(budget, form):
    sizes = []

    def errors(x):
        assert x.dtype == form.dtype
        assert np.isfinite(x).all()
        sizes.append(len(x))
        return ordinary(x.astype(np.float64), 0.1)

    found = search(errors, form, budget=budget, seed=0, starts=[1.0, -5.0])
    assert sum(sizes) == found.evaluations <= budget
    assert max(sizes) <= CHUNK


def test_what_surrounds_a_change_is_no_larger_than_what_is_left(monkeypatch):
    """Where rates hardly differ a change is located to millions of numbers; no array of them all is made."""
    change = Change(1 << 60, (1 << 60) + (1 << 40), Rates(0.3, 0.3001))
    monkeypatch.setattr(module, "changes", lambda *_: iter([change]))
    assert search(lambda x: ordinary(x, 0.1), DOUBLE, budget=5000, seed=0).evaluations <= 5000


def test_neighbours_of_starts_are_tried():
    place = 0.1234
    near = DOUBLE.from_ordinals(DOUBLE.ordinals(np.array([place])) + 7)[0]

    def errors(x):
        return np.where(x == near, 9.0, 0.25)

    assert search(errors, DOUBLE, budget=4000, seed=0).max_ulp == 0.25
    assert search(errors, DOUBLE, budget=4000, seed=0, starts=[place]).worst_input == near


def test_where_nothing_has_an_error_nothing_is_found():
    found = search(lambda x: np.full(len(x), np.nan), SINGLE, budget=3000, seed=0)
    assert (found.max_ulp, found.worst_input) == (None, None)


def test_errors_without_bound_do_no_harm():
    found = search(lambda x: np.where(x > 0, np.finfo(float).max, 0.0), DOUBLE, budget=9000, seed=0)
    assert found.max_ulp == np.finfo(float).max
