# SPDX-License-Identifier: MIT
"""Arrays of this machine on the device: the same strides, overlaps and distance from a multiple of 16 bytes."""

import ml_dtypes
import numpy as np
import pytest

import halfulp
from bench.calling import KernelError, call
from kernels.gpu import relu
from kernels.gpu.transfer import FromHost, Mirror, copy_there
from tests import fake_cupy
from tests.gpu import fake  # noqa: F401
from tests.making import make_kernel

pytestmark = pytest.mark.usefixtures("fake")


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_layout_is_kept(dtype):
    memory = np.arange(60).astype(dtype)
    arrays = [memory[3:33:2], memory[40:20:-1], memory[50:].reshape(2, 5).T, memory[:0], np.array(2, dtype)]
    mirrored = Mirror(arrays).on_device
    for here, there in zip(arrays, mirrored, strict=True):
        assert there.array.tobytes() == here.tobytes()
        assert (there.shape, there.dtype) == (here.shape, here.dtype)
        if here.size:
            assert there.strides == here.strides
            assert (there.data.ptr - here.__array_interface__["data"][0]) % 256 == 0
    assert np.shares_memory(mirrored[0].array, mirrored[1].array)
    assert not np.shares_memory(mirrored[0].array, mirrored[2].array)


def test_what_was_written_there_is_brought_back_and_only_to_what_was_given():
    memory = np.zeros(20, np.float32)
    mirror = Mirror([memory[2:10:2]])
    mirror.on_device[0].array[...] = 7
    mirror.bring_back()
    assert list(np.flatnonzero(memory)) == [2, 4, 6, 8]


def test_an_array_that_must_not_be_written_stays_as_it_is():
    x = np.zeros(4, np.float32)
    x.flags.writeable = False
    mirror = Mirror([x])
    mirror.on_device[0].array[...] = 7
    mirror.bring_back()
    assert not x.any()


MANY = 1 << 15  # elements of float32, more bytes than are brought back without a look


def test_of_many_inputs_each_is_sent_once_and_only_what_is_written_is_brought_back(monkeypatch):
    monkeypatch.setattr(fake_cupy, "moved", [])
    dy, x, out = np.ones(MANY, np.float32), np.arange(-8, MANY - 8, dtype=np.float32), np.empty(MANY, np.float32)
    assert FromHost(relu.backward)(dy, x, out=out, variant="fast") is out
    assert fake_cupy.moved == [("to", out.nbytes)] * 2 + [("from", out.nbytes)]
    assert (out == (x > 0)).all()


@pytest.mark.parametrize("size", [5, MANY])
def test_an_input_that_is_written_and_an_output_that_is_not_are_found_out(size):
    x = np.arange(1, size + 1, dtype=np.float32)

    def writes_to_x(x, out):
        x.array[3] = 7
        return relu(x, out=out)

    with pytest.raises(KernelError, match=r"the kernel wrote 0x1.cp\+2 over an input \(at input 0x1p\+2\)"):
        call(make_kernel(FromHost(writes_to_x), takes_out=True), x)

    def leaves_out(x, out):
        relu(x[:-2], out=out[:-2])
        return out

    with pytest.raises(KernelError, match=r"left 2 outputs unwritten \(at input 0x\S+\)"):
        call(make_kernel(FromHost(leaves_out), takes_out=True), x)


def test_an_output_that_is_an_input_or_beside_one_in_memory_is_sent():
    own, memory = FromHost(relu), np.arange(-4, 4, dtype=np.float32)
    own(memory[::2], out=memory[1::2])
    assert memory.tolist() == [-4, 0, -2, 0, 0, 0, 2, 2]
    assert own(memory, out=memory) is memory
    assert memory.tolist() == [0, 0, 0, 0, 0, 0, 2, 2]


def test_a_copy_there_is_of_the_device_alone():
    x, out = np.arange(8, dtype=np.float32), np.zeros(8, np.float32)
    call = copy_there(x, out)
    copied = call.__closure__  # the arrays of the device
    call()
    arrays = [cell.cell_contents for cell in copied if isinstance(cell.cell_contents, fake_cupy.ndarray)]
    assert [list(a.array) for a in arrays] == [list(x)] * 2
    assert not out.any()


def test_what_a_function_returns_is_brought_back_from_the_device():
    x, out = np.array([-1.0, 2.0], np.float32), np.zeros(2, np.float32)
    own = FromHost(lambda x, out=None: relu(x, out=out))
    assert own(x).tolist() == [0.0, 2.0]
    assert own(x, out=out) is out
    assert out.tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        (lambda x: fake_cupy.asarray(x.array.astype(np.int32)), "returned int32 for float32: return an array of x's"),
        (lambda x: fake_cupy.asarray(x.array.astype(np.float64)), "returned float64 for float32: return an array"),
        (lambda x: x.array.copy(), "the result must be an array on the device, not ndarray: use cupy.asarray"),
        (lambda x: None, "the result must be a CuPy array, or have .* not NoneType"),
    ],
)
def test_a_result_of_another_dtype_or_kind_has_the_verdict_that_it_has_on_the_cpu(returned, why):
    kernel = make_kernel(FromHost(returned), takes_out=False)
    with pytest.raises(KernelError, match=why) as error:
        call(kernel, np.ones(3, np.float32))
    assert error.value.failure.kind == "wrong_dtype"


def test_a_users_function_of_the_devices_arrays_is_measured():
    def mine(x):
        assert isinstance(x, fake_cupy.ndarray)
        return relu(x, variant="fast")

    found = halfulp.measure(mine, "relu", dtype="float16", device="cuda")
    assert (found.max_ulp, found.mismatches) == (0.0, 0)
    assert found.properties["flags"].verdict == "not checked"
    with pytest.raises(ValueError, match="there is no device 'tpu'; choose from cpu, cuda"):
        halfulp.measure(mine, "relu", device="tpu")
