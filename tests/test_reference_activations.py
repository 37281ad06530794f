# SPDX-License-Identifier: MIT
"""Every activation of the registry: its derivative, its precision everywhere, and each of its facts, in mpmath."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf, workdps, workprec

import reference
from reference import selu
from reference.activation import Activation, Facts

LEARNED_VALUES = (0.0, -0.5)  # training may bring a learned parameter here, though nobody would choose it
OTHER_VALUES = (0.3, 1.0, 2.75)

NEAR_ROOT = mpf(2) ** -6  # relative error is unbounded at a root of the derivative
ROOT_DIGITS = mpf(10) ** -43  # roots and minima are stated to 44 digits
MODERATE = [mpf(x) for x in (-30, -10, -5.5, -3, -1.5, -1, -0.3, -1e-3, 1e-3, 0.2, 0.7, 1, 2, 4, 9, 25)]
FAR = [mpf(10) ** e for e in (3, 10, 30)]


def cases() -> list:
    """(activation, parameters): the defaults, and other values of each parameter."""
    found = []
    for a in reference.activations().values():
        settings = [a.defaults]
        for p in a.parameters:
            values = OTHER_VALUES + (LEARNED_VALUES if p.per_channel else ())
            settings += [a.defaults | {p.name: v} for v in values if v != p.default]
        found += [pytest.param(a, s, id="-".join([a.name, *map(str, s.values())])) for s in settings]
    return found


every_case = pytest.mark.parametrize(("activation", "parameters"), cases())
every_activation = pytest.mark.parametrize("activation", reference.activations().values(), ids=lambda a: a.name)


def as_mpf(parameters: dict[str, float]) -> dict[str, mpf]:
    return {name: mpf(value) for name, value in parameters.items()}


def line_of_floats(activation: Activation) -> list[mpf]:
    """Inputs over all of float64: the ends, the subnormals, random ordinals, ordinary ones, the check points."""
    rng = np.random.default_rng(20240607)
    largest, least = np.finfo(np.float64).max, 5e-324
    ordinals = rng.integers(1, np.float64(largest).view(np.int64), 100)
    positive = [largest, 2.0**1023, 1e100, 1e10, 1e-8, 1e-16, 2.0**-1022, 3e-310, least, *ordinals.view(np.float64)]
    positive += list(np.abs(rng.normal(scale=3, size=50))) + list(np.abs(rng.normal(scale=30, size=50)))
    inputs = {s * float(x) for x in positive for s in (-1, 1)} | {p.x for p in activation.check_points} | {0.0}
    return [mpf(x) for x in sorted(inputs)]


def near_a_root(x: mpf, facts: Facts) -> bool:
    return any(abs(x - mpf(root)) < NEAR_ROOT for root in facts.derivative_roots)


def test_the_suite_has_twelve_activations():
    names = "sigmoid tanh relu leaky_relu prelu elu selu gelu gelu_tanh silu mish softplus"
    assert set(names.split()) <= set(reference.activations())


def test_a_name_cannot_be_taken_twice():
    with pytest.raises(ValueError, match="silu"):
        reference.add(reference.activations()["silu"])


@every_activation
def test_check_points_are_distinct_and_explained(activation):
    points = activation.check_points
    assert 6 <= len(points) <= 24
    assert len({p.x for p in points}) == len(points)
    assert all(math.isfinite(p.x) and p.why for p in points)


@every_activation
def test_it_is_documented(activation):
    assert activation.title
    assert activation.formula
    assert activation.derivative_formula
    assert activation.sources


@every_activation
def test_defaults_are_in_their_domain_and_others_are_refused(activation):
    activation.check(activation.defaults)
    for p in activation.parameters:
        for value in (math.nan, math.inf, -math.inf) + ((0.0, -1.0) if p.positive else ()):
            with pytest.raises(ValueError, match=f"^{activation.name}: {p.name} is {value}: it must be a finite"):
                activation.check(activation.defaults | {p.name: value})


@every_case
def test_nothing_cancels_at_any_input_or_precision(activation, parameters):
    facts, exact = activation.facts(**parameters), as_mpf(parameters)
    for x in line_of_floats(activation):
        functions = [activation.forward] if near_a_root(x, facts) else [activation.forward, activation.derivative]
        for f in functions:
            with workprec(400):
                truth = f(x, **exact)
            for precision in (24, 53, 64, 120):
                with workprec(precision):
                    y = f(x, **exact)
                with workprec(400):
                    assert abs(y - truth) <= abs(truth) * mpf(2) ** (12 - precision), (f, x, precision)


@every_case
def test_derivative_is_that_of_forward(activation, parameters):
    exact = as_mpf(parameters)
    with workdps(100):
        for x in MODERATE:
            slope = mpmath.diff(lambda t: activation.forward(t, **exact), x)
            derivative = activation.derivative(x, **exact)
            assert abs(derivative - slope) <= abs(slope) * mpf(10) ** -50, x


@every_case
def test_both_one_sided_derivatives_at_zero(activation, parameters):
    exact = as_mpf(parameters)
    with workdps(80):
        step, zero = mpf(10) ** -40, activation.forward(mp.zero, **exact)
        left = activation.derivative(mp.zero, **exact)
        right = activation.right_derivative(mp.zero, **exact) if activation.kinks else left
        assert abs((zero - activation.forward(-step, **exact)) / step - left) < mpf(10) ** -35
        assert abs((activation.forward(step, **exact) - zero) / step - right) < mpf(10) ** -35


@every_case
def test_alpha_derivative_is_that_of_forward(activation, parameters):
    if activation.alpha_derivative is None:
        assert "backward_alpha" not in activation.directions
        return
    learned = next(p.name for p in activation.parameters if p.per_channel)
    exact = as_mpf(parameters)
    with workdps(60):
        for x in [*MODERATE, mp.zero]:
            slope = mpmath.diff(lambda a, x=x: activation.forward(x, **exact | {learned: a}), exact[learned])
            assert abs(activation.alpha_derivative(x, **exact) - slope) <= abs(x) * mpf(10) ** -50, x


@every_case
def test_limits_are_approached(activation, parameters):
    facts, exact = activation.facts(**parameters), as_mpf(parameters)
    sides = ((activation.forward, facts.limits), (activation.derivative, facts.derivative_limits))
    with workdps(60):
        for (f, limits), sign in itertools.product(sides, (-1, 1)):
            limit = mpf(limits[(sign + 1) // 2])
            values = [f(sign * x, **exact) for x in FAR]
            if mpmath.isinf(limit):
                sizes = [v * mpmath.sign(limit) for v in values]
                assert sizes == sorted(sizes)
                assert sizes[-1] > mpf(10) ** 25
            else:
                assert all(abs(v - limit) < mpf(10) ** -45 for v in values)


@every_case
def test_range_holds_and_its_ends_are_reached(activation, parameters):
    facts, exact = activation.facts(**parameters), as_mpf(parameters)
    with workdps(60):
        lowest, highest = mpf(facts.range.lo), mpf(facts.range.hi)
        minima = [mpf(x) for x, _ in facts.minima]
        values = [activation.forward(x, **exact) for x in line_of_floats(activation) + minima]
        inner = [activation.forward(x, **exact) for x in MODERATE]
        limits = [mpf(y) for y in facts.limits]
        for end, attained, best, sign in (
            (lowest, facts.range.lo_attained, min(values), 1),
            (highest, facts.range.hi_attained, max(values), -1),
        ):
            if attained:
                assert abs(best - end) < ROOT_DIGITS
            else:
                assert (best - end) * sign > -ROOT_DIGITS  # an irrational end is stated to 44 digits or more
                assert all((y - end) * sign > 0 for y in inner)
                assert end in limits


@every_case
def test_monotone_pieces(activation, parameters):
    facts, exact = activation.facts(**parameters), as_mpf(parameters)
    with workdps(60):
        bounds = [(mpf(p.lo), mpf(p.hi)) for p in facts.pieces]
        assert bounds[0][0] == -mpmath.inf
        assert bounds[-1][1] == mpmath.inf
        assert all(a[1] == b[0] and a[0] < a[1] for a, b in itertools.pairwise(bounds))
        for piece, (lo, hi) in zip(facts.pieces, bounds, strict=True):
            inside = [x for x in line_of_floats(activation) + MODERATE if lo < x < hi and x != 0]
            inside += [end + s * ROOT_DIGITS for end, s in ((lo, 1), (hi, -1)) if mpmath.isfinite(end)]
            assert all(mpmath.sign(activation.derivative(x, **exact)) == piece.slope for x in inside)


@every_case
def test_minima_and_roots_of_the_derivative(activation, parameters):
    facts, exact = activation.facts(**parameters), as_mpf(parameters)
    with workdps(60):
        for x, y in facts.minima:
            assert activation.derivative(mpf(x) - ROOT_DIGITS, **exact) < 0
            assert activation.derivative(mpf(x) + ROOT_DIGITS, **exact) > 0
            assert abs(activation.forward(mpf(x), **exact) - mpf(y)) < ROOT_DIGITS
        for x in facts.derivative_roots:
            around = [activation.derivative(mpf(x) + s * ROOT_DIGITS, **exact) for s in (-1, 1)]
            assert around[0] * around[1] < 0
        falling_then_rising = [b.lo for a, b in itertools.pairwise(facts.pieces) if a.slope < 0 < b.slope]
        assert [mpf(x) for x, _ in facts.minima] == [mpf(x) for x in falling_then_rising]


@every_case
def test_symmetry(activation, parameters):
    exact = as_mpf(parameters)
    defects = {
        "f(-x) = -f(x)": lambda x, plus, minus: plus + minus,
        "f(x) - f(-x) = x": lambda x, plus, minus: plus - minus - x,
        "f(x) + f(-x) = 1": lambda x, plus, minus: plus + minus - 1,
    }
    with workdps(60):
        triples = [
            (x, activation.forward(x, **exact), activation.forward(-x, **exact)) for x in line_of_floats(activation)
        ]
        found = [
            name
            for name, defect in defects.items()
            if all(abs(defect(*t)) <= (1 + abs(t[0])) * mpf(10) ** -50 for t in triples)
        ]
    stated = activation.facts(**parameters).symmetry
    assert found == ([stated] if stated else [])


@pytest.mark.parametrize(
    ("name", "function", "x", "value"),
    [
        ("gelu", "forward", -5.5, "-1.0444259356e-7"),
        ("gelu", "forward", -6.0, "-5.9195258702e-9"),
        ("gelu", "derivative", -3.71875, "-1.37341366e-3"),
        ("silu", "forward", -88.0, "-5.32804967e-37"),
        ("silu", "forward", -90.0, "-7.37461136e-38"),
        ("silu", "derivative", -709.0, "-8.6148077144138353e-306"),
        ("elu", "derivative", -40.0, "4.248354255291589e-18"),
        ("softplus", "forward", 20.1, "20.10000000186501"),
        ("selu", "forward", -9.99999993922529e-9, "-1.75809932e-8"),
        ("sigmoid", "forward", -17.05025291442871, "3.93703456e-8"),
        ("relu", "forward", -3.0, "0"),
        ("leaky_relu", "forward", -4.0, "-0.04"),
        ("prelu", "forward", -4.0, "-1"),
        ("tanh", "forward", 0.5, "0.46211715726000975850"),
        ("mish", "forward", 1.0, "0.86509838826731034"),
        ("gelu_tanh", "forward", 1.0, "0.84119199060827676"),
    ],
)
def test_published_values(name, function, x, value):
    activation = reference.activations()[name]
    y = getattr(activation, function)(mpf(x), **as_mpf(activation.defaults))
    digits = len(value.split("e")[0].replace("-", "").replace(".", "").lstrip("0"))
    assert abs(y - mpf(value)) <= abs(mpf(value)) * mpf(10) ** (1 - min(digits, 15))


def test_selu_keeps_mean_and_variance():
    with workdps(30):
        ends = [-20, -8, -3, 0, 3, 8, 20]
        mean = mpmath.quad(lambda z: selu.forward(z) * mpmath.npdf(z), ends)
        variance = mpmath.quad(lambda z: selu.forward(z) ** 2 * mpmath.npdf(z), ends)
        assert abs(mean) < mpf(10) ** -25
        assert abs(variance - 1) < mpf(10) ** -25
        assert mpmath.nstr(selu.scale(), 29) == "1.0507009873554804934193349853"
        assert mpmath.nstr(selu.alpha(), 29) == "1.6732632423543772848170429917"
