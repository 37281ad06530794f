# SPDX-License-Identifier: MIT
"""The arithmetic of the 16-bit dtypes' `fast` kernels: as near as it says, and in gradients for a dy of any size."""

import itertools

import ml_dtypes
import numpy as np
import pytest

from kernels.cpu import ACTIVATIONS
from kernels.cpu.short import (
    GRADIENT_REACH,
    RAISED,
    REACH,
    UNIT,
    root_of_exp,
    short_exp,
    short_expm1,
    short_log1p,
    short_sigmoid,
)

OWN = ["sigmoid", "tanh", "elu", "selu", "softplus", "silu", "mish", "gelu", "gelu_tanh"]
DTYPES = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}


def relative_error(got: list[float], want: np.ndarray) -> float:
    return float(np.max(np.abs(np.array(got, np.float64) / want - 1)))


def test_exponentials():
    z = np.linspace(-REACH, 40, 20_001, dtype=np.float32)
    wide = z.astype(np.float64)
    assert relative_error([short_exp(-v, np.float32(-UNIT)) for v in z], np.exp(-wide) * 2.0**-UNIT) < 2.0**-20
    low = np.linspace(-40, -1e-3, 20_001, dtype=np.float32)
    assert relative_error([short_expm1(v) for v in low], np.expm1(low.astype(np.float64))) < 2.0**-20
    assert relative_error([short_sigmoid(v) for v in z[z > -80]], 1 / (1 + np.exp(-wide[z > -80]))) < 2.0**-20
    w = np.linspace(1e-3, 1, 20_001, dtype=np.float32)
    assert relative_error([short_log1p(v) for v in w], np.log1p(w.astype(np.float64)) / w) < 2.0**-21


def test_the_root_of_an_exponential_keeps_its_digits_up_to_the_reach_and_is_0_there():
    z = np.linspace(-GRADIENT_REACH + 0.2, 80, 10_001, dtype=np.float32)
    want = np.exp(z.astype(np.float64) / 2)
    roots = [root_of_exp(v) for v in z]
    assert relative_error([h for _, h in roots], want * RAISED) < 2.0**-18
    assert relative_error([w for w, _ in roots], want) < 2.0**-13  # the least are subnormal
    assert root_of_exp(np.float32(-GRADIENT_REACH)) == (0, 0)


def places(a: np.ndarray) -> np.ndarray:
    """Numbers as whole ones, in their order: neighbours differ by 1, and both zeros are 0."""
    bits = a.view(np.int16).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFF), bits)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OWN)
def test_gradients_are_right_for_the_least_and_the_largest_dy(name, dtype):
    backward, dtype = ACTIVATIONS[name].backward, DTYPES[dtype]
    x = np.arange(1 << 16, dtype=np.uint16).view(dtype)
    info = ml_dtypes.finfo(dtype)
    for size in (info.max, info.tiny, info.smallest_subnormal, np.sqrt(np.float64(info.max))):
        dy = np.full(x.shape, size).astype(dtype)
        got, want = (backward(dy, x, variant=variant) for variant in ("fast", "rounded"))
        assert np.array_equal(np.isnan(got), np.isnan(want))
        apart = np.abs(places(got) - places(want))[~np.isnan(want)]
        assert apart.max() <= 1  # ties, and what is a thousandth of an ulp from one
        if size > info.smallest_subnormal:
            assert np.count_nonzero(apart) < 40


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("name", OWN)
def test_few_results_are_misrounded(name, direction, dtype):
    kernel = getattr(ACTIVATIONS[name], direction)
    x = np.arange(1 << 16, dtype=np.uint16).view(DTYPES[dtype])
    given = [x] if direction == "forward" else [np.ones_like(x), x]
    got, want = (kernel(*given, variant=variant) for variant in ("fast", "rounded"))
    differ = ~np.isnan(want) & (got.view(np.int16) != want.view(np.int16))
    assert np.count_nonzero(differ) <= (10 if dtype == "float16" else 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "parameter", "values"),
    [
        ("silu", "beta", [0.25, 3.0, 100.0, 2.0**40]),
        ("softplus", "beta", [0.25, 3.0, 100.0, 2.0**40]),
        ("elu", "alpha", [0.3, 2.0, -1.0, 1e6]),
    ],
)
def test_with_other_parameters_results_are_right_or_ties(name, parameter, values, dtype):
    x = np.arange(1 << 16, dtype=np.uint16).view(DTYPES[dtype])
    for value, direction in itertools.product(values, ("forward", "backward")):
        kernel = getattr(ACTIVATIONS[name], direction)
        given = [x] if direction == "forward" else [np.ones_like(x), x]
        got, want = (kernel(*given, variant=variant, **{parameter: value}) for variant in ("fast", "rounded"))
        assert np.array_equal(np.isnan(got), np.isnan(want))
        apart = np.abs(places(got) - places(want))[~np.isnan(want)]
        assert apart.max() <= 1, (value, direction)
        assert np.count_nonzero(apart) < 40, (value, direction)
