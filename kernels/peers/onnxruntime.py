# SPDX-License-Identifier: MIT
"""ONNX Runtime on the CPU: a graph of one node for each activation, its input and output bound before.

It has kernels for inference alone, so no gradients; none for bfloat16; and in float16 it casts to float32 and back,
inside of what is timed. SiLU is Swish (opset 24), which it takes apart into Sigmoid and Mul, and QuickGelu with α = 1.
PReLU's α is a tensor that the graph has.
"""

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.peers.adapter import PRELU, Peer, named
from kernels.registry import Lacks

HALF_AND_SINGLE, FLOATS = ("float16", "float32"), ("float16", "float32", "float64")
OPSET = 24
TENSORS = {"float16": "FLOAT16", "float32": "FLOAT", "float64": "DOUBLE"}  # the names in onnx.TensorProto
# (activation, variant): the node, its domain, its attributes, the dtypes that it has, and the parameters
NODES: dict[tuple[str, str], tuple[str, str, dict[str, Any], tuple[str, ...], dict[str, float]]] = {
    ("sigmoid", "library"): ("Sigmoid", "", {}, FLOATS, {}),
    ("tanh", "library"): ("Tanh", "", {}, FLOATS, {}),
    ("relu", "library"): ("Relu", "", {}, FLOATS, {}),
    ("leaky_relu", "library"): ("LeakyRelu", "", {"alpha": 0.01}, HALF_AND_SINGLE, {"negative_slope": 0.01}),
    ("prelu", "library"): ("PRelu", "", {}, HALF_AND_SINGLE, PRELU),
    ("elu", "library"): ("Elu", "", {"alpha": 1.0}, HALF_AND_SINGLE, {"alpha": 1.0}),
    ("selu", "library"): ("Selu", "", {}, HALF_AND_SINGLE, {}),
    ("gelu", "library"): ("Gelu", "", {}, HALF_AND_SINGLE, {}),
    ("gelu_tanh", "library"): ("Gelu", "", {"approximate": "tanh"}, FLOATS, {}),
    ("gelu_tanh", "fast-gelu"): ("FastGelu", "com.microsoft", {}, FLOATS, {}),
    ("silu", "library"): ("Swish", "", {}, FLOATS, {"beta": 1.0}),
    ("silu", "quick-gelu"): ("QuickGelu", "com.microsoft", {"alpha": 1.0}, FLOATS, {"beta": 1.0}),
    ("mish", "library"): ("Mish", "", {}, HALF_AND_SINGLE, {}),
    ("softplus", "library"): ("Softplus", "", {}, HALF_AND_SINGLE, {"beta": 1.0}),
}

_threads = 1  # what sessions are made with from now on


def _set_threads(onnxruntime: Any, threads: int) -> None:
    global _threads
    _threads = threads


def _from_numpy(onnxruntime: Any, array: np.ndarray) -> Any:
    return onnxruntime.OrtValue.ortvalue_from_numpy(array)


def _to_numpy(onnxruntime: Any, value: Any, dtype: np.dtype) -> np.ndarray:
    return value.numpy()


def _lacks() -> str | None:
    if importlib.util.find_spec("onnx") is None:
        return "the graphs for ONNX Runtime are made with onnx, which is not installed: pip install onnx"
    return None


PEER = Peer(
    "onnxruntime",
    "onnxruntime",
    "onnxruntime onnx",
    _from_numpy,
    _to_numpy,
    _set_threads,
    lacks=_lacks,
    rests_on=("onnx",),
)
SINGLE_ALONE = tuple(name for (name, _), node in NODES.items() if node[3] == HALF_AND_SINGLE)
LACKS = [
    Lacks("onnxruntime", "ONNX Runtime infers: it has no gradients", directions=("backward", "backward_alpha")),
    Lacks("onnxruntime", "ONNX Runtime has no kernels for bfloat16 on the CPU", dtypes=("bfloat16",)),
    Lacks("onnxruntime", "its kernel for the CPU has no float64", activations=SINGLE_ALONE, dtypes=("float64",)),
]


@functools.cache
def _session(onnxruntime: Any, activation: str, variant: str, dtype: str, threads: int) -> Any:
    from onnx import TensorProto, helper

    node, domain, attributes, _, _ = NODES[activation, variant]
    tensor = getattr(TensorProto, TENSORS[dtype])
    x, y = (helper.make_tensor_value_info(name, tensor, None) for name in "xy")  # of any shape
    slope = [helper.make_tensor("slope", tensor, [1], [PRELU["alpha"]])] if node == "PRelu" else []
    made = helper.make_node(node, ["x", *(s.name for s in slope)], ["y"], domain=domain, **attributes)
    graph = helper.make_graph([made], node, [x], [y], slope)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = _options(onnxruntime, threads)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _options(onnxruntime: Any, threads: int) -> Any:
    """What a session is made with."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors
    return options


def _made_of_x(activation: str, variant: str) -> Callable[..., Any]:
    """What is made of x before it is timed: a session with x and room for y bound to it."""

    def bind(onnxruntime: Any, x: Any) -> tuple[Any, Any, Any]:
        dtype = np.dtype(x.numpy().dtype).name
        session = _session(onnxruntime, activation, variant, dtype, _threads)
        y = onnxruntime.OrtValue.ortvalue_from_shape_and_type(x.shape(), np.dtype(dtype).type)
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", x)
        binding.bind_ortvalue_output("y", y)
        return session, binding, y

    return bind


def _run(onnxruntime: Any, bound: tuple[Any, Any, Any]) -> Any:
    session, binding, y = bound
    session.run_with_iobinding(binding)
    return y


for (_activation, _variant), (_node, _domain, _attributes, _dtypes, _parameters) in NODES.items():
    PEER.operation(
        _activation,
        dtypes=_dtypes,
        variant=_variant,
        why=f"a node {_domain and _domain + '::'}{_node}{named(_attributes)}",
        parameters=_parameters,
        made_of_x=_made_of_x(_activation, _variant),
    )(_run)
