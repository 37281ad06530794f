# SPDX-License-Identifier: MIT
"""SciPy's special functions, and what is usually made of them, on one thread. There are no gradients in it."""

import math

from kernels.peers.adapter import Peer
from kernels.registry import Lacks

NATIVE = ("float32", "float64")

PEER = Peer("scipy", "scipy.special", "scipy")
LACKS = [
    Lacks("scipy", "SciPy has no gradients", directions=("backward", "backward_alpha")),
    Lacks("scipy", "scipy.special returns other dtypes for those of 16 bits", dtypes=("float16", "bfloat16")),
    Lacks(
        "scipy",
        "scipy.special has no function for it that NumPy has not",
        activations=("tanh", "relu", "leaky_relu", "prelu", "elu", "selu", "gelu_tanh", "mish"),
    ),
]


@PEER.operation("sigmoid", dtypes=NATIVE, why="scipy.special.expit(x)")
def sigmoid(special, x, out):
    return special.expit(x, out=out)


@PEER.operation("gelu", dtypes=NATIVE, why="0.5 * x * (1 + scipy.special.erf(x / sqrt(2)))")
def gelu(special, x):
    return 0.5 * x * (1 + special.erf(x / math.sqrt(2)))


@PEER.operation("gelu", dtypes=NATIVE, variant="ndtr", why="x * scipy.special.ndtr(x)")
def gelu_by_ndtr(special, x):
    return x * special.ndtr(x)


@PEER.operation("silu", dtypes=NATIVE, why="x * scipy.special.expit(x)", parameters={"beta": 1.0})
def silu(special, x):
    return x * special.expit(x)


@PEER.operation("softplus", dtypes=NATIVE, why="-scipy.special.log_expit(-x)", parameters={"beta": 1.0})
def softplus(special, x):
    return -special.log_expit(-x)
