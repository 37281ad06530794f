# SPDX-License-Identifier: MIT
"""All properties together: correctly rounded kernels violate none, wrong ones exactly what they break."""

import numpy as np
import pytest

import reference
from bench.fenv import unavailable
from bench.laws import nan_kept, nonzero, sign
from bench.properties import measure, measure_sum
from bench.trials import Trial
from kernels.registry import Kernel
from tests.exactly import from_table, lookup, trial_of
from tests.making import make_kernel
from tests.mutants import right_sigmoid

LAYOUTS = {"length", "offset", "stride", "neighbours", "repeatable"}
LAWS = {"sign", "zero", "NaN", "flags"}
TABLES = [
    *(("silu", "forward", "bfloat16"), ("gelu", "forward", "float16"), ("softplus", "forward", "bfloat16")),
    *(("sigmoid", "forward", "float16"), ("relu", "forward", "float16"), ("gelu", "backward", "bfloat16")),
]


def measured(trial: Trial) -> dict[str, str]:
    return {n: v.verdict for n, v in measure(trial.kernel, trial.truth, trial.depth, trial.seed).items()}


def violated(trial: Trial) -> set[str]:
    return {name for name, verdict in measured(trial).items() if verdict == "violated"}


@pytest.mark.parametrize(("activation", "direction", "dtype"), TABLES)
def test_a_correctly_rounded_kernel_violates_nothing(activation, direction, dtype):
    table = lookup(trial_of(abs, activation, direction, dtype).truth)
    found = measured(trial_of(from_table(table, direction), activation, direction, dtype))
    known = {"monotone", "symmetry", "range"} if direction == "forward" else {"symmetry"}
    assert set(found) == LAYOUTS | LAWS | known
    assert set(found.values()) == {"holds"} or unavailable()


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("activation", reference.own())
def test_an_activation_is_asked_for_the_laws_that_it_has(activation, direction):
    """Of what is not a number no law can be broken but that of being one; and nothing comes to an end."""
    trial = trial_of(lambda *arrays: arrays[-1] * np.float32(np.nan), activation, direction)
    symmetric = {"symmetry"} if trial.facts.symmetry else set()
    bounded = {"range"} if float(trial.facts.range.lo) > -np.inf else set()
    forward = {"monotone"} | bounded if direction == "forward" else set()
    found = measured(trial)
    assert set(found) == LAYOUTS | LAWS | symmetric | forward
    assert found["NaN"] == "holds"


def relu(x):
    return np.maximum(x, x.dtype.type(0))


def above_1(x):
    y = right_sigmoid(x)
    return np.where(x > 50, y + np.float32(2.0**-23), y)


def swallowing(x):
    return np.where(np.isnan(x), np.float32(0.5), right_sigmoid(x))


def flushing(x):
    y = right_sigmoid(x)
    return np.where(y < 2.0**-126, np.float32(0), y)


def negative_zero(x):
    y = right_sigmoid(x)
    return np.where(y == 0, np.float32(-0.0), y)


def one_lower(x):
    y = right_sigmoid(x)
    return np.where(x == 1, y - np.float32(2.0**-22), y)


def seamed(x):
    y = right_sigmoid(x)
    if x.size % 8:
        y[-1:] = np.nextafter(y[-1:], np.float32(2))
    return y


def of_two_sides(x):
    np.exp(-x)
    return right_sigmoid(x)


@pytest.mark.parametrize(
    ("function", "broken"),
    [
        (right_sigmoid, set()),
        (above_1, {"range", "symmetry"}),
        (swallowing, {"NaN"}),
        (flushing, {"zero"}),
        (negative_zero, {"sign"}),
        (one_lower, {"monotone", "symmetry"}),
        (seamed, {"length"}),
        (of_two_sides, {"flags"}),
    ],
)
def test_a_wrong_kernel_violates_what_it_breaks(function, broken):
    if broken == {"flags"} and unavailable():
        pytest.skip(unavailable())
    assert violated(trial_of(function, "sigmoid")) == broken


def test_a_call_that_fails_is_a_violation_of_what_it_was_for():
    def failing(x):
        if x.size > 20_000:
            raise MemoryError("too many at once")
        return relu(x)

    trial = trial_of(failing, "relu")
    found = measure(trial.kernel, trial.truth, "quick", 0)
    assert violated(trial) == {"monotone"}
    assert found["monotone"].counter_example.startswith("the call failed: raised: MemoryError: too many at once (")


def test_what_is_drawn_at_random_follows_the_seed():
    trial = trial_of(lambda x: x / (1 + np.exp(-x)), "silu")
    once, again, other = (measure(trial.kernel, trial.truth, "quick", seed) for seed in (0, 0, 1))
    assert once == again
    assert once["monotone"].count != other["monotone"].count


def test_more_depth_looks_at_more_places():
    few, many = (
        measure(t.kernel, t.truth, t.depth, 0)
        for t in (trial_of(relu, "relu", depth=depth) for depth in ("quick", "standard"))
    )
    assert all(many[name].checked > 1.5 * few[name].checked for name in few if name != "NaN")


def test_a_sum_has_the_properties_of_its_layouts():
    kernel: Kernel = make_kernel(lambda dy, x: np.sum(dy * x, where=x < 0), "prelu", "backward_alpha")
    assert set(measure_sum(kernel, "quick", 0)) == {"stride", "repeatable"}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("law", [sign, nonzero, nan_kept])
def test_a_law_is_checked_at_every_value_of_16_bits(law, dtype):
    found = law(trial_of(relu, "relu", "forward", dtype))
    assert found.verdict == "holds"
    assert found.checked > (100 if law is nan_kept else 30_000)
