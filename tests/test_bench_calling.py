# SPDX-License-Identifier: MIT
"""A call gives right results back, and tells every way of breaking its contract."""

import ctypes
import sys
import warnings

import numpy as np
import pytest

from bench import fenv
from bench.calling import POISON, KernelError, answer, attempt, call, described, hexadecimal
from reference.formats import FORMATS
from tests.making import make_kernel

X = np.array([-1.5, -0.0, 2.0, np.nan, np.inf, 3.0, 4.0], np.float32)


def relu(x, out=None):
    return np.maximum(x, np.float32(0), out=out)


def failure_of(function, *arrays, takes_out=False, shape=None):
    with pytest.raises(KernelError) as error:
        call(make_kernel(function, takes_out=takes_out), *(arrays or (X.copy(),)), shape=shape)
    return error.value.failure


@pytest.mark.parametrize("takes_out", [False, True])
def test_results_come_back(takes_out):
    got = call(make_kernel(relu, takes_out=takes_out), X.copy())
    np.testing.assert_array_equal(got, np.maximum(X, 0))
    assert got.dtype == np.float32


def test_floating_point_exceptions_are_no_failure():
    with np.errstate(all="raise"):
        assert np.isinf(call(make_kernel(lambda x: x / np.float32(0)), X.copy())[0])


def rounds_upwards():
    ctypes.CDLL("libm.so.6").fesetround(0x800)  # FE_UPWARD on x86-64


@pytest.mark.skipif(fenv.mode() is None, reason="the mode can't be read here")
@pytest.mark.parametrize("raises", [False, True])
def test_a_changed_floating_point_mode_is_told_and_set_right(raises):
    def changing(x):
        rounds_upwards()
        if raises:
            raise ValueError("not today")
        return relu(x)

    before = fenv.mode()
    failure = failure_of(changing)
    assert fenv.mode() == before
    expected = ("changed_mode", "left the floating-point mode changed: results are not rounded to nearest")
    if raises:
        assert failure.message.startswith("ValueError: not today")
    else:
        assert (failure.kind, failure.message) == expected


@pytest.mark.parametrize("takes_out", [False, True])
def test_of_a_kernel_that_raises_the_input_and_the_line_are_told(takes_out):
    def function(x, out=None):
        if (x == 2).any():
            raise ValueError("two!")
        return relu(x, out)

    failure = failure_of(function, np.linspace(-4, 4, 8001).astype(np.float32), takes_out=takes_out)
    line = function.__code__.co_firstlineno + 2
    assert failure.message == f"ValueError: two! (test_bench_calling.py, line {line})"
    assert failure.input == "0x1p+1"
    assert call(make_kernel(function, takes_out=takes_out), np.float32([1, 3])).tolist() == [1, 3]


def test_the_input_at_which_a_kernel_raises_is_looked_for_among_what_it_was_given():
    def function(x):
        raises = (x == 2).any()
        x[:] = 2 if len(x) > 1 else 0  # also to what was no cause
        if raises:
            raise ValueError("two!")
        return relu(x)

    x = np.linspace(-4, 4, 8001).astype(np.float32)
    assert failure_of(function, x).input == "0x1p+1"


def test_of_a_kernel_that_raises_at_every_input_or_at_none_alone_no_input_is_told():
    def at_many(x):
        return x if len(x) == 1 else np.reshape(x, (3, 5))

    for function in (lambda x: 1 / 0, at_many):
        assert failure_of(function, np.ones(1000, np.float32)).input is None


def test_of_an_error_inside_of_a_library_the_line_that_called_it_is_told():
    def function(x):
        return np.broadcast_to(x, (3, 5))

    line = function.__code__.co_firstlineno + 1
    assert failure_of(function).message.endswith(f" (test_bench_calling.py, line {line})")


def test_an_exception_without_a_message_of_its_own_is_told():
    class WordlessError(Exception):
        def __str__(self):
            raise TypeError("none")

    assert described(KeyError()) == "KeyError"
    assert described(WordlessError()) == "WordlessError, whose message raises TypeError"


def test_raising_is_told_with_type_and_message():
    def failing(x):
        raise IndexError("beyond the end")

    failure = failure_of(failing)
    assert failure.kind == "raised"
    assert failure.message.startswith("IndexError: beyond the end (test_bench_calling.py, line ")


def test_an_interrupt_is_no_finding():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(interrupted)


@pytest.mark.parametrize(
    ("function", "kind", "said"),
    [
        (lambda x: np.maximum(x.astype(np.float64), 0), "wrong_dtype", "returned float64 for float32"),
        (lambda x: x.astype(">f4"), "wrong_dtype", "returned >f4 for float32"),
        (lambda x: x.tolist(), "wrong_dtype", "returned list"),
        (lambda x: None, "wrong_dtype", "returned NoneType"),
        (lambda x: x[:-1].copy(), "wrong_shape", r"returned shape (6,), not (7,)"),
        (lambda x: x[None].copy(), "wrong_shape", r"returned shape (1, 7)"),
        (lambda x: np.max(x), "wrong_shape", "returned shape ()"),
    ],
)
def test_wrong_results_are_told(function, kind, said):
    failure = failure_of(function)
    assert failure.kind == kind
    assert said in failure.message


@pytest.mark.parametrize("which", [0, 1])
def test_writing_to_any_input_is_told_with_the_input(which):
    def backward(dy, x):
        result = dy * (x > 0)
        (dy, x)[which][2] = 7
        return result

    failure = failure_of(backward, np.ones_like(X), X.copy())
    assert failure.kind == "wrote_input"
    assert failure.message == "the kernel wrote 0x1.cp+2 over an input"
    assert failure.input == hexadecimal((np.ones_like(X), X)[which][2])


def test_exchanging_nans_or_zeros_in_the_input_is_writing_too():
    def flips(x):
        result = relu(x)
        x[1] = 0.0
        return result

    assert failure_of(flips).input == "-0x0p+0"


def test_returning_the_input_is_allowed():
    x = np.abs(X)
    assert call(make_kernel(lambda x: x), x) is x


def test_another_array_than_out_is_told():
    failure = failure_of(lambda x, out: relu(x), takes_out=True)
    assert failure.kind == "left_output"
    assert "out=" in failure.message


def test_out_in_another_order_is_not_the_out_that_was_given():
    for x, other in ((X.copy(), lambda out: out[::-1]), (X[:4].reshape(2, 2).copy(), lambda out: out.T)):
        failure = failure_of(lambda x, out, other=other: other(relu(x, out)), x, takes_out=True)
        assert failure.kind == "left_output"
    for alike in (lambda out: out[:], lambda out: out.view(), lambda out: out.reshape(out.shape)):
        call(make_kernel(lambda x, out, a=alike: a(relu(x, out)), takes_out=True), X[:1, None].T.copy().T)


def test_an_exception_without_words_is_told():
    class SilentError(Exception):
        def __str__(self):
            raise ValueError

    def failing(x):
        raise SilentError

    assert failure_of(failing).message.startswith(
        "SilentError, whose message raises ValueError (test_bench_calling.py, line "
    )


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("left", [0, 3, 6])
def test_one_unwritten_output_is_told_with_its_input(dtype, left):
    x = X.astype(FORMATS[dtype].dtype)

    def leaving(x, out):
        written = np.arange(len(x)) != left
        out[written] = np.maximum(x, x.dtype.type(0))[written]
        return out

    with pytest.raises(KernelError) as error:
        call(make_kernel(leaving, dtype=dtype, takes_out=True), x)
    failure = error.value.failure
    assert failure.kind == "left_output"
    assert failure.message == "left 1 outputs unwritten"
    assert failure.input == hexadecimal(x[left])


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_result_that_looks_like_the_poison_is_a_result(dtype):
    form = FORMATS[dtype]
    x = np.full(5 * form.dtype.itemsize, POISON, np.uint8).view(form.dtype)

    def copying(x, out):
        out[:] = x
        return out

    np.testing.assert_array_equal(call(make_kernel(copying, dtype=dtype, takes_out=True), x), x)


def test_a_sum_may_be_an_array_or_a_scalar_of_numpy():
    for total in (lambda dy, x: np.sum(x), lambda dy, x: np.asarray(np.sum(x))):
        got = call(make_kernel(total, "prelu", "backward_alpha"), X[:3], X[:3], shape=())
        assert got.shape == ()
        assert got == np.float32(0.5)


def test_a_sum_left_unwritten_is_told():
    failure = failure_of(lambda dy, x, out: out, X[:3], X[:3], takes_out=True, shape=())
    assert failure.kind == "left_output"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(-88), "-0x1.6p+6"),
        (np.float64(0.1), "0x1.999999999999ap-4"),
        (np.float16(2.0**-24), "0x1p-24"),
        (np.float32(-0.0), "-0x0p+0"),
        (FORMATS["bfloat16"].dtype.type(1.5), "0x1.8p+0"),
        (np.float32(1048576), "0x1p+20"),
        (np.float32(np.inf), "inf"),
        (np.float64(-np.inf), "-inf"),
        (np.float16(np.nan), "nan"),
    ],
)
def test_hexadecimal_floats_are_exact_and_short(value, text):
    assert hexadecimal(value) == text
    assert float.fromhex(text) == float(value) or text == "nan"


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda x: sys.exit(3), "raised"),
        (lambda x: np.ma.masked_less(x, 0), "wrong_dtype"),
        (lambda x: x.resize((2, 4), refcheck=False) or np.zeros(8, np.float32), "wrote_input"),
    ],
)
def test_odder_ways_of_breaking_the_contract(function, kind):
    with pytest.raises(KernelError) as error:
        call(make_kernel(function), np.arange(8, dtype=np.float32))
    assert error.value.failure.kind == kind


def test_a_warning_is_no_failure():
    def warns(x):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return np.maximum(x, 0)

    assert call(make_kernel(warns), np.ones(3, np.float32)).tolist() == [1, 1, 1]


def test_threads_and_an_output_of_ones_own_are_passed_on():
    seen = {}

    def noting(x, out, threads):
        seen.update(out=out, threads=threads, before=out.copy())
        return relu(x, out)

    buffer = np.zeros(2 * len(X), np.float32)
    kernel = make_kernel(noting, takes_out=True, takes_threads=True)
    got = call(kernel, X.copy(), out=buffer[::2], threads=3)
    np.testing.assert_array_equal(buffer[::2], np.maximum(X, 0))
    assert not buffer[1::2].any()
    assert np.shares_memory(got, buffer)
    assert seen["threads"] == 3
    assert set(seen["before"].tobytes()) == {POISON}


def test_an_output_of_ones_own_is_not_asked_for_where_a_kernel_takes_none():
    got = call(make_kernel(lambda x: relu(x)), X.copy(), out=np.zeros_like(X), threads=2)
    np.testing.assert_array_equal(got, np.maximum(X, 0))


def test_an_unwritten_output_of_another_layout_is_told():
    def leaving(x, out):
        out[:, :-1] = x[:, :-1]
        return out

    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    with pytest.raises(KernelError, match=r"left 2 outputs unwritten \(at input 0x1p\+1\)$"):
        call(make_kernel(leaving, takes_out=True), x, out=np.empty((3, 2), np.float32).T)


def test_writing_to_a_strided_input_is_told_with_its_element():
    def writes(x):
        result = relu(x)
        x[1, 2] = 9
        return result

    x = np.arange(6, dtype=np.float32).reshape(3, 2).T  # [[0, 2, 4], [1, 3, 5]]
    with pytest.raises(KernelError, match=r"wrote 0x1.2p\+3 over an input \(at input 0x1.4p\+2\)$") as error:
        call(make_kernel(writes), x)
    assert error.value.failure.input == "0x1.4p+2"


def test_a_result_may_be_written_over_an_input():
    x = X.copy()
    got = answer(make_kernel(relu, takes_out=True), (x,), x.shape, x)
    np.testing.assert_array_equal(got, np.maximum(X, 0))
    assert np.shares_memory(got, x)
    with pytest.raises(KernelError, match="did not return the out= array"):
        answer(make_kernel(lambda x, out: relu(x), takes_out=True), (x,), x.shape, x)


@pytest.mark.parametrize(
    ("then", "kind"), [("returns", "wrote_input"), ("raises", "raised"), ("returns another dtype", "wrong_dtype")]
)
def test_what_a_kernel_did_to_its_input_is_undone_for_others(then, kind):
    def function(x):
        x[::2] = 7
        if then == "raises":
            raise ValueError(then)
        return x.astype(np.float64) if then == "returns another dtype" else x * 1

    x = np.arange(10, dtype=np.float32)
    with pytest.raises(KernelError, match=kind):
        call(make_kernel(function), x)
    assert x.tolist() == list(range(10))


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5)])
def test_of_empty_arrays_results_are_empty_and_right_in_out_or_not(shape):
    x = np.empty(shape, np.float32)
    for takes_out in (False, True):
        assert call(make_kernel(relu, takes_out=takes_out), x).shape == shape
    assert call(make_kernel(lambda x, out: np.empty(shape, np.float32), takes_out=True), x).shape == shape
    other = failure_of(lambda x, out: np.empty((1, *shape), np.float32), x, takes_out=True)
    assert other.kind == "wrong_shape"
