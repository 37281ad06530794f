# SPDX-License-Identifier: MIT
"""Sums are held against the exact sum, in ulp of the sum of magnitudes."""

from fractions import Fraction

import numpy as np
import pytest

import kernels.cpu  # noqa: F401  (registers the Numba kernels)
import reference
from bench import sums
from bench.calling import KernelError
from bench.inputs import SAMPLES
from bench.sums import EDGE_LENGTHS, LENGTHS, make_cases, measure
from kernels.registry import registered
from reference.formats import FORMATS
from tests.making import make_kernel

PRELU = reference.activations()["prelu"]


def kernel(function, dtype="float32"):
    return make_kernel(function, "prelu", "backward_alpha", dtype)


def through_fractions(dy, x):
    """The exact sum, rounded once (by way of binary64, which is no matter for 16 bits at these sizes)."""
    pairs = [(float(d), float(v)) for d, v in zip(dy, x, strict=True) if not v >= 0]
    if not np.isfinite(pairs).all():
        return np.asarray(sum(d * v for d, v in pairs)).astype(x.dtype)
    total = sum((Fraction(d) * Fraction(v) for d, v in pairs), Fraction(0))
    overflows = abs(total) > np.finfo(np.float64).max
    return np.asarray((np.inf if total > 0 else -np.inf) if overflows else float(total)).astype(x.dtype)


def stable(dtype="float32"):
    return next(k for k in registered() if k.id == f"prelu-backward_alpha-{dtype}-numba-stable")


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_rounded_sum_is_within_half_an_ulp(dtype):
    found, safety = measure(kernel(through_fractions, dtype), PRELU, "quick", 0)
    assert found.max_ulp <= 0.5000001
    assert safety.mismatches == 0
    assert found.evaluated == len(list(make_cases(FORMATS[dtype], "quick", 0)))
    assert (found.coverage, found.fingerprint, found.regions) == ("sampled", None, [])


def test_there_are_lengths_for_every_depth():
    assert LENGTHS.keys() == SAMPLES.keys()


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


def in_float64(dy, x):
    return np.sum(dy.astype(np.float64) * x, where=~(x >= 0))


@pytest.mark.parametrize("dtype", FORMATS)
def test_our_own_is_of_the_right_class(dtype):
    found, safety = measure(stable(dtype), PRELU, "quick", 0)
    assert found.max_ulp <= 1
    assert safety.mismatches == 0, safety.examples


@pytest.mark.parametrize(
    ("wrong", "kind", "cases"),
    [
        (lambda dy, x: np.sum(dy.astype(np.float64) * x, where=x < 0), "nan", {"x = NaN at the end"}),
        (lambda dy, x: np.nansum(dy.astype(np.float64) * np.minimum(x, 0)), "nan", {"dy = NaN at the end"}),
        (lambda dy, x: in_float64(dy, x) + 0 * x[-1], "nan", {"x = -inf at the end", "x = +inf at the end"}),
        (
            lambda dy, x: max(in_float64(dy, x), -1e30),
            "inf",
            {"x = -inf at the end", "dy = largest, x = -2 at the end"},
        ),
        (lambda dy, x: min(in_float64(dy, x), 1e30), "inf", {"dy = -largest, x = -2 at the end"}),
        (lambda dy, x: in_float64(dy, x) * 1.0000001, "inf", {"the largest number"}),
        (lambda dy, x: in_float64(dy, np.where(abs(x) < 1.2e-38, 0, x)), "zero", {"subnormal x"}),
        (lambda dy, x: 0.0 if abs(s := in_float64(dy, x)) < 1.2e-38 else s, "zero", {"a subnormal product"}),
        (lambda dy, x: in_float64(dy, x) or np.float32(1e-45), "zero", {"no x < 0", "x = -0"}),
    ],
)
def test_a_sum_of_the_wrong_class_is_found(wrong, kind, cases):
    _, safety = measure(kernel(lambda dy, x: np.asarray(np.float32(wrong(dy, x)))), PRELU, "quick", 0)
    assert safety.by_kind[kind] >= len(cases)
    assert cases <= {e.input.rsplit(",", 1)[0] for e in safety.examples if e.kind == kind}


def test_either_zero_will_do():
    for zero in (0.0, -0.0):
        _, safety = measure(kernel(lambda dy, x, zero=zero: np.float32(in_float64(dy, x) or zero)), PRELU, "quick", 0)
        assert safety.mismatches == 0


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
    assert safety.by_kind["nan"] == safety.mismatches
    assert found.evaluated - safety.mismatches == 2 * len(EDGE_LENGTHS)  # those for which NaN is due
    assert 0 < len(safety.examples) <= 8
    assert safety.examples[0].input.startswith("N(0, 1)")


def test_one_result_for_all_elements_is_wanted():
    with pytest.raises(KernelError, match="wrong_shape"):
        measure(kernel(lambda dy, x: dy * x), PRELU, "quick", 0)


@pytest.mark.parametrize("dtype", FORMATS)
def test_cases_are_of_all_lengths_and_decided_by_the_seed(dtype):
    form = FORMATS[dtype]
    cases = list(make_cases(form, "quick", 0))
    assert sorted({len(x) for _, _, x in cases}) == sorted({*LENGTHS["quick"], *EDGE_LENGTHS})
    for (name, dy, x), (again, dy2, x2) in zip(cases, make_cases(form, "quick", 0), strict=True):
        assert name == again
        assert dy.dtype == x.dtype == form.dtype
        assert name.endswith(f", n = {len(x)}")
        assert (dy.tobytes(), x.tobytes()) == (dy2.tobytes(), x2.tobytes())
    first, other = (np.concatenate([x for _, _, x in make_cases(form, "quick", s)]) for s in (0, 1))
    assert (first != other).any()


def test_one_class_of_cases_can_not_cancel():
    for name, dy, x in make_cases(FORMATS["float32"], "quick", 0):
        if name.startswith("one sign"):
            assert (dy > 0).all()
            assert (x <= 0).all()
