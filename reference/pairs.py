# SPDX-License-Identifier: MIT
"""Double-double arithmetic, compiled: a real number as the unevaluated sum of two binary64 numbers, (high, low).

With u = 2^-53 and |low| <= u·|high|, a pair holds 106 bits. The relative error of each operation is stated beside it;
they are those of M. Joldes, J.-M. Muller, V. Popescu, Tight and rigorous error bounds for basic building blocks of
double-word arithmetic, ACM TOMS 44(2), 2017. They hold short of overflow, and where no low part is subnormal: exponents
are carried apart, as a float64 n that stands for 2^n.
"""

from llvmlite import ir
from mpmath import fsub, mpf
from numba import types
from numba.extending import intrinsic

from reference.compiled import block

Pair = tuple[float, float]
ONE = (1.0, 0.0)


def pair(value: mpf) -> Pair:
    """A number of mpmath as a pair, to within 2^-106 of it: for constants."""
    high = float(value)
    return high, float(fsub(value, high, exact=True))


def triple(value: mpf) -> tuple[float, float, float]:
    """A number of mpmath as the sum of three, to within 2^-159 of it: for arguments of exp."""
    high = float(value)
    return high, *pair(fsub(value, high, exact=True))


def quadruple(value: mpf) -> tuple[float, float, float, float]:
    """A number of mpmath as the sum of four, to within 2^-212 of it: for roots."""
    high = float(value)
    return high, *triple(fsub(value, high, exact=True))


@intrinsic
def fma(typing_context, a, b, c):
    """a·b + c, rounded once."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@intrinsic
def power_of_two(typing_context, n):
    """2^n for a whole number n (float64), -1022 <= n <= 1023."""

    def generate(context, builder, signature, arguments):
        word = ir.IntType(64)
        biased = builder.add(builder.fptosi(arguments[0], word), word(1023))
        return builder.bitcast(builder.shl(biased, word(52)), ir.DoubleType())

    return types.float64(types.float64), generate


@intrinsic
def bits_of(typing_context, value):
    """The bit pattern of a float64, as an int64."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def float_of(typing_context, bits):
    """The float64 of a bit pattern."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@block
def two_sum(a, b):
    """a + b, exactly."""
    high = a + b
    part = high - a
    return high, (a - (high - part)) + (b - part)


@block
def fast_two_sum(a, b):
    """a + b, exactly, for |a| >= |b| or a = 0."""
    high = a + b
    return high, b - (high - a)


@block
def two_product(a, b):
    """a·b, exactly."""
    high = a * b
    return high, fma(a, b, -high)


@block
def negate(a):
    return -a[0], -a[1]


@block
def add(a, b):
    """a + b: 3u² (AccurateDWPlusDW), also where they cancel."""
    high, low = two_sum(a[0], b[0])
    rest, lost = two_sum(a[1], b[1])
    high, low = fast_two_sum(high, low + rest)
    return fast_two_sum(high, low + lost)


@block
def add_float(a, x):
    """a + x: 2u² (DWPlusFP)."""
    high, low = two_sum(a[0], x)
    return fast_two_sum(high, low + a[1])


@block
def multiply(a, b):
    """a·b: 5u² (DWTimesDW2)."""
    high, low = two_product(a[0], b[0])
    return fast_two_sum(high, low + fma(a[0], b[1], a[1] * b[0]))


@block
def multiply_float(a, x):
    """a·x: 2u² (DWTimesFP3)."""
    high, low = two_product(a[0], x)
    return fast_two_sum(high, fma(a[1], x, low))


@block
def square(a):
    """a²: 5u²."""
    return multiply(a, a)


@block
def divide(a, b):
    """a/b: 10u². The first remainder is exact; the quotient of the second has lost 3u of u·|a/b|."""
    high = a[0] / b[0]
    rest = fma(-high, b[0], a[0]) + fma(-high, b[1], a[1])
    return fast_two_sum(high, rest / b[0])


@block
def scale(a, power):
    """a times a power of two, exactly."""
    return a[0] * power, a[1] * power


LEAST_POWER = -200.0  # of what is added to a number near 1: its exact size no longer matters, its sign does


@block
def plain(a, n):
    """a·2^n for n <= 0 as a pair, never too small for a low part, be it squared: at least about 2^-200."""
    return scale(a, power_of_two(max(n, LEAST_POWER)))


LARGE, SHIFT = 2.0**600, 700.0


@block
def times(x, a, n):
    """x·a·2^n as (pair, n): 2u², for a of moderate size and any finite x, subnormal or near overflow."""
    large, small = abs(x) > LARGE, abs(x) < 1 / LARGE
    factor = 2.0**-SHIFT if large else (2.0**SHIFT if small else 1.0)
    shift = SHIFT if large else (-SHIFT if small else 0.0)
    return multiply_float(a, x * factor), n + shift
