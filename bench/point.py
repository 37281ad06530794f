# SPDX-License-Identifier: MIT
"""What is true at one input of one function in one format, and what kernels answer there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from mpmath import mpf

from bench.accuracy import Truth, canonical_patterns, judged
from bench.calling import KernelError, call
from bench.conditioning import condition_number, neighbours, reach, turns_of
from bench.inputs import Inputs
from bench.ulp import NO_MISMATCH, judge
from kernels.registry import Kernel
from reference.activation import Activation
from reference.formats import Format
from reference.oracle import Exact, at_kinks, decimal, exact, right_at_kinks
from reports.schema import MISMATCH_KINDS, Failure

COPIES = 67  # of the input in one array: whole vectors of any width, and a tail


@dataclass(frozen=True)
class Point:
    """The truth at one input; ``truth`` has it as a sweep over that input alone.

    ``beside`` has RN of the exact results at x⁻, x and x⁺, of the format's dtype. ``dy`` is None for "forward".
    """

    parameters: Mapping[str, float]
    dy: np.ndarray | None
    truth: Truth
    beside: np.ndarray

    @property
    def x(self) -> np.generic:
        return self.truth.inputs.values[0]

    @property
    def exact(self) -> Exact:
        """Of length one."""
        return self.truth.exact

    @property
    def multiplied(self) -> bool:
        """Whether dy makes a difference."""
        return self.dy is not None and bool(self.dy[0] != 1)

    @property
    def only_class(self) -> bool:
        """Whether x is NaN or infinite, where just the class of a result is judged."""
        return bool(self.exact.class_only[0])

    def decimal(self) -> str:
        """The exact result in 25 digits."""
        dy = None if self.dy is None else float(self.dy[0])
        return decimal(self.truth.activation, self.truth.direction, float(self.x), self.parameters, dy)

    def condition_number(self) -> mpf | None:
        """As `bench.conditioning` has it, for a finite x."""
        return condition_number(self.truth.activation, self.truth.direction, float(self.x), self.parameters)

    def rounding_error(self) -> float:
        """|RN(y) - y| in ulp."""
        return float(judge(self.exact.nearest, self.exact, self.truth.form).error_ulp[0])


def make_point(
    activation: Activation,
    direction: str,
    form: Format,
    x: np.generic,
    parameters: Mapping[str, float],
    dy: np.generic | None = None,
) -> Point:
    """Ask the oracle at x and at its neighbours.

    Args:
        direction: "forward", or "backward", which multiplies the derivative with dy.
        x, dy: of the format's dtype; dy is finite, and 1 if left out.
    """
    value = np.array([x], form.dtype)
    factor = None if direction == "forward" else np.array([1 if dy is None else dy]).astype(form.dtype)
    below, above = neighbours(value, form)
    three = np.concatenate([below, value, above])
    answers = exact(activation, direction, form, three, parameters, None if factor is None else factor.repeat(3))
    before, here, after = (answers[slice(i, i + 1)] for i in range(3))
    kinks = np.flatnonzero(at_kinks(activation, direction, value))
    truth = Truth(
        activation=activation,
        direction=direction,
        form=form,
        inputs=Inputs(value, np.array([], np.intp), exhaustive=False),
        exact=here,
        kinks=kinks,
        right=right_at_kinks(activation, form, value, parameters, factor) if len(kinks) else None,
        reach=reach(value, before, here, after, form, turns_of(activation, direction, parameters, form)),
    )
    return Point(parameters, factor, truth, answers.nearest)


@dataclass(frozen=True)
class Answer:
    """A result for one input, held against the truth; None is what can't be said of it."""

    got: np.generic
    error_ulp: float | None
    distance: str | None  # in representable numbers, a signed whole number
    mismatch: str | None  # its kind; None where the class is right
    inside: bool | None  # of what f takes between the neighbours of the input


@dataclass(frozen=True)
class Reply:
    """What a kernel answers at a point, or how it failed.

    ``differing`` are the places in an array of `COPIES` of the input at which the answer has other bits, and ``other``
    is the first of these answers. It is not asked where it has other parameters built in: ``only_for`` has those.
    """

    answer: Answer | None = None
    other: Answer | None = None
    differing: tuple[int, ...] = ()
    failure: Failure | None = None
    only_for: Mapping[str, float] = field(default_factory=dict)


def ask(kernel: Kernel, point: Point) -> Reply:
    """Call a kernel on the input alone, and on many copies of it: vector lanes and the tail may answer differently."""
    if only_for := kernel.built_in(point.parameters):
        return Reply(only_for=only_for)
    arrays = [a for a in (point.dy, point.truth.inputs.values) if a is not None]
    kernel = replace(kernel, parameters=point.parameters)
    try:
        alone = call(kernel, *arrays)
        copies = call(kernel, *(a.repeat(COPIES) for a in arrays))
    except KernelError as error:
        return Reply(failure=error.failure)
    form = point.truth.form
    differing = np.flatnonzero(canonical_patterns(copies, form) != canonical_patterns(alone, form))
    other = _answer(copies[differing[:1]], point) if len(differing) else None
    return Reply(_answer(alone, point), other, tuple(differing.tolist()))


def _answer(got: np.ndarray, point: Point) -> Answer:
    judgement = judged(got, point.truth)
    error, kind = float(judgement.error_ulp[0]), int(judgement.mismatch[0])
    compared = error == error
    return Answer(
        got=got[0],
        error_ulp=error if compared else None,
        distance=judgement.largest_distance() if compared else None,
        mismatch=None if kind == NO_MISMATCH else MISMATCH_KINDS[kind],
        inside=None if point.only_class else bool(point.truth.reach.holds(got)[0]),
    )
