# SPDX-License-Identifier: MIT
"""Every class of inputs has what it promises, and all of them come together."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import reference
from bench import inputs
from bench.inputs import (
    GENERATORS,
    NEIGHBOURS,
    PAYLOADS,
    SAMPLES,
    Request,
    around,
    as_format,
    digest,
    magnitudes,
    make_inputs,
    random_pairs,
)
from reference.activation import CheckPoint
from reference.formats import FORMATS, Format

every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
wide_format = pytest.mark.parametrize("form", [f for f in FORMATS.values() if f.bits > 16], ids=lambda f: f.name)
SILU = reference.activations()["silu"]


def patterns(values: np.ndarray, form: Format) -> set[int]:
    return set(values.view(form.pattern).tolist())


def pattern(value: float, form: Format) -> int:
    return int(np.array(value).astype(form.dtype).view(form.pattern))


@pytest.fixture(scope="module")
def tried() -> dict[str, set[int]]:
    """The bit patterns of all inputs for SiLU at depth quick, for each format."""
    return {form.name: patterns(make_inputs(SILU, form, "quick", 0).values, form) for form in FORMATS.values()}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_all_values_of_the_16_bit_formats_are_tried(dtype):
    found = make_inputs(SILU, FORMATS[dtype], "quick", 0)
    assert found.exhaustive
    assert found.values.dtype == FORMATS[dtype].dtype
    assert found.values.view(np.uint16).tolist() == list(range(1 << 16))


@wide_format
def test_wide_inputs_are_distinct_ordered_and_of_the_format(form):
    found = make_inputs(SILU, form, "quick", 0)
    assert not found.exhaustive
    assert found.values.dtype == form.dtype
    bits = found.values.view(form.pattern)
    assert (bits[1:] > bits[:-1]).all()


@every_format
def test_zeros_infinities_and_nans_with_payloads_are_tried(form, tried):
    sign, quiet, infinity = 1 << (form.bits - 1), 1 << (form.precision - 2), form.infinity_pattern
    wanted = {0, infinity, infinity | quiet} | {infinity | q | p for q, p in product((0, quiet), PAYLOADS)}
    assert wanted | {w | sign for w in wanted} <= tried[form.name]


@every_format
def test_ends_of_the_range_and_their_neighbours_are_tried(form, tried):
    for end in (form.least_subnormal, form.least_normal, form.largest):
        for x in (end, -end):
            at = form.ordinals(np.array([x]).astype(form.dtype))
            near = form.from_ordinals(np.clip(at + np.arange(-5, 6), -form.infinity_pattern, form.infinity_pattern))
            assert patterns(near, form) <= tried[form.name]


@every_format
def test_every_power_of_two_and_its_neighbours_are_tried(form, tried):
    for e in range(form.emin - form.precision + 1, form.emax + 1):
        at = pattern(math.ldexp(1.0, e), form)
        assert {at - 1, at, at + 1} <= tried[form.name]
        assert (at | 1 << (form.bits - 1)) in tried[form.name]


@every_format
def test_thresholds_of_exp_are_tried_on_both_sides(form, tried):
    limits = [math.log(f.largest) for f in FORMATS.values()] + [math.log(f.least_subnormal) for f in FORMATS.values()]
    for x in limits:
        at = pattern(x, form)
        assert set(range(at - 2, at + 3)) <= tried[form.name]


@wide_format
def test_neighbours_of_every_check_point_are_tried(form, tried):
    steps = np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    for point in SILU.check_points:
        ordinals = form.ordinals(np.array([point.x]).astype(form.dtype)) + steps
        assert patterns(form.from_ordinals(ordinals), form) <= tried[form.name], point


@wide_format
def test_a_new_check_point_is_tried(form):
    x = 1234.56789
    before = make_inputs(SILU, form, "quick", 0)
    assert pattern(x, form) not in patterns(before.values, form)
    changed = replace(SILU, check_points=(*SILU.check_points, CheckPoint(x, "for the test")))
    assert pattern(x, form) in patterns(make_inputs(changed, form, "quick", 0).values, form)


@wide_format
def test_a_new_generator_needs_no_other_edit(form, monkeypatch):
    monkeypatch.setattr(inputs, "GENERATORS", list(GENERATORS))
    x = 1234.56789
    before = make_inputs(SILU, form, "quick", 0)

    @inputs.generator
    def one_value(request: Request) -> np.ndarray:
        return np.array([x]).astype(request.form.dtype)

    after = make_inputs(SILU, form, "quick", 0)
    assert patterns(after.values, form) - patterns(before.values, form) == {pattern(x, form)}


@wide_format
def test_the_seed_decides_all_that_is_random(form):
    first, again = (make_inputs(SILU, form, "quick", 3) for _ in range(2))
    other = make_inputs(SILU, form, "quick", 4)
    assert patterns(first.values, form) == patterns(again.values, form)
    np.testing.assert_array_equal(first.normal, again.normal)
    common = patterns(first.values, form) & patterns(other.values, form)
    assert len(first.values) - len(common) > 3 * SAMPLES["quick"]


@every_format
def test_normal_places_are_draws_from_n_0_1(form):
    found = make_inputs(SILU, form, "quick", 0)
    drawn = found.values[found.normal].astype(np.float64)
    assert len(drawn) == SAMPLES["quick"]
    assert abs(drawn.mean()) < 0.1
    assert abs(drawn.std() - 1) < 0.1


@every_format
@pytest.mark.parametrize("make", GENERATORS, ids=lambda g: g.__name__)
def test_every_generator_gives_values_of_the_format(form, make):
    values = make(Request(form, (), 100, np.random.default_rng(0)))
    assert values.dtype == form.dtype
    assert values.ndim == 1
    assert len(values)


@every_format
def test_uniform_ordinals_are_finite_and_of_all_magnitudes(form):
    values = inputs.uniform_ordinals(Request(form, (), 4000, np.random.default_rng(0)))
    assert np.isfinite(values.astype(np.float64)).all()
    quarters = np.histogram(form.ordinals(values).astype(float), 4, (-form.infinity_pattern, form.infinity_pattern))[0]
    assert quarters.min() > 800


@every_format
def test_around_stays_on_the_line_and_is_symmetric(form):
    values = around(np.array([form.largest, 0.0, np.inf]), form, count=3)
    ordinals = set(form.ordinals(values).tolist())
    assert ordinals == {-o for o in ordinals}
    assert max(ordinals) == form.infinity_pattern
    assert set(range(-3, 4)) <= ordinals


def test_depths_try_more_and_more():
    quick, standard = (make_inputs(SILU, FORMATS["float32"], depth, 0) for depth in ("quick", "standard"))
    assert len(standard.values) > 2 * len(quick.values)


@every_format
def test_random_pairs_are_finite_with_x_not_zero(form):
    dy, x = random_pairs(SILU, form, "quick", 0)
    assert len(dy) == len(x) > 0.9 * SAMPLES["quick"]
    assert dy.dtype == x.dtype == form.dtype
    assert np.isfinite(dy.astype(np.float64)).all()
    assert np.isfinite(x.astype(np.float64)).all()
    assert (dy < 0).any()
    np.testing.assert_array_equal(x, random_pairs(SILU, form, "quick", 0)[1])
    assert patterns(x, form) != patterns(random_pairs(SILU, form, "quick", 1)[1], form)


def test_random_pairs_leave_out_kinks_at_zero(monkeypatch):
    form = FORMATS["float32"]
    monkeypatch.setattr(inputs, "uniform_ordinals", lambda request: np.zeros(request.samples, form.dtype))
    dy, x = random_pairs(SILU, form, "quick", 0)
    assert 0 < len(dy) == len(x) <= 0.75 * SAMPLES["quick"]
    assert (x != 0).all()


def test_random_pairs_leave_out_kinks_elsewhere(monkeypatch):
    monkeypatch.setattr(inputs, "thresholds_of_exp", lambda request: np.empty(0, request.form.dtype))
    form, kinked = FORMATS["float32"], replace(SILU, kinks=(3.0,), check_points=(CheckPoint(3.0, "a kink"),))
    assert not (random_pairs(kinked, form, "quick", 0)[1] == 3).any()
    assert (random_pairs(replace(kinked, kinks=()), form, "quick", 0)[1] == 3).any()


@wide_format
def test_whole_numbers_and_halves_up_to_8_are_tried(form, tried):
    halves = as_format(np.concatenate([np.arange(1, 17), -np.arange(1, 17)]) / 2, form)
    assert patterns(halves, form) <= tried[form.name]


def test_magnitudes_are_in_range_with_as_many_in_each_binade():
    found = magnitudes(np.random.default_rng(1), -3, 2, 50_000)
    assert (found >= 2.0**-3).all()
    assert (found < 4).all()
    counts = np.bincount(np.floor(np.log2(found)).astype(int) + 3)
    assert counts == pytest.approx(np.full(5, 10_000), rel=0.05)


def test_a_digest_tells_other_inputs_apart_and_no_more():
    here = np.array([1.0, 2.0], np.float32)
    assert digest(here) == digest(here.copy()) != digest(np.nextafter(here, np.float32(3)))
    assert digest(here, here) != digest(here)
