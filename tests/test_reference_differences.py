# SPDX-License-Identifier: MIT
"""Of a function that is nothing but code: its derivative, the places where that jumps, and where it tends to."""

import math
import re

import pytest
from mpmath import exp, isnan, log, mpf, sin, sqrt, workprec

from reference import differences


def hardswish(x: mpf) -> mpf:
    return x * min(max(x + 3, 0), 6) / 6


def relu6(x: mpf) -> mpf:
    return min(max(x, mpf(0)), mpf(6))


def test_a_derivative_has_the_precision_asked_for():
    for x in (mpf("-90.5"), mpf("1e-30"), mpf(0), mpf(3)):
        with workprec(120):
            for slope in (differences.slope(exp), *(differences.one_sided(exp, side) for side in (-1, 1))):
                assert abs(slope(x) / exp(x) - 1) < mpf(2) ** -110


@pytest.mark.parametrize(
    ("function", "left", "right", "x"),
    [(abs, -1, 1, 0), (hardswish, 0, -0.5, -3), (hardswish, 1.5, 1, 3), (relu6, 1, 0, 6)],
)
def test_at_a_kink_there_are_two(function, left, right, x):
    given = differences.left_at([x], function, lambda _: mpf("nan"))
    assert float(given(mpf(x))) == left
    assert isnan(given(mpf(1)))
    assert float(differences.one_sided(function, +1)(mpf(x))) == right


@pytest.mark.parametrize(
    ("function", "places"),
    [
        (abs, (0,)),
        (relu6, (0, 6)),
        (hardswish, (-3, 3)),
        (lambda x: min(max(x / 5 + mpf(1) / 2, 0), 1), (-2.5, 2.5)),
        (lambda x: x * x, ()),
        (lambda x: 1 / (1 + exp(-x)), ()),
        (lambda x: sqrt(abs(x)), ()),  # at 0 there is no derivative on either side
    ],
)
def test_kinks_are_found_at_round_numbers(function, places):
    assert differences.kinks(function) == places


@pytest.mark.parametrize(
    ("function", "limits"),
    [
        (hardswish, (0, math.inf)),
        (lambda x: -x, (math.inf, -math.inf)),
        (lambda x: 1 / (1 + exp(-x)), (0, 1)),
        (lambda x: 3 - 1 / (1 + x * x), (3, 3)),
        (lambda x: x + sin(x) ** 2, (-math.inf, math.inf)),
        (lambda x: sin(x) / x, (0, 0)),
        (lambda x: sqrt(abs(x)), (math.inf, math.inf)),
    ],
)
def test_limits_are_judged_from_far_out(function, limits):
    assert tuple(float(x) for x in differences.limits(function, "limits")) == limits


@pytest.mark.parametrize("function", [sin, lambda x: x * sin(x), lambda x: log(1 + abs(x)), lambda x: mpf("nan")])
def test_what_seems_to_tend_nowhere_is_refused_with_what_to_do(function):
    said = "at -inf can't be told from its values far out; give limits=(at -inf, at +inf), with nan where there is none"
    with pytest.raises(ValueError, match=re.escape(said)):
        differences.limits(function, "limits")


@pytest.mark.parametrize(
    ("function", "error"), [(lambda x: exp(-exp(-x)), "OverflowError"), (lambda x: x ** mpf("0.5"), "TypeError")]
)
def test_what_can_not_be_evaluated_far_out_is_refused_with_what_to_do(function, error):
    for each in (function, differences.slope(function)):
        with pytest.raises(ValueError, match=rf"it raises {error} far out .*: let it be valid there, or give here="):
            differences.limits(each, "here")
