# SPDX-License-Identifier: MIT
"""Symmetries: what f says of -x where it is known at x. Where f has one, its derivative has one too.

An odd or even function is so to the bit, zeros of either sign apart. The others, f(x) - f(-x) = x and f(x) + f(-x) = 1,
hold up to rounding. A correctly rounded result is off by at most half the gap to its neighbour on the side where the
exact value lies; so two of them are off by at most half the sum of two gaps: of those below, where their sum is too
large, and of those above, where it is too small. From the results alone no smaller bound can be had. Where one of them
is far smaller than the other, the law says nothing of it: its own error is lost in the rounding of the larger one.
"""

from dataclasses import dataclass

import numpy as np

from bench.calling import hexadecimal
from bench.trials import Count, Trial
from bench.ulp import distance
from reference.formats import Format
from reports.schema import Property

SLACK = 2.0**-40  # relative, of the bound: what is compared with it is rounded too


@dataclass(frozen=True)
class Mirror:
    """f(-x) is ``factor`` * f(x), where factor is 1 or -1."""

    law: str
    factor: int

    def check(self, form: Format, x: np.ndarray, plus: np.ndarray, minus: np.ndarray) -> Property:
        """Hold f(x) and f(-x) against the law."""
        a, b = self.factor * plus.astype(np.float64), minus.astype(np.float64)
        wrong = (a != b) & ~(np.isnan(a) & np.isnan(b))
        comparable = ~(np.isnan(a) | np.isnan(b))
        ours, mirrored = (form.ordinals(np.where(comparable, v, form.dtype.type(0))) for v in (plus, minus))
        tally = Count()
        tally.see(wrong, lambda i: _sentence(x, plus, minus, i, self.law), distance(self.factor * ours, mirrored))
        return tally.property()


@dataclass(frozen=True)
class Balance:
    """f(x) + ``factor`` * f(-x) is 1, or x."""

    law: str
    factor: int
    is_x: bool

    def check(self, form: Format, x: np.ndarray, plus: np.ndarray, minus: np.ndarray) -> Property:
        """Hold f(x) and f(-x) against the law, where all of it is finite."""
        finite = np.isfinite(x) & np.isfinite(plus) & np.isfinite(minus)
        x, plus, minus = x[finite], plus[finite], minus[finite]
        a, b = plus.astype(np.float64), self.factor * minus.astype(np.float64)
        off = _sum(a, -(x.astype(np.float64) if self.is_x else np.ones(len(x))), b)
        below, above = (_gap(a, form, side) + _gap(b, form, side) for side in (-1, 1))
        times = 2 * np.abs(off) / np.where(off > 0, below, above)
        tally = Count(lambda size: f"{size:.4g} times what rounding allows")
        tally.see(times > 1 + SLACK, lambda i: _sentence(x, plus, minus, i, self.law), times)
        return tally.property()


SYMMETRIES = {
    ("f(-x) = -f(x)", "forward"): Mirror("f(-x) = -f(x)", -1),
    ("f(-x) = -f(x)", "backward"): Mirror("f'(-x) = f'(x)", 1),
    ("f(x) + f(-x) = 1", "forward"): Balance("f(x) + f(-x) = 1", 1, is_x=False),
    ("f(x) + f(-x) = 1", "backward"): Mirror("f'(-x) = f'(x)", 1),
    ("f(x) - f(-x) = x", "forward"): Balance("f(x) - f(-x) = x", -1, is_x=True),
    ("f(x) - f(-x) = x", "backward"): Balance("f'(x) + f'(-x) = 1", 1, is_x=False),
}


def symmetry(trial: Trial) -> Property | None:
    """The symmetry that f has, or that its derivative has from that, at every magnitude tried."""
    if trial.facts.symmetry is None:
        return None
    form, x = trial.form, trial.truth.inputs.values
    with np.errstate(invalid="ignore"):
        magnitudes = np.unique(np.abs(form.ordinals(x[~np.isnan(x)])))
    if len(trial.truth.kinks):  # at 0 the derivative is the left one for both zeros, or the right one
        magnitudes = magnitudes[magnitudes != 0]
    x = form.from_ordinals(magnitudes)
    law = SYMMETRIES[trial.facts.symmetry, trial.kernel.direction]
    return law.check(form, x, trial.call(x), trial.call(-x))


def _sentence(x: np.ndarray, plus: np.ndarray, minus: np.ndarray, i: int, law: str) -> str:
    here, there = hexadecimal(plus[i]), hexadecimal(minus[i])
    return f"{law} is not so at x = {hexadecimal(x[i])}: {here} there, {there} at -x"


def _sum(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a + b + c to about 2^-53 of the result, also where it cancels."""
    first, first_error = _two_sum(a, b)
    second, second_error = _two_sum(first, c)
    return second + (first_error + second_error)


def _two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a + b rounded, and the error of that, exactly (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _gap(values: np.ndarray, form: Format, side: int) -> np.ndarray:
    """From finite values of the format to the next number above (side 1) or below (-1), as if there were no largest."""
    significand, exponent = np.frexp(values)
    exponent -= 1  # values are significand * 2^exponent, 1 <= |significand| < 2
    ulp = np.ldexp(1.0, np.where(values == 0, form.emin, np.maximum(exponent, form.emin)) - form.precision + 1)
    narrower = (significand == -0.5 * side) & (exponent > form.emin)  # from a power of two towards zero
    return np.where(narrower, ulp / 2, ulp)
