# SPDX-License-Identifier: MIT
"""Sums are held against the exact sum, in ulp of the sum of magnitudes."""

from fractions import Fraction

import numpy as np
import pytest

import reference
from bench import sums
from bench.calling import KernelError
from bench.sums import LENGTHS, make_cases, measure
from reference.formats import FORMATS
from tests.making import make_kernel

PRELU = reference.activations()["prelu"]


def kernel(function, dtype="float32"):
    return make_kernel(function, "prelu", "backward_alpha", dtype)


def through_fractions(dy, x):
    """The exact sum, rounded once (by way of binary64, which is no matter for 16 bits at these sizes)."""
    terms = [Fraction(float(d)) * Fraction(float(v)) for d, v in zip(dy, x, strict=True) if v < 0]
    return np.asarray(float(sum(terms, Fraction(0)))).astype(x.dtype)


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_rounded_sum_is_within_half_an_ulp(dtype):
    found, safety = measure(kernel(through_fractions, dtype), PRELU, "quick", 0)
    assert found.max_ulp <= 0.5000001
    assert safety.mismatches == 0
    assert found.evaluated == 3 * len(LENGTHS["quick"])
    assert (found.coverage, found.fingerprint, found.regions) == ("sampled", None, [])


def test_the_ulp_is_taken_at_the_sum_of_magnitudes(monkeypatch):
    dy, x = np.float32([2.0**20, 2.0**20, 1.0, 3.0]), np.float32([-1.0, -1.0, -1.0, 1.0])
    dy[1] = -dy[1]
    monkeypatch.setattr(sums, "make_cases", lambda *_: [("N(0, 1), cancelling", dy, x)])
    found, safety = measure(kernel(lambda dy, x: np.float32(-1.0)), PRELU, "quick", 0)
    assert (found.max_ulp, found.worst_exact) == (0.0, "-1.0")
    found, safety = measure(kernel(lambda dy, x: np.float32(-1.5)), PRELU, "quick", 0)
    assert found.max_ulp == 0.5 * 2.0**23 / 2.0**21
    assert (found.worst_input, found.worst_got) == ("N(0, 1), cancelling", "-0x1.8p+0")
    assert safety.mismatches == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda dy, x: np.sum(dy * x),  # of x >= 0 too
        lambda dy, x: np.sum((dy * x)[:-1], where=x[:-1] < 0),  # the last one forgotten
        lambda dy, x: np.sum((dy * x)[: len(x) // 8 * 8], where=x[: len(x) // 8 * 8] < 0),  # no tail after the vectors
        lambda dy, x: -np.sum(dy * x, where=x < 0),
    ],
)
def test_a_wrong_sum_is_found(wrong):
    found, _ = measure(kernel(wrong), PRELU, "quick", 0)
    assert found.max_ulp > 1e5


def test_a_running_sum_in_float32_is_worse_than_one_in_float64():
    def running(dy, x):
        return np.cumsum(np.where(x < 0, dy * x, 0), dtype=np.float32)[-1]

    def wide(dy, x):
        return np.float32(np.sum(dy.astype(np.float64) * x, where=x < 0))

    assert measure(kernel(running), PRELU, "quick", 0)[0].max_ulp > 4
    assert measure(kernel(wide), PRELU, "quick", 0)[0].max_ulp < 1


def test_a_mismatch_is_told_with_the_case():
    found, safety = measure(kernel(lambda dy, x: np.float32(np.nan)), PRELU, "quick", 0)
    assert found.max_ulp is None
    assert safety.by_kind["nan"] == safety.mismatches == found.evaluated
    assert 0 < len(safety.examples) <= 8
    assert safety.examples[0].input.startswith("N(0, 1)")


def test_one_result_for_all_elements_is_wanted():
    with pytest.raises(KernelError, match="wrong_shape"):
        measure(kernel(lambda dy, x: dy * x), PRELU, "quick", 0)


@pytest.mark.parametrize("dtype", FORMATS)
def test_cases_are_finite_of_all_lengths_and_decided_by_the_seed(dtype):
    form = FORMATS[dtype]
    cases = list(make_cases(form, "quick", 0))
    assert sorted({len(x) for _, _, x in cases}) == sorted(LENGTHS["quick"])
    for (name, dy, x), (again, dy2, x2) in zip(cases, make_cases(form, "quick", 0), strict=True):
        assert name == again
        assert dy.dtype == x.dtype == form.dtype
        assert np.isfinite(np.concatenate([dy, x]).astype(np.float64)).all()
        np.testing.assert_array_equal(np.concatenate([dy, x]), np.concatenate([dy2, x2]))
    first, other = (np.concatenate([x for _, _, x in make_cases(form, "quick", s)]) for s in (0, 1))
    assert (first != other).any()


def test_one_class_of_cases_can_not_cancel():
    for name, dy, x in make_cases(FORMATS["float32"], "quick", 0):
        if name.startswith("one sign"):
            assert (dy > 0).all()
            assert (x <= 0).all()
