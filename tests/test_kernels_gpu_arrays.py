# SPDX-License-Identifier: MIT
"""Arrays of the device as calls give them: what is taken without a copy, and what is refused."""

from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

from kernels.gpu.arrays import contiguous, copy_to, empty, number_of, overlap, taken
from tests import fake_cuda, fake_cupy
from tests.gpu import fake, played_torch  # noqa: F401

pytestmark = pytest.mark.usefixtures("fake")
X = np.arange(24, dtype=np.float32).reshape(4, 6)


def test_arrays_of_both_protocols_are_taken_without_a_copy():
    mine = fake_cupy.asarray(X)
    assert taken(mine, "x") is mine
    assert taken(SimpleNamespace(__cuda_array_interface__={"fake": mine}), "x") is mine
    assert taken(SimpleNamespace(__dlpack__=lambda: mine), "x") is mine


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_tensor_of_pytorch_is_taken_without_a_copy_also_of_bfloat16(torch, dtype):
    tensor = torch.Tensor(X.astype(dtype))
    address = tensor.mine.data.ptr
    got = taken(tensor, "x")
    assert (got.dtype.name, got.data.ptr, got.shape) == (dtype, address, (4, 6))


def test_a_tensor_that_is_elsewhere_is_refused(torch):
    with pytest.raises(TypeError, match=r"x is on .*cpu.*: move it to the device with \.cuda\(\)"):
        taken(torch.Tensor(X, "cpu"), "x")


def test_bfloat16_that_cupy_does_not_take_by_dlpack_is_refused():
    def refused():
        raise NotImplementedError("CuPy does not support bfloat16 yet")

    with pytest.raises(TypeError, match=r"x can't be taken by DLPack \(CuPy .* yet\): bfloat16 needs CuPy 14 or later"):
        taken(SimpleNamespace(__dlpack__=refused), "x")


def test_the_device_of_an_array_is_known_before_it_is_taken(torch, monkeypatch):
    monkeypatch.setattr(fake_cuda, "addresses", {4096: 1})
    on = {"fake": None, "data": (4096, False)}
    for array, number in (
        (fake_cupy.asarray(X), 0),
        (torch.Tensor(X, "cuda:2"), 2),
        (torch.Tensor(X, "cpu"), None),
        (SimpleNamespace(__dlpack_device__=lambda: (2, 3)), 3),
        (SimpleNamespace(__dlpack_device__=lambda: (1, 0)), None),
        (SimpleNamespace(__cuda_array_interface__=on), 1),
        (SimpleNamespace(__cuda_array_interface__=on | {"data": (0, False)}), None),  # of no elements
        ("text", None),
    ):
        assert number_of(array) == number
    with pytest.raises(ValueError, match="dy is on device 1, but x is on device 0: bring both to one device"):
        taken(SimpleNamespace(__cuda_array_interface__=on), "dy")


@pytest.mark.parametrize("given", [X, 1.0, [1.0]])
def test_what_is_here_is_refused(given):
    with pytest.raises(TypeError, match="must be an array on the device"):
        taken(given, "x")


def test_what_is_no_array_and_another_dtype_are_refused():
    with pytest.raises(TypeError, match="x must be a CuPy array, or have __cuda_array_interface__ or DLPack, not str"):
        taken("text", "x")
    with pytest.raises(TypeError, match="x is int32: convert it to one of float16, bfloat16, float32, float64"):
        taken(fake_cupy.asarray(X.astype(np.int32)), "x")


def test_overlap_is_of_memory_that_is_shared_but_for_the_same_places():
    memory = fake_cupy.asarray(np.zeros(100, np.float32))
    assert not overlap(memory, memory)
    assert not overlap(memory[:50], memory[50:])
    assert overlap(memory[:50], memory[49:99])
    assert overlap(memory[::-1], memory)
    assert not overlap(memory[:0], memory)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_what_lies_across_the_size_of_its_elements_is_copied_by_bytes(dtype):
    x = X.astype(dtype)
    memory, records = np.zeros(1 + x.nbytes, np.uint8), np.zeros(24, [("before", "u1"), ("x", dtype)])
    memory[1:], records["x"] = x.reshape(-1).view(np.uint8), x.reshape(-1)
    given = fake_cupy.asarray(memory)[1:].view(x.dtype).reshape(4, 6)
    spread = fake_cupy.asarray(records.view(np.uint8))
    within = fake_cupy.ndarray((24,), x.dtype, spread.data + 1, (1 + x.itemsize,))
    for array in (given, within, within[:0], within[7]):
        copied = contiguous(array)
        assert copied.data.ptr % x.itemsize == 0
        assert (copied.shape, copied.dtype, copied.array.tobytes()) == (array.shape, x.dtype, array.array.tobytes())
    copy_to(given, fake_cupy.on_device(-x))
    copy_to(within, fake_cupy.on_device(-x.reshape(-1)))
    assert given.array.tobytes() == within.array.tobytes() == (-x).tobytes()
    assert not spread.array[:: 1 + x.itemsize].any()


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_copies_and_new_arrays_are_of_any_dtype(dtype):
    array = fake_cupy.on_device(X.astype(dtype))
    assert contiguous(array) is array
    copied = contiguous(array[::2, ::-1])
    assert copied.array.tobytes() == X.astype(dtype)[::2, ::-1].tobytes()
    assert copied.dtype == empty((2, 3), np.dtype(dtype)).dtype == np.dtype(getattr(ml_dtypes, dtype, dtype))
