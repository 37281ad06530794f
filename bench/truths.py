# SPDX-License-Identifier: MIT
"""The exact results that kernels are held against, asked of the fast oracle once for all kernels of a function."""

import functools
from collections.abc import Mapping

import numpy as np

import reference
from bench import conditioning
from bench.accuracy import Truth
from bench.conditioning import Reach
from bench.inputs import Inputs, make_inputs, random_pairs
from kernels.registry import Kernel
from reference import fast
from reference.activation import Activation
from reference.formats import FORMATS, Format
from reference.oracle import Exact, at_kinks, right_at_kinks

KEPT = 8  # functions: the variants of a kernel follow one another, and ask the same

Parameters = tuple[tuple[str, float], ...]


def truth(kernel: Kernel, depth: str, seed: int) -> Truth:
    """What a forward or backward kernel is held against."""
    activation = reference.activations()[kernel.activation]
    parameters = tuple(sorted(kernel.parameters.items()))
    return _truth(activation, kernel.direction, FORMATS[kernel.dtype], parameters, depth, seed)


@functools.lru_cache(KEPT)
def _truth(
    activation: Activation, direction: str, form: Format, parameters: Parameters, depth: str, seed: int
) -> Truth:
    pairs = random_pairs(activation, form, depth, seed) if direction == "backward" else None
    return make_truth(activation, direction, form, dict(parameters), make_inputs(activation, form, depth, seed), pairs)


def make_truth(
    activation: Activation,
    direction: str,
    form: Format,
    parameters: Mapping[str, float],
    inputs: Inputs,
    pairs: tuple[np.ndarray, np.ndarray] | None = None,
) -> Truth:
    """The exact results for inputs of a format, and for pairs (dy, x) where there are any."""
    exact, by_mpmath = fast.answer(activation, direction, form, inputs.values, parameters)
    kinks = np.flatnonzero(at_kinks(activation, direction, inputs.values))
    return Truth(
        activation=activation,
        direction=direction,
        form=form,
        inputs=inputs,
        exact=exact,
        by_mpmath=by_mpmath,
        kinks=kinks,
        right=right_at_kinks(activation, form, inputs.values[kinks], parameters) if len(kinks) else None,
        reach=_reach(activation, direction, form, parameters, inputs.values, exact),
        pairs=pairs,
        pairs_exact=fast.exact(activation, direction, form, pairs[1], parameters, pairs[0]) if pairs else None,
    )


def _reach(
    activation: Activation, direction: str, form: Format, parameters: Mapping[str, float], x: np.ndarray, here: Exact
) -> Reach:
    """What f takes between the neighbours of each input."""
    below, above = (
        fast.exact(activation, direction, form, beside, parameters) for beside in conditioning.neighbours(x, form)
    )
    turns = conditioning.turns_of(activation, direction, parameters, form)
    return conditioning.reach(x, below, here, above, form, turns)
