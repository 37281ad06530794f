# SPDX-License-Identifier: MIT
"""Softplus: a smooth ReLU, the integral of the sigmoid of βx, for β > 0."""

from mpmath import exp, fmul, log, log1p, mpf

from reference.activation import Activation, CheckPoint, Facts, Parameter, Piece, Range
from reference.compiled import block
from reference.elementary import argument, choose, exp_parts, log1p_ratio, sigmoid
from reference.pairs import add_float, divide, multiply, plain


def forward(x: mpf, beta: mpf) -> mpf:
    t = fmul(beta, x, exact=True)  # exp multiplies the relative error of its argument by the argument
    if x > 0:
        return x + log(1 + exp(-t)) / beta  # not log1p: its sum with x is never small
    return log1p(exp(t)) / beta


def derivative(x: mpf, beta: mpf) -> mpf:
    e = exp(fmul(beta, x, exact=True))
    return e / (1 + e)


@block
def fast_forward(x, fine, beta):
    """w = e^(−|βx|): log(1 + w)/β, and x more on the right."""
    m, n = exp_parts(argument(beta, x), 0.0, fine)
    w = plain(m, n)
    ratio = divide(log1p_ratio(w, fine), (beta, 0.0))
    right = x > 0
    value = choose(right, add_float(multiply(w, ratio), x), multiply(m, ratio))
    return value, 0.0 if right else n


@block
def fast_derivative(x, fine, beta):
    return sigmoid(argument(beta, x), x > 0, fine)


def facts(beta: float) -> Facts:
    return Facts(
        limits=(0, "inf"),
        derivative_limits=(0, 1),
        range=Range(0, "inf", lo_attained=False, hi_attained=False),
        pieces=(Piece("-inf", "inf", 1),),
        symmetry="f(x) - f(-x) = x",
        remarks=(
            "It is larger than x everywhere: where libraries return x above a threshold of 20, softplus(20.1) is "
            "20.10000000186501, more than 500,000 ulp of float64 away.",
            "ln(1 + eˣ) as it is written overflows in float32 above x = 88.72, and is 0 below x = −16.64, "
            "where softplus is 6·10⁻⁸.",
        ),
    )


ACTIVATION = Activation(
    name="softplus",
    title="Softplus",
    formula=r"\frac{1}{\beta} \ln\bigl(1 + e^{\beta x}\bigr)",
    derivative_formula=r"\sigma(\beta x) = \frac{1}{1 + e^{-\beta x}}",
    sources=(
        "Dugas, Bengio, Bélisle, Nadeau, Garcia: Incorporating second-order functional knowledge for better option "
        "pricing, NIPS 2000",
        "Glorot, Bordes, Bengio: Deep sparse rectifier neural networks, AISTATS 2011 (as an activation)",
    ),
    forward=forward,
    derivative=derivative,
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "max(x, 0) + log1p(exp(-|x|)) changes sides"),
        CheckPoint(11.09, "exp(x) overflows in float16 above this"),
        CheckPoint(13.94, "a common threshold in float32, -ln(eps) - 2: x is returned above it"),
        CheckPoint(20.0, "a common threshold in every dtype: x is returned above it"),
        CheckPoint(20.1, "in float64 softplus is still 525,000 ulp above x"),
        CheckPoint(34.04, "a common threshold in float64, -ln(eps) - 2"),
        CheckPoint(88.723, "exp(x) overflows in float32 above this"),
        CheckPoint(100.0, "ln(1 + exp(x)) has been inf here, and its gradient NaN"),
        CheckPoint(709.783, "exp(x) overflows in float64 above this"),
        CheckPoint(-7.625, "1 + exp(x) rounds to 1 in float16 below this"),
        CheckPoint(-16.636, "1 + exp(x) rounds to 1 in float32 below this: its logarithm is 0"),
        CheckPoint(-36.737, "1 + exp(x) rounds to 1 in float64 below this"),
        CheckPoint(-17.329, "rounds to 0 in float16 below this"),
        CheckPoint(-87.337, "subnormal in float32 below this"),
        CheckPoint(-92.882, "rounds to 0 in bfloat16 below this"),
        CheckPoint(-103.972, "rounds to 0 in float32 below this"),
        CheckPoint(-708.396, "subnormal in float64 below this"),
        CheckPoint(-745.133, "rounds to 0 in float64 below this"),
    ),
    parameters=(Parameter("beta", 1.0, "β: the slope before the logarithm; larger is closer to ReLU", positive=True),),
)
