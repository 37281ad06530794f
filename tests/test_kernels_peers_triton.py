# SPDX-License-Identifier: MIT
"""Triton's kernels: interpreted they are the functions that they say, and they compile for a GPU that is not here."""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reference
from kernels.peers import PEERS
from kernels.peers.adapter import NAMED_ALIKE
from kernels.peers.torch import ALL
from reference import fast
from reference.formats import FORMATS

if lacking := [name for name in ("triton", "torch") if importlib.util.find_spec(name) is None]:
    pytest.skip(f"not installed: {', '.join(lacking)}", allow_module_level=True)

POINTERS = {"float16": "*fp16", "bfloat16": "*bf16", "float32": "*fp32", "float64": "*fp64"}
CLOSE = {"float16": 2e-3, "bfloat16": 1e-2, "float32": 1e-6, "float64": 1e-14}
KERNELS = [(name, direction) for name in NAMED_ALIKE for direction in ("forward", "backward")]
N = 1025  # a whole block, and one more


def arrays(direction: str, dtype: str) -> list[np.ndarray]:
    """dy and x, or x."""
    both = [np.linspace(-2, 1, N), np.linspace(-3, 3, N)]
    return [a.astype(FORMATS[dtype].dtype) for a in both[direction == "forward" :]]


def interpret(folder: Path) -> None:
    """Keep what all kernels return under Triton's interpreter."""
    run = importlib.import_module("kernels.peers._triton_kernels").run
    pytorch = PEERS["torch"]
    for name, direction in KERNELS:
        for dtype in ALL:
            given = arrays(direction, dtype)
            out = np.full_like(given[0], np.nan)
            *tensors, y = (pytorch.from_numpy(pytorch.library, a) for a in (*given, out))
            run(name, *tensors, out=y)
            np.save(folder / f"{name}-{direction}-{dtype}.npy", out.astype(np.float64))


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory) -> Path:
    """In a process of its own: whether Triton interprets is settled when it is imported."""
    folder = tmp_path_factory.mktemp("interpreted")
    code = f"import sys, pathlib; from {__name__} import interpret; interpret(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, folder], env=os.environ | {"TRITON_INTERPRET": "1"}, check=True)
    return folder


@pytest.mark.parametrize("dtype", ALL)
@pytest.mark.parametrize(("name", "direction"), KERNELS)
def test_a_kernel_is_the_function_that_it_says(interpreted, name, direction, dtype):
    activation, form = reference.activations()[name], FORMATS[dtype]
    *dy, x = arrays(direction, dtype)
    assert NAMED_ALIKE[name][2] == activation.defaults
    exact = fast.exact(activation, direction, form, x, activation.defaults, *dy).nearest.astype(np.float64)
    got = np.load(interpreted / f"{name}-{direction}-{dtype}.npy")
    np.testing.assert_allclose(got, exact, rtol=CLOSE[dtype], atol=CLOSE[dtype])


@pytest.mark.parametrize("dtype", ALL)
@pytest.mark.parametrize(("name", "direction"), KERNELS)
def test_a_kernel_compiles_for_a_gpu(name, direction, dtype, monkeypatch):
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")  # as it is unset, without the warning
    names = "triton", "triton.backends.compiler", "kernels.peers._triton_kernels"
    triton, backends, module = map(importlib.import_module, names)
    kernel, function = (module.forward, name) if direction == "forward" else (module.backward, f"{name}_gradient")
    *pointers, n, called, block = kernel.arg_names
    kinds = dict.fromkeys(pointers, POINTERS[dtype]) | {n: "i64", called: "constexpr", block: "constexpr"}
    source = triton.compiler.ASTSource(kernel, kinds, {called: getattr(module, function), block: module.BLOCK})
    made = triton.compile(source, target=backends.GPUTarget("cuda", 90, 32))
    assert ".target sm_90" in made.asm["ptx"]
    assert "st.global" in made.asm["ptx"]
