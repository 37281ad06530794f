# SPDX-License-Identifier: MIT
"""Shapes, strides, out and threads: the same bits whatever way the elements lie and are shared out."""

import os
import platform
import subprocess
import sys

import llvmlite.binding
import numpy as np
import pytest

from bench.machine import ROOT
from kernels.cpu import launch, leaky_relu, prelu, silu
from kernels.cpu.storage import STORAGES

RNG = np.random.default_rng(4)


def draw(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def layouts():
    """Arrays of one content that lie differently in memory."""
    x = draw(6, 4)
    spaced = np.zeros((12, 8), np.float32)
    spaced[::2, ::2] = x
    raw = np.zeros(x.nbytes + 1, np.uint8)
    unaligned = raw[1:].view(np.float32).reshape(x.shape)
    unaligned[...] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    return x, {
        "fortran": np.asfortranarray(x),
        "spaced": spaced[::2, ::2],
        "reversed": x[::-1, ::-1].copy()[::-1, ::-1],
        "unaligned": unaligned,
        "read-only": frozen,
    }


def test_the_short_way_is_for_arrays_that_need_no_second_look():
    x, out, line = draw(10), draw(10), draw(30)
    assert launch.is_simple((x,), out, None)
    assert launch.is_simple((x, x), x, 1)
    assert launch.is_simple((line[:10],), line[20:], 1)
    frozen = x.copy()
    frozen.flags.writeable = False
    for arrays, result, threads in [
        ((x,), None, 1),
        ((x,), out, 2),
        ((draw(2 * launch.PER_THREAD),), draw(2 * launch.PER_THREAD), None),
        ((x.tolist(),), out, 1),
        ((x.view(np.ma.MaskedArray),), out, 1),
        ((x, draw(1)), out, 1),
        ((x.astype(np.float64), x), out, 1),
        ((x,), draw(5, 2), 1),
        ((x,), frozen, 1),
        ((frozen,), out, 1),
        ((line[::3],), out, 1),
    ]:
        assert not launch.is_simple(arrays, result, threads)


@pytest.mark.parametrize("layout", ["fortran", "spaced", "reversed", "unaligned", "read-only"])
def test_the_layout_of_inputs_and_out_does_not_matter(layout):
    x, all_layouts = layouts()
    other = all_layouts[layout]
    before = other.copy()
    want, slope = silu(x), silu.backward(x, x)
    np.testing.assert_array_equal(silu(other), want)
    np.testing.assert_array_equal(silu.backward(other, x), slope)
    np.testing.assert_array_equal(silu.backward(x, other), slope)
    np.testing.assert_array_equal(other, before)
    if other.flags.writeable:
        assert silu(x, out=other) is other
        np.testing.assert_array_equal(other, want)


def test_broadcast_inputs_are_accepted():
    dy = np.broadcast_to(np.float32(1), (6, 4))
    x = draw(6, 4)
    np.testing.assert_array_equal(silu.backward(dy, x), silu.backward(np.ones_like(x), x))


@pytest.mark.parametrize("size", [1, 511, 512, 513, 5000])  # a block through which its results go has 512 elements
def test_out_may_be_an_input(size):
    dy, x = draw(size), draw(size)
    line, slope = silu(x), silu.backward(dy, x)
    for _ in range(2):  # the second call goes the short way
        place = x.copy()
        assert silu(place, out=place) is place
        np.testing.assert_array_equal(place, line)
        for target in (0, 1):
            arrays = [dy.copy(), x.copy()]
            assert silu.backward(*arrays, out=arrays[target]) is arrays[target]
            np.testing.assert_array_equal(arrays[target], slope)


@pytest.mark.parametrize("dtype", STORAGES)
@pytest.mark.parametrize("shape", [(2, 1300, 1), (3, 2, 1300), (3, 5, 7), (40, 3, 1)])
def test_out_may_be_an_input_with_an_alpha_per_channel(dtype, shape):
    dtype = STORAGES[dtype].dtype
    dy, x, alpha = draw(*shape).astype(dtype), draw(*shape).astype(dtype), draw(shape[1]).astype(dtype)
    want, slope = prelu(x, alpha=alpha), prelu.backward(dy, x, alpha=alpha)
    by_hand = np.where(x > 0, x, (x.astype(np.float64) * alpha[None, :, None]).astype(dtype))
    np.testing.assert_array_equal(want, by_hand)
    place = x.copy()
    assert prelu(place, out=place, alpha=alpha) is place
    np.testing.assert_array_equal(place, want)
    for target in (0, 1):
        arrays = [dy.copy(), x.copy()]
        assert prelu.backward(*arrays, out=arrays[target], alpha=alpha) is arrays[target]
        np.testing.assert_array_equal(arrays[target], slope)


@pytest.mark.parametrize("shift", [-1, 1])
def test_out_may_half_cover_an_input(shift):
    memory = draw(1001)
    x, out = (memory[:-1], memory[1:]) if shift > 0 else (memory[1:], memory[:-1])
    before, want = memory.copy(), silu(x.copy())
    for _ in range(2):  # the second call is tried the short way
        memory[:] = before
        assert silu(x, out=out) is out
        np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("of", ["dy", "x"])
def test_out_may_half_cover_one_input_of_a_gradient(of):
    memory, other = draw(1001), draw(1000)
    covered, out = memory[:-1], memory[1:]
    before, arrays = memory.copy(), (covered, other) if of == "dy" else (other, covered)
    want = silu.backward(*[a.copy() for a in arrays])
    for _ in range(2):
        memory[:] = before
        assert silu.backward(*arrays, out=out) is out
        np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("shift", [-1, 1])
def test_out_may_half_cover_an_input_with_an_alpha_per_channel(shift):
    memory, alpha = draw(2 * 3 * 500 + 1), draw(3)
    parts = [part.reshape(2, 3, 500) for part in (memory[:-1], memory[1:])]
    x, out = parts[::shift]
    want = prelu(x.copy(), alpha=alpha)
    assert prelu(x, out=out, alpha=alpha) is out
    np.testing.assert_array_equal(out, want)


def test_inputs_are_not_written():
    dy, x = draw(100), draw(100)
    copies = dy.copy(), x.copy()
    silu.backward(dy, x)
    np.testing.assert_array_equal(dy, copies[0])
    np.testing.assert_array_equal(x, copies[1])


@pytest.mark.parametrize("threads", [None, 2, 3, 7])
def test_threads_do_not_change_the_bits(threads):
    x, dy = draw(2 * launch.PER_THREAD + 77), draw(2 * launch.PER_THREAD + 77)
    assert silu(x, threads=threads).tobytes() == silu(x, threads=1).tobytes()
    assert silu.backward(dy, x, threads=threads).tobytes() == silu.backward(dy, x, threads=1).tobytes()
    one = prelu.backward_alpha(dy, x, threads=1)
    assert prelu.backward_alpha(dy, x, threads=threads).tobytes() == one.tobytes()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_share_planes_of_channels(threads):
    x, alpha = draw(5, 3, 7), draw(3)
    want = np.where(x > 0, x, (alpha[None, :, None].astype(float) * x).astype(np.float32))
    np.testing.assert_array_equal(prelu(x, alpha=alpha, threads=threads), want)


def test_pieces_cover_everything_once():
    for count in (0, 1, 63, 64, 65, 1000):
        for threads in (1, 2, 3, 50):
            seen = np.zeros(count, int)

            def mark(start, stop, seen=seen):
                assert start % 64 == 0
                seen[start:stop] += 1

            launch.share(mark, count, 64, threads)
            assert (seen == 1).all()


def test_an_error_in_a_thread_reaches_the_caller():
    def fail(start, stop):
        if start:
            raise RuntimeError("in a thread")

    with pytest.raises(RuntimeError, match="in a thread"):
        launch.share(fail, 128, 64, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:os.fork:RuntimeWarning")  # JAX's, where it is loaded
def test_threads_work_in_a_forked_child():
    x = draw(1000)
    want = leaky_relu(x, threads=2)
    child = os.fork()
    if child == 0:
        os._exit(0 if leaky_relu(x, threads=2).tobytes() == want.tobytes() else 1)
    assert os.waitpid(child, 0)[1] == 0


OF_ALL_LENGTHS = """
import numpy as np
from bench import fenv
from kernels.cpu import selu

for n in range(1, 200):
    dy, x = np.random.default_rng(n).standard_normal((2, n)).astype(np.float16)
    out = np.empty_like(x)
    if "invalid" in fenv.raised(lambda: selu.backward(dy, x, variant="rounded", out=out)):
        print(n)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="it is about a way in which x86-64 takes a half from memory")
def test_no_length_raises_a_flag_on_a_machine_without_arithmetic_of_halves(tmp_path):
    """There LLVM loads a half with what its register had before beside it, and converts all of that."""
    features = llvmlite.binding.get_host_cpu_features()
    features["avx512fp16"] = False
    there = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features.flatten(), "HALFULP_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", OF_ALL_LENGTHS], env=os.environ | there, cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")
