# SPDX-License-Identifier: MIT
"""Faults that the fast oracle had, and faults put into it on purpose: certification refuses each with an input."""

import hashlib
from dataclasses import replace
from types import FunctionType

import numpy as np
import pytest
from mpmath import mpf, workprec
from numba.core.dispatcher import Dispatcher

import reference
from reference import balls, elementary, fast, gelu, mish, oracle, silu
from reference.activation import Activation
from reference.against import Findings, Question, against_balls, against_mpmath
from reference.compiled import block
from reference.formats import FORMATS

GRID = np.concatenate([-np.exp2(np.linspace(-40, 6, 160)), np.exp2(np.linspace(-40, 6, 40))])


# Faults that it had.


def compare(name: str, direction: str, x: list[float], dy: list[float] | None = None, **parameters: float) -> Findings:
    activation, factor = reference.own()[name], None if dy is None else np.array(dy)
    asked = Question.ask(
        activation, direction, FORMATS["float64"], activation.defaults | parameters, np.array(x), factor
    )
    found = against_mpmath(asked)
    return found if balls.arb is None else found + against_balls(asked)


def test_softplus_beside_zero():
    """The low part of e^(-|x|) was dropped where its high part is 1."""
    found = compare("softplus", "forward", [s * 1.7 * 2.0**-k for k in range(50, 100, 3) for s in (1, -1)])
    assert (found.faults, found.error < 2.0**-100) == (0, True)


def test_tanh_keeps_its_distance_from_x_in_either_arithmetic():
    """Just above 2^-6, where a series ended, x - tanh x was good to 2^-44.9 only."""
    x = np.float32([float.fromhex("0x1.02a7ap-6"), *np.linspace(2.0**-7, 0.3, 300)]).astype(float)
    tanh = reference.own()["tanh"]
    found = against_mpmath(Question.ask(tanh, "forward", FORMATS["float32"], {}, x))
    assert found.faults == 0
    assert found.share < 0.3


def test_elu_closest_to_zero_counts_the_product():
    x = [-1.1 * 2.0**-k for k in (161, 170, 500, 1022, 1070)]
    assert compare("elu", "forward", x, alpha=0.3).faults == 0


def test_mish_derivative_far_right_with_a_small_dy():
    """1 + w² became 1 where w² times dy was less than every float64."""
    assert compare("mish", "backward", [2.0**854, 1e200, 300.0], [-1.3 * 2.0**-993, 2.0**-600, 5e-324]).faults == 0


@pytest.mark.parametrize(
    ("beta", "x"),
    [
        ("0x1.ba6808d51cc81p+0", "-0x1.7ac57d421afb2p-1"),
        ("0x1.b2724c82145f8p+0", "-0x1.81b615f2401e8p-1"),
        ("0x1.e073f3aeb79b1p+0", "-0x1.5cc6e57385748p-1"),
    ],
)
def test_beta_x_closer_to_the_root_than_any_float64(beta, x):
    """With a root in three parts the result was good to 2^-59 here."""
    beta, x = float.fromhex(beta), float.fromhex(x)
    with workprec(400):
        assert abs(mpf(beta) * mpf(x) - silu.SLOPE_ROOT) < mpf(2) ** -100
    assert compare("silu", "backward", [x, -x], beta=beta).faults == 0


@pytest.mark.parametrize("slope", [1e300, 1e-300, 2.0**299, 0.0])
def test_slopes_of_any_size(slope):
    """Products left the range of float64 on the way, and an ordinary result came out infinite."""
    leaky, form, parameters = reference.own()["leaky_relu"], FORMATS["float64"], {"negative_slope": slope}
    x = np.array([-1e100, -1e-100, -3.3e-300, -7e307, -5e-324, 2.0])
    dy = np.array([1e-20, -1e250, 3.0, 1.1, 1e-300, 3.3])
    for direction, factor in (("forward", None), ("backward", dy)):
        asked = (leaky, direction, form, x, parameters, factor)
        quick, slow = fast.exact(*asked), oracle.exact(*asked)
        np.testing.assert_array_equal(quick.nearest, slow.nearest)
        np.testing.assert_array_equal(quick.exponent, slow.exponent)
        np.testing.assert_array_equal(quick.sign, slow.sign)


# Faults put into it.


def with_changes(function: Dispatcher, **changes: object) -> Dispatcher:
    """A compiled function, and all that it calls, with other constants."""
    original = function.py_func
    names = {}
    for name in original.__code__.co_names:
        value = original.__globals__.get(name)
        if name in changes:
            names[name] = changes[name]
        elif isinstance(value, Dispatcher):
            names[name] = with_changes(value, **changes)
    return block(FunctionType(original.__code__, {**original.__globals__, **names}, original.__name__))


def mutant(name: str, direction: str, **changes: object) -> Activation:
    """An activation with other constants; its name has their hash, because the cache of compiled code goes by names."""
    activation = reference.own()[name]
    field = "fast_forward" if direction == "forward" else "fast_derivative"
    digest = hashlib.sha256(repr([(k, np.array(v).tobytes()) for k, v in changes.items()]).encode()).hexdigest()[:8]
    function = with_changes(getattr(activation, field), **changes)
    return replace(activation, name=f"{name}_{digest}", **{field: function})


def replaced(values: tuple, place: int, value: object) -> tuple:
    return (*values[:place], value, *values[place + 1 :])


def nudged(pair: tuple[float, float]) -> tuple[float, float]:
    """A pair that is off by less than a float64 can tell."""
    return pair[0], pair[1] + pair[0] * 2.0**-70


MUTANTS = {
    "a coefficient of exp": (
        ("sigmoid", "forward", "float32"),
        {"EXP_COARSE": replaced(elementary.EXP_COARSE, 1, elementary.EXP_COARSE[1] * (1 + 2.0**-40))},
    ),
    "a low part of a coefficient of exp": (
        ("sigmoid", "forward", "float64"),
        {"EXP_LEADING": replaced(elementary.EXP_LEADING, 3, (elementary.EXP_LEADING[3][0], 0.0))},
    ),
    "the third part of ln 2": (("elu", "backward", "float64"), {"LN2_3": 0.0}),
    "a coefficient of atanh": (
        ("softplus", "forward", "float64"),
        {"ATANH_LEADING": replaced(elementary.ATANH_LEADING, 0, nudged(elementary.ATANH_LEADING[0]))},
    ),
    "a low part of the Mills ratio": (
        ("gelu", "forward", "float64"),
        {"MILLS_LOW": elementary.MILLS_LOW * (np.arange(len(elementary.MILLS_LOW)) != 6)[:, None]},
    ),
    "the root of gelu'": (("gelu", "backward", "float32"), {"ROOT_PARTS": replaced(gelu.ROOT_PARTS, 1, 0.0)}),
    "the root of silu'": (("silu", "backward", "float64"), {"ROOT_PARTS": replaced(silu.ROOT_PARTS, 2, 0.0)}),
    "the root of mish'": (("mish", "backward", "float32"), {"ROOT_PARTS": replaced(mish.ROOT_PARTS, 1, 0.0)}),
}
ROOTS = {"silu": silu, "mish": mish, "gelu": gelu}


def inputs(name: str, dtype: str) -> np.ndarray:
    """The grid, and all distances from the root, in the format."""
    x = GRID
    if name in ROOTS:
        root = -abs(float(ROOTS[name].SLOPE_ROOT))
        x = np.concatenate([x, [root * (1 + s * 2.0**-k) for k in range(1, 53) for s in (1, -1)]])
    return x.astype(dtype).astype(np.float64)


@pytest.mark.parametrize(("function", "changes"), MUTANTS.values(), ids=MUTANTS)
def test_a_wrong_constant_is_refused_with_an_input(function, changes):
    name, direction, dtype = function
    wrong, form = mutant(name, direction, **changes), FORMATS[dtype]
    asked = Question.ask(wrong, direction, form, wrong.defaults, inputs(name, dtype))
    found = against_mpmath(asked)
    assert found.faults > 0
    assert found.described[0].startswith(f"{wrong.name} {direction} {dtype} at ")
    assert "error 2^" in found.described[0]


def test_the_same_functions_are_accepted_as_they_are():
    for (name, direction, dtype), _ in MUTANTS.values():
        activation = reference.own()[name]
        x = inputs(name, dtype)
        assert against_mpmath(Question.ask(activation, direction, FORMATS[dtype], activation.defaults, x)).faults == 0
