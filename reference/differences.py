# SPDX-License-Identifier: MIT
"""What can be told of a function that is nothing but code: its derivative, its kinks, and its limits at infinity.

A function here takes an mpmath real and is valid for all of them, at whatever precision mpmath has.
"""

import functools
from collections.abc import Callable, Iterable

from mpmath import isnan, mp, mpf, workprec

Function = Callable[[mpf], mpf]

PLACES = tuple(n / 2 for n in range(-16, 17))  # where a kink is looked for: functions are joined at round numbers
JUMP = mpf(2) ** -30  # relative; what smooth one-sided derivatives differ by is far less
FAR, FARTHER = (30, 31), (60, 61)  # powers of ten: "far out", each twice, for a function that comes back there
SETTLED, NOTHING = mpf(10) ** -20, mpf(10) ** -20
GROWN = 1000  # times from far to farther: it goes to infinity
BITS = 80  # of values far out: with more, mpmath takes exp(exp(1e30)) for a number that it could compute


def slope(function: Function) -> Function:
    """The derivative as a central difference, its step so small that the result has the precision asked for."""

    def derivative(x: mpf) -> mpf:
        bits = mp.prec
        with workprec(4 * bits + abs(mp.mag(x) if x else 0)):
            step = mpf(2) ** -bits * min(abs(x) or 1, 1)
            return (function(x + step) - function(x - step)) / (2 * step)

    return derivative


def one_sided(function: Function, side: int) -> Function:
    """The derivative on the left (-1) or on the right (+1), likewise."""

    def derivative(x: mpf) -> mpf:
        bits = mp.prec
        with workprec(4 * bits + abs(mp.mag(x) if x else 0)):
            step = side * mpf(2) ** (-2 * bits) * min(abs(x) or 1, 1)
            return (function(x + step) - function(x)) / step

    return derivative


def left_at(kinks: Iterable[float], function: Function, derivative: Function) -> Function:
    """The derivative, and at kinks the one on the left."""
    places, left = [mpf(k) for k in kinks], one_sided(function, -1)
    if not places:
        return derivative

    @functools.wraps(derivative)
    def whole(x: mpf) -> mpf:
        return left(x) if x in places else derivative(x)

    return whole


def kinks(function: Function) -> tuple[float, ...]:
    """Those of `PLACES` at which both one-sided derivatives are there, and differ."""
    return tuple(x for x in PLACES if _jumps(function, mpf(x)))


def _jumps(function: Function, x: mpf) -> bool:
    left, right = (_settled(one_sided(function, side), x) for side in (-1, 1))
    return left is not None and right is not None and abs(left - right) > JUMP * max(abs(left), abs(right))


def _settled(derivative: Function, x: mpf) -> mpf | None:
    """Its value, where two precisions agree on it."""
    values = []
    for bits in (80, 160):
        with workprec(bits):
            values.append(derivative(x))
    first, second = values
    return second if abs(first - second) <= JUMP * abs(second) / 2 else None


def limits(function: Function, argument: str) -> tuple[mpf, mpf]:
    """What a function tends to at -inf and +inf, judged from where it stands far out.

    Args:
        argument: how limits can be given in place of that, for the message.

    Raises:
        ValueError: it can't be evaluated far out, or seems to have no limit.
    """
    return _limit(function, -1, argument), _limit(function, +1, argument)


def _limit(function: Function, sign: int, argument: str) -> mpf:
    give = f"give {argument}=(at -inf, at +inf), with nan where there is none"
    where = f"{'-' if sign < 0 else '+'}inf"
    try:
        with workprec(BITS):
            far, farther = ([mpf(function(sign * mpf(10) ** n)) for n in digits] for digits in (FAR, FARTHER))
            values = [*far, *farther]
            if not any(map(isnan, values)):
                last = values[-1]
                if all(abs(v) < NOTHING for v in farther):
                    return mpf(0)
                if all(abs(v - last) <= SETTLED * abs(last) for v in values):
                    return +last
                if all(v * last > 0 for v in values) and abs(farther[0]) > GROWN * max(1, *map(abs, far)):
                    return mpf("inf") * mp.sign(last)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(
            f"what it tends to at {where} can't be told, since it raises {type(error).__name__} far out ({error}): "
            f"let it be valid there, or {give}"
        ) from error
    raise ValueError(f"what it tends to at {where} can't be told from its values far out; {give}")
