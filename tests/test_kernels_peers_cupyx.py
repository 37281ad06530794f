# SPDX-License-Identifier: MIT
"""CuPy's kernels as people write them: each formula, compiled for this machine, is the function that it says it is."""

import ctypes
import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from mpmath import mpf

import reference
from kernels.gpu import build
from kernels.peers import cupyx
from kernels.peers.cupyx import FORMULAS, PARAMETERS
from tests.gpu import needs_host_compiler


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> ctypes.CDLL:
    needs_host_compiler()
    folder = tmp_path_factory.mktemp("formulas")
    functions = [
        f'extern "C" double {name}_of_cupy(double a_x) {{ const W x = a_x; double y; y = {formula}; return y; }}'
        for name, formula in FORMULAS.items()
    ]
    (folder / "formulas.cpp").write_text(
        "\n".join(["#include <cmath>", "using namespace std;", "typedef double W;", *functions])
    )
    made = folder / "formulas.so"
    subprocess.run([build.host_compiler(), "-shared", "-fPIC", folder / "formulas.cpp", "-o", made], check=True)
    return ctypes.CDLL(str(made))


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_the_function(library, name):
    function, activation = getattr(library, f"{name}_of_cupy"), reference.activations()[name]
    function.argtypes, function.restype = [ctypes.c_double], ctypes.c_double
    assert PARAMETERS.get(name, {}) == activation.defaults
    for x in (-3.0, -0.75, -0.25, 0.25, 1.5, 3.0):
        exact = activation.forward(mpf(x), **{k: mpf(v) for k, v in activation.defaults.items()})
        assert function(x) == pytest.approx(float(exact), rel=1e-12)


# What the universal functions of two releases return, as the tables in CuPy's cupyx/scipy/special/ have it: float16 is
# computed with in the first type of the table that it converts to. ndtr has none for it in 13.
UFUNCS = {
    "13.6": {"expit": ("ee", "ff", "dd"), "log_expit": ("ef", "ff", "dd"), "ndtr": ("ff", "dd")},
    "14.2": dict.fromkeys(("expit", "log_expit", "ndtr"), ("ed", "ff", "dd")),
}
MEANT = {
    "expit": lambda x: 1 / (1 + math.exp(-x)),
    "log_expit": lambda x: -math.log1p(math.exp(-x)),
    "ndtr": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
}


def ufunc(name: str, table: tuple[str, ...]):
    def function(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        returned = next(to for given, to in table if np.can_cast(x.dtype, given))
        got = np.vectorize(MEANT[name], otypes=[returned])(x.astype(float))
        if out is None:
            return got
        out[...] = got  # as a ufunc's casting, "same_kind", allows
        return out

    return function


@pytest.mark.parametrize("version", UFUNCS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_special_function_returns_the_dtype_of_x_whatever_cupy_does(monkeypatch, version, dtype):
    special = SimpleNamespace(**{name: ufunc(name, table) for name, table in UFUNCS[version].items()})
    monkeypatch.setitem(sys.modules, "cupyx", SimpleNamespace(scipy=SimpleNamespace(special=special)))
    for module in ("cupyx.scipy", "cupyx.scipy.special"):
        monkeypatch.setitem(sys.modules, module, SimpleNamespace())
    x = np.array([-3, -0.25, 0.5, 2], dtype)
    for name, got in (
        ("sigmoid", cupyx.sigmoid(None, x, np.empty_like(x))),
        ("gelu", cupyx.gelu_by_ndtr(None, x)),
        ("softplus", cupyx.softplus(None, x)),
    ):
        activation = reference.activations()[name]
        exact = [float(activation.forward(mpf(float(v)), **activation.defaults)) for v in x]
        assert got.dtype == x.dtype
        np.testing.assert_allclose(got, exact, rtol=4 * np.finfo(dtype).eps)
