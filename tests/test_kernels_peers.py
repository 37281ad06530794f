# SPDX-License-Identifier: MIT
"""The libraries that are installed here: each operation is the function that it says it is."""

import importlib.util
import itertools
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import kernels
import reference
from bench.calling import call
from kernels.cpu.launch import cores
from kernels.peers import PEERS, absent, onnxruntime, torch_compile
from kernels.registry import Kernel, registered
from reference import fast
from reference.formats import FORMATS

kernels.load()
INSTALLED = [k for k in registered() if k.backend in PEERS]
X = [-3.0, -1.5, -0.75, -0.25, 0.25, 0.75, 1.5, 3.0]
DY = [1.0, -2.0, 0.5, 3.0, -1.0, 0.25, 2.0, -0.75]
# Absolute where f or f′ is small. ONNX Runtime's tanh forms have constants of float32 or fewer digits, in float64 too.
CLOSE = {"float16": 2e-2, "bfloat16": 1e-1, "float32": 1e-4, "float64": 1e-4}


def given(kernel: Kernel) -> tuple[np.ndarray, ...]:
    dtype = FORMATS[kernel.dtype].dtype
    x = np.array(X).astype(dtype)
    return (x,) if kernel.direction == "forward" else (np.array(DY).astype(dtype), x)


def called(kernel: Kernel, arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    return call(kernel, *arrays, shape=() if kernel.direction == "backward_alpha" else None)


def exactly(kernel: Kernel, arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    """The exact results, rounded; of a sum, which is exact in float64 for these."""
    *dy, x = arrays
    if kernel.direction == "backward_alpha":
        return np.sum(dy[0].astype(np.float64) * x.astype(np.float64), where=x < 0)
    activation, form = reference.activations()[kernel.activation], FORMATS[kernel.dtype]
    return fast.exact(activation, kernel.direction, form, x, kernel.parameters, *dy).nearest


@pytest.mark.parametrize("kernel", INSTALLED, ids=lambda k: k.id)
def test_an_operation_is_the_function_that_it_says(kernel):
    arrays = given(kernel)
    exact, got = exactly(kernel, arrays), called(kernel, arrays)
    assert got.dtype == arrays[-1].dtype
    np.testing.assert_allclose(
        got.astype(np.float64), exact.astype(np.float64), rtol=CLOSE[kernel.dtype], atol=CLOSE[kernel.dtype]
    )


@pytest.mark.parametrize("kernel", INSTALLED, ids=lambda k: k.id)
def test_what_is_timed_is_the_same_operation(kernel):
    arrays = given(kernel)
    out = np.empty_like(arrays[-1]) if kernel.takes_out else None
    timed = kernel.timed(*arrays, out=out, threads=1 if kernel.takes_threads else None)
    peer = PEERS[kernel.backend]
    for _ in range(2):
        got = peer.to_numpy(peer.library, timed(), arrays[-1].dtype)
        assert np.array_equal(got, called(kernel, arrays))


EAGER_PRELU = [k for k in INSTALLED if (k.activation, k.backend, k.variant) == ("prelu", "torch", "library")]


@pytest.mark.parametrize("kernel", EAGER_PRELU, ids=lambda k: k.id)
def test_the_slope_of_prelu_is_no_part_of_what_is_timed(kernel):
    from torch.utils._python_dispatch import TorchDispatchMode

    class Noting(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            operators.append(function.overloadpacket.__name__)
            return function(*args, **(kwargs or {}))

    operators, timed = [], kernel.timed(*given(kernel), out=None, threads=1)
    with Noting():
        timed()
    assert set(operators) <= {"_prelu_kernel", "_prelu_kernel_backward", "sum", "view"}


SINGLE = [k for k in INSTALLED if k.dtype == "float32" and k.variant != torch_compile.VARIANT]  # which see one shape


@pytest.mark.parametrize("kernel", SINGLE, ids=lambda k: k.id)
def test_arrays_may_have_more_dimensions_than_one(kernel):
    got = called(kernel, tuple(a.reshape(2, 4) for a in given(kernel)))  # which refuses another shape than theirs
    np.testing.assert_allclose(got.reshape(-1), called(kernel, given(kernel)).reshape(-1), rtol=1e-6)


def around_the_least_normal(kernel: Kernel) -> list[tuple[np.ndarray, ...]]:
    """Arrays whose results are on both sides of it: because x is, or dy, or the function far out on the left."""
    form = FORMATS[kernel.dtype]
    tiny = form.least_normal * np.geomspace(0.25, 1000, 200)
    far = np.log(form.least_normal) + np.linspace(-3, 12, 200)
    one = np.ones_like(tiny)
    whole = [(tiny,), (-tiny,), (far,), (far / 2,)]
    if kernel.direction == "backward_alpha":
        whole = [(one, -tiny), (-one, -tiny)]
    elif kernel.direction == "backward":
        whole = [(tiny, one), (tiny, -one), (one, far), (one, far / 2)]
    return [tuple(array.astype(form.dtype) for array in arrays) for arrays in whole]


def flushes(kernel: Kernel) -> bool:
    """Whether results just below the least normal are 0, while those that are a little larger are not."""
    least, groups = FORMATS[kernel.dtype].least_normal, around_the_least_normal(kernel)
    if kernel.direction == "backward_alpha":  # of one element each, which it is the sum of
        exact = [np.abs(dy.astype(float) * x.astype(float)) for dy, x in groups]
        got = [np.array([called(kernel, (dy[i : i + 1], x[i : i + 1])) for i in range(len(x))]) for dy, x in groups]
    else:
        exact = [np.abs(exactly(kernel, arrays).astype(float)) for arrays in groups]
        got = np.split(called(kernel, tuple(map(np.concatenate, zip(*groups, strict=True)))), len(groups))
    found = False
    for due, result in zip(exact, got, strict=True):
        subnormal, normal = (result[(due >= low) & (due < 2 * low)] != 0 for low in (least / 2, 2 * least))
        found |= len(subnormal) > 0 and len(normal) > 0 and not subnormal.all() and bool(normal.all())
    return found


@pytest.mark.parametrize("kernel", INSTALLED, ids=lambda k: k.id)
def test_a_kernel_that_flushes_subnormals_says_so_and_no_other_does(kernel):
    by_processor = kernel.flushes_subnormals and kernel.backend == "torch"
    if by_processor and "avx512_bf16" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("the processor has no instruction that flushes here")
    assert flushes(kernel) == kernel.flushes_subnormals


@pytest.mark.parametrize("name", sorted({k.backend for k in INSTALLED}))
def test_a_library_says_what_it_runs_with_or_nothing(name):
    found = PEERS[name].runs_with()
    assert found.threads == (cores() if name == "torch" else None)
    assert found.instruction_set is None or found.instruction_set.strip()
    assert found.instruction_set or name not in ("numpy", "torch")


def test_every_library_is_measured_or_absent_for_a_reason():
    missing = {a.backend for a in absent() if a.variant is None}
    assert {k.backend for k in INSTALLED} | missing == PEERS.keys()
    assert not {k.backend for k in INSTALLED} & missing
    assert "numpy" in {k.backend for k in INSTALLED}


def test_what_a_library_that_is_here_does_not_have_is_lacking_for_a_reason():
    """Each activation, direction and dtype has a kernel of each library, or a sentence, and never both."""
    there = {(k.backend, k.activation, k.direction, k.dtype) for k in INSTALLED}
    for backend in {k.backend for k in INSTALLED}:
        for name, activation in reference.own().items():
            for direction, dtype in itertools.product(activation.directions, FORMATS):
                filters = {"backend": [backend], "activation": [name], "direction": [direction], "dtype": [dtype]}
                why = [it.why for it in kernels.lacking() if not it.variants and it.asked(filters)]
                assert bool(why) != ((backend, name, direction, dtype) in there), filters
    assert not {it.backend for it in kernels.lacking()} & {a.backend for a in absent() if a.variant is None}


def test_what_is_compiled_is_for_the_cpu_alone():
    assert {k.backend for k in INSTALLED if k.variant == torch_compile.VARIANT} <= {"torch"}
    assert torch_compile.PEER.also == ()


def test_onnxruntime_needs_onnx(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnx" else found(name))
    assert "onnx, which is not installed: pip install onnx" in onnxruntime.PEER.lacks()


def test_libraries_that_would_use_a_gpu_are_told_not_to():
    said = []
    fake = SimpleNamespace(config=SimpleNamespace(update=lambda *a: said.append(a)))
    PEERS["jax"].set_up(fake)
    assert ("jax_platforms", "cpu") in said
    fake.config.set_visible_devices = lambda *a: said.append(a)
    PEERS["tensorflow"].set_up(fake)
    assert said[-1] == ([], "GPU")


@pytest.mark.parametrize(("name", "package"), [("jax", "jaxlib"), ("tensorflow", "keras"), ("onnxruntime", "onnx")])
def test_what_computes_beside_a_library_is_among_the_versions(name, package):
    if PEERS[name].why_absent:
        pytest.skip("not installed")
    assert PEERS[name].versions()[package] == metadata.version(package)


def test_without_a_compiler_nothing_is_compiled_and_that_is_said():
    variants = {k.variant for k in INSTALLED if k.backend == "torch"}
    said = [a for a in absent() if a.variant == torch_compile.VARIANT]
    assert bool(said) == (bool(variants) and torch_compile.VARIANT not in variants)
    if variants:
        assert "no-such-compiler is not here" in torch_compile.why_absent("no-such-compiler")
    assert torch_compile.why_absent(sys.executable) is None


def test_what_is_compiled_is_not_compiled_again_for_another_length_or_shape():
    kernel = next((k for k in INSTALLED if k.id == "silu-backward-float32-torch-compiled"), None)
    if kernel is None:
        pytest.skip("nothing is compiled here")
    torch = PEERS["torch"].library
    x = np.linspace(-4, 4, 120, dtype=np.float32)
    whole = call(kernel, x + 1, x, threads=1)
    with torch.compiler.set_stance("fail_on_recompile"):
        for n in range(2, len(x)):
            assert np.array_equal(kernel(x[:n] + 1, x[:n], threads=1), whole[:n])
        assert np.array_equal(kernel(*(a.reshape(4, 5, 6) for a in (x + 1, x)), threads=1), whole.reshape(4, 5, 6))


def test_every_kernel_of_a_library_says_what_is_called():
    assert all(k.why for k in INSTALLED)
    assert {k.activation for k in INSTALLED} <= set(reference.own())
    for kernel in INSTALLED:
        assert kernel.parameters == reference.own()[kernel.activation].defaults
