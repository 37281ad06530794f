# SPDX-License-Identifier: MIT
"""Activations of one's own: what they are measured against, where they tend to, and where their derivatives jump."""

from dataclasses import replace

import numpy as np
import pytest
from mpmath import cos, exp, mpf, sin

import halfulp
import reference
from bench.point import ask, make_point
from halfulp import assert_accurate, measure
from reference.activation import Facts
from reference.formats import FORMATS
from tests.making import make_kernel


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    """What a test adds is gone after it."""
    monkeypatch.setattr(reference, "_added", {})


def quick_gelu(x: mpf) -> mpf:
    return x / (1 + exp(mpf("-1.702") * x))


def quick_gelu_in_float64(x):
    z = x.astype(np.float64)
    e = np.exp(-1.702 * np.abs(z))
    return np.where(z < 0, np.where(z == -np.inf, -0.0, z * e / (1 + e)), z / (1 + e)).astype(x.dtype)


def test_an_activation_of_ones_own_is_measured_against():
    halfulp.activation("quick_gelu")(quick_gelu)
    assert "quick_gelu" in reference.activations()
    assert assert_accurate(quick_gelu_in_float64, "quick_gelu", 0.51).mismatches == 0
    with pytest.raises(AssertionError, match="zero at -0x"):
        assert_accurate(lambda x: x / (1 + np.exp(np.float32(-1.702) * x)), "quick_gelu", 1e9)


@pytest.mark.parametrize(("depth", "evaluations"), [("quick", 1 << 12), ("standard", 1 << 14), ("exhaustive", 1 << 17)])
def test_at_each_depth_it_is_tried_on_what_mpmath_can_afford(depth, evaluations, capsys):
    """Of a function that costs mpmath nothing."""
    halfulp.activation("identity", derivative=lambda x: mpf(1))(lambda x: x)
    found = measure(np.positive, "identity", depth=depth)
    assert (found.max_ulp, found.accuracy.coverage, found.accuracy.fingerprint) == (0, "sampled", None)
    assert 0.7 * evaluations < found.accuracy.search.evaluations <= evaluations
    assert found.accuracy.decided_by_mpmath == found.accuracy.evaluated > 9000
    assert capsys.readouterr().err == ""  # no sweep


def test_its_16_bit_dtypes_are_tried_whole():
    halfulp.activation("identity", derivative=lambda x: mpf(1))(lambda x: x)
    found = assert_accurate(np.positive, "identity", 0, dtype="bfloat16")
    assert (found.accuracy.coverage, found.accuracy.evaluated, found.accuracy.search) == ("exhaustive", 65536, None)


def test_its_derivative_is_taken_by_differences_or_as_given():
    def slope(x: mpf) -> mpf:
        e = exp(mpf("1.702") * x)
        return e * (1 + e + mpf("1.702") * x) / (1 + e) ** 2

    halfulp.activation("quick_gelu")(quick_gelu)
    halfulp.activation("quick_gelu_given", derivative=slope)(quick_gelu)
    by_differences, given = (reference.activations()[n] for n in ("quick_gelu", "quick_gelu_given"))
    for x in (-90.0, -1.0, 1e-30, 0.0, 3.5, 200.0):
        assert float(by_differences.derivative(mpf(x))) == pytest.approx(float(slope(mpf(x))), rel=1e-14)
    assert given.derivative is slope


def test_its_limits_are_judged_from_far_out_or_given():
    halfulp.activation("quick_gelu")(quick_gelu)
    facts = reference.activations()["quick_gelu"].facts()
    assert facts == Facts(limits=(0, mpf("inf")), derivative_limits=(0, 1))
    with pytest.raises(ValueError, match="give limits="):
        halfulp.activation("sine", derivative=cos)(sin)
    with pytest.raises(ValueError, match="give derivative_limits="):
        halfulp.activation("sine", derivative=cos, limits=(np.nan, np.nan))(sin)


def test_where_a_function_tends_nowhere_nan_is_due():
    halfulp.activation("sine", derivative=cos, limits=(np.nan, np.nan), derivative_limits=(np.nan, np.nan))(sin)

    def right(x):
        return np.sin(x.astype(np.float64)).astype(x.dtype)

    assert assert_accurate(right, "sine", 0.51, dtype="float16").mismatches == 0
    found = measure(lambda x: np.where(np.isinf(x), x, right(x)), "sine", dtype="float16")
    assert (found.mismatches, found.safety.by_kind["nan"]) == (2, 2)
    assert [e.want for e in found.safety.examples] == ["nan", "nan"]
    assert assert_accurate(
        lambda dy, x: dy * np.cos(x.astype(np.float64)).astype(x.dtype), "sine", 2, direction="backward"
    )


@pytest.mark.parametrize(("at", "mismatch"), [(-1.0, None), (1.0, None), (0.0, "zero")])
def test_at_its_kinks_either_derivative_is_right(at, mismatch):
    halfulp.activation("absolute")(abs)
    halfulp.activation("absolute_given", derivative=lambda x: mpf(int(np.sign(float(x)))), kinks=[0])(abs)
    for name in ("absolute", "absolute_given"):
        point = make_point(reference.activations()[name], "backward", FORMATS["float32"], np.float32(0), {})
        kernel = replace(make_kernel(lambda dy, x: np.full_like(x, at), "relu", "backward"), activation=name)
        assert ask(kernel, point).answer.mismatch == mismatch


def test_kinks_are_elsewhere_too_and_their_neighbours_are_tried():
    def slope(dy, x, at_6=0.0):
        inside = np.where(x == 6, at_6, (x > 0) & (x < 6))
        return dy * np.where(np.isnan(x), x, inside).astype(x.dtype)

    halfulp.activation("relu6")(lambda x: min(max(x, mpf(0)), mpf(6)))
    assert reference.activations()["relu6"].kinks == (0.0, 6.0)
    tried = set()
    found = measure(lambda dy, x: tried.update(x.tolist()) or slope(dy, x), "relu6", direction="backward")
    assert (found.mismatches, found.max_ulp) == (0, 0)
    beside = np.nextafter(np.float32(6), np.float32(7))
    assert {6.0, float(beside)} <= tried
    assert measure(lambda dy, x: slope(dy, x, 0.5), "relu6", direction="backward").max_ulp > 1e6


@pytest.mark.parametrize("kinks", [["0"], [np.inf], [np.nan]])
def test_a_kink_is_a_finite_number(kinks):
    with pytest.raises(ValueError, match="must be"):
        halfulp.activation("absolute", kinks=kinks)(abs)


def test_the_name_of_an_activation_must_be_new():
    with pytest.raises(ValueError, match="there is an activation 'silu' already"):
        halfulp.activation("silu")(quick_gelu)


@pytest.mark.parametrize("name", ["", "my/act", "50%", "../x", "a b", "a,b", ".x", 3])
def test_what_can_not_name_a_page_or_a_formula_is_no_name_of_an_activation(name):
    with pytest.raises(ValueError, match="can't name an activation: use letters"):
        halfulp.activation(name)(quick_gelu)
