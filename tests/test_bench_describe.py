# SPDX-License-Identifier: MIT
"""What the report is told of an activation: its facts as text, its special values, its graphs."""

import msgspec
import numpy as np
import pytest
from mpmath import isfinite, mpf, nstr, workdps

import reference
from bench import describe as module
from bench.describe import CURVE_POINTS, SPECIAL_INPUTS, describe
from reports.schema import ActivationResult, Fact


@pytest.fixture(autouse=True)
def without_gradients(monkeypatch):
    """They are slow, and have tests of their own."""
    monkeypatch.setattr(module, "gradient_health", lambda activation, form, parameters: [])


def described(name: str, **parameters: float) -> ActivationResult:
    activation = reference.own()[name]
    return describe(activation, activation.defaults | parameters)


def facts(name: str, **parameters: float) -> list[tuple[str, str]]:
    return [(fact.name, fact.value) for fact in described(name, **parameters).facts]


def test_facts_of_silu_as_text():
    assert facts("silu") == [
        ("limit at −∞", "0"),
        ("limit at +∞", "+∞"),
        ("limit of the derivative at −∞", "0"),
        ("limit of the derivative at +∞", "1"),
        ("range", "[−0.2784645427610738, +∞)"),
        ("falling", "on (−∞, −1.2784645427610738)"),
        ("rising", "on (−1.2784645427610738, +∞)"),
        ("minimum", "−0.2784645427610738 at x = −1.2784645427610738"),
        ("root of the derivative", "−1.2784645427610738"),
        ("symmetry", "f(x) - f(-x) = x"),
    ]


def test_facts_follow_the_parameters():
    assert ("limit at −∞", "−2.5") in facts("elu", alpha=2.5)
    assert ("limit of the derivative at −∞", "0.01") in facts("leaky_relu")
    assert ("constant", "on (−∞, 0)") in facts("relu")


@pytest.mark.parametrize("name", sorted(reference.own()))
def test_every_number_is_right_to_its_last_digit(name):
    """17 digits are more than a binary64 number has."""
    stated = reference.own()[name].facts(**reference.own()[name].defaults)
    with workdps(60):
        numbers = map(
            mpf, [*stated.limits, *stated.derivative_limits, *stated.derivative_roots, *sum(stated.minima, ())]
        )
        texts = {nstr(v, 17).removesuffix(".0").replace("-", "−") for v in numbers if isfinite(v)}
    words = {w.strip("[(])") for _, value in facts(name) for w in value.replace(",", " ").split()}
    assert texts <= words


@pytest.mark.parametrize("name", sorted(reference.own()))
def test_every_activation_is_described(name):
    found = described(name)
    activation = reference.own()[name]
    assert (found.name, found.title, found.formula) == (name, activation.title, activation.formula)
    assert found.parameters == activation.defaults
    assert [v.input for v in found.special_values] == [str(x) for x in SPECIAL_INPUTS]
    assert len(found.curve.x) == len(found.curve.y) == len(found.curve.derivative) == len(CURVE_POINTS)
    assert np.isfinite(found.curve.y + found.curve.derivative).all()
    assert found.facts[0] == Fact(name="limit at −∞", value=found.facts[0].value)
    assert msgspec.json.decode(msgspec.json.encode(found), type=ActivationResult) == found


def test_special_values_keep_the_sign_of_zero():
    values = {v.input: (v.forward, v.derivative) for v in described("silu").special_values}
    assert values["-inf"] == ("0.0", "0.0")
    assert values["-1e+30"] == ("-0.0", "-0.0")
    assert values["-0.0"] == ("-0.0", "0.5")
    assert values["0.0"] == ("0.0", "0.5")
    assert values["inf"] == ("inf", "1.0")


def test_curves_are_those_of_function_and_derivative():
    curve = described("tanh").curve
    assert np.allclose(curve.y, np.tanh(curve.x), rtol=1e-14, atol=0)
    assert np.allclose(curve.derivative, 1 - np.tanh(curve.x) ** 2, rtol=1e-8, atol=1e-15)


def test_gradient_health_is_asked_for_in_every_dtype(monkeypatch):
    asked = []
    monkeypatch.setattr(
        module, "gradient_health", lambda a, form, parameters: asked.append((form.name, parameters)) or []
    )
    described("elu", alpha=2.0)
    assert asked == [(name, {"alpha": 2.0}) for name in ("float16", "bfloat16", "float32", "float64")]
