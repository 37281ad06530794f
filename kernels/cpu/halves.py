# SPDX-License-Identifier: MIT
"""Functions that are x/2 + c·x² + … near 0, c > 0: where x/2 is a tie of the format, the next term decides, upwards.

Ties are among the subnormals alone. Arithmetic that drops c·x² would round half of them wrong; here x/2 is raised by
less than any other result would notice. Each takes the body's result y for all other x.
"""

from math import copysign

from kernels.cpu.blocks import at_least, at_most, by_type, fma
from kernels.cpu.compile import block


@block
def half_raised(x, y):
    """For results in x's own type."""
    T = type(x)
    x = at_most(at_least(x, T(-1)), T(1))  # no overflow where it is not asked for
    quarter = T(by_type(x, 2.0**-87, 2.0**-1012))  # of the least number, times 2^64
    raised = copysign(fma(x, T(2.0**63), quarter) * T(2.0**-64), x)
    return raised if abs(x) < T(by_type(x, 2.0**-125, 2.0**-1021)) else y


@block
def half_raised_16_bit(x, y):
    """For x, and results, of a 16-bit format."""
    T = type(x)
    return x * T(0.5 + 2.0**-14 if x > 0 else 0.5 - 2.0**-14) if abs(x) < T(2.0**-13) else y
