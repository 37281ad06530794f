# SPDX-License-Identifier: MIT
"""PReLU: a leaky ReLU whose slope α is learned, one for all or one per channel."""

from dataclasses import replace

from mpmath import mp, mpf

from reference import leaky_relu
from reference.activation import Activation, CheckPoint, Facts, Parameter


def forward(x: mpf, alpha: mpf) -> mpf:
    return x if x >= 0 else alpha * x


def derivative(x: mpf, alpha: mpf) -> mpf:
    return mp.one if x > 0 else alpha


def alpha_derivative(x: mpf, alpha: mpf) -> mpf:
    return x if x < 0 else mp.zero


def right_derivative(x: mpf, alpha: mpf) -> mpf:
    return mp.one


def facts(alpha: float) -> Facts:
    remarks = (
        "max(αx, x) is the same function for α ≤ 1 only, and nothing keeps a learned α there.",
        "For α < 0 it is not monotone, and its range is [0, +∞).",
    )
    return replace(leaky_relu.facts(alpha), remarks=remarks)


ACTIVATION = Activation(
    name="prelu",
    title="PReLU",
    formula=r"\begin{cases} x & x \ge 0 \\ \alpha x & x < 0 \end{cases}",
    derivative_formula=(
        r"\begin{cases} 1 & x > 0 \\ \alpha & x < 0 \end{cases} \qquad"
        r" \frac{\partial}{\partial\alpha} = \begin{cases} 0 & x \ge 0 \\ x & x < 0 \end{cases}"
    ),
    sources=("He, Zhang, Ren, Sun: Delving Deep into Rectifiers, arXiv:1502.01852, section 2.1",),
    forward=forward,
    derivative=derivative,
    fast_forward=leaky_relu.fast_forward,
    fast_derivative=leaky_relu.fast_derivative,
    exact=True,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "kink"),
        CheckPoint(-6.103515625e-05, "least normal float16: the product is subnormal"),
        CheckPoint(-1.1920928955078125e-07, "the product is a tie in float16 here, between 0 and the least subnormal"),
        CheckPoint(-1.1754943508222875e-38, "least normal float32: the product is subnormal"),
        CheckPoint(-2.802596928649634e-45, "the product is a tie in float32 here, between 0 and the least subnormal"),
        CheckPoint(-2.2250738585072014e-308, "least normal float64: the product is subnormal"),
        CheckPoint(-3.4028234663852886e38, "least float32"),
        CheckPoint(1.7976931348623157e308, "largest float64"),
    ),
    parameters=(Parameter("alpha", 0.25, "α: the learned slope for x < 0", per_channel=True),),
    kinks=(0.0,),
    right_derivative=right_derivative,
    alpha_derivative=alpha_derivative,
)
