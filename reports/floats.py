# SPDX-License-Identifier: MIT
"""Where a number stands among all the floats of a dtype, for plots whose axis is the whole line of floats."""

import math

# Precision in bits (the leading one included) and least exponent of a normal number.
FORMATS = {"float16": (11, -14), "bfloat16": (8, -126), "float32": (24, -126), "float64": (53, -1022)}


def ordinal(x: float, dtype: str) -> int:
    """How many steps from 0 to ``x``, from one float of ``dtype`` to the next; infinity comes after the largest."""
    precision, least = FORMATS[dtype]
    if x == 0:
        return 0
    if math.isinf(x):
        steps = (3 - 2 * least) << (precision - 1)
    else:
        exponent = max(math.frexp(x)[1] - 1, least)
        steps = int(math.ldexp(abs(x), precision - 1 - exponent)) + ((exponent - least) << (precision - 1))
    return steps if x > 0 else -steps


def place(x: float, dtype: str) -> float:
    """``ordinal`` from -1 at -inf over 0 to 1 at +inf."""
    return round(ordinal(x, dtype) / ordinal(math.inf, dtype), 6)


def ticks(dtype: str) -> list[tuple[float, str]]:
    """Places of 0, ±inf and the powers of ten, with their labels; those that matter most come first."""
    _, least = FORMATS[dtype]
    powers = range(math.ceil(least * math.log10(2)), math.floor((1 - least) * math.log10(2)) + 1)
    by_roundness = sorted(powers, key=lambda k: (k != 0, k % 100 != 0, k % 10 != 0, k % 5 != 0, k % 2 != 0, abs(k)))
    values = [0.0, math.inf, -math.inf] + [sign * 10.0**k for k in by_roundness for sign in (1, -1)]
    return [(place(x, dtype), f"{x:g}".replace("-", "−")) for x in values]
