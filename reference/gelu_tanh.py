# SPDX-License-Identifier: MIT
"""GELU in its tanh form, which much software ships under the name of GELU."""

from mpmath import exp, extraprec, mag, mpf, pi, sqrt

from reference.activation import Activation, CheckPoint, Facts, valley
from reference.constants import per_precision

# Where the derivative is 0, and the value there.
ROOT = "-0.75246142207101625848795444328891609060539218"
MINIMUM = "-0.17004075057125405063906742798755568357709298"

linear = per_precision(lambda: sqrt(8 / pi))
cubic = per_precision(lambda: sqrt(8 / pi) * 44715 / 10**6)


def exp_2u(x: mpf) -> mpf:
    """e^(2u), u = √(2/π)(x + 0.044715x³): then (1 + tanh u)/2 = e^(2u)/(1 + e^(2u)), and nothing cancels.

    exp multiplies the relative error of its argument by the argument, whose size is about |x|³.
    """
    with extraprec(max(0, 3 * mag(x) + 1)):
        argument = x * (linear() + cubic() * x * x)
    return exp(argument)


def forward(x: mpf) -> mpf:
    e = exp_2u(x)
    return x * e / (1 + e)


def derivative(x: mpf) -> mpf:
    e = exp_2u(x)
    d = 1 + e
    return e * (d + x * (linear() + 3 * cubic() * x * x)) / (d * d)


def facts() -> Facts:
    return valley(
        ROOT,
        MINIMUM,
        symmetry="f(x) - f(-x) = x",
        remarks=(
            "It is not GELU: it differs by up to 4.74·10⁻⁴, and in the left tail by any factor, "
            "since there it falls like exp(−0.0714|x|³).",
            "½x(1 + tanh u) is exact mathematics and bad arithmetic: 1 + tanh u cancels in the left tail, "
            "and x³ overflows in float16 at 40.3.",
        ),
    )


ACTIVATION = Activation(
    name="gelu_tanh",
    title="GELU (tanh form)",
    formula=r"\tfrac{x}{2}\bigl(1 + \tanh u\bigr) = x\,\sigma(2u), \quad u = \sqrt{2/\pi}\,(x + 0.044715\,x^3)",
    derivative_formula=r"\sigma(2u)\,\bigl(1 + 2xu'\,\sigma(-2u)\bigr), \quad u' = \sqrt{2/\pi}\,(1 + 0.134145\,x^2)",
    sources=("Hendrycks, Gimpel: Gaussian Error Linear Units, arXiv:1606.08415, section 2",),
    forward=forward,
    derivative=derivative,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "x/2 + x²/√(2π): a tie for odd subnormals"),
        CheckPoint(-0.7524614220710163, "minimum: the derivative has a root"),
        CheckPoint(-3.586, "1 + tanh u cancels completely in float16 below this"),
        CheckPoint(-5.158, "1 + tanh u cancels completely in float32 below this"),
        CheckPoint(-5.288622, "rounds to -0 in float16 below this"),
        CheckPoint(-7.2, "1 + tanh u cancels completely in float64 below this"),
        CheckPoint(-10.061, "exp(-2u) overflows in float32 below this"),
        CheckPoint(-10.333198, "rounds to -0 in bfloat16 below this"),
        CheckPoint(-10.770868, "rounds to -0 in float32 below this"),
        CheckPoint(-10.894539, "the gradient rounds to -0 in float32 below this"),
        CheckPoint(-13.0, "implementations have returned NaN below about this"),
        CheckPoint(-21.547075, "rounds to -0 in float64 below this"),
        CheckPoint(-21.592739, "the gradient rounds to -0 in float64 below this"),
        CheckPoint(21.657723, "vector lanes have been NaN here in float64: exp(2u) overflows"),
        CheckPoint(10.5, "a bfloat16 implementation has returned NaN from here on"),
        CheckPoint(40.311, "x³ overflows in float16 above this"),
        CheckPoint(-40.311, "x³ overflows in float16 below this"),
        CheckPoint(-6.9815e12, "x³ overflows in float32 below this"),
        CheckPoint(-1.8446744073709552e19, "x² overflows in float32 below this: 0 · inf in the gradient"),
        CheckPoint(-5.6439e102, "x³ overflows in float64 below this"),
    ),
)
