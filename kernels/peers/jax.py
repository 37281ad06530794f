# SPDX-License-Identifier: MIT
"""JAX on the CPU: the functions of jax.nn under jit, waited for; their gradients by jax.vjp, compiled with them.

JAX has no out=. It uses as many threads as its process has processors when it starts, and does not tell how many, nor
for which instruction set XLA made code. It is told to allow float64, which it refuses by default.

On the CPU XLA's code flushes subnormals to zero, except in float16, which it computes in float32.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels.peers.adapter import NAMED_ALIKE, PRELU, Peer, named

ALL = ("float16", "bfloat16", "float32", "float64")
FUNCTIONS = NAMED_ALIKE | {"prelu": ("leaky_relu", {"negative_slope": 0.25}, PRELU)}  # as Flax makes it

FLUSHED = ("bfloat16", "float32", "float64")
FLUSHED_BY = {  # where the result is x or dy itself, it is kept
    ("tanh", "forward"): ("float64",),
    ("relu", "backward"): (),
}


def _set_up(jax: Any) -> None:
    jax.config.update("jax_platforms", "cpu")  # where it sees a GPU, it would compute there
    jax.config.update("jax_enable_x64", True)


def _from_numpy(jax: Any, array: np.ndarray) -> Any:
    return jax.numpy.array(array)  # a copy: JAX may do as if it never changed


def _to_numpy(jax: Any, array: Any, dtype: np.dtype) -> np.ndarray:
    return np.array(array)


PEER = Peer("jax", "jax", "jax", _from_numpy, _to_numpy, uses_all=True, set_up=_set_up, rests_on=("jaxlib",))


def _forward(function: str, options: dict[str, Any]) -> Callable[..., Any]:
    @functools.cache
    def compiled(jax: Any) -> Callable[..., Any]:
        return jax.jit(functools.partial(getattr(jax.nn, function), **options))

    return lambda jax, x: compiled(jax)(x).block_until_ready()


def _backward(function: str, options: dict[str, Any]) -> Callable[..., Any]:
    @functools.cache
    def compiled(jax: Any) -> Callable[..., Any]:
        whole = functools.partial(getattr(jax.nn, function), **options)
        return jax.jit(lambda dy, x: jax.vjp(whole, x)[1](dy)[0])

    return lambda jax, dy, x: compiled(jax)(dy, x).block_until_ready()


@functools.cache
def _slope_gradient(jax: Any) -> Callable[..., Any]:
    def gradient(dy: Any, x: Any) -> Any:
        slope = jax.numpy.asarray(PRELU["alpha"], x.dtype)
        return jax.vjp(lambda a: jax.nn.leaky_relu(x, a), slope)[1](dy)[0]

    return jax.jit(gradient)


@PEER.operation(
    "prelu",
    "backward_alpha",
    dtypes=ALL,
    why="jax.jit of the vjp of jax.nn.leaky_relu in its slope",
    parameters=PRELU,
    flushes=FLUSHED,
)
def prelu_backward_alpha(jax, dy, x):
    return _slope_gradient(jax)(dy, x).block_until_ready()


for _activation, (_name, _options, _parameters) in FUNCTIONS.items():
    for _direction, _what, _operation in (("forward", "", _forward), ("backward", "the vjp of ", _backward)):
        PEER.operation(
            _activation,
            _direction,
            dtypes=ALL,
            why=f"jax.jit of {_what}jax.nn.{_name}{named(_options)}",
            parameters=_parameters,
            flushes=FLUSHED_BY.get((_activation, _direction), FLUSHED),
        )(_operation(_name, _options))
