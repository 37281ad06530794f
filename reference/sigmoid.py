# SPDX-License-Identifier: MIT
"""The logistic sigmoid σ."""

from mpmath import exp, mpf

from reference.activation import Activation, CheckPoint, Facts, Piece, Range
from reference.compiled import block
from reference.elementary import argument, sech2_of_half, sigmoid


def forward(x: mpf) -> mpf:
    e = exp(x)  # exponents are unbounded here, so e cannot overflow, and e/(1 + e) is accurate on both sides
    return e / (1 + e)


def derivative(x: mpf) -> mpf:
    e = exp(x)
    d = 1 + e
    return e / (d * d)


@block
def fast_forward(x, fine):
    return sigmoid(argument(1.0, x), x > 0, fine)


@block
def fast_derivative(x, fine):
    """σ′(x) = sech²(x/2)/4."""
    value, n = sech2_of_half(argument(1.0, x), fine)
    return value, n - 2


def facts() -> Facts:
    return Facts(
        limits=(0, 1),
        derivative_limits=(0, 0),
        range=Range(0, 1, lo_attained=False, hi_attained=False),
        pieces=(Piece("-inf", "inf", 1),),
        symmetry="f(x) + f(-x) = 1",
        remarks=(
            "It saturates, but its gradient is zero nowhere: rounded to float32 it becomes 0 for |x| > 103.973, "
            "and in float64 for |x| > 745.134.",
            "σ·(1 − σ) is exact mathematics and bad arithmetic: in float32 it is 0 for every x > 17.33 already, "
            "where σ has rounded to 1.",
        ),
    )


ACTIVATION = Activation(
    name="sigmoid",
    title="Sigmoid",
    formula=r"\sigma(x) = \frac{1}{1 + e^{-x}}",
    derivative_formula=r"\sigma(x)\,\sigma(-x) = \frac{e^{-|x|}}{(1 + e^{-|x|})^2}",
    sources=(
        "Rumelhart, Hinton, Williams: Learning representations by back-propagating errors, Nature 323 (1986), "
        "equation (2)",
    ),
    forward=forward,
    derivative=derivative,
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "formulas for x < 0 and x > 0 meet"),
        CheckPoint(6.238, "rounds to 1 from here in bfloat16: 1 - σ cancels completely"),
        CheckPoint(8.318, "rounds to 1 from here in float16"),
        CheckPoint(17.329, "rounds to 1 from here in float32"),
        CheckPoint(37.43, "rounds to 1 from here in float64"),
        CheckPoint(-11.09, "exp(-x) overflows in float16 below this"),
        CheckPoint(-17.0502529, "vector lanes with exp clamped have gone negative here"),
        CheckPoint(-17.329, "rounds to 0 in float16 below this"),
        CheckPoint(-44.361, "exp(-x)² overflows in float32 below this: the textbook gradient is inf/inf or 0"),
        CheckPoint(-87.337, "subnormal in float32 below this"),
        CheckPoint(-88.723, "exp(-x) overflows in float32 below this"),
        CheckPoint(-103.0, "exp(x) has been 0 here in float32, where it rounds to the least subnormal"),
        CheckPoint(-103.972, "rounds to 0 in float32 below this"),
        CheckPoint(-354.891, "exp(-x)² overflows in float64 below this"),
        CheckPoint(-708.396, "subnormal in float64 below this"),
        CheckPoint(-709.783, "exp(-x) overflows in float64 below this"),
        CheckPoint(-745.133, "rounds to 0 in float64 below this"),
    ),
)
