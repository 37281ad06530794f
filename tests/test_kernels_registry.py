# SPDX-License-Identifier: MIT
"""The one list of kernels."""

import numpy as np
import pytest

from kernels import registry
from kernels.registry import Claim, Kernel, register, registered


@pytest.fixture(autouse=True)
def empty_list(monkeypatch):
    monkeypatch.setattr(registry, "_kernels", {})


def kernel(variant: str = "mine", **more) -> Kernel:
    return Kernel("relu", "forward", "float32", "numpy", variant, lambda x, **options: (x, options), **more)


def test_kernels_are_listed_in_order():
    one, two = kernel("one"), kernel("two", claim=Claim(1.0))
    assert register(one) is one
    register(two)
    assert list(registered()) == [one, two]
    assert two.id == "relu-forward-float32-numpy-two"


def test_a_second_of_the_same_identity_is_refused():
    register(kernel())
    with pytest.raises(ValueError, match="relu-forward-float32-numpy-mine is registered twice"):
        register(kernel())


@pytest.mark.parametrize(
    ("takes", "passed"),
    [
        ({}, {"out", "threads"}),
        ({"takes_out": False}, {"threads"}),
        ({"takes_out": False, "takes_threads": False}, set()),
    ],
)
def test_a_call_passes_what_the_function_takes(takes, passed):
    x = np.ones(1)
    got, options = kernel(parameters={"beta": 2.0}, **takes)(x, threads=3)
    assert got is x
    assert options.pop("beta") == 2.0
    assert set(options) == passed
