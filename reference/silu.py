# SPDX-License-Identifier: MIT
"""SiLU, also called Swish: x times the sigmoid of βx, for β > 0."""

from mpmath import exp, fmul, mpf, workdps, workprec

from reference.activation import Activation, CheckPoint, Facts, Parameter, valley
from reference.compiled import block
from reference.constants import refined
from reference.elementary import TABLE_BITS, argument, choose, exp_parts, expm1, from_root, reflect, sigmoid
from reference.pairs import ONE, add, add_float, divide, multiply, pair, plain, quadruple, square, times

# The root of 1 + x + e^x, where the derivative (β = 1) changes sign, and the value there.
ROOT = "-1.27846454276107379510935873902298015543947749"
MINIMUM = "-0.27846454276107379510935873902298015543947749"


def forward(x: mpf, beta: mpf) -> mpf:
    e = exp(fmul(beta, x, exact=True))  # exp multiplies the relative error of its argument by the argument
    return x * e / (1 + e)


def derivative(x: mpf, beta: mpf) -> mpf:
    t = fmul(beta, x, exact=True)
    e = exp(t)
    d = 1 + e
    return e * (d + t) / (d * d)


SLOPE_ROOT = refined(lambda z: derivative(z, mpf(1)), ROOT)
with workprec(TABLE_BITS):
    ROOT_PARTS, EXP_AT_ROOT = quadruple(SLOPE_ROOT), pair(-1 - SLOPE_ROOT)


@block
def fast_forward(x, fine, beta):
    return times(x, *sigmoid(argument(beta, x), x > 0, fine))


@block
def fast_derivative(x, fine, beta):
    """e(1 + z + e)/(1 + e)², e = e^z, z = −|βx|.

    Near the root z₀ the middle factor is t + e^z₀·(e^t − 1), t = z − z₀.
    """
    z = argument(beta, x)
    m, n = exp_parts(z, 0.0, fine)
    e, t = plain(m, n), from_root(z, ROOT_PARTS)
    near = add(t, multiply(EXP_AT_ROOT, expm1(t, fine)))
    middle = choose(abs(t[0]) < 0.5, near, add(add_float(z, 1.0), e))
    return reflect(x > 0, divide(multiply(m, middle), square(add(ONE, e))), n)


def facts(beta: float) -> Facts:
    with workdps(50):
        root, minimum = mpf(ROOT) / beta, mpf(MINIMUM) / beta
    return valley(
        root,
        minimum,
        symmetry="f(x) - f(-x) = x",
        remarks=(
            "Its range is not [0, +∞): it is negative for every x < 0, and for β = 1 its minimum is −0.27846 "
            "at x = −1.27846.",
            "Differentiable everywhere does not mean that its gradient cannot vanish: the gradient is 0 at the "
            "minimum and tends to 0 at −∞; for β = 1 it rounds to 0 in float32 below x = −108.651, and in float64 "
            "below x = −751.755.",
        ),
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
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "x/2 + x²/4: a tie for odd subnormals"),
        CheckPoint(-1.2784645427610738, "minimum: the derivative has a root"),
        CheckPoint(-11.09, "exp(-x) overflows in float16 below this"),
        CheckPoint(-20.288172, "the gradient rounds to -0 in float16 below this"),
        CheckPoint(-44.361, "exp(-x)² overflows in float32 below this"),
        CheckPoint(-88.0, "exp(-x) leaves the range of float32 one unit further out"),
        CheckPoint(-88.723, "exp(-x) overflows in float32 below this: x/inf is -0"),
        CheckPoint(-90.0, "normal in float32 still, where exp(x) and σ(x) are subnormal"),
        CheckPoint(-108.660304, "rounds to -0 in float32 below this"),
        CheckPoint(-709.0, "exp(-x) is near the end of the range of float64"),
        CheckPoint(-709.783, "exp(-x) overflows in float64 below this"),
        CheckPoint(-751.75563, "rounds to -0 in float64 below this"),
        CheckPoint(-7e29, "-inf times 0 has been NaN here"),
        CheckPoint(8.318, "σ rounds to 1 from here in float16: 1 - σ cancels completely"),
        CheckPoint(17.329, "σ rounds to 1 from here in float32"),
        CheckPoint(37.43, "σ rounds to 1 from here in float64"),
    ),
    parameters=(Parameter("beta", 1.0, "β: the slope of the sigmoid's argument", positive=True),),
)
