# SPDX-License-Identifier: MIT
"""Gradient health: the intervals that bisection finds are those that trying every input finds."""

from itertools import groupby

import numpy as np
import pytest

import reference
from bench.calling import hexadecimal
from bench.gradients import KINDS, SMALL, gradient_health
from reference.formats import FORMATS, Format
from reference.oracle import exact
from reports.schema import GradientHealth

HALF, SINGLE = FORMATS["float16"], FORMATS["float32"]


def health(name: str, form: Format) -> list[GradientHealth]:
    activation = reference.own()[name]
    return gradient_health(activation, form, activation.defaults)


def kinds(name: str, form: Format, x: np.ndarray) -> list[str]:
    """Of what kind the rounded gradient is at each input, by comparison alone."""
    activation = reference.own()[name]
    nearest = exact(activation, "backward", form, x, activation.defaults).nearest
    size = np.abs(nearest.astype(np.float64))
    conditions = [size == 0, size < form.least_normal, size < SMALL]
    return np.select(conditions, KINDS[:3], KINDS[3]).tolist()


def by_trying_all(name: str, form: Format) -> dict[str, list[tuple[str, str]]]:
    """The intervals of each kind from all finite inputs."""
    end = form.infinity_pattern - 1
    x = form.from_ordinals(np.arange(-end, end + 1))
    found: dict[str, list[tuple[str, str]]] = {kind: [] for kind in KINDS}
    for kind, group in groupby(zip(kinds(name, form, x), x.tolist(), strict=True), key=lambda pair: pair[0]):
        run = [value for _, value in group]
        found[kind].append((hexadecimal(run[0]), hexadecimal(run[-1])))
    return found


@pytest.mark.parametrize("name", ["silu", "tanh"])
def test_the_intervals_are_those_of_trying_every_input(name):
    truth = by_trying_all(name, HALF)
    found = {h.kind: h.intervals for h in health(name, HALF)}
    assert found == {kind: truth[kind] for kind in KINDS[:3] if truth[kind]}


@pytest.mark.parametrize("name", ["silu", "gelu", "gelu_tanh", "mish", "elu", "selu", "softplus"])
def test_at_every_border_the_kind_changes(name):
    for record in health(name, SINGLE):
        for low, high in record.intervals:
            ends = SINGLE.ordinals(np.array([float.fromhex(low), float.fromhex(high)], np.float32))
            inside = SINGLE.from_ordinals(ends)
            assert kinds(name, SINGLE, inside) == [record.kind] * 2
            outside = SINGLE.from_ordinals(ends + np.array([-1, 1]))
            outside = outside[np.isfinite(outside)]
            assert record.kind not in kinds(name, SINGLE, outside)


def test_what_the_records_say():
    zero, subnormal, small = health("silu", SINGLE)
    assert [h.kind for h in (zero, subnormal, small)] == ["zero", "subnormal", "small"]
    assert {h.dtype for h in (zero, subnormal, small)} == {"float32"}
    assert [h.threshold for h in (zero, subnormal, small)] == [None, None, SMALL]
    ((low, high),) = zero.intervals
    assert float.fromhex(low) == -SINGLE.largest
    assert float.fromhex(high) == pytest.approx(-108.651, abs=1e-3)
    around_root = [i for i in small.intervals if float.fromhex(i[0]) <= -1.2784645 <= float.fromhex(i[1])]
    assert len(around_root) == 1


def test_a_gradient_that_is_healthy_everywhere_has_no_record():
    assert health("prelu", SINGLE) == []
