# SPDX-License-Identifier: MIT
"""Leaky ReLU: x where it is positive, a small multiple of it where it is negative."""

from mpmath import mp, mpf, sign

from reference.activation import Activation, CheckPoint, Facts, Parameter, Piece, Range
from reference.compiled import block
from reference.pairs import times


def forward(x: mpf, negative_slope: mpf) -> mpf:
    return x if x >= 0 else negative_slope * x


def derivative(x: mpf, negative_slope: mpf) -> mpf:
    return mp.one if x > 0 else negative_slope


def right_derivative(x: mpf, negative_slope: mpf) -> mpf:
    return mp.one


@block
def fast_forward(x, fine, negative_slope):
    return times(x, ((1.0 if x > 0 else negative_slope), 0.0), 0.0)


@block
def fast_derivative(x, fine, negative_slope):
    return (1.0 if x > 0 else negative_slope, 0.0), 0.0


def facts(negative_slope: float) -> Facts:
    rises = int(sign(negative_slope))
    return Facts(
        limits=({1: "-inf", 0: 0, -1: "inf"}[rises], "inf"),
        derivative_limits=(negative_slope, 1),
        range=Range("-inf" if rises > 0 else 0, "inf", lo_attained=rises <= 0, hi_attained=False),
        pieces=(Piece("-inf", 0, rises), Piece(0, "inf", 1)),
        minima=((0, 0),) if rises < 0 else (),
        symmetry={0: "f(x) - f(-x) = x", 1: "f(-x) = -f(x)"}.get(negative_slope),
        remarks=(
            "max(αx, x) is the same function for α ≤ 1 only: with a larger slope it exchanges the two halves.",
            "It is not differentiable at 0, unless the slope is 1.",
        ),
    )


ACTIVATION = Activation(
    name="leaky_relu",
    title="Leaky ReLU",
    formula=r"\begin{cases} x & x \ge 0 \\ \alpha x & x < 0 \end{cases}",
    derivative_formula=r"\begin{cases} 1 & x > 0 \\ \alpha & x < 0 \end{cases}",
    sources=(
        "Maas, Hannun, Ng: Rectifier nonlinearities improve neural network acoustic models, "
        "ICML 2013 workshop on deep learning for audio, speech and language processing, section 2",
    ),
    forward=forward,
    derivative=derivative,
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    exact=True,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "kink"),
        CheckPoint(-6.103515625e-05, "least normal float16: the product is subnormal"),
        CheckPoint(-2.98e-06, "the product rounds to 0 in float16 above this"),
        CheckPoint(-1.1754943508222875e-38, "least normal float32: the product is subnormal"),
        CheckPoint(-7.006e-44, "the product rounds to 0 in float32 above this"),
        CheckPoint(-2.2250738585072014e-308, "least normal float64: the product is subnormal"),
        CheckPoint(-3.4028234663852886e38, "least float32"),
        CheckPoint(1.7976931348623157e308, "largest float64"),
    ),
    parameters=(Parameter("negative_slope", 0.01, "α: the slope for x < 0"),),
    kinks=(0.0,),
    right_derivative=right_derivative,
)
