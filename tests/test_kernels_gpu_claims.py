# SPDX-License-Identifier: MIT
"""`stable` keeps its claim on a device whose math library is as far off as its documentation allows.

The device's source is compiled for this machine with such functions in the place of the library's: correctly rounded,
and then moved by so many ulp, up or down.
"""

import itertools

import numpy as np
import pytest

import reference
from bench.ulp import judge
from kernels.gpu import ACTIVATIONS, build, claims, source
from kernels.gpu.host import Module
from kernels.registry import registered
from reference import fast
from reference.formats import FORMATS
from tests.gpu import needs_host_compiler

OFF = """
static int off[3] = {0, 0, 0};
extern "C" void set_off(int exp, int expm1, int log1p) { off[0] = exp, off[1] = expm1, off[2] = log1p; }

inline float moved(float y, int by) {
    return y == 0 || y == 1 || isinf(y) || y != y ? y : bit_cast<float>(bit_cast<int>(y) + by);
}
inline double moved(double y, int by) {
    return y == 0 || y == 1 || isinf(y) || y != y ? y : bit_cast<double>(bit_cast<long long>(y) + by);
}
#define OFF(name, by) \\
    inline float off_##name(float x) { return moved(float(name(double(x))), by); } \\
    inline double off_##name(double x) { return moved(double(name##l(x)), by); }
OFF(exp, off[0])
OFF(expm1, off[1])
OFF(log1p, off[2])
#define exp off_exp
#define expm1 off_expm1
#define log1p off_log1p
"""
SIZES = {"float32": 1 << 15, "float64": 1 << 10}
STABLE = {
    (k.activation, k.direction, k.dtype): k
    for k in registered()
    if k.backend == "numba" and k.variant == "stable" and k.direction != "backward_alpha"
}
CALLING = sorted({(a, d) for a, d, _ in STABLE if a not in ("relu", "leaky_relu", "prelu")})


@pytest.fixture
def _off(monkeypatch):
    needs_host_compiler()
    headers = source.headers()
    monkeypatch.setattr(source, "headers", lambda: headers | {"host.cuh": headers["host.cuh"] + OFF})


def errors(module: Module, activation: str, direction: str, dtype: str) -> tuple[float, float]:
    """The largest error with a library that rounds correctly, and with one that is off, up or down."""
    own, form, known = getattr(ACTIVATIONS[activation], direction), FORMATS[dtype], reference.activations()[activation]
    rng = np.random.default_rng(form.bits)
    x = np.concatenate([rng.uniform(-20, 20, SIZES[dtype]), rng.normal(0, 1, SIZES[dtype] // 2)]).astype(form.dtype)
    dy = [] if direction == "forward" else [rng.normal(0, 1, x.size).astype(form.dtype)]
    exact = fast.exact(known, direction, form, x, known.defaults, *dy)
    function, out = module.get_function(own.entry("stable", dtype).name), np.empty_like(x)

    def largest(*off: int) -> float:
        module.library.set_off(*off)
        function((1,), (1,), (*[a.ctypes.data for a in (*dy, x, out)], x.size))
        return float(np.nanmax(judge(out, exact, form).error_ulp))

    off = claims.OFF_BY[dtype].values()
    return largest(0, 0, 0), max(largest(*signed) for signed in itertools.product(*[(-by, by) for by in off]))


@pytest.mark.usefixtures("_off")
@pytest.mark.parametrize(("activation", "direction"), CALLING)
def test_stable_keeps_its_claim_with_a_library_as_far_off_as_it_may_be(activation, direction):
    own = getattr(ACTIVATIONS[activation], direction)
    module = Module(build.host_library([own.entry("stable", dtype) for dtype in claims.OFF_BY]))
    for dtype in claims.OFF_BY:
        kernel = STABLE[activation, direction, dtype]
        bound, (right, off) = claims.of_device(kernel).bound, errors(module, activation, direction, dtype)
        assert right <= kernel.claim.bound
        assert off <= bound
        if dtype == "float32" and bound > 5:
            assert off > kernel.claim.bound  # the CPU's would not be kept


def test_where_the_library_does_not_count_the_claim_is_that_of_the_cpu():
    for kernel in registered():
        if kernel.backend == "numba" and (kernel.variant != "stable" or kernel.dtype in ("float16", "bfloat16")):
            assert claims.of_device(kernel) is kernel.claim
    for (activation, direction, dtype), kernel in STABLE.items():
        if (activation, direction) not in CALLING:
            assert claims.of_device(kernel) is kernel.claim, dtype
