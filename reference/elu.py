# SPDX-License-Identifier: MIT
"""ELU: x where it is positive, an exponential that saturates at -α where it is negative; α > 0."""

from mpmath import exp, ldexp, mp, mpf, tanh

from reference.activation import Activation, CheckPoint, Facts, Parameter, Piece, Range
from reference.compiled import block
from reference.elementary import argument, choose, exp_parts, expm1_left
from reference.pairs import multiply_float


def expm1(x: mpf) -> mpf:
    """e^x - 1 for x <= 0, where 1 - tanh(x/2) does not cancel; four times faster than mpmath's own."""
    t = tanh(ldexp(x, -1))
    return 2 * t / (1 - t)


def forward(x: mpf, alpha: mpf) -> mpf:
    return x if x > 0 else alpha * expm1(x)


def derivative(x: mpf, alpha: mpf) -> mpf:
    return mp.one if x > 0 else alpha * exp(x)


def right_derivative(x: mpf, alpha: mpf) -> mpf:
    return mp.one


@block
def fast_forward(x, fine, alpha):
    return choose(x > 0, (x, 0.0), multiply_float(expm1_left(argument(1.0, x), fine), alpha)), 0.0


@block
def fast_derivative(x, fine, alpha):
    m, n = exp_parts(argument(1.0, x), 0.0, fine)
    return choose(x > 0, (1.0, 0.0), multiply_float(m, alpha)), 0.0 if x > 0 else n


def facts(alpha: float) -> Facts:
    return Facts(
        limits=(-alpha, "inf"),
        derivative_limits=(0, 1),
        range=Range(-alpha, "inf", lo_attained=False, hi_attained=False),
        pieces=(Piece("-inf", "inf", 1),),
        remarks=(
            "Its gradient is continuous at 0 for α = 1 only, and even then not smooth: "
            "the second derivative jumps from 1 to 0.",
            "Its gradient is zero nowhere, but for x < 0 it is α·eˣ: with α = 1 it rounds to 0 in float32 below "
            "x = −103.973, and f(x) + α computed from the rounded output is 0 below x = −17.33 already.",
        ),
    )


ACTIVATION = Activation(
    name="elu",
    title="ELU",
    formula=r"\begin{cases} x & x > 0 \\ \alpha\,(e^x - 1) & x \le 0 \end{cases}",
    derivative_formula=r"\begin{cases} 1 & x > 0 \\ \alpha\,e^x & x < 0 \end{cases}",
    sources=(
        "Clevert, Unterthiner, Hochreiter: Fast and Accurate Deep Network Learning by Exponential Linear Units "
        "(ELUs), arXiv:1511.07289, section 3",
    ),
    forward=forward,
    derivative=derivative,
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "the two formulas meet; a kink unless α = 1"),
        CheckPoint(-1e-08, "exp(x) - 1 cancels completely in float32"),
        CheckPoint(-1e-07, "exp(x) - 1 keeps one bit in float32"),
        CheckPoint(-1e-16, "exp(x) - 1 cancels completely in float64"),
        CheckPoint(-0.34657359027997264, "-ln(2)/2: expm1 changes its reduction"),
        CheckPoint(-8.318, "rounds to -1 in float16 below this"),
        CheckPoint(-17.329, "rounds to -1 in float32 below this: output + α is 0"),
        CheckPoint(-37.43, "rounds to -1 in float64 below this"),
        CheckPoint(-40.0, "the gradient through output + α is 0 in float64"),
        CheckPoint(-87.337, "the gradient is subnormal in float32 below this"),
        CheckPoint(-103.0, "exp(x) has been 0 here in float32, where it rounds to the least subnormal"),
        CheckPoint(-103.972, "the gradient rounds to 0 in float32 below this"),
        CheckPoint(-708.396, "the gradient is subnormal in float64 below this"),
        CheckPoint(-745.133, "the gradient rounds to 0 in float64 below this"),
        CheckPoint(11.09, "exp(x) overflows in float16 above this: 0 · inf through a select"),
        CheckPoint(88.723, "exp(x) overflows in float32 above this"),
        CheckPoint(709.783, "exp(x) overflows in float64 above this"),
    ),
    parameters=(Parameter("alpha", 1.0, "α: minus the limit at −∞", positive=True),),
    kinks=(0.0,),
    right_derivative=right_derivative,
)
