# SPDX-License-Identifier: MIT
"""Correctly rounded kernels made of the oracle's answers, and what checks of properties are tried on."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.accuracy import Truth
from bench.trials import Trial
from bench.truths import truth
from reports.schema import Property
from tests.making import make_kernel


def lookup(truth: Truth) -> np.ndarray:
    """RN(y) for every bit pattern of a 16-bit format; NaN where it was not asked for."""
    table = np.full(1 << truth.form.bits, np.nan, truth.form.dtype)
    table[truth.inputs.values.view(truth.form.pattern)] = truth.exact.nearest
    return table


def from_table(table: np.ndarray, direction: str) -> Callable[..., np.ndarray]:
    """A kernel that looks its results up; dx is dy times the gradient that is there."""

    def forward(x: np.ndarray) -> np.ndarray:
        return table[np.ascontiguousarray(x).view(np.uint16)]

    def backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        return (dy.astype(np.float64) * forward(x).astype(np.float64)).astype(x.dtype)

    return forward if direction == "forward" else backward


def trial_of(function: Callable[..., Any], *names: str, depth: str = "quick", seed: int = 0, **options: Any) -> Trial:
    """A function as a kernel of this activation, direction and dtype, with what it is held against."""
    kernel = make_kernel(function, *names, **options)
    return Trial(kernel, truth(kernel, depth, seed), depth, seed)


def inputs_in(verdict: Property) -> list[float]:
    """The numbers that a counter-example names, in order."""
    return [float.fromhex(text) for text in re.findall(r"-?0x[\da-f.]+p[+-]\d+", verdict.counter_example)]
