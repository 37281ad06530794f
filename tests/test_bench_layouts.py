# SPDX-License-Identifier: MIT
"""The same bits in every layout: each way in which a kernel may look at more than the element is found by its check."""

import numpy as np
import pytest

from bench import layouts as module
from bench.calling import KernelError
from bench.layouts import layouts, layouts_of_sum, shared_size
from kernels.registry import Kernel
from reference.formats import FORMATS
from tests.exactly import inputs_in, trial_of
from tests.making import make_kernel
from tests.mutants import LANES, in_lanes

ALL = ["length", "offset", "stride", "neighbours", "repeatable", "threads", "in place"]
BOTH = {"takes_out": True, "takes_threads": True}


def relu(x):
    return np.maximum(x, x.dtype.type(0))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_an_offset_is_from_a_cache_line(dtype):
    for by in (0, 1, 7):
        shifted = module._shifted(np.arange(37, dtype=dtype), by)
        assert shifted.ctypes.data % module.CACHE_LINE == by * shifted.itemsize % module.CACHE_LINE
        assert (shifted == np.arange(37)).all()


def up(y):
    """The next number away from 0."""
    return np.nextafter(y, y.dtype.type(np.inf) * np.sign(y), dtype=y.dtype)


def relu_into(x, out=None, threads=None):
    return np.maximum(x, x.dtype.type(0), out=out)


def relu_backward_into(dy, x, out=None, threads=None):
    return np.multiply(dy, (x > 0).astype(x.dtype), out=out)


def verdicts(function, direction="forward", dtype="float32", **options):
    return layouts(trial_of(function, "relu", direction, dtype, **options))


def violated(found):
    return [name for name, verdict in found.items() if verdict.verdict == "violated"]


@pytest.mark.parametrize(("dtype", "depth"), [*((dtype, "quick") for dtype in FORMATS), ("float32", "standard")])
def test_a_right_kernel_gives_the_same_bits_everywhere(dtype, depth):
    forward = verdicts(relu_into, dtype=dtype, depth=depth, **BOTH)
    backward = verdicts(relu_backward_into, "backward", dtype, **BOTH)
    for found in (forward, backward):
        assert sorted(found) == sorted(ALL)
        assert {v.verdict for v in found.values()} == {"holds"}
        assert all(v.checked > 2000 for v in found.values())


def test_what_a_kernel_does_not_take_is_not_asked():
    found = verdicts(relu)
    assert set(ALL) - set(found) == {"threads", "in place"}
    assert violated(found) == []


def test_of_copies_the_layout_of_the_originals_is_not_checked():
    def through_copies(x, out):
        out[...] = relu(x.copy())
        return out

    found = verdicts(through_copies, takes_out=True, copies_arrays=True)
    unchecked = {name: verdict.why for name, verdict in found.items() if verdict.verdict == "not checked"}
    assert list(unchecked) == ["offset", "stride", "in place"]
    assert set(unchecked.values()) == {"it is given contiguous copies of the arrays on the GPU, each made apart"}
    assert {v.verdict for name, v in found.items() if name not in unchecked} == {"holds"}


def test_lanes_that_differ_from_the_tail_are_found():
    found = verdicts(lambda x: in_lanes(x, np.where(x > 16, up(relu(x)), relu(x)), relu(x)))
    assert "length" in violated(found)
    assert found["length"].largest == "1 representable number"
    assert "in an array of length" in found["length"].counter_example
    x, got, other = inputs_in(found["length"])
    assert x > 16
    assert {got, other} == {x, float(up(np.float32([x]))[0])}


def test_a_result_that_depends_on_where_memory_starts_is_found():
    def aligned(x):
        return relu(x) if x.ctypes.data % 16 == 0 else np.where(x > 3, up(relu(x)), relu(x))

    found = verdicts(aligned)
    assert "offset" in violated(found)
    assert "at offset" in found["offset"].counter_example
    assert inputs_in(found["offset"])[0] > 3


def test_the_alignment_of_the_output_counts_too():
    def aligned(x, out=None):
        y = relu(x) if out.ctypes.data % 16 == 0 else np.where(x > 3, up(relu(x)), relu(x))
        return np.copyto(out, y) or out

    assert "offset" in violated(verdicts(aligned, takes_out=True))


@pytest.mark.parametrize("kind", ["ignored", "refused", "of one axis only"])
def test_strides_that_are_not_obeyed_are_found(kind):
    def wrong(x):
        if kind == "refused" and not x.flags.c_contiguous:
            raise ValueError("x must be contiguous")
        if kind == "of one axis only" and x.ndim == 2:
            return relu(np.lib.stride_tricks.as_strided(x, x.shape, (x.strides[0], x.itemsize)))
        if kind == "ignored" and x.strides[-1] == 2 * x.itemsize:
            return relu(np.lib.stride_tricks.as_strided(x, x.shape, (x.itemsize,)))
        return relu(x)

    found = verdicts(wrong)
    assert violated(found) == ["stride"]
    example = found["stride"].counter_example
    if kind == "refused":
        assert found["stride"].count == len(module.STRIDES)
        assert example.startswith("with step 2: the call failed: raised: ValueError: x must be contiguous (")
    else:
        assert ("matrix" if "axis" in kind else "with step 2") in example


def test_a_strided_output_filled_as_if_it_were_not_is_found():
    def wrong(x, out=None):
        if out.flags.c_contiguous:
            return relu_into(x, out)
        flat = np.lib.stride_tricks.as_strided(out, (x.size,), (x.itemsize,)) if out.strides[0] > 0 else out
        flat.reshape(-1)[: x.size] = relu(x).reshape(-1)
        return out

    found = verdicts(wrong, takes_out=True)
    assert violated(found) == ["stride"]
    assert "out too" in found["stride"].counter_example


def test_a_stride_of_dy_that_is_ignored_is_found():
    def wrong(dy, x):
        if dy.ndim == 1 and dy.strides[0] == 2 * dy.itemsize:
            dy = np.lib.stride_tricks.as_strided(dy, dy.shape, (dy.itemsize,))
        return relu_backward_into(dy, x)

    found = verdicts(wrong, "backward")
    assert violated(found) == ["stride"]
    assert ", dy = " in found["stride"].counter_example


@pytest.mark.parametrize("trouble", [np.nan, np.inf, 1e38, 2.0**-149])
def test_a_result_that_depends_on_its_neighbours_is_found(trouble):
    """A vector takes the slow and exact way where any of its elements needs that."""

    def by_vector(x):
        right, fast = relu(x), np.where(x > 5, up(relu(x)), relu(x))
        slow = np.isnan(x) if np.isnan(trouble) else (x == trouble if trouble < 1 else x >= trouble)
        vectors = np.add.reduceat(slow, np.arange(0, x.size, LANES)) > 0
        return np.where(np.repeat(vectors, LANES)[: x.size], right, fast)

    found = verdicts(by_vector)
    assert "neighbours" in violated(found)
    assert "between neighbours of" in found["neighbours"].counter_example
    assert inputs_in(found["neighbours"])[0] > 5


def test_a_result_that_changes_from_call_to_call_is_found():
    calls = []

    def changing(x):
        calls.append(x.size)
        return np.where(x > 9, up(relu(x)), relu(x)) if len(calls) % 2 else relu(x)

    found = verdicts(changing)
    assert "repeatable" in violated(found)
    assert " call, " in found["repeatable"].counter_example
    assert inputs_in(found["repeatable"])[0] > 9


def test_another_result_without_out_is_found():
    def wrong(x, out=None):
        return relu_into(x, out) if out is not None else np.where(x > 2, up(relu(x)), relu(x))

    found = verdicts(wrong, takes_out=True)
    assert violated(found) == ["repeatable"]
    assert "without out=" in found["repeatable"].counter_example


def test_a_kernel_may_want_an_out():
    def wanting(x, out):
        return np.maximum(x, 0, out=out) if out is not None else out[0]

    assert violated(verdicts(wanting, takes_out=True)) == []


def test_a_result_that_depends_on_the_threads_is_found():
    def shared(x, threads=None):
        y = relu(x)
        if (threads or 1) > 1:  # a seam between the parts
            y[x.size // 2] = -1
        return y

    found = verdicts(shared, takes_threads=True)
    assert violated(found) == ["threads"]
    assert f"element {shared_size('quick') // 2}, x = " in found["threads"].counter_example
    assert "with 2 threads on 65,568 elements" in found["threads"].counter_example


@pytest.mark.parametrize("most", [1, 2, 5, 64])
def test_so_many_threads_are_tried(most, monkeypatch):
    tried = set()
    monkeypatch.setattr(module, "cores", lambda: most)
    verdicts(lambda x, threads=None: tried.add(threads) or relu(x), takes_threads=True)
    counts = {1, 2, 3, 8, 32, 64} if most == 64 else set(range(1, max(most, 2) + 1))
    assert tried - {None} == counts


@pytest.mark.parametrize(("over", "other"), [("x", "dy"), ("dy", "x")])
def test_an_input_that_is_read_after_the_output_is_written_is_found(over, other):
    def wrong(dy, x, out=None):
        if over == "x":
            out[...] = dy
            out[~(x > 0)] *= 0
        else:
            np.copyto(out, (x > 0).astype(x.dtype))
            out *= dy
        return out

    found = verdicts(wrong, "backward", takes_out=True)
    assert violated(found) == ["in place"]
    assert f"with out={over}, " in found["in place"].counter_example
    assert f"with out={other}, " not in found["in place"].counter_example


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("raise", "with out=x: the call failed: raised: ValueError: out must not be x"),
        ("copy", "with out=x: the call failed: left_output: did not return the out= array"),
    ],
)
def test_an_output_that_may_not_be_the_input_is_found(refusal, said):
    def wrong(x, out=None):
        if out is x and refusal == "raise":
            raise ValueError("out must not be x")
        return relu(x) if out is x else relu_into(x, out)

    found = verdicts(wrong, takes_out=True)
    assert violated(found) == ["in place"]
    assert (found["in place"].count, found["in place"].counter_example.startswith(said)) == (2, True)


def test_a_written_input_is_found():
    def wrong(x):
        y = relu(x)
        if x.size == 7:
            x[3] = 5
        return y

    found = verdicts(wrong)
    assert violated(found) == ["length"]
    assert "in an array of length 7: the call failed: " in found["length"].counter_example
    assert "wrote_input: the kernel wrote 0x1.4p+2 over an input (at input " in found["length"].counter_example


def test_an_output_left_unwritten_is_found():
    def wrong(x, out=None):
        whole = x.size // LANES * LANES if out is not None and x.size < 60 else x.size
        if out is None:
            return relu(x)
        out.reshape(-1)[:whole] = relu(x).reshape(-1)[:whole] if out.flags.c_contiguous else 0
        return out if out.flags.c_contiguous else relu_into(x, out)

    found = verdicts(wrong, takes_out=True)
    assert violated(found) == ["length"]
    assert "left_output" in found["length"].counter_example


def test_the_bits_of_a_nan_are_free_and_those_of_a_zero_are_not():
    def another_nan(x):
        bits = np.uint32(0xFFC00001 if x.size % 2 else 0x7FC00000)
        return np.where(np.isnan(x), bits.view(np.float32), relu(x))

    def another_zero(x):
        return np.where(x == 0, np.float32(-0.0 if x.size % 2 else 0.0), relu(x))

    assert violated(verdicts(another_nan)) == []
    found = verdicts(another_zero)
    assert violated(found) == ["length"]
    assert found["length"].largest is None
    assert "-0x0p+0 in an array of length" in found["length"].counter_example


def test_a_kernel_that_fails_at_once_violates_all():
    def failing(x, threads=None):
        raise ZeroDivisionError("no such luck")

    found = verdicts(failing, takes_threads=True)
    assert sorted(violated(found)) == sorted(set(ALL) - {"in place"})
    assert found["stride"].counter_example.startswith("the call failed: raised: ZeroDivisionError: no such luck (")


# Sums.


def a_sum(function) -> Kernel:
    return make_kernel(function, "prelu", "backward_alpha", takes_threads=True)


def right_sum(dy, x, threads=None):
    terms = np.multiply(dy, x, dtype=np.float64).reshape(-1)
    return np.asarray(np.sum(terms, where=x.reshape(-1) < 0)).astype(x.dtype)


@pytest.mark.parametrize("depth", ["quick", "standard"])
def test_a_right_sum_is_the_same_everywhere(depth):
    found = layouts_of_sum(a_sum(right_sum), depth, 0)
    assert {name: v.verdict for name, v in found.items()} == dict.fromkeys(("stride", "repeatable", "threads"), "holds")
    no_threads = layouts_of_sum(make_kernel(right_sum, "prelu", "backward_alpha"), depth, 0)
    assert set(no_threads) == {"stride", "repeatable"}


def test_an_order_of_summation_that_depends_on_the_threads_is_found():
    def shared(dy, x, threads=None):
        parts = np.array_split(np.where(x < 0, dy * x, 0).reshape(-1), threads or 1)
        return np.float32(sum(np.cumsum(p, dtype=np.float32)[-1] for p in parts))

    found = layouts_of_sum(a_sum(shared), "quick", 0)
    assert violated(found) == ["threads"]
    assert found["threads"].counter_example.startswith("the sum: ")
    assert "with 2 threads" in found["threads"].counter_example


def test_an_order_of_summation_that_depends_on_the_layout_or_the_call_is_found():
    calls = []

    def in_order_of_memory(dy, x, threads=None):
        terms = np.where(x < 0, dy * x, np.float32(0))
        return np.float32(np.cumsum(terms.ravel(order="K"), dtype=np.float32)[-1])

    def changing(dy, x, threads=None):
        calls.append(1)
        return right_sum(dy, x) + np.float32(len(calls) == 2 + len(module.STRIDES))

    assert violated(layouts_of_sum(a_sum(in_order_of_memory), "quick", 0)) == ["stride"]
    found = layouts_of_sum(a_sum(changing), "quick", 0)
    assert violated(found) == ["repeatable"]
    assert "in a second call" in found["repeatable"].counter_example


@pytest.mark.parametrize("where", ["the first call", "another length", "no out"])
def test_what_a_call_does_to_its_process_in_a_layout_is_more_than_a_violation(where):
    def spoils(x, out=None):
        if {"the first call": True, "another length": x.size == 1, "no out": out is None}[where]:
            raise KernelError("crashed", "the process exited with 7")
        return relu_into(x, out)

    with pytest.raises(KernelError, match="exited with 7"):
        verdicts(spoils, takes_out=True)


def test_a_sum_that_spoils_its_process_in_a_layout_is_more_than_a_violation():
    def spoils(dy, x):
        if not x.flags.c_contiguous:
            raise KernelError("hung", "did not return")
        return np.sum(dy * x, where=x < 0)

    with pytest.raises(KernelError, match="did not return"):
        layouts_of_sum(make_kernel(spoils, "prelu", "backward_alpha"), "quick", 0)
