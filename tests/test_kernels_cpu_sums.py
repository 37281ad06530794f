# SPDX-License-Identifier: MIT
"""Sums over products: by running sums side by side, and rounded once."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from kernels.cpu import launch, prelu, sums
from reference.formats import FORMATS

RNG = np.random.default_rng(3)
NARROW = ("float32", "float16", "bfloat16")


def draw(name: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    dy, x = RNG.standard_normal((2, *shape)).astype(FORMATS[name].dtype)
    return dy, x


def exact(dy: np.ndarray, x: np.ndarray) -> Fraction:
    pairs = zip(dy.ravel().tolist(), x.ravel().tolist(), strict=True)
    return sum((Fraction(float(d)) * Fraction(float(v)) for d, v in pairs if v < 0), Fraction(0))


def error(got: np.generic, want: Fraction) -> Fraction:
    return abs(Fraction(float(got)) - want)


def is_nearest(got: np.generic, want: Fraction) -> bool:
    """No neighbour is nearer; of two that are as near, the one with an even last bit."""
    others = [np.nextafter(got, got.dtype.type(side)) for side in (-np.inf, np.inf)]
    even = int(got.view(f"u{got.dtype.itemsize}")) % 2 == 0
    nearest = min(error(other, want) for other in others)
    return error(got, want) < nearest or (error(got, want) == nearest and even)


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("size", [1, 31, 32, 33, 5 * launch.LANES + 7, launch.SUM_BLOCK + 100])
def test_rounded_is_the_nearest(name, size):
    dy, x = draw(name, (size,))
    assert is_nearest(prelu.backward_alpha(dy, x, variant="rounded")[()], exact(dy, x))


@pytest.mark.parametrize("name", NARROW)
def test_ties_and_cancellation_are_added_up_exactly(name):
    form = FORMATS[name]
    last = 2.0 ** -(form.precision - 1)  # of numbers from 1 on
    least = 2.0 ** -(form.precision + 4)
    for terms, want in (
        ([1.0, last / 2], 1.0),
        ([1.0, last, last / 2], 1 + 2 * last),
        ([1.0, last / 2, least * least], 1 + last),
        ([1.0, last / 2, -least * least], 1.0),
        ([3.0, least * least, -3.0], least * least),
        ([3.0, -3.0], 0.0),
    ):
        dy = np.array([t if abs(t) >= least else np.copysign(least, t) for t in terms]).astype(form.dtype)
        x = np.array([-1.0 if abs(t) >= least else -least for t in terms]).astype(form.dtype)
        assert float(prelu.backward_alpha(dy, x, variant="rounded")) == -float(form.dtype.type(want))
    big = form.dtype.type(form.largest)
    dy, x = np.array([big, big, big], form.dtype), np.array([-1, -2, -1], form.dtype)
    dy[1] = -dy[1]
    assert prelu.backward_alpha(dy, x, variant="rounded") == 0


@pytest.mark.parametrize("name", [*NARROW, "float64"])
@pytest.mark.parametrize("shape", [(700, 3), (5, 3, 11, 7), (2, 3, 9000), (1, 40000)])
def test_each_channel_has_its_sum(name, shape):
    dy, x = draw(name, shape)
    alpha = np.ones(shape[1], x.dtype)
    for variant in ("fast", "rounded") if name != "float64" else ("fast",):
        got = prelu.backward_alpha(dy, x, alpha=alpha, variant=variant)
        assert got.shape == alpha.shape
        for c in range(0, shape[1], max(1, shape[1] // 40)):
            want = exact(dy[:, c], x[:, c])
            assert error(got[c], want) <= Fraction(float(abs(np.spacing(got[c]))))
        one = prelu.backward_alpha(dy, x, alpha=alpha, variant=variant, threads=1)
        np.testing.assert_array_equal(got, prelu.backward_alpha(dy, x, alpha=alpha, variant=variant, threads=3))
        np.testing.assert_array_equal(got, one)


@pytest.mark.parametrize("variant", ["fast", "rounded"])
def test_nothing_to_add_is_zero_and_what_is_not_finite_stays_so(variant):
    for shape in ((0,), (0, 3), (4, 3, 0), (4, 0, 3), (4, 0)):
        x = np.empty(shape, np.float32)
        assert prelu.backward_alpha(x, x, variant=variant) == 0
        if len(shape) > 1:
            got = prelu.backward_alpha(x, x, variant=variant, alpha=np.ones(shape[1], np.float32))
            np.testing.assert_array_equal(got, np.zeros(shape[1]))
    for value, slope, want in (
        (np.nan, 1, np.nan),
        (-np.inf, 1, -np.inf),
        (-np.inf, -1, np.inf),
        (np.inf, np.inf, -1),
        (2, np.nan, -1),
    ):
        x, dy = np.array([-1, value, 2], np.float32), np.array([1, slope, 1], np.float32)
        np.testing.assert_array_equal(prelu.backward_alpha(dy, x, variant=variant), np.float32(want))


def test_a_pair_rounds_once_in_every_dtype():
    for name in NARROW:
        dtype = FORMATS[name].dtype
        tie = 1 + 2.0 ** -FORMATS[name].precision
        for low, want in ((2.0**-80, np.nextafter(dtype.type(1), dtype.type(2))), (-(2.0**-80), 1), (0.0, 1)):
            assert sums.nearest(np.array([tie]), np.array([low]), dtype)[0] == want
    assert np.isinf(sums.nearest(np.array([1e39]), np.array([0.0]), np.dtype(ml_dtypes.bfloat16))[0])
