# SPDX-License-Identifier: MIT
"""The fast oracle answers as mpmath does: for every activation, direction and format, and at every kind of input."""

from dataclasses import fields, replace
from types import FunctionType

import numpy as np
import pytest
from mpmath import mp, mpf
from numba import njit

import reference
from reference import fast, oracle
from reference.compiled import OPTIONS, block
from reference.fast import EPSILON, answer, evaluate, exact, settle, supports
from reference.formats import FORMATS

FUNCTIONS = [(name, direction) for name in reference.own() for direction in ("forward", "backward")]
functions = pytest.mark.parametrize(("name", "direction"), FUNCTIONS)
every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=lambda f: f.name)


def inputs(name, form, seed=0, count=60):
    """Of every kind: special values, check points, roots, subnormals, tails and numbers drawn over all magnitudes."""
    activation, rng = reference.own()[name], np.random.default_rng(seed)
    end = form.infinity_pattern
    roots = [float(mpf(r)) for r in activation.facts(**activation.defaults).derivative_roots]
    points = np.array([0.0, 2.0, *roots, *(p.x for p in activation.check_points)])
    with np.errstate(over="ignore"):
        near = form.ordinals(points.astype(form.dtype))[:, None] + np.array([-9, -1, 0, 1, 2])
    ordinals = np.concatenate([near.ravel(), rng.integers(-end, end + 1, count), np.arange(-6, 7), [end, end - 1]])
    x = form.from_ordinals(np.clip(np.concatenate([ordinals, -ordinals]), -end, end))
    wide = (rng.normal(0, 10, count) * 2.0 ** rng.uniform(-12, 4, count)).astype(form.dtype)
    return np.concatenate([x, wide, np.array([-0.0, np.nan]).astype(form.dtype)])


def assert_same(ours, theirs, form):
    """Every column of `Exact`; hi + lo to 2^-49."""
    counts = ~theirs.class_only
    for name in ("class_only", "either_zero"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    for name in ("sign", "exponent"):
        np.testing.assert_array_equal(getattr(ours, name)[counts], getattr(theirs, name)[counts], err_msg=name)
    number = ~np.isnan(theirs.nearest.astype(np.float64))
    np.testing.assert_array_equal(number, ~np.isnan(ours.nearest.astype(np.float64)))
    np.testing.assert_array_equal(ours.nearest[number].view(form.pattern), theirs.nearest[number].view(form.pattern))
    seen = counts & (np.abs(theirs.hi) > 2.0**-100)
    distance = np.abs((ours.hi - theirs.hi) + (ours.lo - theirs.lo))[seen]
    assert (distance <= EPSILON[False] * np.abs(theirs.hi[seen])).all()


@functions
@every_format
def test_answers_are_those_of_mpmath(name, direction, form):
    activation, x = reference.own()[name], inputs(name, form)
    ours, by_mpmath = answer(activation, direction, form, x, activation.defaults)
    assert_same(ours, oracle.exact(activation, direction, form, x, activation.defaults), form)
    assert by_mpmath < len(x) / 5


@pytest.mark.parametrize("name", reference.own())
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_with_random_dy(name, dtype):
    activation, form, rng = reference.own()[name], FORMATS[dtype], np.random.default_rng(3)
    x = inputs(name, form, 1)
    x = x[np.isfinite(x) & (x != 0)]
    dy = form.from_ordinals(rng.integers(1 - form.infinity_pattern, form.infinity_pattern, len(x)))
    dy[::9] = 0
    ours = exact(activation, "backward", form, x, activation.defaults, dy)
    assert_same(ours, oracle.exact(activation, "backward", form, x, activation.defaults, dy), form)


OTHERS = [
    *(("silu", {"beta": b}) for b in (0.3, 1.702, 1000.0)),
    *(("softplus", {"beta": b}) for b in (0.01, 2.0, 50.0)),
    *(("elu", {"alpha": a}) for a in (0.3, 1e-3, 7.0)),
    *(("leaky_relu", {"negative_slope": s}) for s in (0.3, -2.0, 0.0)),
    *(("prelu", {"alpha": a}) for a in (0.25, 1.5)),
]


@pytest.mark.parametrize(("name", "parameters"), OTHERS)
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_parameters(name, parameters, direction, dtype):
    activation, form = reference.own()[name], FORMATS[dtype]
    x = inputs(name, form, 2, 40)
    ours = exact(activation, direction, form, x, parameters)
    assert_same(ours, oracle.exact(activation, direction, form, x, parameters), form)


@functions
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_within_their_bound(name, direction, dtype):
    """The bound is that of the docstring; beside a line it is narrower, and answers being right shows that it holds."""
    activation, form = reference.own()[name], FORMATS[dtype]
    x = inputs(name, form, 4, 30).astype(np.float64)
    x = x[np.isfinite(x) & (x != 0) & (np.abs(x) < 1e4)]
    values = evaluate(activation, direction, form, x, activation.defaults)
    function = oracle.function_of(activation, direction, activation.defaults)
    epsilon = EPSILON[form.precision > 24]
    for i, v in enumerate(x.tolist()):
        with mp.workprec(2600):
            y = mp.ldexp(mpf(function(mpf(v))), -int(values.exponent[i]))
            if y and mp.mag(y) + int(values.exponent[i]) > form.emin - form.precision - 2:
                high, low = mpf(values.high[i]), mpf(values.low[i])
                assert abs(high + low - y) <= epsilon * abs(y), v.hex()
                assert values.bound[i] <= epsilon * abs(values.high[i]) * 1.01


def test_what_a_bound_leaves_open_goes_to_mpmath(monkeypatch):
    silu, form = reference.own()["silu"], FORMATS["float32"]
    x = np.linspace(-5, 5, 101).astype(np.float32)
    whole = oracle.exact(silu, "forward", form, x, silu.defaults)
    sure, none = answer(silu, "forward", form, x, silu.defaults)
    assert none == 0
    asked = []
    true_exact = oracle.exact
    monkeypatch.setattr(fast, "evaluate", lambda *a: replace(evaluate(*a), bound=np.full(101, 10.0)))
    monkeypatch.setattr(oracle, "exact", lambda *a: asked.append(len(a[3])) or true_exact(*a))
    again, all_of_them = answer(silu, "forward", form, x, silu.defaults)
    assert (asked, all_of_them) == ([101], 100)  # all, of which x = 0 never was the fast oracle's
    for result in (sure, again):
        np.testing.assert_array_equal(result.nearest, whole.nearest)


def test_a_tie_is_settled_by_what_is_exact_and_left_open_otherwise():
    form = FORMATS["float32"]
    half = 1.5 * 2.0**-23 + 1  # between two float32 numbers
    columns = {"high": [half] * 4, "low": [0.0, 0.0, 1e-30, -1e-30], "bound": [0.0, 1e-20, 1e-33, 1e-33]}
    values = fast.Values(exponent=np.zeros(4), **{k: np.array(v) for k, v in columns.items()})
    result, unsure = settle(values, form)
    assert unsure.tolist() == [False, True, False, False]
    up, down = np.float32(1 + 2.0**-22), np.float32(1 + 2.0**-23)
    assert result.nearest[[0, 2, 3]].tolist() == [up, up, down]


def test_beside_a_power_of_two_the_exponent_is_settled_or_left_open():
    form = FORMATS["float32"]
    values = fast.Values(np.ones(3), np.array([-1e-40, 1e-40, -1e-40]), np.zeros(3), np.array([1e-45, 1e-45, 1e-30]))
    result, unsure = settle(values, form)
    assert unsure.tolist() == [False, False, True]
    assert result.exponent[:2].tolist() == [-1, 0]


def test_what_is_not_supported_is_answered_all_the_same():
    silu, form = reference.own()["silu"], FORMATS["float32"]
    extreme = {"beta": 1e30}
    assert not supports(silu, "forward", extreme)
    x = np.float32([-1e-30, 1e-31, 2.0])
    ours, by_mpmath = answer(silu, "forward", form, x, extreme)
    assert by_mpmath == 3
    theirs = oracle.exact(silu, "forward", form, x, extreme)
    for field in fields(theirs):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name))
    assert len(answer(silu, "forward", form, x[:0], silu.defaults)[0]) == 0


def test_a_constant_cut_to_binary64_is_noticed(monkeypatch):
    """Beside the root of silu′, in float64: the error is then far above the bound."""
    from reference import silu as module

    activation, form = reference.own()["silu"], FORMATS["float64"]
    x = np.linspace(-1.3, -1.26, 400)

    def worst_share() -> float:
        """The largest error as a share of its bound, with the module's constants as they are now."""
        names = {**fast.evaluation.__globals__, "fine": True, "body": block(activation.fast_derivative.py_func)}
        loop = njit(**OPTIONS)(FunctionType(fast.evaluation.__code__, names, "anew"))
        monkeypatch.setattr(fast, "evaluator", lambda *_: loop)
        values = evaluate(activation, "backward", form, x, activation.defaults)
        with mp.workprec(300):
            exact_values = [activation.derivative(mpf(v), beta=mpf(1)) for v in x.tolist()]
            columns = zip(values.high, values.low, values.exponent, values.bound, exact_values, strict=True)
            shares = [abs(mpf(h) + mpf(low) - mp.ldexp(y, -int(n))) / bound for h, low, n, bound, y in columns]
        return float(max(shares))

    assert worst_share() < 0.1
    monkeypatch.setattr(module, "EXP_AT_ROOT", (module.EXP_AT_ROOT[0], 0.0))
    assert worst_share() > 100
