# SPDX-License-Identifier: MIT
"""TensorFlow on the CPU: tf.keras.activations, called eagerly; gradients by its tape, traced into a graph once.

TensorFlow has no out=. Its threads can't be set once it runs; left alone, it uses as many as its process has processors
when it starts (and calls that 0), and does not tell for which instruction set it has code.

It flushes subnormals to zero in the threads that it computes in, except in float16, which is computed in float32.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.peers.adapter import NAMED_ALIKE, PRELU, Peer, named

ALL = ("float16", "bfloat16", "float32", "float64")
FLUSHED = ("bfloat16", "float32", "float64")
FLUSHED_BY = {("elu", "forward"): ()}  # near 0 Eigen's returns x


def _from_numpy(tensorflow: Any, array: np.ndarray) -> Any:
    return tensorflow.constant(array)


def _to_numpy(tensorflow: Any, tensor: Any, dtype: np.dtype) -> np.ndarray:
    return np.array(tensor.numpy())


def _set_up(tensorflow: Any) -> None:
    tensorflow.config.set_visible_devices([], "GPU")  # where it sees one, it would compute there


PEER = Peer(
    "tensorflow",
    "tensorflow",
    "tensorflow-cpu",
    _from_numpy,
    _to_numpy,
    uses_all=True,
    set_up=_set_up,
    rests_on=("keras",),
)


def _forward(function: str, options: dict[str, Any]) -> Callable[..., Any]:
    return lambda tensorflow, x: getattr(tensorflow.keras.activations, function)(x, **options)


def _backward(function: str, options: dict[str, Any]) -> Callable[..., Any]:
    @functools.cache
    def traced(tensorflow: Any) -> Callable[..., Any]:
        def gradient(dy: Any, x: Any) -> Any:
            with tensorflow.GradientTape() as tape:
                tape.watch(x)
                y = getattr(tensorflow.keras.activations, function)(x, **options)
            return tape.gradient(y, x, output_gradients=dy)

        return tensorflow.function(gradient, reduce_retracing=True)

    return lambda tensorflow, dy, x: traced(tensorflow)(dy, x)


@functools.cache
def _prelu(tensorflow: Any, dtype: Any) -> dict[str, Callable[..., Any]]:
    """Keras's layer with one α for all elements, and its gradients by direction."""
    constant = tensorflow.keras.initializers.Constant(PRELU["alpha"])
    layer = tensorflow.keras.layers.PReLU(alpha_initializer=constant, shared_axes=[1], dtype=dtype.name)
    layer.build((1, None))

    def forward(x: Any) -> Any:
        return tensorflow.reshape(layer(tensorflow.reshape(x, (1, -1))), tensorflow.shape(x))

    def backward(dy: Any, x: Any) -> Any:
        with tensorflow.GradientTape() as tape:
            tape.watch(x)
            y = forward(x)
        return tape.gradient(y, x, output_gradients=dy)

    def backward_alpha(dy: Any, x: Any) -> Any:
        with tensorflow.GradientTape() as tape:
            y = forward(x)
        return tensorflow.reshape(tape.gradient(y, layer.alpha.value, output_gradients=dy), ())

    functions = (forward, backward, backward_alpha)
    return {f.__name__: tensorflow.function(f, reduce_retracing=True) for f in functions}


def _of_prelu(direction: str) -> Callable[..., Any]:
    return lambda tensorflow, *arrays: _prelu(tensorflow, arrays[-1].dtype)[direction](*arrays)


for _direction, _what in (
    ("forward", ""),
    ("backward", "the tape's gradient of "),
    ("backward_alpha", "that in α of "),
):
    PEER.operation(
        "prelu",
        _direction,
        dtypes=ALL,
        why=f"tf.function of {_what}tf.keras.layers.PReLU with one α",
        parameters=PRELU,
        flushes=FLUSHED,
    )(_of_prelu(_direction))

for _activation, (_name, _options, _parameters) in NAMED_ALIKE.items():
    for _direction, _what, _operation in (
        ("forward", "", _forward),
        ("backward", "tf.function of the tape's gradient of ", _backward),
    ):
        PEER.operation(
            _activation,
            _direction,
            dtypes=ALL,
            why=f"{_what}tf.keras.activations.{_name}{named(_options)}",
            parameters=_parameters,
            flushes=FLUSHED_BY.get((_activation, _direction), FLUSHED),
        )(_operation(_name, _options))
