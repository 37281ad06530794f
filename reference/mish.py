# SPDX-License-Identifier: MIT
"""Mish: x times the hyperbolic tangent of its softplus."""

from mpmath import exp, mpf

from reference.activation import Activation, CheckPoint, Facts, valley

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
