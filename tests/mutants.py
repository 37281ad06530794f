# SPDX-License-Identifier: MIT
"""Faults that were really shipped, each as a small wrong kernel written from its description.

A kernel computes in the dtype that it is given, as the one with the fault did; the right parts are computed in binary64
and rounded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import erf, erfc, inf, pi, sqrt

import numpy as np

Kernel = Callable[..., np.ndarray]
Found = str | float  # a kind of mismatch, or the error in ulp that is exceeded

LANES = 8


@dataclass(frozen=True)
class Case:
    """A wrong kernel in one dtype, with an input that shows its fault.

    Attributes:
        seen: the project and issue in which the fault was.
        found: at ``x``: "nan", "inf", "zero" or "sign", or an error in ulp that is exceeded.
        exact: the exact value at ``x``, where the report of the fault has it.
        region: what is found at ``x`` is found in this interval only.
    """

    function: Kernel
    seen: str
    activation: str
    direction: str
    dtype: str
    x: float
    found: Found
    exact: float | None
    region: tuple[float, float]

    def __str__(self) -> str:
        return f"{self.function.__name__}-{self.dtype}-{self.x:g}"


CASES: list[Case] = []


def mutant(
    activation: str,
    direction: str = "forward",
    *,
    seen: str,
    shows: list[tuple[str, float, Found] | tuple[str, float, Found, float]],
    region: tuple[float, float] = (-inf, inf),
) -> Callable[[Kernel], Kernel]:
    """Decorate a wrong kernel; ``shows`` has (dtype, x, what is found[, exact value])."""

    def add(function: Kernel) -> Kernel:
        for dtype, x, found, *exact in shows:
            CASES.append(
                Case(function, seen, activation, direction, dtype, x, found, exact[0] if exact else None, region)
            )
        return function

    return add


# The parts that are right: binary64, rounded to the dtype of x.


def elementwise(function: Callable[[float], float], x: np.ndarray) -> np.ndarray:
    return np.vectorize(function, otypes=[np.float64])(x.astype(np.float64)).astype(x.dtype)


def right_sigmoid(x: np.ndarray) -> np.ndarray:
    z = x.astype(np.float64)
    e = np.exp(-np.abs(z))
    return (np.where(z < 0, e, 1) / (1 + e)).astype(x.dtype)


def right_silu(x: np.ndarray) -> np.ndarray:
    z = x.astype(np.float64)
    e = np.exp(-np.abs(z))
    tail = np.where(z == -inf, 0, z * e) / (1 + e)
    return np.where(z < 0, tail, z / (1 + e)).astype(x.dtype)


def right_softplus(x: np.ndarray) -> np.ndarray:
    z = x.astype(np.float64)
    return (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))).astype(x.dtype)


def right_gelu_tail(y: float) -> float:
    return 0.5 * erfc(y / sqrt(2))


def right_gelu_tanh(x: np.ndarray) -> np.ndarray:
    z = x.astype(np.float64)
    e = np.exp(-2 * sqrt(2 / pi) * np.abs(z + 0.044715 * z**3))
    return np.where(z == -inf, 0, z * np.where(z < 0, e, 1) / (1 + e)).astype(x.dtype)


def numbers(x: np.ndarray, *values: float) -> np.ndarray:
    """Constants in the dtype of x."""
    return np.array(values).astype(x.dtype)


def flushed(y: np.ndarray) -> np.ndarray:
    """Subnormal results as zeros of the same sign."""
    least = 2.0 ** {"float16": -14, "bfloat16": -126, "float32": -126, "float64": -1022}[y.dtype.name]
    return np.where(np.abs(y.astype(np.float64)) < least, y * y.dtype.type(0), y)


def in_lanes(x: np.ndarray, fast: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A vector loop's result, and the right one for the last elements, which do not fill a vector."""
    return np.where(np.arange(x.size) < x.size // LANES * LANES, fast, right)


# Forward


@mutant(
    "gelu",
    seen="pytorch#187806",
    shows=[
        ("float32", -5.5, 1e6, -1.0444259356e-7),
        ("float32", -6.0, "zero", -5.9195258702e-9),
        ("float64", -8.48528137423857, "zero"),
        ("float16", -4.0, "zero"),
    ],
    region=(-inf, -3),
)
def gelu_as_one_plus_erf(x):
    return x.dtype.type(0.5) * x * (x.dtype.type(1) + elementwise(lambda z: erf(z / sqrt(2)), x))


@mutant(
    "silu",
    seen="tt-metal#55711",
    shows=[
        ("float32", -88.0, "zero", -5.32804967e-37),
        ("float32", -90.0, "zero", -7.37461136e-38),
        ("bfloat16", -88.0, "zero"),
        ("float64", -90.0, "zero"),
    ],
    region=(-800, -88),
)
def silu_flushed_in_the_tail(x):
    return np.where(x <= -88, x.dtype.type(-0.0), right_silu(x))


EXP_MINUS_1 = [
    ("float32", -1e-8, "zero"),
    ("float32", -1e-7, 1e6),
    ("float16", -1e-4, "zero"),
    ("float64", -(2.0**-60), "zero"),
]


@mutant("selu", seen="tensorflow#116943, jax#1207", shows=EXP_MINUS_1, region=(-0.01, 0))
def selu_through_exp_minus_1(x):
    one, scale, alpha = numbers(x, 1, 1.0507009873554805, 1.6732632423543773)
    return scale * np.where(x > 0, x, alpha * (np.exp(x) - one))


@mutant("elu", seen="tensorflow#116943, jax#1207", shows=EXP_MINUS_1, region=(-0.01, 0))
def elu_through_exp_minus_1(x):
    return np.where(x > 0, x, np.exp(x) - x.dtype.type(1))


@mutant("softplus", seen="tvm#20212", shows=[("float64", 20.1, 5e5, 20.10000000186501)], region=(20, 40))
def softplus_with_a_threshold_of_20(x):
    return np.where(x > 20, x, right_softplus(x))


@mutant("selu", seen="tinygrad", shows=[("float32", 1.0, 8), ("float32", -37.43, 42), ("float64", 1.0, 4e9)])
def selu_with_five_digits(x):
    z = x.astype(np.float64)
    return (1.0507 * np.where(z > 0, z, 1.67326 * np.expm1(z))).astype(x.dtype)


def gelu_of_tanh(x: np.ndarray, tanh: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    half, one, linear, cubic = numbers(x, 0.5, 1, sqrt(2 / pi), 0.044715)
    return half * x * (one + tanh(linear * (x + cubic * x * x * x)))


def tanh_of_exp_2u(u: np.ndarray) -> np.ndarray:
    one, e = numbers(u, 1)[0], np.exp(u + u)
    return (e - one) / (e + one)


def tanh_of_two_exps(u: np.ndarray) -> np.ndarray:
    return (np.exp(u) - np.exp(-u)) / (np.exp(u) + np.exp(-u))


@mutant(
    "gelu_tanh",
    seen="pytorch#186278",
    shows=[("bfloat16", 10.5, "nan"), ("float32", 10.5, "nan"), ("float64", 40.311, "nan")],
    region=(10, inf),
)
def gelu_tanh_of_exp_2u(x):
    return np.where(x < 0, right_gelu_tanh(x), gelu_of_tanh(x, tanh_of_exp_2u))


@mutant(
    "gelu_tanh",
    seen="executorch#22323",
    shows=[("float32", -13.0, "nan"), ("bfloat16", -13.5, "nan"), ("float64", -40.311, "nan")],
    region=(-inf, -12.5),
)
def gelu_tanh_of_two_exps(x):
    return np.where(x < 0, gelu_of_tanh(x, tanh_of_two_exps), right_gelu_tanh(x))


@mutant(
    "gelu_tanh",
    seen="AiDotNet.Tensors#594",
    shows=[("float64", 21.657723, "nan"), ("float32", 10.5, "nan"), ("bfloat16", 10.5, "nan")],
    region=(10, inf),
)
def gelu_tanh_nan_in_lanes_only(x):
    return in_lanes(x, np.where(x < 0, right_gelu_tanh(x), gelu_of_tanh(x, tanh_of_exp_2u)), right_gelu_tanh(x))


@mutant(
    "silu",
    seen="tensorflow#118529",
    shows=[("float32", -7e29, "nan"), ("bfloat16", -7e29, "nan")],
    region=(-inf, -3e29),
)
def silu_zero_times_infinity(x):
    scale = x.dtype.type(1e9)
    return x * scale * right_sigmoid(x) / scale


@mutant(
    "softplus",
    seen="burn#5373",
    shows=[("float32", 100.0, "inf"), ("bfloat16", 100.0, "inf"), ("float64", 1024.0, "inf")],
    region=(88, inf),
)
def softplus_overflows(x):
    return np.log(x.dtype.type(1) + np.exp(x))


@mutant(
    "sigmoid",
    seen="dynet#1090",
    shows=[
        ("float32", -17.0502529, "sign", 3.93703456e-8),
        ("float16", -17.0502529, "sign"),
        ("float64", -37.43, "sign"),
    ],
    region=(-inf, -16),
)
def sigmoid_negative_in_lanes(x):
    half, below_minus_one = numbers(x, 0.5, -1 - np.finfo(x.dtype).eps)
    saturated = half * below_minus_one + half  # of a tanh that goes beyond -1
    return in_lanes(x, np.where(x < -16, saturated, right_sigmoid(x)), right_sigmoid(x))


@mutant(
    "silu",
    seen="pytorch#160876",
    shows=[(dtype, -inf, "nan") for dtype in ("bfloat16", "float32", "float64")],
    region=(-inf, -inf),
)
def silu_nan_at_minus_infinity(x):
    return x * right_sigmoid(x)


@mutant(
    "gelu",
    seen="pytorch#185770",
    shows=[(dtype, inf, "nan") for dtype in ("float16", "float32", "float64")],
    region=(inf, inf),
)
def gelu_nan_at_infinity(x):
    tail = elementwise(lambda z: right_gelu_tail(abs(z)), x)
    return np.where(x > 0, x - x * tail, np.where(x == -inf, x.dtype.type(-0.0), x * tail))


@mutant(
    "sigmoid",
    seen="numpy#14049",
    shows=[("float32", -103.0, "zero", 1.85212e-45), ("float16", -16.5, "zero")],
    region=(-104, -16),
)
def sigmoid_with_exp_flushed_early(x):
    y = right_sigmoid(x)
    return np.where(y <= np.finfo(x.dtype).smallest_subnormal, x.dtype.type(0), y)


@mutant(
    "relu",
    seen="tt-metal#50082",
    shows=[("float32", 2.0**-127, "zero"), ("float16", 2.0**-15, "zero"), ("float64", 2.0**-1023, "zero")],
    region=(0, 2.0**-14),
)
def relu_flushes_subnormals(x):
    return flushed(np.maximum(x, x.dtype.type(0)))


@mutant("relu", seen="fmax(x, 0)", shows=[(dtype, np.nan, "nan") for dtype in ("float16", "float32", "float64")])
def relu_swallows_nan(x):
    return np.where(x > 0, x, x.dtype.type(0))  # NumPy's fmax keeps signalling NaNs at some places of an array


# Backward


@mutant(
    "softplus",
    "backward",
    seen="burn#5373",
    shows=[("float32", 100.0, "nan"), ("float64", 1024.0, "nan")],
    region=(88, inf),
)
def softplus_gradient_nan(dy, x):
    return dy * np.exp(x) / (x.dtype.type(1) + np.exp(x))


@mutant(
    "silu",
    "backward",
    seen="jax#39798",
    shows=[("float64", -709.0, "zero", -8.6148077144138353e-306), ("float32", -88.0, "zero")],
    region=(-760, -1.2),  # and at the root near -1.278
)
def silu_gradient_from_flushed_sigmoid(dy, x):
    s, one = flushed(right_sigmoid(x)), x.dtype.type(1)
    return dy * s * (one + x * (one - s))


@mutant(
    "elu",
    "backward",
    seen="jax#39795",
    shows=[("float64", -40.0, "zero", 4.248354255291589e-18), ("float32", -40.0, "zero")],
    region=(-760, -17),
)
def elu_gradient_through_output(dy, x):
    return dy * np.where(x > 0, x.dtype.type(1), np.expm1(x) + x.dtype.type(1))


@mutant(
    "elu",
    "backward",
    seen="numpy#14049",
    shows=[("float32", -103.0, "zero", 1.85212e-45)],
    region=(-103.3, -102.9),
)
def elu_gradient_with_exp_flushed_early(dy, x):
    e = np.exp(x)
    return dy * np.where(x > 0, x.dtype.type(1), np.where(e <= np.finfo(x.dtype).smallest_subnormal, 0, e))


@mutant(
    "gelu",
    "backward",
    seen="tt-metal#35971",
    shows=[("bfloat16", -3.71875, "sign", -1.37341366e-3)],
    region=(-inf, -0.75),
)
def gelu_gradient_of_the_wrong_sign(dy, x):
    half, one = numbers(x, 0.5, 1)
    cut_off = elementwise(lambda z: erf(z / sqrt(2)), x.astype(np.float32)).view(np.uint32) & np.uint32(0xFFFF0000)
    density = elementwise(lambda z: np.exp(-z * z / 2) / sqrt(2 * pi), x)
    return dy * (half * (one + cut_off.view(np.float32).astype(x.dtype)) + x * density)


@mutant(
    "elu",
    "backward",
    seen="tinygrad#17852",
    shows=[("float32", 128.0, "nan"), ("float64", 1024.0, "nan")],
    region=(88, inf),
)
def elu_gradient_zero_times_infinity(dy, x):
    right = (x > 0).astype(x.dtype)
    return dy * (right + (x.dtype.type(1) - right) * np.exp(x))


@mutant(
    "sigmoid",
    "backward",
    seen="snntorch#427",
    shows=[("float32", -88.723, "nan"), ("float64", -745.133, "nan")],
    region=(-inf, -44),
)
def sigmoid_gradient_nan(dy, x):
    e = np.exp(-x)
    return dy * e / (x.dtype.type(1) + e) ** 2
