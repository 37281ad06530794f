# SPDX-License-Identifier: MIT
"""``--baseline FILE``: the baseline that a run is held against, and the results that are worse than its."""

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from bench.accuracy import Truth, canonical_patterns, exact_decimal, judged, near_roots
from bench.calling import KernelError, arguments, call, hexadecimal
from bench.deviations import unpacked
from bench.truths import truth
from bench.ulp import NO_MISMATCH, Judgement
from kernels.registry import Kernel
from reports.circumstances import Setup
from reports.comparisons import Comparison
from reports.gate import ACCEPT, BaselineError, check, compare, differences_of
from reports.judging import Singles, Worse
from reports.schema import MISMATCH_KINDS, KernelResult, Results, ResultsError, load

AGAIN = f"restore it, or make a new one: `pytest --benchmark`, then `{ACCEPT}`"


@dataclass
class Gate:
    """A baseline, and what was found so far of what became of its results."""

    path: Path
    baseline: Results
    singles: dict[str, Singles | None] = field(default_factory=dict)  # by a kernel's id

    @functools.cached_property
    def known(self) -> dict[str, KernelResult]:
        """What the baseline has of each kernel, by id."""
        return {k.id: k for k in self.baseline.kernels}

    def absent(self, chosen: Iterable[Kernel], filters: Mapping[str, Collection[str]]) -> list[str]:
        """The kernels of the baseline that the filters leave in and that there are not any more."""
        present = {k.id for k in chosen}
        left_in = (k for k in self.baseline.kernels if all(getattr(k, f) in names for f, names in filters.items()))
        return [k.id for k in left_in if k.id not in present]

    def regressions(self, kernel: Kernel, result: KernelResult, now: Setup, depth: str, seed: int) -> list[str]:
        """What is worse of a kernel that was just measured, each in one line with the input that shows it."""
        old = self.known.get(result.id)
        if old is None:
            return []
        setups = Setup.of(self.baseline), now
        found = differences_of(old, result, *setups)
        if found:
            singles = self.singles[result.id] = _singles(kernel, old, result, depth, seed)
            found = differences_of(old, result, *setups, singles)
        return [f"{d.kernel}: {d.what}: {d.text}" for d in found if d.judged == "regression"]

    def compare(self, results: Results, path: Path) -> Comparison:
        """The whole run, whose results will be in ``path``, against the baseline."""
        return compare(self.baseline, results, self.path, self.singles, path)


def open_gate(path: Path, depth: str, seed: int, only: str | None) -> Gate:
    """Read a baseline and see that a run can be compared with it.

    Raises:
        pytest.UsageError: it can't be read, or not be compared with what this run will measure.
    """
    if only == "speed":
        raise pytest.UsageError(
            "--baseline compares accuracy: leave --only speed out (speeds of another day compare to nothing)"
        )
    try:
        baseline = load(path, AGAIN)
        check(baseline, path, depth, seed)
    except (ResultsError, BaselineError) as error:
        raise pytest.UsageError(f"--baseline {error}") from error
    return Gate(path, baseline)


def _singles(kernel: Kernel, old: KernelResult, new: KernelResult, depth: str, seed: int) -> Singles | None:
    """What became of each result; None where the baseline has no results."""
    was, now = old.accuracy, new.accuracy
    if not (was and now and was.deviations and was.inputs == now.inputs) or kernel.direction == "backward_alpha":
        return None
    held = truth(kernel, depth, seed)
    before = unpacked(was.deviations, canonical_patterns(held.exact.nearest, held.form))
    if before is None:
        return None
    try:
        after = call(kernel, *arguments(kernel, held.inputs.values))
    except KernelError:  # it did not fail before: it is told as not repeatable
        return None
    before = before.view(held.form.dtype)

    def said(at: int) -> str:
        x = held.inputs.values[at]
        exact = exact_decimal(kernel, held.activation, float(x))
        return f"at {hexadecimal(x)}: got {hexadecimal(after[at])}, was {hexadecimal(before[at])}, exact {exact}"

    found = worse_at(before, after, held)
    worse = {respect: Worse(count, said(at)) for respect, (count, at) in found.items()}
    return Singles(worse, largest_cured(kernel, before, after, held))


def worse_at(before: np.ndarray, after: np.ndarray, held: Truth) -> dict[str, tuple[int, int]]:
    """How many results got worse in each respect where any did, and the place of the one that did most.

    A result got worse where it is of the wrong class, and was not or of another, or where its error is larger; not
    where it was of the wrong class and no more is: a NaN has no error that the right result's could be held against.
    """
    was, now = judged(before, held), judged(after, held)
    other = canonical_patterns(before, held.form) != canonical_patterns(after, held.form)
    lost = other & (now.mismatch != NO_MISMATCH) & (was.mismatch != now.mismatch)
    by = np.nan_to_num(now.error_ulp) - np.nan_to_num(was.error_ulp)
    by[lost], by[_cured(was, now)] = np.inf, -np.inf
    worse = other & (by > 0)
    normal = np.zeros(len(by), bool)
    normal[held.inputs.normal] = True
    respects = {
        "any": worse,
        "misrounded": now.misrounded & ~was.misrounded,
        "normal": worse & normal & ~lost & (now.error_ulp == np.nanmax(now.error_ulp[normal], initial=0)),
        **{kind: lost & (now.mismatch == i) for i, kind in enumerate(MISMATCH_KINDS)},
    }
    if held.reach is not None:
        respects["outside"] = ~held.reach.holds(after) & held.reach.holds(before)
    places = {name: np.flatnonzero(mask) for name, mask in respects.items()}
    return {name: (len(at), int(at[np.argmax(by[at])])) for name, at in places.items() if len(at)}


def largest_cured(kernel: Kernel, before: np.ndarray, after: np.ndarray, held: Truth) -> dict[str, float]:
    """The largest error where a result was of the wrong class and no more is, as `Singles` has it."""
    was, now = judged(before, held), judged(after, held)
    errors = np.where(_cured(was, now), now.error_ulp, np.nan)
    parts = {
        "max_ulp": errors,
        "max_ulp_normal": errors[held.inputs.normal],
        "max_ulp_outside_roots": errors[~near_roots(kernel, held.activation, held.inputs.values)],
    }
    return {figure: float(np.nanmax(part)) for figure, part in parts.items() if not np.isnan(part).all()}


def _cured(was: Judgement, now: Judgement) -> np.ndarray:
    return (was.mismatch != NO_MISMATCH) & (now.mismatch == NO_MISMATCH)
