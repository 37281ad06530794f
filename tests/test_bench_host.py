# SPDX-License-Identifier: MIT
"""What the process that kernels run in answers, asked in this one."""

import os
import re
import tempfile
from dataclasses import replace

import numpy as np
import pytest

from bench.host import ModeError, answer, watched
from bench.spans import Memory, lay_out
from kernels.registry import ResultError, RunsWith
from tests.making import make_kernel


@pytest.fixture
def memory():
    with tempfile.TemporaryFile() as file:
        yield Memory(os.dup(file.fileno()))


def asked(memory, function, *arrays, has_out=False, device="cpu", **options):
    """The answer to a call, and the arrays afterwards."""
    spans, places, size = lay_out(arrays)
    room = memory.of(max(size, 1))
    for span in spans:
        room[span.offset : span.offset + span.high - span.low] = span.bytes
    kernel = replace(make_kernel(function, takes_out=has_out, **options), device=device)
    found = answer({"it": kernel}, memory, ("call", "it", places, size, has_out, {}))
    return found, [place.view(memory.of(size)) for place in places]


X = np.float32([-1, 0, 2])


def test_a_result_of_its_own_lies_behind_the_arguments(memory):
    (kind, (place, end)), (x,) = asked(memory, lambda x: np.maximum(x, np.float32(0)), X)
    assert kind == "done"
    got = place.view(memory.of(end))
    assert got.tolist() == [0, 0, 2]
    assert x.tolist() == X.tolist()
    assert not np.shares_memory(got, x)


def test_a_result_that_is_nowhere_has_the_verdict_that_it_has_in_the_caller(memory):
    def nowhere(x):
        raise ResultError("it is on no device")

    assert asked(memory, nowhere, X)[0] == ("wrong_dtype", "it is on no device")


def test_a_result_in_out_needs_no_place(memory):
    found, (_, out) = asked(
        memory, lambda x, out: np.maximum(x, np.float32(0), out=out), X, np.zeros_like(X), has_out=True
    )
    assert found == ("done", None)
    assert out.tolist() == [0, 0, 2]


def test_a_result_beside_out_is_brought_back_for_others_to_judge(memory):
    (kind, (place, end)), _ = asked(memory, lambda x, out: x * 2, X, np.zeros_like(X), has_out=True)
    assert kind == "done"
    assert place.view(memory.of(end)).tolist() == [-2, 0, 4]


def test_out_in_another_order_is_brought_back_too(memory):
    (kind, (place, end)), _ = asked(
        memory, lambda x, out: np.add(x, x, out=out)[::-1], X, np.zeros_like(X), has_out=True
    )
    assert kind == "done"
    assert place.view(memory.of(end)).tolist() == [4, 0, -2]


@pytest.mark.parametrize(
    ("result", "kind", "why"),
    [
        ([1, 2, 3], "wrong_dtype", "returned list"),
        (None, "wrong_dtype", "returned NoneType"),
        (np.array(["a", None, 3], object), "wrong_dtype", "object"),
        (X.astype(">f4"), "wrong_dtype", "returned >f4 for float32"),
        (np.zeros(3, [("a", "f4")]), "wrong_dtype", "returned [('a', '<f4')] for float32"),
        (np.array(["a", "b", "c"]), "wrong_dtype", "returned <U1 for float32"),
    ],
)
def test_what_is_no_array_of_numbers_is_told(memory, result, kind, why):
    found, _ = asked(memory, lambda x: result, X)
    assert found[0] == kind
    assert why in found[1]


def test_what_the_backend_runs_with_is_told(memory):
    kernel = replace(make_kernel(lambda x: x), runs_with=lambda: RunsWith(3, "AVX9"))
    assert answer({"it": kernel}, memory, ("runs_with", "it")) == ("done", RunsWith(3, "AVX9"))


def test_an_exception_is_told(memory):
    kind, message = asked(memory, lambda x: 1 / 0, X)[0]
    assert kind == "raised"
    assert re.fullmatch(r"ZeroDivisionError: division by zero \(test_bench_host\.py, line \d+\)", message)


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_an_exception_of_any_kind_is_told_and_so_is_one_that_has_no_words(memory, kind):
    class SilentError(kind):
        def __str__(self):
            raise ValueError

    def fails(error):
        def function(x):
            raise error

        return function

    for error, said in (
        (kind("mine"), f"{kind.__name__}: mine"),
        (SilentError(), "SilentError, whose message raises V"),
    ):
        failed, message = asked(memory, fails(error), X)[0]
        assert failed == "raised"
        assert message.startswith(said)


def test_a_number_is_an_array_of_one(memory):
    (kind, (place, end)), _ = asked(memory, lambda x: np.float32(7), X)
    assert (kind, place.shape, place.view(memory.of(end)).item()) == ("done", (), 7.0)


def test_a_mode_that_is_left_changed_is_an_error_that_comes_before_what_was_raised(monkeypatch):
    modes = iter([0, 1])
    monkeypatch.setattr("bench.fenv.mode", lambda: next(modes))
    monkeypatch.setattr("bench.fenv.set_mode", lambda wanted: None)
    monkeypatch.setattr("bench.fenv.said", lambda before, after: "changed")
    with pytest.raises(ModeError, match="changed"):
        watched(lambda: 1 / 0)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: x, "the device answers its process no more: CUDA_ERROR_ILLEGAL_ADDRESS"),
        (lambda x: 1 / 0, "ZeroDivisionError: division by zero (test_bench_host.py, line "),
    ],
)
def test_an_error_that_stays_on_the_device_costs_the_process(memory, monkeypatch, function, said):
    monkeypatch.setattr("kernels.gpu.driver.fault", lambda: "CUDA_ERROR_ILLEGAL_ADDRESS")
    kind, message = asked(memory, function, X, device="cuda")[0]
    assert (kind, message.startswith(said)) == ("crashed", True)
    assert asked(memory, function, X)[0][0] != "crashed"
    monkeypatch.setattr("kernels.gpu.driver.fault", lambda: None)
    assert asked(memory, function, X, device="cuda")[0][0] != "crashed"
