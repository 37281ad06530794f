# SPDX-License-Identifier: MIT
"""TensorFlow on the CPU: tf.keras.activations, called eagerly; gradients by its tape, traced into a graph once.

TensorFlow has no out=. Its threads can't be set once it runs; left alone, it uses as many as its process has processors
when it starts (and calls that 0), and does not tell for which instruction set it has code.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.peers.adapter import NAMED_ALIKE, Peer

ALL = ("float16", "bfloat16", "float32", "float64")


def _from_numpy(tensorflow: Any, array: np.ndarray) -> Any:
    return tensorflow.constant(array)


def _to_numpy(tensorflow: Any, tensor: Any, dtype: np.dtype) -> np.ndarray:
    return np.array(tensor.numpy())


PEER = Peer("tensorflow", "tensorflow", "tensorflow-cpu", _from_numpy, _to_numpy, uses_all=True)


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


for _activation, (_name, _options, _parameters) in NAMED_ALIKE.items():
    _given = "".join(f", {name}={value}" for name, value in _options.items())
    PEER.operation(_activation, dtypes=ALL, why=f"tf.keras.activations.{_name}{_given}", parameters=_parameters)(
        _forward(_name, _options)
    )
    PEER.operation(
        _activation,
        "backward",
        dtypes=ALL,
        why=f"tf.function of the tape's gradient of tf.keras.activations.{_name}{_given}",
        parameters=_parameters,
    )(_backward(_name, _options))
