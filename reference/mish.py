# SPDX-License-Identifier: MIT
"""Mish: x times the hyperbolic tangent of its softplus."""

from mpmath import exp, mpf, workprec

from reference.activation import Activation, CheckPoint, Facts, valley
from reference.compiled import block
from reference.constants import refined
from reference.elementary import TABLE_BITS, argument, choose, exp_parts, expm1, from_root
from reference.pairs import (
    add,
    add_float,
    divide,
    multiply,
    pair,
    plain,
    quadruple,
    scale,
    square,
    times,
)

# Where ω of the derivative is 0, and the value there.
ROOT = "-1.19243121451549521213758834042073940560068641"
MINIMUM = "-0.30884341301725040662876022904195372845956412"


def forward(x: mpf) -> mpf:
    e = exp(x)  # exponents are unbounded here, so nothing overflows
    n = e * (e + 2)  # (1 + e)² - 1, whose quotient by (1 + e)² + 1 is tanh(log(1 + e))
    return x * n / (n + 2)


def derivative(x: mpf) -> mpf:
    e = exp(x)
    d = e * (e + 2) + 2
    omega = 4 * (x + 1) + e * (4 * x + 6 + e * (4 + e))
    return e * omega / (d * d)


SLOPE_ROOT = refined(derivative, ROOT)
with workprec(TABLE_BITS):  # the terms of ω at its root
    ROOT_PARTS = quadruple(SLOPE_ROOT)
    EXP_AT_ROOT, EXP2_AT_ROOT, EXP3_AT_ROOT = (exp(k * SLOPE_ROOT) for k in (1, 2, 3))
    STEP_OF_EXP = pair(EXP_AT_ROOT * (4 * SLOPE_ROOT + 6))
    EXP_AT_ROOT, EXP2_AT_ROOT, EXP3_AT_ROOT = pair(4 * EXP_AT_ROOT), pair(4 * EXP2_AT_ROOT), pair(EXP3_AT_ROOT)


@block
def fast_forward(x, fine):
    """With w = e^(−|x|): x(1 − 2w²/(1 + 2w + 2w²)) on the right, xw(w + 2)/(2 + 2w + w²) on the left."""
    m, n = exp_parts(argument(1.0, x), 0.0, fine)
    w = plain(m, n)
    w2, twice, right = square(w), scale(w, 2.0), x > 0
    top = choose(right, scale(w2, -2.0), multiply(m, add_float(w, 2.0)))
    bottom = choose(right, add_float(add(twice, scale(w2, 2.0)), 1.0), add_float(add(twice, w2), 2.0))
    share = divide(top, bottom)
    return times(x, choose(right, add_float(share, 1.0), share), 0.0 if right else n)


@block
def omega(x, e, fine):
    """ω for x <= 0, e = e^x; near its root each term is what it has grown by since there, and all have one sign."""
    e2 = square(e)
    size = add_float(scale(x, 4.0), 4.0)
    terms = add(scale(e2, 4.0), multiply(e, add(e2, add_float(scale(x, 4.0), 6.0))))
    t = from_root(x, ROOT_PARTS)
    e1 = expm1(t, fine)  # and e^(2t) − 1 = e1(e1 + 2), e^(3t) − 1 = e1(e1² + 3e1 + 3)
    near = add(multiply(STEP_OF_EXP, e1), multiply(EXP_AT_ROOT, multiply(t, add_float(e1, 1.0))))
    near = add(near, multiply(EXP2_AT_ROOT, multiply(e1, add_float(e1, 2.0))))
    near = add(near, multiply(EXP3_AT_ROOT, multiply(e1, add_float(multiply(e1, add_float(e1, 3.0)), 3.0))))
    return choose(abs(t[0]) < 0.5, add(near, scale(t, 4.0)), add(size, terms))


@block
def fast_derivative(x, fine):
    """Left: eω/δ². Right, with w = e^(−x): 1 + w²((4x − 2) + (4x − 4)w − 4w²)/(1 + 2w + 2w²)²."""
    z = argument(1.0, x)
    m, n = exp_parts(z, 0.0, fine)
    w = plain(m, n)
    w2, twice, right = square(w), scale(w, 2.0), x > 0
    four_x = scale(z, -4.0)
    growth = add(add_float(four_x, -2.0), multiply(w, add(add_float(four_x, -4.0), scale(w, -4.0))))
    top = choose(right, multiply(w2, growth), multiply(m, omega(z, w, fine)))
    bottom = choose(right, add_float(add(twice, scale(w2, 2.0)), 1.0), add_float(add(twice, w2), 2.0))
    share = divide(top, square(bottom))
    return choose(right, add_float(share, 1.0), share), 0.0 if right else n


def facts() -> Facts:
    return valley(
        ROOT,
        MINIMUM,
        remarks=(
            "It is not monotone: it falls from 0 at −∞ to a minimum of −0.30884 at x = −1.19243.",
            "Smooth does not mean that its gradient cannot vanish: the gradient is 0 at the minimum and tends to 0 "
            "at −∞; it rounds to 0 in float32 below x = −108.651, and in float64 below x = −751.755.",
        ),
    )


ACTIVATION = Activation(
    name="mish",
    title="Mish",
    formula=r"x \tanh\bigl(\ln(1 + e^x)\bigr) = x\,\frac{e^x (e^x + 2)}{e^{2x} + 2e^x + 2}",
    derivative_formula=(
        r"\frac{e^x\,\omega}{\delta^2}, \quad \omega = 4(x + 1) + 4e^{2x} + e^{3x} + e^x (4x + 6),"
        r" \quad \delta = e^{2x} + 2e^x + 2"
    ),
    sources=("Misra: Mish: A Self Regularized Non-Monotonic Activation Function, arXiv:1908.08681",),
    forward=forward,
    derivative=derivative,
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "3x/5 + 8x²/25 near zero"),
        CheckPoint(-1.1924312145154953, "minimum: the derivative has a root"),
        CheckPoint(3.697, "e^(3x) overflows in float16 above this"),
        CheckPoint(5.545, "e^(2x) overflows in float16 above this"),
        CheckPoint(11.09, "exp(x) overflows in float16 above this"),
        CheckPoint(20.0, "a threshold of softplus that libraries share with mish"),
        CheckPoint(22.18, "e^(4x) overflows in float32 above this: δ² in the gradient"),
        CheckPoint(44.361, "e^(2x) overflows in float32 above this: inf/inf"),
        CheckPoint(88.723, "exp(x) overflows in float32 above this"),
        CheckPoint(177.445, "e^(4x) overflows in float64 above this"),
        CheckPoint(354.891, "e^(2x) overflows in float64 above this"),
        CheckPoint(709.783, "exp(x) overflows in float64 above this"),
        CheckPoint(-7.625, "1 + exp(x) rounds to 1 in float16 below this: log(1 + e) is 0"),
        CheckPoint(-16.636, "1 + exp(x) rounds to 1 in float32 below this"),
        CheckPoint(-36.737, "1 + exp(x) rounds to 1 in float64 below this"),
        CheckPoint(-20.341335, "rounds to -0 in float16 below this"),
        CheckPoint(-87.337, "exp(x) is subnormal in float32 below this, mish not yet"),
        CheckPoint(-108.660304, "rounds to -0 in float32 below this"),
        CheckPoint(-751.75563, "rounds to -0 in float64 below this"),
    ),
)
