# SPDX-License-Identifier: MIT
"""An error that one last place of x explains is inside, as is a correctly rounded result; any other is outside."""

import numpy as np
import pytest
from mpmath import mp, mpf

import reference
from bench.conditioning import condition_number, neighbours, reach, turns_of
from reference.formats import FORMATS
from reference.oracle import exact

every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=lambda f: f.name)


def reach_of(name, form, x, direction="forward", **parameters):
    """What is inside at x, an array of the format, with the exact values of the oracle."""
    activation = reference.activations()[name]
    values = activation.defaults | parameters
    below, above = neighbours(x, form)
    answers = [exact(activation, direction, form, at, values) for at in (below, x, above)]
    return reach(x, *answers, form, turns_of(activation, direction, values, form)), answers


@every_format
def test_neighbours_are_one_representable_number_away(form):
    least, largest = form.least_subnormal, form.largest
    x = np.array([0.0, -0.0, least, 1.0, -2.0, largest, -largest]).astype(form.dtype)
    below, above = (a.astype(np.float64) for a in neighbours(x, form))
    one = 2.0 ** (1 - form.precision)
    before = form.largest - 2.0 ** (form.emax - form.precision + 1)
    assert below.tolist() == [-least, -least, 0, 1 - one / 2, -2 - 2 * one, before, -largest]
    assert above.tolist() == [least, least, 2 * least, 1 + one, -2 + one, largest, -before]


@every_format
def test_what_is_not_finite_is_its_own_neighbour_bit_for_bit(form):
    signalling = form.from_patterns(np.array([form.infinity_pattern | 1], form.pattern))
    x = np.concatenate([signalling, np.array([np.nan, np.inf, -np.inf]).astype(form.dtype)])
    for there in neighbours(x, form):
        np.testing.assert_array_equal(there.view(form.pattern), x.view(form.pattern))


@every_format
def test_inside_is_from_the_least_to_the_greatest_of_the_three(form):
    # x = -80, or -10 in float16, where silu is steep: its condition number is about x.
    x = np.array([-10.0 if form.name == "float16" else -80.0]).astype(form.dtype)
    found, answers = reach_of("silu", form, x)
    ends = form.ordinals(np.concatenate([a.nearest for a in answers]))
    low, high = ends.min(), ends.max()
    assert high - low > 5
    for ordinal, expected in ((low, True), (high, True), (low + 2, True), (low - 1, False), (high + 1, False)):
        assert found.holds(form.from_ordinals(np.array([ordinal]))) == [expected]


def test_what_an_input_one_place_off_gives_is_inside_and_four_places_off_outside():
    form = FORMATS["float16"]
    ordinals = form.ordinals(np.float16([4.0, 11.0]))
    ordinals = -np.arange(*ordinals)
    found, _ = reach_of("silu", form, form.from_ordinals(ordinals))

    def silu(ordinals):
        x = form.from_ordinals(ordinals).astype(np.float64)
        return (x / (1 + np.exp(-x))).astype(np.float16)

    assert found.holds(silu(ordinals - 1)).all()
    assert found.holds(silu(ordinals + 1)).all()
    assert not found.holds(silu(ordinals - 4)).any()
    assert not found.holds(silu(ordinals + 4)).any()


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("name", ["relu", "silu", "tanh"])
def test_a_correctly_rounded_result_is_always_inside(name, direction):
    form = FORMATS["float16"]
    x = np.concatenate([form.every_value()[::97], np.float16([0.0, -0.0, 6e-8, -6e-8, -1.278])])
    found, (_, here, _) = reach_of(name, form, x, direction)
    assert found.holds(here.nearest).all()


@every_format
def test_the_minimum_between_two_numbers_is_inside(form):
    """Between the neighbours of the root of silu′, f goes below all that it is at representable numbers."""
    activation = reference.activations()["silu"]
    (turn,) = turns_of(activation, "forward", activation.defaults, form)
    low, high = sorted(turn.between)
    first, second = (float(form.from_ordinals(np.array([o]))[0]) for o in (low, high))
    assert high == low + 1
    with mp.workdps(50):
        root, minimum = (mpf(v) for v in activation.facts(beta=1.0).minima[0])
        assert first < root < second
        half_ulp = mpf(2) ** (-2 - form.precision)
        assert abs(mpf(turn.value) - minimum) <= half_ulp


def test_a_minimum_widens_what_is_inside_at_its_two_neighbours_only():
    """At this β the minimum lies just below a midpoint of bfloat16, and f at all representable numbers above it."""
    form = FORMATS["bfloat16"]
    x = np.array([-1.140625, -1.1484375, -1.15625, -1.1640625]).astype(form.dtype)
    found, answers = reach_of("silu", form, x, beta=1.1095240483494682)
    narrow = reach(x, *answers, form)
    assert (narrow.low == -0.25).all()
    assert found.low.tolist() == [-0.25, -0.251953125, -0.251953125, -0.25]
    np.testing.assert_array_equal(found.high, narrow.high)


def test_a_gradient_has_no_turns():
    activation = reference.activations()["silu"]
    assert turns_of(activation, "backward", activation.defaults, FORMATS["float32"]) == []


def test_a_minimum_at_a_number_lies_between_no_two():
    activation = reference.activations()["leaky_relu"]
    (turn,) = turns_of(activation, "forward", {"negative_slope": -0.5}, FORMATS["float32"])
    assert (turn.between, turn.value) == ((0, 0), 0.0)


def test_where_a_number_is_due_a_nan_is_outside_and_elsewhere_the_class_is_judged_apart():
    form = FORMATS["float32"]
    x = np.array([1.0, np.nan, np.inf, -np.inf], np.float32)
    found, _ = reach_of("silu", form, x)
    nan = np.full(4, np.nan, np.float32)
    assert found.holds(nan).tolist() == [False, True, True, True]
    assert found.holds(np.float32([np.inf, 1, np.nan, 5])).tolist() == [False, True, True, True]


def test_zeros_are_alike():
    form = FORMATS["float32"]
    found, _ = reach_of("silu", form, np.float32([-200.0]))
    assert found.holds(np.float32([0.0]))
    assert found.holds(np.float32([-0.0]))
    assert not found.holds(np.float32([-1e-45]))


@pytest.mark.parametrize(
    ("name", "direction", "x", "expected"),
    [
        ("relu", "forward", 3.0, 1.0),
        ("silu", "forward", -88.0, -87.0),  # x(1 + xσ(-x))σ(x) / xσ(x), and σ(88) is 1
        ("elu", "backward", -5.0, -5.0),  # f′ = eˣ
        ("elu", "backward", 5.0, 0.0),
        ("gelu", "backward", -1e30, -1e60),  # f′ ~ -xφ(x), and xφ′/φ = -x²
        ("sigmoid", "forward", 0.0, 0.0),
    ],
)
def test_condition_number(name, direction, x, expected):
    activation = reference.activations()[name]
    found = condition_number(activation, direction, x, activation.defaults)
    assert abs(found - mpf(expected)) <= 1e-15 * abs(mpf(expected))


@pytest.mark.parametrize(("name", "x"), [("relu", -1.0), ("silu", 0.0), ("silu", -0.0)])
def test_there_is_no_condition_number_where_the_value_is_zero(name, x):
    activation = reference.activations()[name]
    assert condition_number(activation, "forward", x, activation.defaults) is None
