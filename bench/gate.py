# SPDX-License-Identifier: MIT
"""``--baseline FILE``: the baseline that a run is held against, and the input that shows what got worse."""

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from bench.accuracy import Truth, canonical_patterns, exact_decimal, judged
from bench.calling import KernelError, arguments, call, hexadecimal
from bench.deviations import unpacked
from bench.machine import machine
from bench.truths import truth
from bench.ulp import NO_MISMATCH
from kernels.registry import Kernel
from reports.circumstances import Setup
from reports.comparisons import Comparison
from reports.gate import BaselineError, check, compare, differences_of
from reports.schema import Backend, KernelResult, Machine, Results, ResultsError, load


@dataclass
class Gate:
    """A baseline, and what was found so far of inputs whose results are worse."""

    path: Path
    baseline: Results
    backends: frozenset[str]  # of the kernels that are measured
    witnesses: dict[str, str] = field(default_factory=dict)  # by a kernel's id, in words

    @functools.cached_property
    def known(self) -> dict[str, KernelResult]:
        """What the baseline has of each kernel, by id."""
        return {k.id: k for k in self.baseline.kernels}

    @functools.cached_property
    def machine(self) -> Machine:
        """What this run is made on."""
        return machine(self.backends)

    def absent(self, chosen: Iterable[Kernel], filters: Mapping[str, Collection[str]]) -> list[str]:
        """The kernels of the baseline that the filters leave in and that there are not any more."""
        present = {k.id for k in chosen}
        left_in = (k for k in self.baseline.kernels if all(getattr(k, f) in names for f, names in filters.items()))
        return [k.id for k in left_in if k.id not in present]

    def regressions(
        self, kernel: Kernel, result: KernelResult, backends: dict[str, Backend], depth: str, seed: int
    ) -> list[str]:
        """What is worse of a kernel that was just measured, each in one line with the input that shows it."""
        old = self.known.get(result.id)
        if old is None:
            return []
        setups = Setup.of(self.baseline), Setup(self.machine, backends)
        found = differences_of(old, result, *setups)
        if any(d.judged in ("regression", "changed") for d in found):
            witness = _witness(kernel, old, result, depth, seed)
            if witness:
                self.witnesses[result.id] = witness
                found = differences_of(old, result, *setups, witness)
        return [f"{d.kernel}: {d.what}: {d.text}" for d in found if d.judged == "regression"]

    def compare(self, results: Results) -> Comparison:
        """The whole run against the baseline."""
        return compare(self.baseline, results, self.path, self.witnesses)


def open_gate(path: Path, depth: str, seed: int, only: str | None, backends: Iterable[str]) -> Gate:
    """Read a baseline and see that a run can be compared with it.

    Raises:
        pytest.UsageError: it can't be read, or not be compared with what this run will measure.
    """
    if only == "speed":
        raise pytest.UsageError(
            "--baseline compares accuracy: leave --only speed out (speeds of another day compare to nothing)"
        )
    try:
        baseline = load(path)
        check(baseline, path, depth, seed)
    except (ResultsError, BaselineError) as error:
        raise pytest.UsageError(f"--baseline {error}") from error
    return Gate(path, baseline, frozenset(backends))


def _witness(kernel: Kernel, old: KernelResult, new: KernelResult, depth: str, seed: int) -> str | None:
    """An input whose result got worse, in words; None where the baseline does not have the results."""
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
    at = worse_at(before, after, held)
    if at is None:
        return None
    x = held.inputs.values[at]
    exact = exact_decimal(kernel, held.activation, float(x))
    return f"at {hexadecimal(x)}: got {hexadecimal(after[at])}, was {hexadecimal(before[at])}, exact {exact}"


def worse_at(before: np.ndarray, after: np.ndarray, held: Truth) -> int | None:
    """The place of the result that got worse most: of the wrong class, else by its error; else one that is another."""
    was, now = judged(before, held), judged(after, held)
    other = canonical_patterns(before, held.form) != canonical_patterns(after, held.form)
    lost = other & (now.mismatch != NO_MISMATCH) & (was.mismatch != now.mismatch)
    if lost.any():
        return int(np.argmax(lost))
    by = np.where(other, np.nan_to_num(now.error_ulp) - np.nan_to_num(was.error_ulp), -np.inf)
    return int(np.argmax(by)) if other.any() else None
