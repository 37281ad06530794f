# SPDX-License-Identifier: MIT
"""Calling the kernels: what is there, what is accepted, and what is refused with a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import kernels.cpu
from kernels.cpu import ACTIVATIONS, elu, leaky_relu, prelu, relu, silu
from kernels.registry import VARIANTS, registered

ROOT = Path(__file__).resolve().parent.parent
NAMES = {
    "elu",
    "gelu",
    "gelu_tanh",
    "leaky_relu",
    "mish",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "tanh",
}
DTYPES = ("float16", "bfloat16", "float32", "float64")

RNG = np.random.default_rng(3)


def draw(*shape: int, dtype="float32") -> np.ndarray:
    return np.asarray(3 * RNG.standard_normal(shape)).astype(dtype)


def test_every_activation_has_every_variant_direction_and_dtype():
    assert set(ACTIVATIONS) >= NAMES
    ours = {(k.activation, k.direction, k.dtype, k.variant): k for k in registered() if k.backend == "numba"}
    for name in NAMES:
        directions = ("forward", "backward") + (("backward_alpha",) if name == "prelu" else ())
        for direction in directions:
            for dtype in DTYPES:
                for variant in ("textbook", "stable"):
                    kernel = ours[name, direction, dtype, variant]
                    assert kernel.why
                    assert (kernel.claim is None) == (variant == "textbook")
                    assert kernel.takes_out == (direction != "backward_alpha")
    assert {k[-1] for k in ours} <= set(VARIANTS)


def test_a_registered_kernel_can_be_compiled_and_called():
    kernel = next(k for k in registered() if k.id == "relu-forward-float32-numba-stable")
    kernel.compile()
    x = draw(5)
    out = np.empty_like(x)
    assert kernel(x, out=out, threads=1) is out
    np.testing.assert_array_equal(out, np.maximum(x, 0))


def test_importing_compiles_nothing_and_needs_no_other_package():
    script = """
import sys
import kernels.cpu.silu
from kernels.cpu import ACTIVATIONS, silu
assert callable(silu) and silu is ACTIVATIONS["silu"], silu
for a in ACTIVATIONS.values():
    assert not any(v.compiled for d in (a.forward, a.backward) for v in d.variants.values())
assert not {"reference", "bench", "reports"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


@pytest.mark.parametrize("dtype", DTYPES)
def test_shape_and_dtype_are_those_of_x(dtype):
    for shape in ((), (0,), (3, 0, 2), (7,), (2, 3, 4)):
        x = draw(*shape, dtype=dtype)
        for y in (relu(x), relu.backward(x, x)):
            assert isinstance(y, np.ndarray)
            assert y.shape == shape
            assert y.dtype == x.dtype


def test_the_default_variant_is_stable_and_parameters_have_their_defaults():
    x = draw(50)
    np.testing.assert_array_equal(leaky_relu(x), leaky_relu(x, variant="stable", negative_slope=0.01))
    np.testing.assert_array_equal(leaky_relu(x, negative_slope=0.5), np.where(x > 0, x, x / 2))


def test_a_parameter_is_exactly_the_number_given():
    x = -np.arange(1, 50, dtype=np.float32)
    slope = 0.1  # not a float32: rounding it first would give other results
    want = (slope * x.astype(float)).astype(np.float32)
    assert (want != np.float32(slope) * x).any()
    np.testing.assert_array_equal(leaky_relu(x, negative_slope=slope), want)


def test_alpha_per_channel_is_a_loop_over_channels():
    x, dy = draw(3, 4, 5), draw(3, 4, 5)
    alpha = draw(4)
    got = prelu(x, alpha=alpha), prelu.backward(dy, x, alpha=alpha), prelu.backward_alpha(dy, x, alpha=alpha)
    assert got[2].shape == (4,)
    for c in range(4):
        one = float(alpha[c])
        np.testing.assert_array_equal(got[0][:, c], prelu(x[:, c], alpha=one))
        np.testing.assert_array_equal(got[1][:, c], prelu.backward(dy[:, c], x[:, c], alpha=one))
        assert got[2][c] == prelu.backward_alpha(dy[:, c], x[:, c], alpha=one)


def test_out_may_overlap_an_alpha_per_channel():
    x, memory = -np.ones((2, 3), np.float32), np.array([2, 3, 4, 0, 0, 0], np.float32)
    out = memory.reshape(2, 3)
    assert prelu(x, alpha=memory[:3], out=out) is out
    assert out.tolist() == [[-2, -3, -4]] * 2


def test_alpha_per_channel_without_further_axes_and_with_scalars():
    x = draw(6, 3, dtype=ml_dtypes.bfloat16)
    alpha = np.array([0.5, 2, 0], x.dtype)
    np.testing.assert_array_equal(prelu(x, alpha=alpha), np.where(x > 0, x, (x * alpha[None]).astype(x.dtype)))
    for scalar in (2, np.float32(2), alpha[1], np.array(2.0)):
        np.testing.assert_array_equal(prelu(x, alpha=scalar), np.where(x > 0, x, x + x))


X = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: silu([1.0]), TypeError, "x must be a numpy array, not list"),
        (lambda: silu(np.ones(3, np.int32)), TypeError, "x is int32: convert it to one of float16, bfloat16"),
        (lambda: silu(X, variant="fastest"), ValueError, "no variant 'fastest'; its variants: textbook, stable"),
        (lambda: silu(X, alpha=1), TypeError, "silu has no parameter 'alpha'; its parameters: beta"),
        (lambda: relu(X, alpha=1), TypeError, "its parameters: none"),
        (lambda: silu(X, beta="1"), TypeError, "beta must be a number, not str"),
        (lambda: elu(X, alpha=np.ones(3, np.float32)), TypeError, "alpha must be a number, not ndarray"),
        (lambda: prelu(X, alpha=[1, 2, 3]), TypeError, "one number per channel, not list"),
        (lambda: prelu(X, alpha=np.ones(3)), TypeError, r"alpha is float64 but x is float32: use alpha\.astype"),
        (lambda: prelu(X, alpha=np.ones(2, np.float32)), ValueError, "axis 1 of x"),
        (lambda: prelu(X[0], alpha=np.ones(3, np.float32)), ValueError, "axis 1 of x"),
        (
            lambda: silu(X, out=np.ones((2, 3))),
            TypeError,
            "out must be a numpy array of x's dtype, float32, not float64",
        ),
        (lambda: silu(X, out=np.ones((3, 2), np.float32)), ValueError, r"out has shape \(3, 2\) but x has \(2, 3\)"),
        (lambda: silu(X, out=np.broadcast_to(X[:1], X.shape)), ValueError, "out is read-only"),
        (lambda: silu(X, threads=0), ValueError, "threads is 0: pass 1 or more"),
        (lambda: silu(X, threads="all"), ValueError, "threads is 'all'"),
        (lambda: silu.backward(X[:1], X), ValueError, r"dy has shape \(1, 3\) but x has \(2, 3\)"),
        (lambda: silu.backward(X.astype(float), X), TypeError, "dy must be a numpy array of x's dtype, float32"),
        (lambda: prelu.backward_alpha(X[:1], X), ValueError, "dy has shape"),
    ],
)
def test_what_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_a_new_file_is_a_new_activation(tmp_path, monkeypatch):
    (tmp_path / "twice.py").write_text(
        "from kernels.cpu.define import Activation\n"
        'twice = Activation("twice")\n'
        '@twice.forward.variant("textbook", why="2x")\n'
        "def textbook(x):\n    return x + x\n"
    )
    monkeypatch.setattr(kernels.cpu, "__path__", [*kernels.cpu.__path__, str(tmp_path)])
    before = dict(sys.modules)
    try:
        found = kernels.cpu._find()
        assert set(found) == {*ACTIVATIONS, "twice"}
        np.testing.assert_array_equal(found["twice"](X, variant="textbook"), X + X)
    finally:
        sys.modules.pop("kernels.cpu.twice")
        assert set(sys.modules) >= set(before)
        for kernel in [k.id for k in registered() if k.activation == "twice"]:
            del kernels.registry._kernels[kernel]


def test_a_kernel_is_compiled_once_the_cache_has_its_code(tmp_path):
    script = (
        "from kernels.cpu import relu; from kernels.registry import registered\n"
        "kernel = next(k for k in registered() if k.id == 'relu-forward-float32-numba-stable')\n"
        "print(kernel.is_compiled()); kernel.compile(); print(kernel.is_compiled())"
    )
    environment = os.environ | {"HALFULP_CACHE_DIR": str(tmp_path)}
    printed = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert printed.stdout.split() == ["False", "True"]
