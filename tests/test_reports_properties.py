# SPDX-License-Identifier: MIT
"""Violations come first, and what was not checked is counted with its reason."""

import pytest

from reports import properties
from reports.schema import Property
from tests.report_results import kernel


def found(verdict, count=0, why=None):
    return Property(verdict=verdict, counter_example=None, count=count, checked=100, largest=None, why=why)


@pytest.fixture
def kernels():
    made = [kernel("tanh", "forward", dtype, "stable") for dtype in ("float16", "bfloat16", "float32", "float64")]
    made[0].properties = {"flags": found("not checked", why="no flags"), "odd": found("holds")}
    made[1].properties = {"odd": found("violated", 3), "monotone": found("violated", 9)}
    made[2].properties = {"odd": found("violated", 7), "monotone": found("holds"), "flags": found("not checked")}
    made[3].properties = {}
    return made


def test_names_begin_with_the_one_most_often_violated(kernels):
    assert properties.names(kernels) == ["odd", "monotone", "flags"]


def test_violators_come_first_and_those_without_properties_not_at_all(kernels):
    assert properties.violators_first(kernels) == [kernels[1], kernels[2], kernels[0]]
    assert [properties.violated(k) for k in kernels] == [[], ["odd", "monotone"], ["odd"], []]


def test_violations_are_listed_by_property_the_most_first(kernels):
    listed = [(name, k.dtype, p.count) for name, k, p in properties.violations(kernels)]
    assert listed == [("odd", "float32", 7), ("odd", "bfloat16", 3), ("monotone", "bfloat16", 9)]


def test_what_was_not_checked_is_counted_with_its_reason(kernels):
    assert properties.unchecked(kernels) == {("flags", "no flags"): 1, ("flags", "no reason recorded"): 1}
