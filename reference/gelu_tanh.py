# SPDX-License-Identifier: MIT
"""GELU in its tanh form, which much software ships under the name of GELU."""

from mpmath import exp, extraprec, mag, mpf, pi, sqrt, workprec

from reference.activation import Activation, CheckPoint, Facts, valley
from reference.compiled import block
from reference.constants import per_precision, refined
from reference.elementary import TABLE_BITS, choose, exp_parts, expm1, from_root, reflect, sigmoid_of
from reference.pairs import (
    ONE,
    add,
    divide,
    fast_two_sum,
    multiply,
    multiply_float,
    negate,
    pair,
    plain,
    quadruple,
    square,
    times,
    triple,
    two_product,
    two_sum,
)

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


SLOPE_ROOT = refined(derivative, ROOT)
with workprec(TABLE_BITS):
    ROOT_PARTS, ROOT_PAIR = quadruple(SLOPE_ROOT), pair(SLOPE_ROOT)
    LINEAR, CUBIC = triple(linear()), triple(cubic())
    LINEAR_PAIR, CUBIC_PAIR, CUBIC_3 = pair(linear()), pair(cubic()), pair(3 * cubic())
    ROOT_SQUARE, EXP_AT_ROOT = pair(SLOPE_ROOT**2), pair(exp_2u(SLOPE_ROOT))
FAR = 38.0  # e^(−2u) is zero from here on, whatever it is multiplied by, and 2u is still below BOUND


@block
def minus_2u(a):
    """−2u = −a(√(8/π) + 0.044715·√(8/π)·a²) in three parts, for a float64 a in (0, FAR]: to 2^-150 of it."""
    s, ds = two_product(a, a)
    p, p1 = two_product(CUBIC[0], s)
    q, q1 = two_product(CUBIC[0], ds)
    r, r1 = two_product(CUBIC[1], s)
    h, h1 = two_sum(LINEAR[0], p)
    k, k1 = two_sum(LINEAR[1], p1)
    k, k2 = two_sum(k, q)
    k, k3 = two_sum(k, r)
    k, k4 = two_sum(k, h1)
    rest = ((k1 + k2) + (k3 + k4)) + ((LINEAR[2] + q1) + (r1 + (CUBIC[1] * ds + CUBIC[2] * s)))
    h, k = fast_two_sum(h, k)
    k, rest = two_sum(k, rest)
    z, z1 = two_product(-a, h)
    y, y1 = two_product(-a, k)
    y, y2 = two_sum(z1, y)
    z, y = fast_two_sum(z, y)
    return (z, y), (y1 + y2) - a * rest


@block
def fast_forward(x, fine):
    z, rest = minus_2u(min(abs(x), FAR))
    return times(x, *sigmoid_of(*exp_parts(z, rest, fine), x > 0))


@block
def fast_derivative(x, fine):
    """e(1 + e − a·c)/(1 + e)², a = |x|, e = e^(−2u), c = √(8/π)(1 + 3·0.044715·a²).

    Near the root −a₀, t = −a + a₀, the middle factor is what its terms have grown by since there, which have one sign:
    e₀·(e^Δ − 1) + t·(√(8/π) + 3κ·q), Δ = t(√(8/π) + κ·q), q = a² + a·a₀ + a₀², κ = 0.044715·√(8/π).
    """
    a = min(abs(x), FAR)
    m, n = exp_parts(*minus_2u(a), fine)
    e, s = plain(m, n), two_product(a, a)
    product = multiply_float(add(LINEAR_PAIR, multiply(CUBIC_3, s)), a)
    t = from_root((-a, 0.0), ROOT_PARTS)
    q = add(add(s, multiply_float(ROOT_PAIR, -a)), ROOT_SQUARE)
    growth = multiply(t, add(LINEAR_PAIR, multiply(CUBIC_PAIR, q)))
    is_near = abs(t[0]) < 0.25
    step = expm1(choose(is_near, growth, (-1.0, 0.0)), fine)
    near = add(multiply(EXP_AT_ROOT, step), multiply(t, add(LINEAR_PAIR, multiply(CUBIC_3, q))))
    d = add(ONE, e)
    middle = choose(is_near, near, add(d, negate(product)))
    return reflect(x > 0, divide(multiply(m, middle), square(d)), n)


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
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
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
