# SPDX-License-Identifier: MIT
"""Laws that f obeys, and so does every correctly rounded result: monotonicity, range, sign, zeros, NaN.

Where a law holds comes from what is known of f, and from the exact results. Of a derivative, only what follows from
that is checked: nothing is known of where it is monotone. (Symmetries are in a module of their own.)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mpmath import mpf, workdps

from bench.accuracy import exact_decimal
from bench.calling import hexadecimal
from bench.inputs import SAMPLES, as_format, magnitudes
from bench.trials import Count, Trial
from bench.ulp import distance
from reference.activation import Piece, Real
from reference.formats import Format
from reference.oracle import LIMIT_DIGITS, Exact
from reference.ziv import round_all
from reports.schema import Property

POWERS = np.arange(-12, 11)  # of two: over these magnitudes every formula does its work
REDUCTIONS = np.log(2) * (np.arange(-64, 64) + 0.5)  # where exp passes from one power of two to the next


@dataclass(frozen=True)
class Steps:
    """Steps the wrong way among the results of inputs in rising order."""

    checked: int  # pairs of neighbours
    count: int
    largest: int  # in representable numbers; 0 where there is none
    place: int | None  # of the largest: from this result to the next


def steps_back(results: np.ndarray, slope: int, form: Format) -> Steps:
    """Count the steps the wrong way: down where f rises (slope 1), up where it falls (-1), any where constant (0).

    Args:
        results: of the format's dtype, of inputs in rising order within one piece on which f is monotone. A NaN is
            compared with nothing; zeros of either sign are equal.
        slope: of that piece.
        form: the format.
    """
    before, after = results[:-1], results[1:]
    with np.errstate(invalid="ignore"):
        falls = after < before if slope >= 0 else np.zeros(len(before), bool)
        rises = after > before if slope <= 0 else np.zeros(len(before), bool)
    places = np.flatnonzero(falls | rises)
    if not len(places):
        return Steps(len(before), 0, 0, None)
    sizes = distance(form.ordinals(before[places]), form.ordinals(after[places]))
    worst = int(np.argmax(sizes))
    return Steps(len(before), len(places), int(sizes[worst]), int(places[worst]))


def monotone(trial: Trial) -> Property | None:
    """No step the wrong way between any two inputs tried of a piece on which f rises, falls or is constant."""
    if not trial.forward or not trial.facts.pieces:
        return None
    x = rising_inputs(trial)
    got = trial.call(x)
    tally = Count()
    for piece in trial.facts.pieces:
        inside = _inside(piece, x)
        steps = steps_back(got[inside], piece.slope, trial.form)
        at = inside.start + (steps.place or 0)
        word = {-1: "falls", 0: "is constant", 1: "rises"}[piece.slope]

        def sentence(at: int = at, word: str = word) -> str:
            first, second = (f"f({hexadecimal(x[i])}) = {hexadecimal(got[i])}" for i in (at, at + 1))
            return f"f {word} here, but {first} and {second}"

        tally.add(steps.checked, steps.count, sentence, steps.largest)
    return tally.property()


def rising_inputs(trial: Trial) -> np.ndarray:
    """Distinct inputs in rising order, both infinities among them: in 16 bits, all there are.

    In more bits those on which accuracy is measured, and runs of consecutive numbers: around points where the function
    is hard, around powers of two, where an exp is put together from other parts, and at random places.
    """
    form, end = trial.form, trial.form.infinity_pattern
    if form.bits == 16:
        return form.from_ordinals(np.arange(-end, end + 1))
    samples, random = SAMPLES[trial.depth], trial.random("monotone")
    points, powers = [p.x for p in trial.truth.activation.check_points], np.ldexp(1.0, POWERS)
    moderate = random.choice([-1.0, 1.0], samples // 64) * magnitudes(random, POWERS[0], POWERS[-1], samples // 64)
    hard = form.ordinals(as_format(np.concatenate([points, powers, -powers, REDUCTIONS, moderate]), form))
    centres = np.concatenate([hard, random.integers(-end, end, samples // 64)])
    runs = centres[:, None] + np.arange(-samples // 8, samples // 8)
    tried = form.ordinals(trial.truth.inputs.values[~_is_nan(trial.truth.inputs.values)])
    ordinals = np.sort(np.concatenate([tried, np.clip(runs, -end, end).ravel()]))
    fresh = np.append(True, ordinals[1:] != ordinals[:-1])  # np.unique takes many times as long
    return form.from_ordinals(ordinals[fresh])


def _inside(piece: Piece, x: np.ndarray) -> slice:
    """Where inputs in rising order lie in a piece, which ends at real numbers."""
    with workdps(LIMIT_DIGITS):
        low, high = float(mpf(piece.lo)), float(mpf(piece.hi))
        start = "left" if mpf(low) >= mpf(piece.lo) else "right"
        stop = "right" if mpf(high) <= mpf(piece.hi) else "left"
    real = x.astype(np.float64)
    return slice(int(np.searchsorted(real, low, start)), int(np.searchsorted(real, high, stop)))


def in_range(trial: Trial) -> Property | None:
    """No result is beyond the ends of f's range, rounded to the format."""
    if not trial.forward or trial.facts.range is None:
        return None
    form, got = trial.form, trial.got
    low, high = (_nearest(end, form) for end in (trial.facts.range.lo, trial.facts.range.hi))
    if np.isinf(low) and np.isinf(high):
        return None
    number = np.flatnonzero(~_is_nan(got))
    x, got = trial.truth.inputs.values[number], got[number]
    ordinals = form.ordinals(got)
    beyond = distance(ordinals, np.clip(ordinals, *form.ordinals(np.array([low, high]))))

    def sentence(i: int) -> str:
        ends = f"[{hexadecimal(low)}, {hexadecimal(high)}]"
        return f"f({hexadecimal(x[i])}) = {hexadecimal(got[i])} is outside the range {ends}"

    tally = Count()
    tally.see(beyond > 0, sentence, beyond)
    return tally.property()


def _nearest(value: Real, form: Format) -> np.generic:
    """A real number correctly rounded to the format; an infinity itself."""
    with workdps(LIMIT_DIGITS):
        if mpf(value) in (mpf("inf"), mpf("-inf")):
            return form.dtype.type(float(mpf(value)))
        (rounded,) = round_all(lambda _: mpf(value), [(mpf(0),)], (mpf(0), mpf(0)), form)
    return form.from_ordinals(np.array([rounded.ordinal]))[0]


def sign(trial: Trial) -> Property:
    """Every number has the sign of y, and is 0 where y is; a zero has the sign that it must have."""

    def wrong(got: np.ndarray, exact: Exact) -> np.ndarray:
        value, nearest = got.astype(np.float64), exact.nearest.astype(np.float64)
        negative = np.where(exact.sign == 0, np.signbit(nearest), exact.sign < 0)
        return np.where(value == 0, ~exact.either_zero & (np.signbit(value) != negative), np.sign(value) != exact.sign)

    return _against_exact(trial, wrong, ~_is_nan(trial.got) & ~_is_nan(trial.truth.exact.nearest))


def nonzero(trial: Trial) -> Property:
    """No result is 0 where RN(y) is not."""

    def wrong(got: np.ndarray, exact: Exact) -> np.ndarray:
        return (got == 0) & (exact.nearest != 0)

    nearest = trial.truth.exact.nearest
    return _against_exact(trial, wrong, ~_is_nan(nearest) & (nearest != 0))


def nan_kept(trial: Trial) -> Property:
    """A NaN gives a NaN."""
    nan = np.flatnonzero(_is_nan(trial.truth.inputs.values))
    x, got = trial.truth.inputs.values[nan], trial.got[nan]

    def sentence(i: int) -> str:
        return f"the NaN of bits {x.view(trial.form.pattern)[i]:#x} gives {hexadecimal(got[i])}"

    tally = Count()
    tally.see(~_is_nan(got), sentence)
    return tally.property()


def _against_exact(trial: Trial, wrong: Callable[[np.ndarray, Exact], np.ndarray], where: np.ndarray) -> Property:
    """Hold results against the exact ones where these decide; at a kink, against either one-sided derivative."""
    truth, got = trial.truth, trial.got
    with np.errstate(invalid="ignore"):
        found = wrong(got, truth.exact)
        if truth.right is not None:
            found[truth.kinks] &= wrong(got[truth.kinks], truth.right)
    places = np.flatnonzero(where)

    def sentence(i: int) -> str:
        x = truth.inputs.values[places[i]]
        want = exact_decimal(trial.kernel, truth.activation, float(x))
        return f"at {hexadecimal(x)}: got {hexadecimal(got[places[i]])}, exact {want}"

    tally = Count()
    tally.see(found[places], sentence)
    return tally.property()


def _is_nan(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # a signalling NaN of bfloat16 warns
        return np.isnan(values)
