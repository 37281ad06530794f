# SPDX-License-Identifier: MIT
"""The fast oracle against mpmath, against rigorous balls, and against the slow oracle.

At each input y is known otherwise, v is what the fast oracle says it is, and |v − y| must not exceed the bound that
comes with v: `fast.EPSILON` of |v| anywhere, and far less near a line that the function clings to.

- mpmath reckons y once, with so many bits that its own error is below 2^-36 of the bound: 2^12 units of its last place
  at most (the tests of activations hold that), and beside a root as much more as cancels. At a part of the inputs, and
  near every root, it does so again with twice the bits, and the two must agree.
- Balls prove it (`reference.balls`).
- The slow oracle (`reference.oracle`) has to give the same rounding, sign, exponent and flags, also for the 16-bit
  formats, at zeros, at infinities and at NaN.

Two things are judged otherwise. Where |v| is less than a quarter of the least subnormal number, all that matters is
that y rounds to zero too, with the same sign. And where v differs from a line by less than 2^-110 of it, only the side
counts: y must be as near, and on the side of v, as far as y can be told from the line with `CLINGING_BITS`.
"""

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from mpmath import mpf, workprec
from mpmath.libmp import from_float, mpf_abs, mpf_shift, mpf_sub, to_float

from reference import balls, fast, oracle
from reference.activation import Activation
from reference.draw import magnitude
from reference.formats import FORMATS, Format
from reference.oracle import Exact

TARGETS = {"float32": ("float16", "bfloat16", "float32"), "float64": ("float64",)}  # by the format of the inputs
MARGIN_BITS = 48  # beyond the bound
EXACT_BITS = 192  # hold any product of three float64
STEP_BITS = 64  # of precision: inputs that need about as many are reckoned together
CLINGS = 2.0**-110  # nearer to a line, no pair of 106 bits and no tie of any format is in between
CLINGING_BITS = 512
NOISE = 2.0 ** (12 - CLINGING_BITS)  # of mpmath's result, on either side of a line
SECOND_LOOK = 32  # one input in so many is reckoned by mpmath with twice the bits
AGREEMENT_BITS = 20  # by how much less than the bound the two may differ
LARGE = 2.0**64  # no root is beyond that
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
DESCRIBED = 3  # faults of a comparison that are described; the others are counted


@dataclass(frozen=True)
class Findings:
    """What was found out about a function. Findings can be added up."""

    inputs: int = 0
    error: float = 0.0  # the largest, relative
    error_at: str = ""
    share: float = 0.0  # the largest, of an input's bound
    undecided: int = 0  # inputs that the fast oracle leaves to mpmath
    balls: int = 0
    faults: int = 0
    described: tuple[str, ...] = ()

    def __add__(self, other: "Findings") -> "Findings":
        worst = self if self.error >= other.error else other
        return Findings(
            inputs=self.inputs + other.inputs,
            error=worst.error,
            error_at=worst.error_at,
            share=max(self.share, other.share),
            undecided=self.undecided + other.undecided,
            balls=self.balls + other.balls,
            faults=self.faults + other.faults,
            described=self.described + other.described,
        )


@dataclass(frozen=True)
class Question:
    """Inputs of one function, and what the fast oracle says of them."""

    activation: Activation
    direction: str
    form: Format
    parameters: Mapping[str, float]
    x: np.ndarray  # float64: numbers of the format, finite and not 0
    dy: np.ndarray | None  # the same, or 1
    values: fast.Values

    @classmethod
    def ask(
        cls,
        activation: Activation,
        direction: str,
        form: Format,
        parameters: Mapping[str, float],
        x: np.ndarray,
        dy: np.ndarray | None = None,
    ) -> "Question":
        values = fast.evaluate(activation, direction, form, x, parameters, dy)
        return cls(activation, direction, form, parameters, x, dy, values)

    def __getitem__(self, part: np.ndarray | slice) -> "Question":
        dy = None if self.dy is None else self.dy[part]
        values = fast.Values(*(getattr(self.values, f.name)[part] for f in fields(fast.Values)))
        return Question(self.activation, self.direction, self.form, self.parameters, self.x[part], dy, values)

    def __len__(self) -> int:
        return len(self.x)

    def arguments(self) -> list[tuple[float, ...]]:
        """(x,), or (x, dy), of each input."""
        columns = [self.x.tolist()] + ([] if self.dy is None else [self.dy.tolist()])
        return list(zip(*columns, strict=True))

    def where(self, i: int) -> str:
        """The input, and what else is not as usual."""
        dy = [] if self.dy is None else [f"dy={as_hex(self.dy[i])}"]
        other = [f"{k}={v}" for k, v in self.parameters.items() if v != self.activation.defaults[k]]
        return " ".join([as_hex(self.x[i]), *dy, *other])

    def fault(self, where: str, what: str, form: str = "") -> str:
        return f"{self.activation.name} {self.direction} {form or self.form.name} at {where}: {what}"

    def relative(self, sizes: np.ndarray) -> np.ndarray:
        """Sizes in units of 2^exponent, relative to v; 0 where v is 0."""
        high = np.abs(self.values.high)
        return np.divide(sizes, high, where=high > 0, out=np.zeros(len(self)))

    @functools.cached_property
    def vanishing(self) -> np.ndarray:
        """Where v is less than a quarter of the least subnormal number."""
        return (magnitude(self.values) < self.form.emin - self.form.precision - 1) & (self.values.high != 0)

    @functools.cached_property
    def clinging(self) -> np.ndarray:
        """Where v is so near a line that only the side counts; the line is at ``high`` then."""
        high, low = np.abs(self.values.high), np.abs(self.values.low)
        return (low < CLINGS * high) & (low > 0) & (self.values.bound <= CLINGS * fast.OF_DISTANCE * high)

    @functools.cached_property
    def cancelled_bits(self) -> np.ndarray:
        """How many bits mpmath's formula of the derivative loses beside a root; 0 elsewhere."""
        lost = np.zeros(len(self))
        if self.direction == "backward":
            for root in self.activation.facts(**self.parameters).derivative_roots:
                near = np.abs(np.clip(self.x, -LARGE, LARGE) / float(root) - 1)
                bits = np.where(near < 2.0**-50, 120, 10 - np.log2(np.maximum(near, 2.0**-50)))
                lost = np.maximum(lost, np.where(near < 0.25, bits, 0))
        return lost

    @functools.cached_property
    def bits(self) -> np.ndarray:
        """The precision that tells y from v: enough for the bound, and a margin."""
        relative = self.relative(self.values.bound)
        needed = np.full(len(self), EXACT_BITS, float)
        inexact = (relative > 0) & ~self.vanishing
        needed[inexact] = MARGIN_BITS - np.log2(relative[inexact])
        needed[self.clinging] = CLINGING_BITS
        return (STEP_BITS * np.ceil((needed + self.cancelled_bits) / STEP_BITS)).astype(int)


# Against mpmath.


def against_mpmath(question: Question) -> Findings:
    """|v − y| against the bound at every input."""
    exact = _exact_values(question, question.bits)
    errors = np.array([_error(question, i, y) for i, y in enumerate(exact)])
    bounds = question.values.bound
    relative, allowed = question.relative(errors), question.relative(bounds)
    faults = [
        question.fault(question.where(i), f"error {as_power(relative[i])}, bound {as_power(allowed[i])}")
        for i in np.flatnonzero(~(errors <= bounds))
    ]
    faults += _disagreements(question, exact)
    shares = np.divide(errors, bounds, where=bounds > 0, out=np.zeros(len(question)))
    worst = int(np.argmax(relative))
    return Findings(
        error=float(relative[worst]),
        error_at=question.where(worst),
        share=float(shares.max()),
        **_described(faults),
    )


def _exact_values(question: Question, bits: np.ndarray) -> list[mpf]:
    """y by mpmath, each with its precision."""
    function = oracle.function_of(question.activation, question.direction, question.parameters)
    arguments, found = question.arguments(), [mpf(0)] * len(question)
    for precision in np.unique(bits).tolist():
        with workprec(precision):
            for i in np.flatnonzero(bits == precision).tolist():
                found[i] = mpf(function(*map(mpf, arguments[i])))
    return found


def _error(question: Question, i: int, y: mpf) -> float:
    """|v − y| in units of 2^exponent; 0 or infinite where it is judged otherwise."""
    v = question.values
    high, low = float(v.high[i]), float(v.low[i])
    if question.vanishing[i]:
        return 0.0 if abs(y) < _half_least(question.form) and y * high > 0 else math.inf
    from_high = mpf_sub(mpf_shift(y._mpf_, -int(v.exponent[i])), from_float(high))  # exact
    if question.clinging[i]:
        away = to_float(from_high) / high * math.copysign(1, low * high)  # on the side of v
        return 0.0 if -NOISE < away <= 2 * CLINGS else math.inf
    return to_float(mpf_abs(mpf_sub(from_high, from_float(low))))


def _half_least(form: Format) -> mpf:
    """Half the least subnormal number, which float64 does not have."""
    return mpf(2) ** (form.emin - form.precision)


def _disagreements(question: Question, exact: list[mpf]) -> list[str]:
    """Where mpmath says something else with twice the bits."""
    looked_at = (np.arange(len(question)) % SECOND_LOOK == 0) | (question.cancelled_bits > 0)
    places = np.flatnonzero(looked_at & ~question.vanishing & ~question.clinging)
    again = _exact_values(question[places], 2 * question.bits[places])
    v, faults = question.values, []
    for i, y in zip(places.tolist(), again, strict=True):
        allowed = mpf(v.bound[i]) * mpf(2) ** (int(v.exponent[i]) - AGREEMENT_BITS)
        if not abs(y - exact[i]) <= allowed:
            faults.append(question.fault(question.where(i), f"mpmath is not sure of y with {question.bits[i]} bits"))
    return faults


# Against balls.


def against_balls(question: Question) -> Findings:
    """The same, proved."""
    faults = []
    for i, arguments in enumerate(question.arguments()):
        function = balls.function_of(question.activation, question.direction, question.parameters)
        claim = functools.partial(_holds_in, question, i)
        if not balls.proves(claim, function, arguments, int(question.bits[i])):
            faults.append(question.fault(question.where(i), "no ball shows that the bound holds"))
    return Findings(balls=len(question), **_described(faults))


def _holds_in(question: Question, i: int, ball: "balls.arb") -> bool:
    """Whether the bound holds for every number in the ball (on the side of a line: for some)."""
    v, arb = question.values, balls.arb
    if question.vanishing[i]:
        return bool(abs(ball) < arb(2) ** (question.form.emin - question.form.precision))
    high, low = float(v.high[i]), float(v.low[i])
    from_high = ball * arb(2) ** -int(v.exponent[i]) - high
    if question.clinging[i]:
        return bool(abs(from_high) <= 2 * CLINGS * abs(high)) and not from_high * low < 0
    return bool(abs(from_high - low) <= float(v.bound[i]))


# Against the slow oracle.


def against_oracle(question: Question) -> Findings:
    """Roundings, signs, exponents and flags, for every format that is answered by the same arithmetic."""
    faults = []
    for name in TARGETS[question.form.name]:
        form = FORMATS[name]
        x, dy = _with_special(question.x, form), None
        if question.dy is not None:
            dy = _with_special(question.dy, form)
            dy[~np.isfinite(dy)] = 0
        asked = (question.activation, question.direction, form, x, question.parameters, dy)
        quick, slow = fast.answer(*asked)[0], oracle.exact(*asked)
        for i in np.flatnonzero(~_same(quick, slow)):
            where = as_hex(x[i]) if dy is None else f"{as_hex(x[i])} dy={as_hex(dy[i])}"
            faults.append(question.fault(where, f"{_fields(quick, i)}, but by mpmath {_fields(slow, i)}", name))
    return Findings(**_described(faults))


def _same(a: Exact, b: Exact) -> np.ndarray:
    """Where two answers are the same, but for the digits of y beyond what the formats need."""
    pattern = np.dtype(f"u{a.nearest.dtype.itemsize}")
    equal = (a.nearest.view(pattern) == b.nearest.view(pattern)) | (np.isnan(a.nearest) & np.isnan(b.nearest))
    for name in ("sign", "class_only", "either_zero"):
        equal &= getattr(a, name) == getattr(b, name)
    digits = np.abs((a.hi - b.hi) + (a.lo - b.lo)) <= np.abs(b.hi) * 2.0**-48 + 4 * 2.0**fast.DEEPEST
    return equal & (a.class_only | ((a.exponent == b.exponent) & digits))


def _fields(answer: Exact, i: int) -> str:
    return " ".join(f"{f.name} {getattr(answer, f.name)[i]}" for f in fields(Exact))


def _with_special(column: np.ndarray, form: Format) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return np.concatenate([column, SPECIAL]).astype(form.dtype)


# For people.


def _described(faults: list[str]) -> dict[str, object]:
    return {"faults": len(faults), "described": tuple(faults[:DESCRIBED])}


def as_hex(value: float) -> str:
    """A float as a hexadecimal numeral without trailing zeros."""
    return re.sub(r"\.?0*p", "p", float(value).hex())


def as_power(ratio: float) -> str:
    """A ratio as a power of two."""
    return f"2^{math.log2(ratio):.1f}" if 0 < ratio < math.inf else f"{ratio:g}"
