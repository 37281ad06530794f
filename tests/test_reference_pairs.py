# SPDX-License-Identifier: MIT
"""Each operation on pairs against exact rationals: its relative error is at most what stands beside it."""

from fractions import Fraction

import numpy as np
import pytest
from mpmath import mp, mpf, workprec
from numba import njit

from reference import pairs
from reference.pairs import pair, triple

U2 = Fraction(1, 2**106)
N = 3000


def exactly(a) -> Fraction:
    return sum(Fraction(float(part)) for part in a)


def drawn(seed: int, low: int = -30, high: int = 30) -> list[tuple[float, float]]:
    """Pairs of many sizes, with low parts up to half an ulp, and now and then of zero or of a power of two."""
    rng = np.random.default_rng(seed)
    high_parts = rng.choice([-1, 1], N) * np.exp2(rng.uniform(low, high, N))
    high_parts[::7] = np.exp2(rng.integers(low, high, len(high_parts[::7])))
    low_parts = high_parts * rng.uniform(-(2.0**-53), 2.0**-53, N) * np.exp2(-rng.integers(0, 40, N))
    low_parts[::5] = 0
    sums = high_parts + low_parts
    return list(zip(sums.tolist(), (low_parts - (sums - high_parts)).tolist(), strict=True))


@njit
def added(a, b):
    return pairs.add(a, b)


@njit
def added_float(a, x):
    return pairs.add_float(a, x)


@njit
def multiplied(a, b):
    return pairs.multiply(a, b)


@njit
def multiplied_float(a, x):
    return pairs.multiply_float(a, x)


@njit
def squared(a):
    return pairs.square(a)


@njit
def divided(a, b):
    return pairs.divide(a, b)


def worst(function, want, first, second) -> Fraction:
    """The largest relative error in units of u²; a result of 0 must be exact."""
    largest = Fraction(0)
    for a, b in zip(first, second, strict=True):
        got, exact = exactly(function(a, b)), want(a, b)
        assert exact != 0 or got == 0
        if exact:
            largest = max(largest, abs(got / exact - 1))
    return largest / U2


def test_sums():
    a, b = drawn(1), drawn(2)
    assert worst(added, lambda a, b: exactly(a) + exactly(b), a, b) <= 3
    near = [(-high, low / 2) for high, low in a]  # nearly all of it cancels
    assert worst(added, lambda a, b: exactly(a) + exactly(b), a, near) <= 3
    floats = [h for h, _ in b]
    assert worst(added_float, lambda a, x: exactly(a) + Fraction(x), a, floats) <= 2


def test_products():
    a, b = drawn(3), drawn(4)
    assert worst(multiplied, lambda a, b: exactly(a) * exactly(b), a, b) <= 5
    assert worst(lambda a, _: squared(a), lambda a, _: exactly(a) ** 2, a, a) <= 5
    assert worst(multiplied_float, lambda a, x: exactly(a) * Fraction(x), a, [h for h, _ in b]) <= 2


def test_quotients():
    a, b = drawn(5), drawn(6)
    assert worst(divided, lambda a, b: exactly(a) / exactly(b), a, b) <= 10


def test_what_is_just_beside_one_stays_beside_it():
    """1/(1 + t) and (1 + t)², for t from 2^-60 to 2^-500: low is all that differs from 1, and good to a few u of it."""
    for k in range(60, 500, 11):
        t = 1.3 * 2.0**-k
        for sign in (1, -1):
            high, low = divided((1.0, 0.0), (1.0, sign * t))
            assert (high, low) == (1.0, pytest.approx(-sign * t, rel=2.0**-50))
            high, low = squared((1.0, sign * t))
            assert (high, low) == (1.0, pytest.approx(2 * sign * t, rel=2.0**-50))


@njit
def times(x, a, n):
    return pairs.times(x, a, n)


@pytest.mark.parametrize("x", [5e-324, -3e-310, 1e-200, -1.0, 3.7, 1e200, 1.7976931348623157e308])
def test_times_loses_nothing_to_subnormals_or_overflow(x):
    a = (1.3, 2.0**-55)
    value, n = times(x, a, -3.0)
    want = Fraction(x) * exactly(a) / 8
    got = exactly(value) * Fraction(2) ** int(n)
    assert abs(got / want - 1) <= 2 * U2


@njit
def plain(a, n):
    return pairs.plain(a, n)


def test_plain_keeps_a_sign_where_a_number_vanishes():
    assert plain((1.5, 2.0**-54), -3.0) == (1.5 / 8, 2.0**-57)
    high, low = plain((1.5, -(2.0**-54)), -5000.0)
    assert 0 < high < 2.0**-150
    assert low < 0


@njit
def intrinsics(a, b, c, n):
    return pairs.fma(a, b, c), pairs.power_of_two(n), pairs.float_of(pairs.bits_of(a))


def test_intrinsics():
    a, b = 1 + 2.0**-30, 1 - 2.0**-30
    assert intrinsics(a, b, -1.0, -1022.0) == (-(2.0**-60), 2.0**-1022, a)
    assert intrinsics(a, b, -1.0, 1023.0)[1] == 2.0**1023


def test_constants_have_all_their_bits_whatever_the_precision():
    with workprec(300):
        third = mpf(1) / 3
    for bits in (53, 400):
        with mp.workprec(bits):
            two, three = pair(third), triple(third)
    assert abs(exactly(two) - Fraction(1, 3)) < Fraction(1, 3) * U2
    assert abs(exactly(three) - Fraction(1, 3)) < Fraction(1, 3) / 2**159
