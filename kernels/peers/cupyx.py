# SPDX-License-Identifier: MIT
"""CuPy as people write it: its special functions, and ElementwiseKernel with the formula, in the array's arithmetic.

CuPy compiles both so that subnormals are flushed to zero in float32.
"""

import functools
from typing import Any

from kernels.gpu.device import INSTALL, why_absent
from kernels.peers.adapter import Peer
from kernels.registry import Lacks

# ElementwiseKernel's text, of x and y; a float16 is computed with in float32.
FORMULAS = {
    "sigmoid": "1 / (1 + exp(-x))",
    "tanh": "tanh(x)",
    "relu": "x > 0 ? x : 0",
    "leaky_relu": "x > 0 ? x : x * W(0.01)",
    "elu": "x > 0 ? x : expm1(x)",
    "selu": "W(1.0507009873554805) * (x > 0 ? x : W(1.6732632423543772) * expm1(x))",
    "gelu": "W(0.5) * x * (1 + erf(x * W(0.7071067811865476)))",
    "gelu_tanh": "W(0.5) * x * (1 + tanh(W(0.7978845608028654) * (x + W(0.044715) * x * x * x)))",
    "silu": "x / (1 + exp(-x))",
    "mish": "x * tanh(log1p(exp(x)))",
    "softplus": "log1p(exp(x))",
}
PARAMETERS = {
    "leaky_relu": {"negative_slope": 0.01},
    "elu": {"alpha": 1.0},
    "silu": {"beta": 1.0},
    "softplus": {"beta": 1.0},
}

PEER = Peer(
    "cupyx",
    "cupy",
    INSTALL.removeprefix("pip install "),
    from_numpy=lambda cupy, array: cupy.asarray(array),
    to_numpy=lambda cupy, array, dtype: array.get(),
    device="cuda",
    lacks=why_absent,
)


@functools.cache
def _kernel(cupy: Any, activation: str, dtype: str) -> Any:
    wide = "double" if dtype == "float64" else "float"
    body = f"const W x = a_x; y = {FORMULAS[activation]};"
    return cupy.ElementwiseKernel("T a_x", "T y", body, f"{activation}_{dtype}", preamble=f"typedef {wide} W;")


def _operation(activation: str) -> Any:
    def operation(cupy: Any, x: Any, out: Any) -> Any:
        return _kernel(cupy, activation, x.dtype.name)(x, out)

    return operation


LACKS = [
    Lacks("cupyx", "CuPy has no gradients", directions=("backward", "backward_alpha")),
    Lacks("cupyx", "bfloat16 is not tried with CuPy's own functions", dtypes=("bfloat16",)),
    Lacks("cupyx", "PReLU is not tried in CuPy: it is Leaky ReLU with another slope", activations=("prelu",)),
]

_has = functools.partial(PEER.operation, dtypes=("float16", "float32", "float64"), flushes=("float32",))


for _name, _formula in FORMULAS.items():
    _why = f"cupy.ElementwiseKernel: y = {_formula}"
    _has(_name, variant="elementwise", why=_why, parameters=PARAMETERS.get(_name))(_operation(_name))


def _special(cupy: Any) -> Any:
    import cupyx.scipy.special

    return cupyx.scipy.special


@_has("sigmoid", why="cupyx.scipy.special.expit(x)")
def sigmoid(cupy, x, out):
    return _special(cupy).expit(x, out)


# Of a float16 some versions of CuPy return a float32, some a float64.
@_has("gelu", variant="ndtr", why="x * cupyx.scipy.special.ndtr(x), of x's dtype")
def gelu_by_ndtr(cupy, x):
    return (x * _special(cupy).ndtr(x)).astype(x.dtype, copy=False)


@_has("softplus", why="-cupyx.scipy.special.log_expit(-x), of x's dtype", parameters={"beta": 1.0})
def softplus(cupy, x):
    return (-_special(cupy).log_expit(-x)).astype(x.dtype, copy=False)
