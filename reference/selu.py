# SPDX-License-Identifier: MIT
"""SELU: an ELU scaled so that a standard normal input keeps mean 0 and variance 1."""

from mpmath import e, mpf, ncdf, pi, sqrt, workdps, workprec

from reference import elu
from reference.activation import Activation, CheckPoint, Facts, Piece, Range
from reference.compiled import block
from reference.constants import per_precision
from reference.elementary import TABLE_BITS, argument, choose, exp_parts, expm1_left
from reference.pairs import multiply, pair, times


@per_precision
def alpha() -> mpf:
    """α, from E[selu(z)] = 0: z > 0 contributes 1/√(2π), and z < 0 contributes α(√e Φ(-1) - 1/2)."""
    return 1 / sqrt(2 * pi) / (mpf(1) / 2 - sqrt(e) * ncdf(-1))


@per_precision
def scale() -> mpf:
    """λ, from E[selu(z)²] = 1: z > 0 contributes λ²/2, and z < 0 contributes λ²α² E[(e^z - 1)²; z < 0]."""
    square_below_zero = e**2 * ncdf(-2) - 2 * sqrt(e) * ncdf(-1) + mpf(1) / 2
    return 1 / sqrt(mpf(1) / 2 + alpha() ** 2 * square_below_zero)


def forward(x: mpf) -> mpf:
    return scale() * elu.forward(x, alpha())


def derivative(x: mpf) -> mpf:
    return scale() * elu.derivative(x, alpha())


def right_derivative(x: mpf) -> mpf:
    return scale()


with workprec(TABLE_BITS):
    SCALE, SCALE_ALPHA = pair(scale()), pair(scale() * alpha())


@block
def fast_forward(x, fine):
    right, n = times(x, SCALE, 0.0)
    left = multiply(expm1_left(argument(1.0, x), fine), SCALE_ALPHA)
    return choose(x > 0, right, left), n if x > 0 else 0.0


@block
def fast_derivative(x, fine):
    m, n = exp_parts(argument(1.0, x), 0.0, fine)
    return choose(x > 0, SCALE, multiply(m, SCALE_ALPHA)), 0.0 if x > 0 else n


def facts() -> Facts:
    with workdps(50):
        slope, floor = scale(), -scale() * alpha()
    return Facts(
        limits=(floor, "inf"),
        derivative_limits=(0, slope),
        range=Range(floor, "inf", lo_attained=False, hi_attained=False),
        pieces=(Piece("-inf", "inf", 1),),
        remarks=(
            "It is not differentiable at 0: the slope jumps from λα ≈ 1.758 on the left to λ ≈ 1.051 on the right.",
            "λ and α are no free choice but the solution of two equations; taken to five digits, "
            "they cost about 8 ulp of float32 for x > 0, and about 42 in saturation.",
        ),
    )


ACTIVATION = Activation(
    name="selu",
    title="SELU",
    formula=r"\lambda \begin{cases} x & x > 0 \\ \alpha\,(e^x - 1) & x \le 0 \end{cases}",
    derivative_formula=r"\lambda \begin{cases} 1 & x > 0 \\ \alpha\,e^x & x < 0 \end{cases}",
    sources=(
        "Klambauer, Unterthiner, Mayr, Hochreiter: Self-Normalizing Neural Networks, arXiv:1706.02515, section 2",
    ),
    forward=forward,
    derivative=derivative,
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "kink"),
        CheckPoint(-1e-08, "exp(x) - 1 cancels completely in float32"),
        CheckPoint(-1e-07, "exp(x) - 1 keeps one bit in float32"),
        CheckPoint(-1e-16, "exp(x) - 1 cancels completely in float64"),
        CheckPoint(-0.34657359027997264, "-ln(2)/2: expm1 changes its reduction"),
        CheckPoint(1.0, "λ itself: too few digits in it show"),
        CheckPoint(-8.318, "saturates in float16 below this"),
        CheckPoint(-17.329, "saturates in float32 below this"),
        CheckPoint(-37.43, "saturates in float64 below this"),
        CheckPoint(-103.972, "exp(x) rounds to 0 in float32 below this, the gradient a little later"),
        CheckPoint(-745.133, "exp(x) rounds to 0 in float64 below this, the gradient a little later"),
        CheckPoint(88.723, "exp(x) overflows in float32 above this: 0 · inf through a select"),
        CheckPoint(709.783, "exp(x) overflows in float64 above this"),
        CheckPoint(62343.0, "λx overflows in float16 above about this"),
        CheckPoint(3.2386e38, "λx overflows in float32 above about this"),
        CheckPoint(1.71094e308, "λx overflows in float64 above about this"),
    ),
    kinks=(0.0,),
    right_derivative=right_derivative,
)
