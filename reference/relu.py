# SPDX-License-Identifier: MIT
"""ReLU: the positive part of x."""

from mpmath import mp, mpf

from reference.activation import Activation, CheckPoint, Facts, Piece, Range
from reference.compiled import block


def forward(x: mpf) -> mpf:
    return x if x > 0 else mp.zero


def derivative(x: mpf) -> mpf:
    return mp.one if x > 0 else mp.zero


def right_derivative(x: mpf) -> mpf:
    return mp.one


@block
def fast_forward(x, fine):
    return (max(x, 0.0), 0.0), 0.0


@block
def fast_derivative(x, fine):
    return (1.0 if x > 0 else 0.0, 0.0), 0.0


def facts() -> Facts:
    return Facts(
        limits=(0, "inf"),
        derivative_limits=(0, 1),
        range=Range(0, "inf", lo_attained=True, hi_attained=False),
        pieces=(Piece("-inf", 0, 0), Piece(0, "inf", 1)),
        symmetry="f(x) - f(-x) = x",
        remarks=(
            "It is not differentiable at 0: the left derivative is 0, the right one 1.",
            "Its gradient is exactly 0 for every x < 0, by definition and not by rounding.",
        ),
    )


ACTIVATION = Activation(
    name="relu",
    title="ReLU",
    formula=r"\max(x, 0)",
    derivative_formula=r"\begin{cases} 1 & x > 0 \\ 0 & x < 0 \end{cases}",
    sources=("Nair, Hinton: Rectified linear units improve restricted Boltzmann machines, ICML 2010",),
    forward=forward,
    derivative=derivative,
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    exact=True,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "kink"),
        CheckPoint(65504.0, "largest float16"),
        CheckPoint(-65504.0, "least float16"),
        CheckPoint(3.4028234663852886e38, "largest float32"),
        CheckPoint(-3.4028234663852886e38, "least float32"),
        CheckPoint(1.7976931348623157e308, "largest float64"),
    ),
    kinks=(0.0,),
    right_derivative=right_derivative,
)
