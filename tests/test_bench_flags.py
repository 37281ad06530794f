# SPDX-License-Identifier: MIT
"""Exception flags raised on the way to a finite result are found, whoever raised them, and no others are told."""

from dataclasses import replace

import numpy as np
import pytest

import kernels
from bench import fenv
from bench.fenv import unavailable
from bench.flags import raised, spurious_flags
from bench.inputs import SAMPLES
from bench.trials import Trial, settled
from bench.truths import truth
from kernels.registry import registered
from reference.formats import FORMATS
from tests.exactly import inputs_in, trial_of
from tests.mutants import right_silu

readable = pytest.mark.skipif(unavailable() is not None, reason="the flags can not be read here")


def relu(x):
    return np.maximum(x, x.dtype.type(0))


def textbook_silu(x):
    return x / (1 + np.exp(-x))


@readable
@pytest.mark.parametrize("dtype", FORMATS)
def test_a_clean_kernel_is_not_accused(dtype):
    trial = trial_of(relu, "relu", "forward", dtype)
    found = spurious_flags(trial)
    assert (found.verdict, found.count) == ("holds", 0)
    assert found.checked == np.isfinite(trial.truth.exact.nearest).sum() > 4000


def test_of_a_library_that_computes_in_threads_of_its_own_nothing_is_told():
    trial = trial_of(textbook_silu, "silu")
    elsewhere = replace(trial, kernel=replace(trial.kernel, uses_all=True))
    found = spurious_flags(elsewhere)
    assert found.verdict == "not checked"
    assert unavailable() or found.why == "it computes in threads of its own, whose flags can't be read"


@readable
def test_a_clean_chain_of_functions_of_numpy_is_not_accused():
    """e^(-|z|) can't overflow; but -inf times 0, computed beside the case that replaces it, is invalid."""
    found = spurious_flags(trial_of(right_silu, "silu"))
    assert (found.count, found.counter_example) == (1, "-inf raises invalid, though the correct result is 0x0p+0")
    bounded = spurious_flags(trial_of(lambda x: right_silu(np.maximum(x, np.float32(-1e30))), "silu"))
    assert (bounded.verdict, bounded.count) == ("holds", 0)


@readable
def test_an_overflow_that_a_later_function_clears_is_found():
    found = spurious_flags(trial_of(textbook_silu, "silu"))
    assert (found.verdict, found.checked) == ("violated", SAMPLES["quick"] // 4)
    assert 10 < found.count < found.checked / 2
    x, due = inputs_in(found)
    assert x < -88.7
    assert abs(due) < 1e-36
    assert " raises overflow, though " in found.counter_example


@readable
def test_a_flag_is_told_where_the_result_is_0():
    trial = trial_of(textbook_silu, "silu")
    assert raised(trial, np.full(3, -200, np.float32)) == {"overflow"}
    assert raised(trial, np.full(3, -80, np.float32)) == set()


@readable
def test_an_overflow_on_the_side_that_is_not_taken_is_found():
    found = spurious_flags(trial_of(lambda x: np.where(x > 0, x, np.expm1(x)), "elu"))
    assert inputs_in(found)[0] > 88.7


@pytest.mark.parametrize(
    ("flag", "value", "function"),
    [
        ("divide by zero", 0.0, lambda x: np.float32(1) / np.where(x == 4, np.float32(0), np.float32(1))),
        ("invalid", -1.0, lambda x: np.sqrt(np.where(x == 4, np.float32(-1), np.float32(1)))),
        ("overflow", 3e38, lambda x: np.square(np.where(x == 4, np.float32(3e38), np.float32(1)))),
    ],
)
@readable
@pytest.mark.parametrize("takes_out", [False, True])
def test_one_input_that_raises_a_flag_is_searched_for(flag, value, function, takes_out):
    def dropping(x, out=None):
        function(x)
        return np.maximum(x, np.float32(0), out=out)

    found = spurious_flags(trial_of(dropping, "relu", takes_out=takes_out))
    assert (found.verdict, found.count) == ("violated", 1)
    assert found.counter_example == f"0x1p+2 raises {flag}, though the correct result is 0x1p+2"


@readable
def test_a_flag_that_no_input_raises_alone_is_told():
    def crowded(x):
        np.float32(1) / np.zeros(1, np.float32)[: len(np.unique(x)) > 6000]
        return relu(x)

    found = spurious_flags(trial_of(crowded, "relu"))
    assert (found.verdict, found.count) == ("violated", 1)
    assert "raise divide by zero together, but none of them alone" in found.counter_example


@readable
def test_an_overflow_to_an_infinite_result_is_due():
    def selu(x):
        z = x.astype(np.float64)
        right = 1.0507009873554804934 * np.where(z > 0, z, 1.6732632423543772848 * np.expm1(np.minimum(z, 0)))
        return right.astype(x.dtype)

    trial = trial_of(selu, "selu")
    assert raised(trial, np.full(3, FORMATS["float32"].largest, np.float32)) == {"overflow"}
    assert spurious_flags(trial).verdict == "holds"


@readable
def test_gradients_are_watched_with_dy_1():
    def backward(dy, x):
        e = np.exp(x)
        return dy * e / (1 + e)

    found = spurious_flags(trial_of(backward, "softplus", "backward"))
    assert inputs_in(found)[0] > 88.7
    assert "raises invalid and overflow" in found.counter_example


@readable
def test_a_flag_from_before_the_call_is_not_its():
    trial = trial_of(lambda x: x, "leaky_relu")
    with np.errstate(all="ignore"):
        np.exp(np.float32([1000]))
        assert raised(trial, np.ones(3, np.float32)) == set()


@readable
@pytest.mark.parametrize(("variant", "verdict"), [("textbook", "violated"), ("stable", "holds")])
def test_flags_of_compiled_kernels_are_seen(variant, verdict):
    kernels.load()
    (kernel,) = (k for k in registered() if k.id == f"silu-forward-float32-numba-{variant}")
    found = spurious_flags(Trial(kernel, truth(kernel, "quick", 0), "quick", 0))
    assert found.verdict == verdict
    if verdict == "violated":
        assert inputs_in(found)[0] < -88.7


@readable
def test_a_kernel_that_raises_is_a_violation():
    def failing(x):
        raise FloatingPointError("overflow")

    trial = trial_of(failing, "relu")
    found = settled(lambda: spurious_flags(trial))
    assert found.counter_example.startswith("the call failed: raised: FloatingPointError: overflow (")


def test_where_flags_can_not_be_read_it_says_why(monkeypatch):
    trial = trial_of(textbook_silu, "silu")
    monkeypatch.setattr(fenv, "_library", lambda: None)
    monkeypatch.setattr(fenv.platform, "machine", lambda: "x86_64")
    found = spurious_flags(trial)
    assert (found.verdict, found.count, found.checked) == ("not checked", 0, 0)
    assert "fetestexcept" in found.why
    monkeypatch.setattr(fenv.platform, "machine", lambda: "s390x")
    assert "s390x" in spurious_flags(trial).why
