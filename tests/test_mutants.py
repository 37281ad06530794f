# SPDX-License-Identifier: MIT
"""Faults that were really shipped are found at depth quick, by the right check, at an input that shows them."""

import numpy as np
import pytest

import halfulp
import reference
from bench.accuracy import verdict
from bench.calling import call
from bench.fenv import unavailable
from bench.prepare import prepare
from bench.truths import truth as truth_of
from bench.ulp import judge
from kernels.cpu import ACTIVATIONS
from kernels.registry import Claim, Kernel
from reference.formats import FORMATS
from reference.oracle import decimal
from reports.schema import MISMATCH_KINDS
from tests.mutants import CASES, Case


def kernel_of(case: Case) -> Kernel:
    """The wrong kernel, as the suite would have it, with the bound that it would claim."""
    return Kernel(
        activation=case.activation,
        direction=case.direction,
        dtype=case.dtype,
        backend="mutant",
        variant=case.function.__name__,
        function=lambda *arrays, **_: case.function(*arrays),
        claim=Claim(4.0),
        parameters=reference.activations()[case.activation].defaults,
        takes_out=False,
        takes_threads=False,
    )


@pytest.fixture(scope="module", autouse=True)
def _exact_values():
    prepare([kernel_of(case) for case in CASES], accuracy=True)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fault_is_found_and_breaks_the_claim(case):
    found = halfulp.measure(case.function, case.activation, direction=case.direction, dtype=case.dtype)
    if isinstance(case.found, str):
        assert found.safety.by_kind[case.found] > 0
        low, high = case.region
        places = [float.fromhex(e.input) for e in found.safety.examples if e.kind == case.found]
        assert places
        assert all(low <= x <= high or x != x for x in places)
    else:
        assert found.max_ulp > case.found
    assert verdict(Claim(4.0), found.accuracy, found.safety) == "broken"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fault_is_found_where_it_was_seen_and_nowhere_else(case):
    form, kernel = FORMATS[case.dtype], kernel_of(case)
    truth = truth_of(kernel, "quick", 0)
    x = truth.inputs.values
    with np.errstate(invalid="ignore"):
        seen = form.dtype.type(case.x)
        here = np.flatnonzero(np.isnan(x) if np.isnan(seen) else x == seen)
        real = x.astype(np.float64)
    assert len(here) > 0, "it is not among the inputs: add a check point"

    judgement = judge(call(kernel, *([x] if case.direction == "forward" else [np.ones_like(x), x])), truth.exact, form)
    wrong = judgement.mismatch == MISMATCH_KINDS.index(case.found) if isinstance(case.found, str) else None
    wrong = judgement.error_ulp > case.found if wrong is None else wrong
    assert wrong[here].all()
    low, high = case.region
    assert (((real >= low) & (real <= high)) | np.isnan(real))[wrong].all()


@pytest.mark.parametrize("case", [c for c in CASES if c.exact is not None], ids=str)
def test_exact_values_are_those_of_the_reports(case):
    activation = reference.activations()[case.activation]
    x = float(FORMATS[case.dtype].dtype.type(case.x))
    assert float(decimal(activation, case.direction, x, activation.defaults)) == pytest.approx(case.exact, rel=1e-6)


def test_five_digits_of_selu_cost_as_much_as_its_report_says():
    (function,) = {c.function for c in CASES if c.function.__name__ == "selu_with_five_digits"}
    found = halfulp.measure(function, "selu")
    regions = [(float.fromhex(r.lo), r.max_ulp) for r in found.accuracy.regions if r.evaluated]
    assert 42 < found.max_ulp < 200
    assert 42 < max(error for low, error in regions if low < -20) < 43
    assert 8 < max(error for low, error in regions if 0 < low < 2) < 18


@pytest.mark.parametrize(
    ("name", "dtype", "broken"),
    [
        ("gelu_as_one_plus_erf", "float32", "monotone"),
        ("softplus_with_a_threshold_of_20", "float64", "symmetry"),
        ("sigmoid_negative_in_lanes", "float32", "range"),
        ("sigmoid_negative_in_lanes", "float32", "sign"),
        ("sigmoid_negative_in_lanes", "float32", "length"),
        ("gelu_tanh_nan_in_lanes_only", "bfloat16", "length"),
        ("relu_flushes_subnormals", "float16", "zero"),
        ("relu_swallows_nan", "float32", "NaN"),
        ("softplus_overflows", "float32", "flags"),
        ("softplus_gradient_nan", "float32", "flags"),
    ],
)
def test_fault_violates_the_property_that_it_breaks(name, dtype, broken):
    case = next(c for c in CASES if (c.function.__name__, c.dtype) == (name, dtype))
    found = halfulp.measure(case.function, case.activation, direction=case.direction, dtype=case.dtype)
    assert found.properties[broken].verdict == ("not checked" if broken == "flags" and unavailable() else "violated")


def unwritten(x, out=None):
    out[:-1] = np.maximum(x[:-1], 0)
    return out


def overwriting(x):
    x[x < 0] = 0
    return x


def of_another_dtype(x):
    return np.maximum(x.astype(np.float64), 0)


def of_another_shape(x):
    return np.maximum(x[1:], 0)


def raising(x):
    raise ZeroDivisionError("no such luck")


def with_its_own_output(x, out=None):
    return np.maximum(x, 0)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (unwritten, "left_output"),
        (overwriting, "wrote_input"),
        (of_another_dtype, "wrong_dtype"),
        (of_another_shape, "wrong_shape"),
        (raising, "raised"),
        (with_its_own_output, "left_output"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_broken_contract_is_told(function, kind, dtype):
    with pytest.raises(halfulp.KernelError, match=kind) as error:
        halfulp.measure(function, "relu", dtype=dtype)
    assert error.value.failure.kind == kind


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "silu", "gelu", "softplus", "elu"])
def test_a_gradient_rounded_before_dy_is_multiplied_is_caught(name, dtype):
    backward = ACTIVATIONS[name].backward

    def rounded_first(dy, x):
        return dy * backward(np.ones_like(x), x)

    found = halfulp.measure(rounded_first, name, direction="backward", dtype=dtype)
    assert found.mismatches == 0
    assert found.accuracy.random_dy.max_ulp > 1000
    right = halfulp.measure(backward, name, direction="backward", dtype=dtype)
    assert (right.accuracy.random_dy.mismatches, right.accuracy.random_dy.max_ulp < 4) == (0, True)
