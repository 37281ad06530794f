# SPDX-License-Identifier: MIT
"""Tallies add up in order, whatever they were cut into, and read back as they were written."""

import functools

import msgspec
import numpy as np
import pytest

from bench.sweep_loops import BINS
from bench.tally import EXAMPLES_PER_KIND, Tally, number
from tests.sweeping import pattern

COUNTS = ("evaluated", "compared", "misrounded", "outside", "by_mpmath", "steps")


def some_tally(seed: int) -> Tally:
    """A tally of inputs from seed·100 on, every field its own."""
    rng = np.random.default_rng(seed)
    draw = lambda *size: rng.integers(1, 100, size or None).tolist()  # noqa: E731
    x = 100 * seed
    return Tally(
        **{name: draw() for name in COUNTS},
        total_ulp=rng.random() * 2.0 ** int(rng.integers(-40, 100)),
        max_ulp=rng.random(),
        worst=(x, draw()),
        most=draw(),
        least=-draw(),
        by_kind=draw(4),
        examples=[[(x + i, draw()) for i in range(n)] for n in (0, 1, 2, 3)],
        bins=draw(BINS),
        largest_step=draw(),
        step=((x, draw()), (x + 1, draw())),
        regions={seed % 3: rng.random(), -seed: -1.0},
        digest=f"{seed:02x}" * 32,
        first=draw(),
        last=draw(),
    )


def added(tallies: list[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.merge(tally)
    return whole


def test_counts_are_added():
    tallies = [some_tally(seed) for seed in range(5)]
    whole = added(tallies)
    for name in (*COUNTS, "total_ulp"):
        assert getattr(whole, name) == sum(getattr(t, name) for t in tallies)
    assert whole.by_kind == np.sum([t.by_kind for t in tallies], axis=0).tolist()
    assert whole.bins == np.sum([t.bins for t in tallies], axis=0).tolist()
    assert whole.most == max(t.most for t in tallies)
    assert whole.least == min(t.least for t in tallies)


def test_the_largest_is_kept_with_its_place():
    tallies = [some_tally(seed) for seed in range(5)]
    whole = added(tallies)
    worst = max(tallies, key=lambda t: t.max_ulp)
    assert (whole.max_ulp, whole.worst) == (worst.max_ulp, worst.worst)
    steepest = max(tallies, key=lambda t: t.largest_step)
    assert (whole.largest_step, whole.step) == (steepest.largest_step, steepest.step)


def test_of_equals_the_first_is_kept():
    first, second = some_tally(1), some_tally(2)
    second.max_ulp, second.largest_step = first.max_ulp, first.largest_step
    whole = added([first, second])
    assert (whole.worst, whole.step) == (first.worst, first.step)


def test_a_region_has_the_largest_error_of_all_its_parts():
    whole = added([Tally(regions={0: 0.5, 1: -1.0}), Tally(regions={0: 0.25, 1: 0.125}), Tally(regions={1: -1.0})])
    assert whole.regions == {0: 0.5, 1: 0.125}
    assert added([Tally(regions={7: -1.0})]).regions == {7: -1.0}  # nothing but NaN there


def test_an_empty_tally_changes_nothing():
    tally = some_tally(3)
    before = msgspec.json.encode(tally)
    tally.merge(Tally())
    assert msgspec.json.encode(tally) == before


def test_counts_do_not_depend_on_how_they_are_cut():
    tallies = [some_tally(seed) for seed in range(6)]
    for tally in tallies:
        tally.total_ulp = round(tally.total_ulp % 1e6)  # whole: else the order of a sum shows in the last place
        tally.examples = [[] for _ in tally.examples]
    pairs = [added(tallies[i : i + 2]) for i in (0, 2, 4)]
    assert msgspec.json.encode(added(pairs)) == msgspec.json.encode(added(tallies))


@pytest.mark.parametrize("number_of_examples", [1, 4, 5, 50])
def test_a_few_examples_are_kept_from_the_first_to_the_last(number_of_examples):
    parts = [Tally(examples=[[(x, 7)], [], [], []]) for x in range(number_of_examples)]
    places = [x for x, _ in functools.reduce(lambda a, b: (a.merge(b), a)[1], parts).examples[0]]
    assert len(places) == min(number_of_examples, EXAMPLES_PER_KIND)
    assert places == sorted(set(places))
    assert (places[0], places[-1]) == (0, number_of_examples - 1)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_written_reads_back_to_the_last_bit(seed):
    tally = some_tally(seed)
    text = msgspec.json.encode(tally)
    back = msgspec.json.decode(text, type=Tally)
    assert back == tally
    assert (back.total_ulp.hex(), back.max_ulp.hex()) == (tally.total_ulp.hex(), tally.max_ulp.hex())
    assert msgspec.json.encode(back) == text


def test_two_tallies_share_nothing():
    one, other = Tally(), Tally()
    one.merge(some_tally(1))
    assert other == Tally()


@pytest.mark.parametrize("x", ["0x1p+0", "-0x1.8p-3", "0x1p-149", "-0x0p+0", "inf", "-inf", "nan"])
def test_a_pattern_is_written_as_its_number(x):
    assert number(pattern(float.fromhex(x))) == x
