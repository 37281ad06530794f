# SPDX-License-Identifier: MIT
"""SiLU, also called Swish: x times the sigmoid of βx."""

from mpmath import exp, mpf

from reference.activation import Activation, CheckPoint, Facts, Parameter, Piece, Range

# The root of 1 + x + exp(x), where the derivative (β = 1) changes sign, and the value there:
# mpmath.findroot(lambda x: 1 + x + exp(x), -1.278) at 50 digits.
ROOT = "-1.27846454276107379510935873902298015543947748"
MINIMUM = "-0.27846454276107379510935873902298015543947748"


def forward(x: mpf, beta: mpf) -> mpf:
    return x / (1 + exp(-beta * x))


def derivative(x: mpf, beta: mpf) -> mpf:
    e = exp(beta * x)
    return e * (1 + beta * x + e) / (1 + e) ** 2


def facts(beta: float) -> Facts:
    root, minimum = mpf(ROOT) / mpf(beta), mpf(MINIMUM) / mpf(beta)
    return Facts(
        limits=(0, "inf"),
        derivative_limits=(0, 1),
        range=Range(minimum, "inf", lo_attained=True, hi_attained=False),
        pieces=(Piece("-inf", root, -1), Piece(root, "inf", 1)),
        minima=((root, minimum),),
        derivative_roots=(root,),
        symmetry="f(x) - f(-x) = x",
        remarks=("Its range is not [0, +∞): it is negative for every x < 0, with a minimum near x = -1.278.",),
    )


ACTIVATION = Activation(
    name="silu",
    title="SiLU (Swish)",
    formula=r"x \cdot \sigma(\beta x) = \frac{x}{1 + e^{-\beta x}}",
    derivative_formula=r"\sigma(\beta x)\,\bigl(1 + \beta x\,\sigma(-\beta x)\bigr)",
    sources=(
        "Hendrycks, Gimpel: Gaussian Error Linear Units, arXiv:1606.08415, section 2 (names the SiLU)",
        "Elfwing, Uchibe, Doya: Sigmoid-weighted linear units, arXiv:1702.03118, section 2",
        "Ramachandran, Zoph, Le: Searching for Activation Functions, arXiv:1710.05941, section 4 (Swish with β)",
    ),
    forward=forward,
    derivative=derivative,
    facts=facts,
    check_points=(
        CheckPoint(-88.0, "exp(-x) leaves the range of float32 one unit further out"),
        CheckPoint(-1.2784645427610738, "minimum: the derivative has a root"),
        CheckPoint(-709.0, "exp(-x) is near the end of the range of float64"),
    ),
    parameters=(Parameter("beta", 1.0, "β: the slope of the sigmoid's argument"),),
)
