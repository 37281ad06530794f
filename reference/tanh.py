# SPDX-License-Identifier: MIT
"""The hyperbolic tangent."""

import mpmath
from mpmath import exp, ldexp, mpf

from reference.activation import Activation, CheckPoint, Facts, Piece, Range
from reference.compiled import block
from reference.elementary import argument, choose, sech2_of_half, tanh_of_half
from reference.pairs import negate


def forward(x: mpf) -> mpf:
    return mpmath.tanh(x)


def derivative(x: mpf) -> mpf:
    e = exp(ldexp(x, 1))  # sech² from e^(2x); 1 - tanh² would cancel
    d = 1 + e
    return 4 * e / (d * d)


@block
def fast_forward(x, fine):
    size = tanh_of_half(argument(2.0, x), fine)
    return choose(x < 0, negate(size), size), 0.0


@block
def fast_derivative(x, fine):
    return sech2_of_half(argument(2.0, x), fine)


def facts() -> Facts:
    return Facts(
        limits=(-1, 1),
        derivative_limits=(0, 0),
        range=Range(-1, 1, lo_attained=False, hi_attained=False),
        pieces=(Piece("-inf", "inf", 1),),
        symmetry="f(-x) = -f(x)",
        remarks=(
            "It saturates, but its gradient is zero nowhere: rounded to float32 it becomes 0 for |x| > 52.68, "
            "and in float64 for |x| > 373.26.",
            "1 − tanh² from the rounded output is exact mathematics and bad arithmetic: in float32 it is 0 "
            "for every |x| > 9.011 already.",
        ),
    )


ACTIVATION = Activation(
    name="tanh",
    title="Tanh",
    formula=r"\tanh x = \frac{e^x - e^{-x}}{e^x + e^{-x}}",
    derivative_formula=r"\operatorname{sech}^2 x = \frac{4\,e^{-2|x|}}{(1 + e^{-2|x|})^2}",
    sources=(
        "NIST Digital Library of Mathematical Functions, section 4.28",
        "LeCun, Bottou, Orr, Müller: Efficient BackProp (1998), section 4.4 (as an activation)",
    ),
    forward=forward,
    derivative=derivative,
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "odd: keeps the sign of zero, and tanh x = x for tiny x"),
        CheckPoint(0.000244140625, "x − x³/3 rounds to x in float32 below about this"),
        CheckPoint(0.5493, "tanh = 1/2: the usual end of the polynomial or rational piece"),
        CheckPoint(0.625, "Cephes changes from a polynomial to exp"),
        CheckPoint(1.0, "fdlibm changes its use of expm1"),
        CheckPoint(3.466, "rounds to 1 in bfloat16 from here"),
        CheckPoint(4.506, "rounds to 1 in float16 from here"),
        CheckPoint(5.545, "exp(2x) overflows in float16 above this"),
        CheckPoint(9.011, "rounds to 1 in float32 from here: 1 - tanh² is 0"),
        CheckPoint(19.062, "rounds to 1 in float64 from here"),
        CheckPoint(22.0, "fdlibm returns 1 from here"),
        CheckPoint(44.361, "exp(2x) overflows in float32 above this: inf/inf"),
        CheckPoint(52.679, "the gradient rounds to 0 in float32 above this"),
        CheckPoint(88.723, "exp(x) overflows in float32 above this: inf - 0 over inf + 0"),
        CheckPoint(354.891, "exp(2x) overflows in float64 above this"),
        CheckPoint(373.26, "the gradient rounds to 0 in float64 above this"),
        CheckPoint(-44.361, "exp(-2x) overflows in float32 below this"),
        CheckPoint(-709.783, "exp(-x) overflows in float64 below this"),
    ),
)
