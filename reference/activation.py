# SPDX-License-Identifier: MIT
"""What an activation is: its formula, its derivative, its parameters, and what is known about it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mpmath import mpf

Real = mpf | float | int | str  # a str is a decimal numeral of at least 40 digits


@dataclass(frozen=True)
class Parameter:
    """A parameter of an activation, keyword-only wherever it is passed; a float is exactly that binary64 number.

    It is finite, and greater than 0 where ``positive``: what is said of the activation holds there only.
    """

    name: str
    default: float
    meaning: str
    per_channel: bool = False  # may also be an array with one value per channel (axis 1)
    positive: bool = False

    def allows(self, value: float) -> bool:
        return math.isfinite(value) and (value > 0 or not self.positive)


@dataclass(frozen=True)
class CheckPoint:
    """An input near which an implementation is likely to go wrong; its neighbours are tried in every dtype."""

    x: float
    why: str


@dataclass(frozen=True)
class Piece:
    """f is monotone on (lo, hi): rising (+1), falling (-1) or constant (0)."""

    lo: Real
    hi: Real
    slope: Literal[-1, 0, 1]


@dataclass(frozen=True)
class Range:
    """The values that f takes on the real line; an end is attained or only approached."""

    lo: Real
    hi: Real
    lo_attained: bool
    hi_attained: bool


Symmetry = Literal["f(-x) = -f(x)", "f(x) - f(-x) = x", "f(x) + f(-x) = 1"]


@dataclass(frozen=True)
class Facts:
    """What is known of f at stated parameters; the tests verify each of these numerically.

    An activation of a user's own may leave out all but the limits.
    """

    limits: tuple[Real, Real]  # of f at -inf and +inf; NaN where there is none
    derivative_limits: tuple[Real, Real]
    range: Range | None = None
    pieces: tuple[Piece, ...] = ()  # in order, covering the line
    minima: tuple[tuple[Real, Real], ...] = ()  # (x, f(x)) of interior local minima
    derivative_roots: tuple[Real, ...] = ()  # isolated roots only
    symmetry: Symmetry | None = None
    remarks: tuple[str, ...] = ()  # sentences for the report: what people get wrong about this function


def valley(root: Real, minimum: Real, *, symmetry: Symmetry | None = None, remarks: tuple[str, ...]) -> Facts:
    """The facts of a function that falls from 0 at -inf to its minimum at ``root``, and from there rises towards x."""
    return Facts(
        limits=(0, "inf"),
        derivative_limits=(0, 1),
        range=Range(minimum, "inf", lo_attained=True, hi_attained=False),
        pieces=(Piece("-inf", root, -1), Piece(root, "inf", 1)),
        minima=((root, minimum),),
        derivative_roots=(root,),
        symmetry=symmetry,
        remarks=remarks,
    )


@dataclass(frozen=True)
class Activation:
    """A mathematical function with its parameters at stated values.

    ``forward`` and ``derivative`` take an mpmath real and the parameters by keyword, and are valid for every real
    input at whatever precision mpmath has when they are called: no float constants, and no cancellation except at
    an isolated root. At each of ``kinks``, which for ours is 0, ``derivative`` gives the left derivative and
    ``right_derivative`` the other. ``alpha_derivative`` is the derivative with respect to a learned
    parameter, where there is one. ``formula`` and ``derivative_formula`` are LaTeX.

    ``fast_forward`` and ``fast_derivative`` are the same functions in compiled double-double arithmetic
    (`reference.pairs`), of a finite float64 x with |x| >= 2^-160, ``fine`` (`reference.elementary`) and the parameters
    in their order; they return (pair, n), for pair·2^n. With ``exact`` they make no error at all.
    """

    name: str
    title: str
    formula: str
    derivative_formula: str
    sources: tuple[str, ...]
    forward: Callable[..., mpf]
    derivative: Callable[..., mpf]
    facts: Callable[..., Facts]  # of the parameters
    check_points: tuple[CheckPoint, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    kinks: tuple[float, ...] = ()
    right_derivative: Callable[..., mpf] | None = None
    fast_forward: Callable[..., Any] | None = None
    fast_derivative: Callable[..., Any] | None = None
    exact: bool = False
    alpha_derivative: Callable[..., mpf] | None = None

    @property
    def defaults(self) -> dict[str, float]:
        return {p.name: p.default for p in self.parameters}

    def check(self, parameters: Mapping[str, float]) -> None:
        """Refuse values for which the activation is not defined here.

        Raises:
            ValueError: a parameter is not finite, or not greater than 0 where it has to be.
        """
        for p in self.parameters:
            if not p.allows(parameters[p.name]):
                allowed = "a finite number greater than 0" if p.positive else "a finite number"
                raise ValueError(f"{self.name}: {p.name} is {parameters[p.name]}: it must be {allowed}")

    @property
    def directions(self) -> tuple[str, ...]:
        return ("forward", "backward") + (("backward_alpha",) if self.alpha_derivative else ())
