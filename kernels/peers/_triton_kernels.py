# SPDX-License-Identifier: MIT
"""Triton kernels as people write them: the textbook's formula, in float32 where the array is of 16 bits.

tanh is 2σ(2x) − 1, as Triton has no other. A named constant stands behind what it multiplies: before it, Triton's
interpreter would take the product for another constant.

Triton compiles from a function's source, and so wants it in a file that imports Triton: this one, which triton.py
imports when a kernel is first called. ``name`` is f(x), and ``name_gradient`` is f′(x).
"""

from typing import Any

import triton
import triton.language as tl

BLOCK = 1024  # elements for each program
SELU_ALPHA, SELU_SCALE = tl.constexpr(1.6732632423543772), tl.constexpr(1.0507009873554805)
ROOT_HALF = tl.constexpr(0.7071067811865476)  # √½
ROOT_2_OVER_PI = tl.constexpr(0.7978845608028654)  # √(2/π)
ONE_OVER_ROOT_2_PI = tl.constexpr(0.3989422804014327)  # 1/√(2π)
CUBIC = tl.constexpr(0.044715)  # of GELU's tanh form
SLOPE = tl.constexpr(0.01)


@triton.jit
def sigmoid(x):
    return tl.sigmoid(x)


@triton.jit
def sigmoid_gradient(x):
    y = tl.sigmoid(x)
    return y * (1 - y)


@triton.jit
def tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def tanh_gradient(x):
    y = tanh(x)
    return 1 - y * y


@triton.jit
def relu(x):
    return tl.where(x > 0, x, 0)


@triton.jit
def relu_gradient(x):
    return tl.where(x > 0, 1, 0)


@triton.jit
def leaky_relu(x):
    return tl.where(x > 0, x, x * SLOPE)


@triton.jit
def leaky_relu_gradient(x):
    return tl.where(x > 0, 1, tl.full(x.shape, SLOPE, x.dtype))  # a bare number would be a float32


@triton.jit
def elu(x):
    return tl.where(x > 0, x, tl.exp(x) - 1)


@triton.jit
def elu_gradient(x):
    return tl.where(x > 0, 1, tl.exp(x))


@triton.jit
def selu(x):
    return tl.where(x > 0, x, (tl.exp(x) - 1) * SELU_ALPHA) * SELU_SCALE


@triton.jit
def selu_gradient(x):
    return tl.where(x > 0, 1, tl.exp(x) * SELU_ALPHA) * SELU_SCALE


@triton.jit
def gelu(x):
    return 0.5 * x * (1 + tl.erf(x * ROOT_HALF))


@triton.jit
def gelu_gradient(x):
    return 0.5 * (1 + tl.erf(x * ROOT_HALF)) + x * ONE_OVER_ROOT_2_PI * tl.exp(-0.5 * x * x)


@triton.jit
def gelu_tanh(x):
    return 0.5 * x * (1 + tanh((x + x * x * x * CUBIC) * ROOT_2_OVER_PI))


@triton.jit
def gelu_tanh_gradient(x):
    t = tanh((x + x * x * x * CUBIC) * ROOT_2_OVER_PI)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT_2_OVER_PI * (1 + x * x * (3 * CUBIC))


@triton.jit
def silu(x):
    return x * tl.sigmoid(x)


@triton.jit
def silu_gradient(x):
    s = tl.sigmoid(x)
    return s * (1 + x * (1 - s))


@triton.jit
def softplus(x):
    return tl.log(1 + tl.exp(x))


@triton.jit
def softplus_gradient(x):
    return tl.sigmoid(x)


@triton.jit
def mish(x):
    return x * tanh(softplus(x))


@triton.jit
def mish_gradient(x):
    t = tanh(softplus(x))
    return t + x * (1 - t * t) * tl.sigmoid(x)


@triton.jit
def _wide(x):
    return x if x.dtype == tl.float64 else x.to(tl.float32)


@triton.jit
def forward(x_at, y_at, n, function: tl.constexpr, block: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    here = at < n
    x = _wide(tl.load(x_at + at, mask=here))
    tl.store(y_at + at, function(x), mask=here)


@triton.jit
def backward(dy_at, x_at, dx_at, n, gradient: tl.constexpr, block: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    here = at < n
    dy, x = _wide(tl.load(dy_at + at, mask=here)), _wide(tl.load(x_at + at, mask=here))
    tl.store(dx_at + at, dy * gradient(x), mask=here)


def run(activation: str, *arrays: Any, out: Any) -> Any:
    """Launch f on x, or dy · f′(x) on dy and x: contiguous tensors of PyTorch, all of one shape and dtype."""
    kernel, function = (forward, activation) if len(arrays) == 1 else (backward, f"{activation}_gradient")
    n = out.numel()
    if n:
        kernel[(triton.cdiv(n, BLOCK),)](*arrays, out, n, globals()[function], BLOCK)
    return out
