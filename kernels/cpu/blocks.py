# SPDX-License-Identifier: MIT
"""Building blocks of the kernels: for any float type T, with no branch on it.

A value may be carried as a sum high + low of two floats. A constant more precise than a float is a pair of binary64
numbers, as kernels/tables.py has them; ``pair_of`` splits it for the type at hand.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu.compile import block

LN2 = (float.fromhex("0x1.62e42fefa39efp-1"), float.fromhex("0x1.abc9e3b39803fp-56"))  # 0.6931471805599453…
LOG2_E = float.fromhex("0x1.71547652b82fep+0")  # 1.4426950408889634
BOUND = 4096.0  # e^±BOUND is zero or infinite in every dtype, whatever finite number it is multiplied by


@intrinsic
def fma(typing_context, a, b, c):
    """a·b + c, rounded once."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return (a(a, a, a), generate) if isinstance(a, types.Float) and a == b == c else None


@intrinsic
def polynomial(typing_context, x, coefficients):
    """Horner's rule by fma over a tuple of binary64 coefficients, the constant first, each rounded to x's type."""

    def generate(context, builder, signature, arguments):
        value, table = arguments
        terms = (builder.extract_value(table, i) for i in reversed(range(coefficients.count)))
        rounded = (context.cast(builder, term, types.float64, x) for term in terms)
        result = next(rounded)
        for term in rounded:
            result = builder.fma(result, value, term)
        return result

    suits = isinstance(x, types.Float) and isinstance(coefficients, types.UniTuple)
    return (x(x, coefficients), generate) if suits else None


@intrinsic
def quick_polynomial(typing_context, x, coefficients):
    """The same in Estrin's order: a few operations more, and a chain of them as long as the logarithm of the degree."""

    def generate(context, builder, signature, arguments):
        value, table = arguments
        terms = [builder.extract_value(table, i) for i in range(coefficients.count)]
        terms = [context.cast(builder, term, types.float64, x) for term in terms]
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=False)
            terms = [builder.fma(b, value, a) for a, b in pairs] + terms[len(terms) & ~1 :]
            value = builder.fmul(value, value)
        return terms[0]

    suits = isinstance(x, types.Float) and isinstance(coefficients, types.UniTuple)
    return (x(x, coefficients), generate) if suits else None


def _fraction_and_bias(real):
    return (23, 127) if real == types.float32 else (52, 1023)


@intrinsic
def exponent_shift(typing_context, like):
    """What makes the last place of a sum 1, so that its last bits are a whole number, plus the exponents' bias."""

    def generate(context, builder, signature, arguments):
        fraction, bias = _fraction_and_bias(like)
        return ir.Constant(arguments[0].type, 1.5 * 2.0**fraction + bias)

    return (like(like), generate) if isinstance(like, types.Float) else None


@intrinsic
def two_to_shifted(typing_context, shifted):
    """2^n, given n + `exponent_shift`: its last bits are n + bias, and moved up they leave no others."""

    def generate(context, builder, signature, arguments):
        fraction, _ = _fraction_and_bias(shifted)
        word = ir.IntType(shifted.bitwidth)
        bits = builder.shl(builder.bitcast(arguments[0], word), word(fraction))
        return builder.bitcast(bits, arguments[0].type)

    return (shifted(shifted), generate) if isinstance(shifted, types.Float) else None


@block
def two_to(n):
    """2^n in n's type, for a whole n between the exponents of its normal numbers; 0 for the one below them."""
    return two_to_shifted(n + exponent_shift(n))


def _cutting(single, double):
    """A block that sets the last bits of a value to 0: so many of a float32, so many of a float64."""

    @intrinsic
    def cut(typing_context, value):
        def generate(context, builder, signature, arguments):
            word = ir.IntType(value.bitwidth)
            lost = single if value == types.float32 else double
            kept = builder.and_(builder.bitcast(arguments[0], word), word(-1 << lost))
            return builder.bitcast(kept, arguments[0].type)

        return (value(value), generate) if isinstance(value, types.Float) else None

    return cut


shortened = _cutting(6, 13)  # by a quarter of its digits
halved = _cutting(12, 27)  # to half its digits: its square is exact
trimmed = _cutting(3, 5)  # a little: small whole numbers minus it are exact


@intrinsic
def by_type(typing_context, like, single, double):
    """What belongs to the type of ``like``: the first for float32, the second for float64."""
    narrow = like == types.float32
    return (single if narrow else double)(like, single, double), lambda c, b, s, arguments: arguments[
        1 if narrow else 2
    ]


@block
def power_of_two(n):
    """2^n in n's type, for a whole n: 0 below its normal numbers, the largest power above."""
    T = type(n)
    bias = T(by_type(n, 127.0, 1023.0))
    return two_to(at_most(at_least(n, -bias), bias))


@intrinsic
def significand_and_exponent(typing_context, value):
    """(m, n) of value = m·2^n, 1 ≤ |m| < 2, for a normal float64; (value, 0) for any other. No call, as of frexp."""

    def generate(context, builder, signature, arguments):
        word = ir.IntType(64)
        bits = builder.bitcast(arguments[0], word)
        field = builder.and_(builder.lshr(bits, word(52)), word(2047))
        normal = builder.icmp_unsigned("<", builder.sub(field, word(1)), word(2046))
        scaled = builder.or_(builder.and_(bits, word(~(2047 << 52) & (1 << 64) - 1)), word(1023 << 52))
        m = builder.bitcast(builder.select(normal, scaled, bits), arguments[0].type)
        n = builder.select(normal, builder.sub(field, word(1023)), word(0))
        return context.make_tuple(builder, signature.return_type, (m, builder.sitofp(n, arguments[0].type)))

    pair = types.UniTuple(types.float64, 2)
    return (pair(types.float64), generate) if value == types.float64 else None


@intrinsic
def to_odd(typing_context, high, low):
    """high + low as a float64 that rounds to any narrower format as the exact sum does, for |low| ≤ half of high's ulp.

    Where the sum is not high itself it lies between two neighbours, and is brought to that with an odd last bit: no
    such number is a tie (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums: proved algorithms
    using rounding to odd", IEEE Trans. Comput. 57).
    """

    def generate(context, builder, signature, arguments):
        word = ir.IntType(64)
        h, l = (builder.bitcast(a, word) for a in arguments)  # noqa: E741
        outward = builder.icmp_signed(">=", builder.xor(h, l), word(0))
        moved = builder.add(h, builder.select(outward, word(1), word(-1)))
        exact = builder.fcmp_unordered("ueq", arguments[1], ir.Constant(arguments[1].type, 0.0))
        keeps = builder.or_(exact, builder.trunc(h, ir.IntType(1)))
        return builder.bitcast(builder.select(keeps, h, moved), arguments[0].type)

    return (high(high, low), generate) if high == low == types.float64 else None


@block
def two_sum(a, b):
    """a + b, exactly, as high + low."""
    high = a + b
    part = high - a
    return high, (a - (high - part)) + (b - part)


@block
def positive_sum(a, b):
    """The same for a and b ≥ 0."""
    larger, smaller = max(a, b), min(a, b)
    high = larger + smaller
    return high, smaller - (high - larger)


@block
def two_product(a, b):
    """a·b, exactly, as high + low (short of underflow)."""
    high = a * b
    return high, fma(a, b, -high)


@block
def pair_product(a, da, b, db):
    """(a + da)·(b + db) as high + low."""
    high, low = two_product(a, b)
    return high, fma(a, db, fma(da, b, low))


@block
def pair_sum(a, da, b, db):
    """(a + da) + (b + db) as high + low."""
    high, low = two_sum(a, b)
    return two_sum(high, low + (da + db))


@block
def accumulate(high, low, term, rest):
    """The sum high + low with term + rest added: what high loses is kept in low."""
    high, lost = two_sum(high, term)
    return high, low + (lost + rest)


@block
def pair_quotient(a, da, b, db):
    """(a + da)/(b + db) as high + low."""
    high = a / b
    return high, (fma(-high, b, a) + (da - high * db)) / b


@block
def quick_quotient(a, da, b, db):
    """The same with one division, for a b far from the ends of its type's range."""
    r = type(a)(1) / b
    high = a * r
    return high, fma(-high, db, fma(-high, b, a) + da) * r


@block
def pair_polynomial(x, coefficients):
    """A polynomial in which the constant outweighs the rest, as high + low."""
    return two_sum(type(x)(coefficients[0]), x * polynomial(x, coefficients[1:]))


@block
def pair_of(x, constant):
    """A pair of binary64 numbers as high + low of x's type."""
    T = type(x)
    high = T(constant[0])
    return high, T((constant[0] - np.float64(high)) + constant[1])


@block
def minus(z, dz, constant):
    """z + dz − constant as high + low, also where z is near the constant."""
    high, low = pair_of(z, constant)
    return pair_sum(z, dz, -high, -low)


@block
def round_product(p, high, low):
    """p·(high + low) for a finite p, rounded once."""
    return fma(p, high, p * low)


@block
def over_square(a, da, b, db):
    """(a + da)/(b + db)² as high + low."""
    return pair_quotient(a, da, *pair_product(b, db, b, db))


@block
def at_least(x, bound):
    """max(x, bound), but NaN for NaN."""
    return bound if x < bound else x


@block
def at_most(x, bound):
    """min(x, bound), but NaN for NaN."""
    return bound if x > bound else x


@block
def times(parameter, x):
    """parameter·x, formed in binary64 and rounded once; 0 for a parameter of 0, also at an infinite x."""
    T = type(x)
    return T(parameter * x) if parameter != 0 or x != x else T(0)


@block
def quick_times(parameter, x):
    """The same in x's own type where it can be: rounded once or, of a result near the subnormals, twice.

    The parameter is high + low, high being the larger, so that 50·0.01 units of the least number, which are more than
    half of one, are not lost with what low gives to them.
    """
    T = type(x)
    if parameter == 0:
        return T(0) if x == x else x
    if np.float64(T(parameter)) == parameter or parameter != parameter:  # the case of every learned α, then
        return T(parameter) * x
    size = abs(parameter)
    if 2.0**-60 < size < 2.0**60:
        high = T(size * (1.0 + 2.0**-24))
        most = T(by_type(x, 2.0**127, 2.0**1023))
        low = T(size - np.float64(high)) * at_most(at_least(x, -most), most)  # no ∞ − ∞
        y = math.copysign(fma(high, x, low), x)
        return y if parameter > 0 else -y
    return times(parameter, x)


@block
def quick_times_16_bit(parameter, x):
    """The same for an x, and a result, of a 16-bit format: a parameter of more digits than float32's is raised a bit.

    It is raised by less than any other result would notice, so that 50·0.01, which is more than a half, is no tie.
    """
    T = type(x)
    if parameter == 0:
        return T(0) if x == x else x
    if np.float64(T(parameter)) == parameter or parameter != parameter:  # the case of every learned α, then
        return T(parameter) * x
    if 2.0**-60 < abs(parameter) < 2.0**60:
        # Of a smaller x than this, which only bfloat16 has, the product can be subnormal, and have few digits.
        return x * (T(parameter) * (T(1.0 + 2.0**-15) if abs(x) < T(2.0**-60) else T(1.0 + 2.0**-21)))
    return times(parameter, x)


@block
def argument(beta, x):
    """z = βx within ±BOUND, and −|z| as high + low, so that β costs no accuracy."""
    T = type(x)
    if beta == 1:  # LLVM makes two loops of this: it is the same for all elements
        z = at_most(at_least(x, -T(BOUND)), T(BOUND))
        return z, -abs(z), T(0)
    z = at_most(at_least(times(beta, x), -T(BOUND)), T(BOUND))
    inside = abs(z) < T(BOUND)
    low = T(fma(beta, np.float64(x), -np.float64(z))) if inside and beta != 0 else T(0)
    return z, -abs(z), (-low if z > 0 else low)
