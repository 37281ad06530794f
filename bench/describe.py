# SPDX-License-Identifier: MIT
"""What the report says of an activation itself, so that it can be rendered where the reference is not at hand."""

from collections.abc import Iterable, Mapping

import numpy as np
from mpmath import inf, isnan, mp, mpf, workdps, workprec

from bench.gradients import gradient_health
from reference.activation import Activation, Facts, Real
from reference.formats import FORMATS
from reference.oracle import LIMIT_DIGITS, decimal
from reports.schema import ActivationResult, Curve, Fact, SpecialValue

SPECIAL_INPUTS = (-np.inf, -1e30, -100.0, -10.0, -1.0, -1e-8, -0.0, 0.0, 1e-8, 1.0, 10.0, 100.0, 1e30, np.inf)
CURVE_POINTS = np.linspace(-8, 8, 321)
DIGITS = 17


def describe(activation: Activation, parameters: Mapping[str, float]) -> ActivationResult:
    """Formulas, facts, graphs, special values and gradient health at the stated parameters."""
    facts = activation.facts(**parameters)
    return ActivationResult(
        name=activation.name,
        title=activation.title,
        formula=activation.formula,
        derivative_formula=activation.derivative_formula,
        sources=list(activation.sources),
        parameters=dict(parameters),
        facts=list(_facts(facts)),
        remarks=list(facts.remarks),
        special_values=[_special_value(activation, x, parameters) for x in SPECIAL_INPUTS],
        curve=_curve(activation, parameters),
        gradient_health=[h for form in FORMATS.values() for h in gradient_health(activation, form, parameters)],
    )


def _facts(facts: Facts) -> Iterable[Fact]:
    yield Fact(name="limit at −∞", value=_text(facts.limits[0]))
    yield Fact(name="limit at +∞", value=_text(facts.limits[1]))
    yield Fact(name="limit of the derivative at −∞", value=_text(facts.derivative_limits[0]))
    yield Fact(name="limit of the derivative at +∞", value=_text(facts.derivative_limits[1]))
    if facts.range:
        left, right = "[" if facts.range.lo_attained else "(", "]" if facts.range.hi_attained else ")"
        yield Fact(name="range", value=f"{left}{_text(facts.range.lo)}, {_text(facts.range.hi)}{right}")
    words = {-1: "falling", 0: "constant", 1: "rising"}
    for piece in facts.pieces:
        yield Fact(name=words[piece.slope], value=f"on ({_text(piece.lo)}, {_text(piece.hi)})")
    for x, y in facts.minima:
        yield Fact(name="minimum", value=f"{_text(y)} at x = {_text(x)}")
    for root in facts.derivative_roots:
        yield Fact(name="root of the derivative", value=_text(root))
    if facts.symmetry:
        yield Fact(name="symmetry", value=facts.symmetry)


def _text(value: Real) -> str:
    with workdps(LIMIT_DIGITS):
        number = mpf(value)
    if isnan(number):
        return "none"
    if abs(number) == inf:
        return "+∞" if number > 0 else "−∞"
    return mp.nstr(number, DIGITS, strip_zeros=True).removesuffix(".0").replace("-", "−")


def _special_value(activation: Activation, x: float, parameters: Mapping[str, float]) -> SpecialValue:
    return SpecialValue(
        input=str(x),
        forward=decimal(activation, "forward", x, parameters),
        derivative=decimal(activation, "backward", x, parameters),
    )


def _curve(activation: Activation, parameters: Mapping[str, float]) -> Curve:
    exact_parameters = {name: mpf(value) for name, value in parameters.items()}
    with workprec(100):
        points = [mpf(float(x)) for x in CURVE_POINTS]
        return Curve(
            x=[float(x) for x in points],
            y=[float(activation.forward(x, **exact_parameters)) for x in points],
            derivative=[float(activation.derivative(x, **exact_parameters)) for x in points],
        )
