# SPDX-License-Identifier: MIT
"""Calling the kernels of the GPU: what is accepted, what is refused with a sentence, and that it is computed."""

import functools
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

import kernels.cpu
import kernels.gpu
from kernels.gpu import claims, prelu, relu, silu, timing
from kernels.gpu.define import kernels_of
from kernels.registry import registered
from tests import fake_cuda, fake_cupy
from tests.fake_cupy import on_device
from tests.gpu import fake, played_torch  # noqa: F401

pytestmark = pytest.mark.usefixtures("fake")
ROOT = Path(__file__).resolve().parent.parent
DTYPES = ("float16", "bfloat16", "float32", "float64")
RNG = np.random.default_rng(6)


def draw(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.asarray(3 * RNG.standard_normal(shape)).astype(dtype)


def same(got: fake_cupy.ndarray, want: np.ndarray) -> bool:
    return got.array.dtype == want.dtype and got.shape == want.shape and got.array.tobytes() == want.tobytes()


@functools.cache
def of_device() -> dict[str, object]:
    return {k.id: k for k in kernels_of(kernels.gpu.ACTIVATIONS)}


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_call_is_that_of_the_cpu(dtype):
    for shape in ((), (0,), (3, 0, 2), (7,), (2, 3, 41)):
        x, dy = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype)
        assert same(silu(on_device(x), variant="fast"), kernels.cpu.silu(x, variant="fast"))
        got = silu.backward(on_device(dy), on_device(x), variant="fast", beta=1.5)
        assert same(got, kernels.cpu.silu.backward(dy, x, variant="fast", beta=1.5))


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_arrays_of_any_strides_are_read_and_written(dtype):
    x, dy = draw(12, 33, dtype=dtype), draw(33, 12, dtype=dtype)
    where = np.zeros((24, 66), dtype)
    given, out = on_device(x), on_device(where)
    result = out[::2, 1::2]
    assert silu.backward(on_device(dy.T.copy()), given, variant="fast", out=result) is result
    want = kernels.cpu.silu.backward(dy.T, x, variant="fast", out=where[::2, 1::2])
    assert same(out, where)
    assert same(given[::-1, ::3], x[::-1, ::3])
    assert same(silu(given[::-1, ::3], variant="fast"), kernels.cpu.silu(x[::-1, ::3], variant="fast"))
    assert want.shape == (12, 33)


def test_out_may_be_the_input_and_may_overlap_it():
    x = draw(5000)
    want = kernels.cpu.silu(x, variant="fast")
    in_place = on_device(x)
    assert silu(in_place, variant="fast", out=in_place) is in_place
    assert same(in_place, want)
    memory = on_device(np.concatenate([x, x[:8]]))
    silu(memory[:5000], variant="fast", out=memory[8:])
    assert same(memory[8:], want)


def test_out_may_overlap_an_alpha_for_each_channel():
    x, alpha = -np.ones((200, 300), np.float32), draw(300)
    memory = on_device(np.resize(alpha, 60_000))
    out = memory.reshape(200, 300)
    assert prelu(on_device(x), variant="fast", alpha=memory[:300], out=out) is out
    assert same(out, kernels.cpu.prelu(x, variant="fast", alpha=alpha))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [1, 3, 5])
def test_what_is_not_aligned_is_computed_all_the_same(dtype, offset):
    x, dy = draw(1010, dtype=dtype), draw(1010, dtype=dtype)
    given, seed, out = on_device(x), on_device(dy), on_device(np.zeros(1010, dtype))
    for size in (1, 2, 20, 999):
        a, b = given[offset : offset + size], seed[2 : 2 + size]
        silu.backward(b, a, variant="fast", out=out[1 : 1 + size])
        want = kernels.cpu.silu.backward(dy[2 : 2 + size], x[offset : offset + size], variant="fast")
        assert same(out[1 : 1 + size], want)
        assert not out.array[0]
        assert not out.array[1 + size :].any()
        out.array[:] = 0


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 7), (4, 1, 33), (2, 40, 3)])
def test_an_alpha_for_each_channel(dtype, shape):
    x, dy, alpha = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype), draw(2 * shape[1], dtype=dtype)[::2]
    for variant in ("stable", "fast", "rounded"):
        got = prelu(on_device(x), variant=variant, alpha=on_device(alpha))
        assert same(got, kernels.cpu.prelu(x, variant=variant, alpha=alpha))
        got = prelu.backward(on_device(dy), on_device(x), variant=variant, alpha=on_device(alpha))
        assert same(got, kernels.cpu.prelu.backward(dy, x, variant=variant, alpha=alpha))
    sums = prelu.backward_alpha(on_device(dy), on_device(x), variant="rounded", alpha=on_device(alpha))
    assert same(sums, kernels.cpu.prelu.backward_alpha(dy, x, variant="rounded", alpha=alpha))


def test_alpha_may_be_an_array_of_any_library(torch):
    x, alpha = draw(2, 3, 5), draw(3)
    want, one = kernels.cpu.prelu(x, variant="fast", alpha=alpha), kernels.cpu.prelu(x, variant="fast", alpha=0.5)
    for given in (torch.Tensor(alpha), SimpleNamespace(__dlpack__=lambda: on_device(alpha))):
        assert same(prelu(on_device(x), variant="fast", alpha=given), want)
    assert same(prelu(on_device(x), variant="fast", alpha=torch.Tensor(np.array(0.5))), one)
    sums = prelu.backward_alpha(on_device(x), on_device(x), variant="rounded", alpha=torch.Tensor(alpha))
    assert same(sums, kernels.cpu.prelu.backward_alpha(x, x, variant="rounded", alpha=alpha))
    with pytest.raises(TypeError, match="prelu: alpha is float16 but x is float32"):
        prelu(on_device(x), alpha=torch.Tensor(alpha.astype(np.float16)))
    with pytest.raises(TypeError, match=r"prelu: alpha must be an array on the device, not ndarray: use cupy\.asarray"):
        prelu(on_device(x), alpha=alpha)


def test_it_is_computed_on_the_device_that_x_is_on(torch, monkeypatch):
    monkeypatch.setattr(fake_cuda, "launches", [])
    x, alpha = draw(2, 3), draw(3)
    there, out = torch.Tensor(x, "cuda:1"), torch.Tensor(np.zeros_like(x), "cuda:1")
    assert silu(there, variant="fast", out=out) is out
    assert same(out.mine, kernels.cpu.silu(x, variant="fast"))
    made = prelu(there.mine, alpha=torch.Tensor(alpha, "cuda:1"))
    total = prelu.backward_alpha(made, there.mine)
    assert made.data.device_id == total.data.device_id == 1
    silu(on_device(x))
    assert fake_cuda.launches == [(1, 0)] * 4 + [(0, 0)]
    for wrong in (
        lambda: silu.backward(on_device(x), there),
        lambda: silu(there.mine, out=on_device(x)),
        lambda: prelu(there, alpha=on_device(alpha)),
    ):
        with pytest.raises(ValueError, match="is on device 0, but x is on device 1: bring both to one device"):
            wrong()
    assert fake_cuda.current.device == 0


def test_tensors_are_computed_on_the_stream_that_is_pytorchs_and_arrays_on_cupys(torch, monkeypatch):
    monkeypatch.setattr(fake_cuda, "launches", [])
    x = draw(6)
    torch.streams = {0: 7, 1: 8}
    with fake_cuda.Device(0), fake_cuda.ExternalStream(5, 0):
        for given in (on_device(x), torch.Tensor(x), torch.Tensor(x, "cuda:1")):
            silu(given)
        silu.backward(torch.Tensor(x), on_device(x))
        silu(on_device(x), out=torch.Tensor(x))
        torch.streams = {}
        silu(torch.Tensor(x))
        assert fake_cuda.current.streams[0] == 5
    assert fake_cuda.launches == [(0, 5), (0, 7), (1, 8), (0, 7), (0, 7), (0, 0)]


def test_an_alpha_that_is_a_tensor_counts_as_one_of_the_arrays(torch, monkeypatch):
    monkeypatch.setattr(fake_cuda, "launches", [])
    x, alpha = on_device(draw(2, 3)), torch.Tensor(draw(3))
    torch.streams = {0: 7}
    prelu(x, alpha=alpha)
    prelu.backward(x, x, alpha=alpha)
    prelu.backward_alpha(x, x, alpha=alpha)
    assert fake_cuda.launches == [(0, 7)] * 4


def test_on_pytorchs_stream_what_cupys_was_given_before_is_done_and_cupys_waits(torch, monkeypatch):
    for noted in ("launches", "waits"):
        monkeypatch.setattr(fake_cuda, noted, [])
    x, there = on_device(draw(2, 3)), torch.Tensor(draw(2, 3), "cuda:1")
    silu(x, out=torch.Tensor(draw(2, 3)))
    assert fake_cuda.waits == []
    torch.streams = {0: 7, 1: 8}
    silu(x)
    assert fake_cuda.waits == []
    silu(x, out=torch.Tensor(draw(2, 3)))
    assert fake_cuda.waits == [(2, 7, 0), (3, 0, 7)]
    silu(there)
    assert fake_cuda.waits[2:] == [(3, 8, 0), (4, 0, 8)]


def test_a_graph_that_pytorch_captures_waits_for_nothing_outside(torch, monkeypatch):
    for noted, found in (("launches", []), ("waits", []), ("capturing", {7})):
        monkeypatch.setattr(fake_cuda, noted, found)
    torch.streams = {0: 7}
    silu(torch.Tensor(draw(6)))
    assert (fake_cuda.launches, fake_cuda.waits) == ([(0, 7)], [])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("little", [0.0, 2.0**-60, -(2.0**-60)])
def test_a_sum_at_a_tie_or_beside_one_is_decided_exactly(sign, little):
    # 1 + 2^-24, a tie of float32, and a little. The exact sum is of one thread: often, as a race is not lost each time.
    dy, x = np.array([sign, sign, sign * little], np.float32), np.array([-1, -(2.0**-24), -1], np.float32)
    want = kernels.cpu.prelu.backward_alpha(dy, x, variant="rounded")
    assert want == -sign * (np.nextafter(np.float32(1), np.float32(2)) if little > 0 else np.float32(1))
    for _ in range(20):
        assert same(prelu.backward_alpha(on_device(dy), on_device(x), variant="rounded"), want)


def test_parameters_may_be_arrays_of_no_dimensions():
    x = draw(9)
    got = silu(on_device(x), variant="fast", beta=on_device(np.asarray(0.5)))
    assert same(got, kernels.cpu.silu(x, variant="fast", beta=0.5))


def test_a_name_that_is_not_there_is_told():
    x = on_device(draw(4))
    with pytest.raises(ValueError, match="silu forward has no variant 'exact'; its variants: textbook, stable, fast"):
        silu(x, variant="exact")
    with pytest.raises(TypeError, match="silu has no parameter 'alpha'; its parameters: beta"):
        silu(x, alpha=1.0)
    with pytest.raises(TypeError, match="relu backward takes dy and x"):
        relu.backward(x)


def test_arrays_that_do_not_fit_are_refused():
    x = on_device(draw(4))
    with pytest.raises(TypeError, match=r"silu: x must be an array on the device, not ndarray: use cupy\.asarray"):
        silu(draw(4))
    with pytest.raises(TypeError, match="silu: out is float64 but x is float32: they must be equal"):
        silu(x, out=on_device(draw(4, dtype="float64")))
    with pytest.raises(ValueError, match=r"silu: dy has shape \(3,\) but x has \(4,\)"):
        silu.backward(on_device(draw(3)), x)
    with pytest.raises(TypeError, match="'rounded' is for the dtypes narrower than float64"):
        silu(on_device(draw(4, dtype="float64")), variant="rounded")


def test_there_is_a_kernel_for_each_of_the_cpu():
    own = {k.id: k for k in registered() if k.backend == "numba"}
    ours = of_device()
    assert {name.replace("-numba-", "-cupy-") for name in own} == set(ours)
    for name, kernel in own.items():
        made = ours[name.replace("-numba-", "-cupy-")]
        assert made.claim == (kernel.claim if kernel.variant != "stable" else claims.of_device(kernel))
        assert (made.why, made.parameters, made.takes_out) == (kernel.why, kernel.parameters, kernel.takes_out)
        assert (made.device, made.takes_threads, made.timer) == ("cuda", False, timing.elapsed)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_kernel_takes_arrays_of_this_machine_and_keeps_their_layout(dtype):
    kernel = of_device()[f"silu-backward-{dtype}-cupy-fast"]
    memory = np.zeros(100, dtype)
    memory[:40] = draw(40, dtype=dtype)
    x, out, dy = memory[3:40:2], memory[60:41:-1], draw(19, dtype=dtype)
    want = kernels.cpu.silu.backward(dy, x, variant="fast")
    before = memory.copy()
    assert kernel(dy, x, out=out) is out
    assert out.tobytes() == want.tobytes()
    before[60:41:-1] = want
    assert memory.tobytes() == before.tobytes()
    assert kernel(dy, x).tobytes() == want.tobytes()


def test_a_sum_of_arrays_of_this_machine():
    kernel = of_device()["prelu-backward_alpha-float32-cupy-rounded"]
    x, dy = draw(3000), draw(3000)
    assert kernel(dy, x).tobytes() == kernels.cpu.prelu.backward_alpha(dy, x, variant="rounded").tobytes()


def test_what_is_timed_is_the_call_on_arrays_of_the_device():
    kernel = of_device()["silu-forward-bfloat16-cupy-fast"]
    x, out = draw(50, dtype="bfloat16"), np.zeros(50, ml_dtypes.bfloat16)
    call = kernel.timed(x, out=out, threads=None)
    got = call()
    assert same(got, kernels.cpu.silu(x, variant="fast"))
    assert call() is got
    assert not out.any()
    assert kernel.timer(call) > 0
    assert kernel.runs_with().instruction_set == "sm_90"


def test_without_a_device_it_can_be_imported_and_a_call_says_what_is_missing():
    code = (
        "import sys; sys.modules['cupy'] = None\n"
        "import kernels.gpu, numpy\n"
        "try: kernels.gpu.silu(numpy.ones(3))\n"
        "except RuntimeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "is not installed: pip install" in done.stdout or "no NVIDIA GPU here" in done.stdout, done
