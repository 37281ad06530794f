# SPDX-License-Identifier: MIT
"""The sum over dy·x that is PReLU's gradient with respect to α."""

import math

import ml_dtypes
import numpy as np
import pytest

from kernels.cpu import launch, loops, prelu

RNG = np.random.default_rng(5)


def exact(dy: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Σ dy·x over x < 0, and Σ|dy·x|, for dtypes whose products are exact in float64."""
    terms = (dy.astype(float) * x.astype(float))[x.astype(float) < 0]
    return math.fsum(terms), math.fsum(np.abs(terms))


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
def test_it_is_the_exact_sum_rounded(dtype):
    size = 3 * launch.SUM_BLOCK + 5
    dy, x = RNG.standard_normal((2, size)).astype(dtype)
    total, _ = exact(dy, x)
    got = prelu.backward_alpha(dy, x)
    assert got.shape == ()
    assert got.dtype == dtype
    assert got == np.float64(total).astype(dtype)


def test_float64_sums_lose_nothing_to_cancellation():
    x = np.full(9, -1.0)
    dy = np.array([1e16, 1.0, -1e16, 1e-17, 3e300, 1e-300, -3e300, 2.0**-60, 0.5])
    assert prelu.backward_alpha(dy, x) == math.fsum(-dy)
    assert prelu.backward_alpha(dy, x, variant="textbook") != math.fsum(-dy)


def test_the_textbook_is_one_running_sum():
    size = 2 * launch.SUM_BLOCK
    dy, x = np.ones((2, size), np.float16)
    x = -x
    want = np.float32(0)
    for _ in range(size):
        want += np.float32(-1)
    assert prelu.backward_alpha(dy, x, variant="textbook") == want.astype(np.float16)
    half = np.float32(2**24)  # from here on a float32 sum of ones stands still
    dy, x = np.ones((2, 3), np.float32)
    dy[0], x = half, -x
    assert prelu.backward_alpha(dy, x, variant="textbook") == -half


def test_channels_are_summed_apart():
    dy, x = RNG.standard_normal((2, 40, 3, 7)).astype(np.float32)
    alpha = np.ones(3, np.float32)
    got = prelu.backward_alpha(dy, x, alpha=alpha)
    assert [float(g) for g in got] == [np.float32(exact(dy[:, c], x[:, c])[0]) for c in range(3)]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (4, 3, 0)])
def test_an_empty_sum_is_zero(shape):
    x = np.empty(shape, np.float32)
    assert prelu.backward_alpha(x, x) == 0
    if len(shape) > 1:
        np.testing.assert_array_equal(prelu.backward_alpha(x, x, alpha=np.ones(3, np.float32)), np.zeros(3))


def test_what_is_not_finite_stays_so():
    dy = np.ones(3, np.float32)
    for value, want in ((np.nan, np.nan), (-np.inf, -np.inf), (np.inf, -1)):
        x = np.array([-1, value, 2], np.float32)
        np.testing.assert_array_equal(prelu.backward_alpha(dy, x), np.float32(want))


def test_a_loop_is_only_for_compiling():
    with pytest.raises(NotImplementedError, match="full_width"):
        loops.forward(np.ones(1), np.ones(1), ())
