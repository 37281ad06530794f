# SPDX-License-Identifier: MIT
"""What is measured of a kernel is brought together: samples, the search beside them, properties, and a sweep."""

from dataclasses import replace

import numpy as np
import pytest

from bench import measure as module
from bench.accuracy import verdict
from bench.measure import measure
from kernels.registry import Claim
from reports.schema import Property
from tests.making import make_kernel


def relu(x):
    return np.maximum(x, x.dtype.type(0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wide_dtypes_are_searched_and_narrow_ones_are_not(dtype):
    found = measure(make_kernel(relu, dtype=dtype), "quick", 0)
    assert found.accuracy.search.evaluations > 1000
    assert found.accuracy.search.mismatches == found.safety.mismatches == 0
    assert measure(make_kernel(relu, dtype="float16"), "quick", 0).accuracy.search is None


def test_a_sum_has_properties_and_no_search():
    kernel = make_kernel(lambda dy, x: np.sum(dy * np.minimum(x, 0)), "prelu", "backward_alpha")
    found = measure(kernel, "quick", 0)
    assert found.accuracy.search is None
    assert "repeatable" in found.properties


@pytest.mark.parametrize(
    ("wrong", "kind"), [(np.nan, "nan"), (np.inf, "inf"), (0.0, "zero"), (-1.0, "sign")], ids=lambda v: str(v)
)
def test_a_result_of_the_wrong_class_that_only_the_search_meets_breaks_the_claim(wrong, kind):
    """In 1.25 < x < 1.75: the kernel is right there while samples are judged, and wrong in the search."""
    searching = []

    def function(x):
        inside = (x > 1.25) & (x < 1.75) & bool(searching)
        return np.where(inside, wrong, relu(x))

    kernel = replace(make_kernel(function, dtype="float64"), claim=Claim(1.0))
    include = module.worst.include
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.worst, "include", lambda *a: searching.append(1) or include(*a))
        found = measure(kernel, "quick", 0)
    assert found.safety.mismatches == 0
    assert found.accuracy.search.mismatches > 0
    (example,) = found.safety.examples
    assert example.kind == kind
    assert 1.25 < float.fromhex(example.input) < 1.75
    assert verdict(kernel.claim, found.accuracy, found.safety) == "broken"


def test_a_result_that_only_the_search_finds_misrounded_breaks_the_claim_to_be_rounded():
    searching = []

    def function(x):
        inside = (x > 1.25) & (x < 1.75) & bool(searching)
        return np.where(inside, np.nextafter(x, 9), relu(x))

    kernel = replace(make_kernel(function, dtype="float64"), claim=Claim("rounded"))
    include = module.worst.include
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.worst, "include", lambda *a: searching.append(1) or include(*a))
        found = measure(kernel, "quick", 0)
    assert (found.accuracy.misrounded, found.accuracy.search.mismatches) == (0, 0)
    assert found.accuracy.all_misrounded == found.accuracy.search.misrounded > 0
    assert verdict(kernel.claim, found.accuracy, found.safety) == "broken"
    searching.clear()
    found = measure(kernel, "quick", 0)
    assert found.accuracy.all_misrounded == 0
    assert verdict(kernel.claim, found.accuracy, found.safety) == "not refuted"


def test_a_sweep_stands_in_for_samples_but_takes_no_violation_back(monkeypatch):
    kernel = make_kernel(relu)
    plain = measure(kernel, "quick", 0)
    held = replace_verdict(plain.properties["monotone"], "holds", 9)
    monkeypatch.setattr(module, "found_of", lambda swept, sampled: ("accuracy", "safety"))
    monkeypatch.setattr(module, "properties_of", lambda swept: {"monotone": held})
    found = measure(kernel, "quick", 0, object())
    assert (found.accuracy, found.safety) == ("accuracy", "safety")
    assert found.properties["monotone"] is held
    broken = replace_verdict(held, "violated", 1)
    monkeypatch.setattr(module.properties, "measure", lambda *_: {"monotone": broken})
    assert measure(kernel, "quick", 0, object()).properties["monotone"] is broken
    worse = replace_verdict(held, "violated", 2)  # all steps between neighbours, where samples have but some
    monkeypatch.setattr(module, "properties_of", lambda swept: {"monotone": worse})
    assert measure(kernel, "quick", 0, object()).properties["monotone"] is worse


def replace_verdict(held: Property, verdict: str, checked: int) -> Property:
    return Property(verdict=verdict, counter_example=None, count=0, checked=checked, largest=held.largest, why=held.why)
