# SPDX-License-Identifier: MIT
"""What the exact value is, for arrays of inputs: y, its correct rounding, and which zeros count as right."""

import functools
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from mpmath import mp, mpf

from reference.activation import Activation
from reference.formats import Format
from reference.ziv import LAST_PRECISION, NEAR, Rounded, round_all

# mpmath's precision is one for the whole process: what sets it must not run in two threads at once.
_one_at_a_time = threading.RLock()

DECIMAL_DIGITS = 25
LIMIT_DIGITS = 50
NEVER_ZERO_BITS = 20_000  # below 2^-20000 a value is written as 0: so it rounds in every format


def one_at_a_time(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let threads wait for one another, since mpmath's precision is global."""

    @functools.wraps(function)
    def alone(*arguments: Any, **options: Any) -> Any:
        with _one_at_a_time:
            return function(*arguments, **options)

    return alone


@dataclass(frozen=True)
class Exact:
    """The exact results for an array of inputs; every field is an array of that length.

    Where ``class_only`` (NaN and infinite inputs) just the class of ``nearest`` means anything. ``hi + lo`` is
    y / 2^exponent, and ulp = 2^(exponent - p + 1). Where ``either_zero``, a zero result may have either sign.
    """

    nearest: np.ndarray  # RN(y), in the format's dtype; NaN where a NaN is due
    sign: np.ndarray  # int8, of y; 0 where y is 0
    exponent: np.ndarray  # int32
    hi: np.ndarray  # float64
    lo: np.ndarray  # float64
    class_only: np.ndarray  # bool
    either_zero: np.ndarray  # bool

    def __len__(self) -> int:
        return len(self.nearest)

    def __getitem__(self, index: np.ndarray | slice) -> "Exact":
        return Exact(*(getattr(self, f.name)[index] for f in fields(self)))

    @staticmethod
    def concatenate(parts: list["Exact"]) -> "Exact":
        return Exact(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Exact)))


def function_of(activation: Activation, direction: str, parameters: Mapping[str, float]) -> Callable[..., mpf]:
    """f(x) for "forward"; dy * f'(x), of x and dy, for "backward", dy = 1 if left out."""
    exact = {name: mpf(value) for name, value in parameters.items()}
    if direction == "forward":
        return lambda x: activation.forward(x, **exact)
    return lambda x, dy=1: dy * activation.derivative(x, **exact)


@one_at_a_time
def limits_of(activation: Activation, direction: str, parameters: Mapping[str, float]) -> tuple[mpf, mpf]:
    """The limits of f, or of f', at -inf and +inf."""
    facts = activation.facts(**parameters)
    low, high = facts.limits if direction == "forward" else facts.derivative_limits
    with mp.workdps(LIMIT_DIGITS):
        return mpf(low), mpf(high)


@one_at_a_time
@np.errstate(invalid="ignore", over="ignore")  # a signalling NaN of bfloat16; a limit times a large dy
def exact(
    activation: Activation,
    direction: str,
    form: Format,
    x: np.ndarray,
    parameters: Mapping[str, float],
    dy: np.ndarray | None = None,
) -> Exact:
    """The exact results of an activation at inputs of a format.

    At a kink this is the left derivative; `right_at_kinks` has the other.

    Args:
        direction: "forward" or "backward".
        x: inputs, one-dimensional, of the format's dtype.
        dy: finite, as long as x, for "backward"; 1 if left out.
    """
    function = function_of(activation, direction, parameters)
    limits = limits_of(activation, direction, parameters)
    finite = np.isfinite(x)
    points = [(mpf(float(v)),) for v in x[finite]]
    if dy is not None:
        points = [(p[0], mpf(float(d))) for p, d in zip(points, dy[finite], strict=True)]
    result = _arrays(round_all(function, points, limits, form), finite, form)
    if direction == "forward":
        _settle_zeros(result, function, x)
    else:
        result.either_zero[:] = True
    for infinity, limit in zip((-np.inf, np.inf), limits, strict=True):
        _settle_infinity(result, x == infinity, limit, dy)
    return result


@one_at_a_time
def right_at_kinks(
    activation: Activation,
    form: Format,
    x: np.ndarray,
    parameters: Mapping[str, float],
    dy: np.ndarray | None = None,
) -> Exact:
    """What `exact` gives for "backward" with the right derivative, for inputs that are all kinks."""
    return exact(replace(activation, derivative=activation.right_derivative), "backward", form, x, parameters, dy)


def at_kinks(activation: Activation, direction: str, x: np.ndarray) -> np.ndarray:
    """Which inputs are kinks of f, where either one-sided derivative is right."""
    if direction != "backward" or not activation.kinks:
        return np.zeros(len(x), bool)
    with np.errstate(invalid="ignore"):  # a signalling NaN of bfloat16
        return np.isin(x.astype(np.float64), activation.kinks)


@one_at_a_time
def decimal(
    activation: Activation, direction: str, x: float, parameters: Mapping[str, float], dy: float | None = None
) -> str:
    """The exact value as a decimal numeral of 25 significant digits, for people."""
    if x != x:
        return "nan"
    if abs(x) == float("inf"):
        limit = limits_of(activation, direction, parameters)[x > 0]
        with mp.workdps(LIMIT_DIGITS):
            limit *= 1 if dy is None else mpf(dy)
        return mp.nstr(limit, DECIMAL_DIGITS, strip_zeros=True).lstrip("+")
    function = function_of(activation, direction, parameters)
    arguments = (mpf(x),) if dy is None else (mpf(x), mpf(dy))
    if direction == "forward" and x == 0 and not function(*arguments):
        return "-0.0" if _beside_zero(function, math.copysign(1, x) < 0) < 0 else "0.0"
    precision = 200
    while True:
        with mp.workprec(precision):
            value = mpf(function(*arguments))
            if value and mp.mag(value) < -NEVER_ZERO_BITS:
                return "-0.0" if value < 0 else "0.0"
            text = mp.nstr(value, DECIMAL_DIGITS)
        with mp.workprec(2 * precision):
            if mp.nstr(mpf(function(*arguments)), DECIMAL_DIGITS) == text or precision >= LAST_PRECISION:
                return text
        precision *= 2


def _arrays(rounded: list[Rounded], where: np.ndarray, form: Format) -> Exact:
    """Columns of the rounded values, laid out at ``where``; elsewhere a NaN of which the class alone counts."""
    nearest = np.full(len(where), np.nan, form.dtype)
    ordinals = np.array([r.ordinal for r in rounded], np.int64)
    signs = np.array([r.sign for r in rounded], np.int8)
    values = form.from_ordinals(ordinals)
    values[(ordinals == 0) & (signs < 0)] = -0.0
    nearest[where] = values

    def column(name: str, dtype: type) -> np.ndarray:
        whole = np.zeros(len(where), dtype)
        whole[where] = [getattr(r, name) for r in rounded]
        return whole

    return Exact(
        nearest=nearest,
        sign=column("sign", np.int8),
        exponent=column("exponent", np.int32),
        hi=column("hi", np.float64),
        lo=column("lo", np.float64),
        class_only=~where,
        either_zero=np.zeros(len(where), bool),
    )


def _settle_zeros(result: Exact, function: Callable[..., mpf], x: np.ndarray) -> None:
    """An exact zero at x = ±0 has the sign of f beside it; where f is identically zero, either sign will do.

    An underflow keeps the sign of y. (Of a derivative, either zero is accepted everywhere.)
    """
    exact_zero = (result.sign == 0) & ~result.class_only
    result.either_zero[exact_zero] = True
    for negative in (False, True):
        beside = _beside_zero(function, negative)
        if beside:
            here = exact_zero & (x == 0) & (np.signbit(x) == negative)
            result.either_zero[here] = False
            result.nearest[here] = -0.0 if beside < 0 else 0.0


def _beside_zero(function: Callable[..., mpf], negative: bool) -> mpf:
    """f close to 0, on the side that a zero's sign is for."""
    return function(-NEAR if negative else NEAR)


def _settle_infinity(result: Exact, here: np.ndarray, limit: mpf, dy: np.ndarray | None) -> None:
    """The limit is the result at an infinite input; a limit of zero may have either sign."""
    value = np.full(len(here), float(limit)) if dy is None else float(limit) * dy.astype(np.float64)
    result.nearest[here] = value[here]
    result.sign[here] = np.sign(np.nan_to_num(value[here]))  # a limit that there is not is NaN
    result.either_zero[here] = value[here] == 0


SUM_BITS = 4608  # holds any sum of fewer than 2^64 products of two binary64 numbers exactly


@one_at_a_time
def exact_sum(
    activation: Activation, form: Format, x: np.ndarray, dy: np.ndarray, parameters: Mapping[str, float]
) -> tuple[Exact, str]:
    """Σ dyᵢ · ∂f/∂α(xᵢ), exactly, its ulp taken at Σ |dyᵢ · ∂f/∂α(xᵢ)|; and the same as a decimal numeral.

    The arrays are finite; the results have length one.
    """
    value = {name: mpf(v) for name, v in parameters.items()}
    with mp.workprec(SUM_BITS):
        pairs = [(mpf(float(v)), mpf(float(d))) for v, d in zip(x, dy, strict=True)]
        terms = [d * activation.alpha_derivative(v, **value) for v, d in pairs]
        total, scale = mp.fsum(terms), mp.fsum(terms, absolute=True)
        (rounded,) = round_all(lambda _: total, [(mpf(1),)], (mpf(0), mpf(0)), form)
        exponent = max(mp.mag(scale) - 1, form.emin) if scale else form.emin
        scaled = mp.ldexp(total, -exponent)
        hi = float(scaled)
        lo = float(scaled - hi)
    one = Rounded(rounded.ordinal, rounded.sign, int(exponent), hi, lo)
    result = _arrays([one], np.ones(1, bool), form)
    return replace(result, either_zero=np.array([not rounded.sign])), mp.nstr(total, DECIMAL_DIGITS)
