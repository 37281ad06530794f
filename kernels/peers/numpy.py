# SPDX-License-Identifier: MIT
"""NumPy, as people write it: the formula in ufuncs, on one thread. There are no gradients in it."""

from typing import Any

from kernels.peers.adapter import Peer
from kernels.registry import Lacks

NATIVE = ("float16", "float32", "float64")


def _instruction_set(numpy: Any) -> str:
    """What the ufuncs used here that have code for several chose in float32: one, or each that one of them chose."""
    from numpy.lib import introspect

    ufuncs = introspect.opt_func_info(func_name="^(exp|log1p|maximum|tanh)$", signature="float32")
    return ", ".join(sorted({loop["current"] for loops in ufuncs.values() for loop in loops.values()}))


PEER = Peer("numpy", "numpy", "numpy", instruction_set=_instruction_set)
LACKS = [
    Lacks("numpy", "NumPy has no gradients", directions=("backward", "backward_alpha")),
    Lacks("numpy", "bfloat16 is no dtype of NumPy's own", dtypes=("bfloat16",)),
    Lacks("numpy", "NumPy has no erf", activations=("gelu",)),
]


@PEER.operation("sigmoid", dtypes=NATIVE, why="1 / (1 + np.exp(-x))")
def sigmoid(numpy, x):
    return 1 / (1 + numpy.exp(-x))


@PEER.operation("tanh", dtypes=NATIVE, why="np.tanh(x)")
def tanh(numpy, x, out):
    return numpy.tanh(x, out=out)


@PEER.operation("relu", dtypes=NATIVE, why="np.maximum(x, 0)")
def relu(numpy, x, out):
    return numpy.maximum(x, 0, out=out)


@PEER.operation("leaky_relu", dtypes=NATIVE, why="np.where(x > 0, x, slope * x)", parameters={"negative_slope": 0.01})
def leaky_relu(numpy, x, negative_slope):
    return numpy.where(x > 0, x, negative_slope * x)


@PEER.operation("prelu", dtypes=NATIVE, why="np.where(x > 0, x, alpha * x)", parameters={"alpha": 0.25})
def prelu(numpy, x, alpha):
    return numpy.where(x > 0, x, alpha * x)


@PEER.operation("elu", dtypes=NATIVE, why="np.where(x > 0, x, alpha * (np.exp(x) - 1))", parameters={"alpha": 1.0})
def elu(numpy, x, alpha):
    return numpy.where(x > 0, x, alpha * (numpy.exp(x) - 1))


@PEER.operation("selu", dtypes=NATIVE, why="1.0507 * np.where(x > 0, x, 1.67326 * (np.exp(x) - 1)), with all digits")
def selu(numpy, x):
    return 1.0507009873554805 * numpy.where(x > 0, x, 1.6732632423543772 * (numpy.exp(x) - 1))


@PEER.operation("gelu_tanh", dtypes=NATIVE, why="0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))")
def gelu_tanh(numpy, x):
    return 0.5 * x * (1 + numpy.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))


@PEER.operation("silu", dtypes=NATIVE, why="x / (1 + np.exp(-x))", parameters={"beta": 1.0})
def silu(numpy, x):
    return x / (1 + numpy.exp(-x))


@PEER.operation("mish", dtypes=NATIVE, why="x * np.tanh(np.log1p(np.exp(x)))")
def mish(numpy, x):
    return x * numpy.tanh(numpy.log1p(numpy.exp(x)))


@PEER.operation("softplus", dtypes=NATIVE, why="np.log1p(np.exp(x))", parameters={"beta": 1.0})
def softplus(numpy, x):
    return numpy.log1p(numpy.exp(x))


@PEER.operation("softplus", dtypes=NATIVE, variant="logaddexp", why="np.logaddexp(0, x)", parameters={"beta": 1.0})
def softplus_by_logaddexp(numpy, x):
    return numpy.logaddexp(0, x, dtype=x.dtype)
