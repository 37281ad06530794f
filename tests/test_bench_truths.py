# SPDX-License-Identifier: MIT
"""What kernels are held against: the right function, inputs and parameters, computed once for all that share them."""

from dataclasses import replace

import numpy as np
import pytest

import reference
from bench import truths
from bench.inputs import Inputs
from bench.truths import truth
from reference import fast
from reference.activation import Activation, Facts
from tests.making import make_kernel

FORWARD = make_kernel(lambda x: x)
BACKWARD = make_kernel(lambda dy, x: x, "leaky_relu", "backward")


@pytest.fixture(autouse=True)
def _forgotten():
    truths._truth.cache_clear()
    yield
    truths._truth.cache_clear()


def test_the_results_are_those_of_the_inputs():
    found = truth(FORWARD, "quick", 0)
    np.testing.assert_array_equal(found.exact.nearest, np.maximum(found.inputs.values, 0))
    assert found.by_mpmath == 0


def test_kernels_of_one_function_share_the_answer(monkeypatch):
    first = truth(FORWARD, "quick", 0)
    monkeypatch.setattr(fast, "answer", lambda *_: pytest.fail("computed again"))
    assert truth(make_kernel(lambda x: x, variant="textbook"), "quick", 0) is first


def test_another_seed_depth_or_parameter_is_another_question():
    asked = [truth(BACKWARD, "quick", 0), truth(BACKWARD, "quick", 1), truth(BACKWARD, "standard", 0)]
    steeper = replace(BACKWARD, parameters={"negative_slope": 0.5})
    asked.append(truth(steeper, "quick", 0))
    assert len({id(t) for t in asked}) == 4
    assert not np.array_equal(asked[0].inputs.values, asked[1].inputs.values)
    assert len(asked[2].inputs.values) > 2 * len(asked[0].inputs.values)
    np.testing.assert_array_equal(asked[3].exact.nearest[asked[3].inputs.values < 0], np.float32(0.5))


def test_forward_has_no_pairs_and_backward_has_pairs_and_kinks(monkeypatch):
    assert truth(FORWARD, "quick", 0).pairs is None
    monkeypatch.setattr(truths, "make_inputs", lambda *_: Inputs(np.float32([0.0, 1.0, -0.0]), np.arange(3), False))
    found = truth(BACKWARD, "quick", 0)
    assert found.kinks.tolist() == [0, 2]
    np.testing.assert_array_equal(found.right.nearest, np.float32([1, 1]))
    np.testing.assert_array_equal(found.exact.nearest[found.kinks], np.float32([0.01, 0.01]))
    dy, x = found.pairs
    want = np.where(x > 0, dy, np.float64(0.01) * dy).astype(np.float32)
    np.testing.assert_allclose(found.pairs_exact.nearest, want, rtol=1e-6, atol=1e-44)


def test_an_activation_of_a_user_is_answered_by_mpmath(monkeypatch):
    double = Activation("double", "2x", "2x", "2", (), lambda x: 2 * x, lambda x: 2, lambda: Facts((0, 0), (2, 2)))
    monkeypatch.setattr(reference, "_added", {"double": double})
    monkeypatch.setattr(truths, "make_inputs", lambda *_: Inputs(np.float32([1, -3]), np.arange(2), exhaustive=False))
    found = truth(make_kernel(lambda x: x, "double"), "quick", 0)
    np.testing.assert_array_equal(found.exact.nearest, np.float32([2, -6]))
    assert found.by_mpmath == 2
