# SPDX-License-Identifier: MIT
"""Each comparison by itself: what is right passes, and what is wrong by a little more than its bound does not."""

from dataclasses import replace

import numpy as np
import pytest

import reference
from reference import balls
from reference.against import Findings, Question, against_balls, against_mpmath, against_oracle
from reference.formats import FORMATS

X = np.array([-90.0, -1.278, -0.3, 1e-30, 0.7, 5.0, 40.0, 1e30, 200.0])
needs_balls = pytest.mark.skipif(balls.arb is None, reason="python-flint is not installed")


def asked(name="silu", direction="forward", dtype="float64") -> Question:
    activation, form = reference.own()[name], FORMATS[dtype]
    x = X.astype(form.dtype).astype(np.float64)
    return Question.ask(activation, direction, form, activation.defaults, x)


def off(question: Question, at: int, bounds: float) -> Question:
    """The same with one value off by so many times its bound."""
    low = question.values.low.copy()
    low[at] += bounds * question.values.bound[at]
    return replace(question, values=replace(question.values, low=low))


COMPARISONS = [against_mpmath, pytest.param(against_balls, marks=needs_balls)]


@pytest.mark.parametrize("compare", [*COMPARISONS, against_oracle])
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_right_passes(compare, direction, dtype):
    assert compare(asked("silu", direction, dtype)).faults == 0


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_value_off_by_more_than_its_bound_is_found(compare, dtype):
    found = compare(off(asked("gelu", "backward", dtype), 2, 1.5))
    assert found.faults == 1
    assert float(X[2].astype(dtype)).hex()[:9] in found.described[0]
    assert compare(off(asked("gelu", "backward", dtype), 2, 0.5)).faults == 0


@pytest.mark.parametrize("compare", COMPARISONS)
def test_the_wrong_side_of_a_line_is_found(compare):
    question = asked("sigmoid")
    at = len(X) - 1  # σ(200) is below 1, by less than 2^-280 of it
    low = question.values.low.copy()
    low[at] = -low[at]
    assert compare(replace(question, values=replace(question.values, low=low))).faults == 1


def test_findings_add_up():
    a = Findings(inputs=3, error=0.1, error_at="a", share=0.5, undecided=1, balls=2, faults=1, described=("x",))
    b = Findings(inputs=4, error=0.2, error_at="b", share=0.25, undecided=2, balls=3, faults=2, described=("y",))
    both = a + b
    assert (both.inputs, both.error, both.error_at, both.share) == (7, 0.2, "b", 0.5)
    assert (both.undecided, both.balls, both.faults, both.described) == (3, 5, 3, ("x", "y"))
