# SPDX-License-Identifier: MIT
"""One input: the truth there, and every way in which a kernel may answer."""

from dataclasses import replace

import numpy as np
import pytest

import reference
from bench.point import COPIES, Reply, ask, make_point
from reference.formats import FORMATS
from tests.making import make_kernel

FLOAT32 = FORMATS["float32"]


def point_of(name, direction, x, dtype="float32", dy=None, **parameters):
    activation, form = reference.activations()[name], FORMATS[dtype]
    dy = None if dy is None else form.dtype.type(dy)
    return make_point(activation, direction, form, form.dtype.type(x), activation.defaults | parameters, dy)


def answering(*values, at=slice(None)):
    """A kernel that returns the first value, and in an array of many the second at some places."""

    def kernel(x):
        result = np.full_like(x, values[0])
        if len(x) > 1 and len(values) > 1:
            result[at] = values[1]
        return result

    return make_kernel(kernel, "silu")


def test_what_is_true_there():
    point = point_of("silu", "forward", -88.0)
    assert point.decimal() == "-5.328049667953043578388037e-37"
    assert float(point.exact.nearest[0]) == float.fromhex("-0x1.6a9bb8p-121")
    assert [float(v).hex() for v in point.beside] == [float.fromhex(h).hex() for h in (
        "-0x1.6a9b04p-121", "-0x1.6a9bb8p-121", "-0x1.6a9c6ap-121"
    )]  # fmt: skip
    exact_ulp = abs(float.fromhex("-0x1.6a9bb8p-121") - float(point.decimal())) * 2.0**144
    assert point.rounding_error() == pytest.approx(exact_ulp, abs=1e-7)
    assert float(point.condition_number()) == pytest.approx(-87)


def test_a_gradient_is_multiplied_by_dy():
    point = point_of("leaky_relu", "backward", -2.0, dy=3.0, negative_slope=0.5)
    assert (point.decimal(), float(point.exact.nearest[0]), point.multiplied) == ("1.5", 1.5, True)
    assert not point_of("leaky_relu", "backward", -2.0).multiplied


def test_an_answer_is_judged():
    point = point_of("silu", "forward", -88.0)
    nearest = point.exact.nearest[0]
    right = ask(answering(nearest), point).answer
    assert (right.error_ulp, right.distance, right.mismatch, right.inside) == (point.rounding_error(), "0", None, True)
    high = point.beside.max()
    for got, steps, inside in ((high, 90, True), (np.nextafter(high, np.float32(0)), 91, False)):
        answer = ask(answering(got), point).answer
        assert (answer.got, answer.distance, answer.mismatch, answer.inside) == (got, str(steps), None, inside)
        assert answer.error_ulp == pytest.approx(steps, abs=0.5)


def test_a_kernel_is_not_asked_about_parameters_that_it_can_not_be_given():
    calls = []
    kernel = make_kernel(lambda x: calls.append(1) or x, "silu")
    fixed, taking = (replace(kernel, takes=frozenset(names)) for names in ((), ("beta",)))
    other, same = point_of("silu", "forward", 1.0, beta=1.5), point_of("silu", "forward", 1.0)
    assert ask(fixed, other) == Reply(only_for={"beta": 1.0})
    assert calls == []
    assert ask(fixed, same).answer
    assert ask(taking, other).answer
    assert ask(kernel, other).answer


@pytest.mark.parametrize(("got", "kind"), [(np.nan, "nan"), (-np.inf, "inf"), (-0.0, "zero"), (1.0, "sign")])
def test_a_mismatch_is_named(got, kind):
    answer = ask(answering(got), point_of("silu", "forward", -88.0)).answer
    assert (answer.mismatch, answer.inside) == (kind, False)
    assert (answer.error_ulp is None) == (answer.distance is None) == (kind == "nan")


def test_of_an_input_that_is_not_finite_the_class_alone_is_judged():
    for got, kind in ((np.nan, "nan"), (-0.0, None), (1.0, "zero")):
        answer = ask(answering(got), point_of("silu", "forward", -np.inf)).answer
        assert (answer.error_ulp, answer.inside, answer.mismatch) == (None, None, kind)


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(("got", "right"), [(0.5, True), (2.0, True), (1.0, False)])
def test_at_a_kink_either_derivative_is_right(got, right, dtype):
    point = point_of("leaky_relu", "backward", 0.0, dtype, dy=2.0, negative_slope=0.25)
    kernel = make_kernel(lambda dy, x: np.full_like(x, got), "leaky_relu", "backward", dtype)
    assert (ask(kernel, point).answer.error_ulp == 0) == right


def test_lanes_that_differ_are_found():
    point = point_of("silu", "forward", -88.0)
    nearest = point.exact.nearest[0]
    reply = ask(answering(nearest, np.nan, at=slice(64, None)), point)
    assert reply.differing == (64, 65, 66)
    assert (reply.answer.mismatch, reply.other.mismatch) == (None, "nan")
    assert ask(answering(nearest), point).other is None


def test_the_payload_of_a_nan_and_nothing_else_is_free():
    point = point_of("silu", "forward", np.nan)
    payload = np.uint32(0xFFC00123).view(np.float32)
    assert ask(answering(np.nan, payload), point).other is None
    zeros = ask(answering(0.0, -0.0), point_of("silu", "forward", -200.0))
    assert len(zeros.differing) == COPIES


def test_a_kernel_gets_the_parameters_asked_for():
    seen = []

    def kernel(x, **parameters):
        seen.append(parameters)
        return x

    made = make_kernel(lambda x: x, "silu")
    ask(type(made)(**vars(made) | {"function": kernel}), point_of("silu", "forward", 1.0, beta=2.5))
    assert seen == [{"beta": 2.5}] * 2


def test_a_kernel_that_raises_is_an_answer():
    def kernel(x):
        raise ZeroDivisionError("by zero")

    failure = ask(make_kernel(kernel, "silu"), point_of("silu", "forward", 1.0)).failure
    assert failure.kind == "raised"
    assert failure.message.startswith("ZeroDivisionError: by zero (test_bench_point.py, line ")


def test_a_kernel_that_fails_on_many_is_an_answer_too():
    failure = ask(make_kernel(lambda x: x[:1], "silu"), point_of("silu", "forward", 1.0)).failure
    assert failure.kind == "wrong_shape"
