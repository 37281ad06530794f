# SPDX-License-Identifier: MIT
"""CuPy's kernels as people write them: each formula, compiled for this machine, is the function that it says it is."""

import ctypes
import subprocess

import pytest
from mpmath import mpf

import reference
from kernels.gpu import build
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
