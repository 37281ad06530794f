# SPDX-License-Identifier: MIT
"""A run against a baseline: what got worse, what is missing, and what only another machine explains."""

import shlex
from collections.abc import Iterable, Mapping

from reports.circumstances import Setup, environment, excuse
from reports.comparisons import Comparison, Difference
from reports.judging import Singles, judge, unzipped
from reports.schema import KernelResult, Results, Run, Skipped

REGRESSION, MISSING = 6, 7  # exit codes
ACCEPT = "python -m reports accept"
FEWER = "--fewer"  # its option where kernels of the baseline are to go


class BaselineError(Exception):
    """Results can't be compared; the message is one line, and says what to do."""


def check(baseline: Results, path: object, depth: str, seed: int) -> None:
    """Refuse a baseline that results of a depth and seed can't be compared with.

    Raises:
        BaselineError: it has no accuracy, or is of another depth or seed.
    """
    measured = [k for k in baseline.kernels if k.accuracy]
    if not measured:
        what = "accuracy of any kernel" if baseline.kernels else "kernel"
        raise BaselineError(f"{path}: has no {what}, so that nothing can be compared: make one without --only speed")
    was = baseline.run
    if was.depth != depth:
        raise BaselineError(f"{path}: measured at depth {was.depth}, not {depth}: measure with --depth {was.depth}")
    if was.seed != seed:
        raise BaselineError(f"{path}: measured with seed {was.seed}, not {seed}: measure with --seed {was.seed}")
    _check_deviations(baseline, path, f"restore it, or make a new one with `{ACCEPT}`")


def _check_deviations(results: Results, path: object, what_to_do: str) -> None:
    for kernel in results.kernels:
        try:
            if kernel.accuracy and kernel.accuracy.deviations is not None:
                unzipped(kernel.accuracy.deviations)
        except ValueError as error:
            raise BaselineError(f"{path}: damaged ({kernel.id}: deviations: {error}); {what_to_do}") from error


def expected(kernel: KernelResult, run: Run) -> bool:
    """Whether a run should have measured a kernel: filters and -k leave some out."""
    chosen = all(getattr(kernel, name) in names for name, names in run.filters.items())
    return chosen and kernel.id not in run.deselected


def compare(
    old: Results,
    new: Results,
    path: object,
    singles: Mapping[str, Singles | None] | None = None,
    results: object = None,
) -> Comparison:
    """What differs between two runs of one depth and seed.

    Args:
        path: of the old results, for people.
        singles: by a kernel's id what became of each result, where that is known.
        results: the path of the new results, for people; None where they have none.

    Raises:
        BaselineError: they can't be compared.
    """
    check(old, path, new.run.depth, new.run.seed)
    if results:
        _check_deviations(new, results, "run `pytest --benchmark` to write a new one")
    if new.run.only == "speed":
        raise BaselineError("the new results have no accuracy to compare: measure again without --only speed")
    before, now = Setup.of(old), Setup.of(new)
    known, found = {k.id: k for k in old.kernels}, {k.id: k for k in new.kernels}
    differences: list[Difference] = []
    for name, kernel in found.items():
        if name in known:
            differences += differences_of(known[name], kernel, before, now, (singles or {}).get(name))
        elif kernel.backend in {k.backend for k in old.kernels}:  # else it is of a library that was not installed there
            text = "is not in the baseline"
            differences.append(Difference(kernel=name, what="kernel", judged="new", text=text))
    gone = [k for k in old.kernels if k.id not in found]
    due = [k for k in gone if expected(k, new.run)]
    differences += [missing(k, new.skipped) for k in due]
    return Comparison(
        baseline=str(path),
        started=old.run.started,
        commit=old.run.commit,
        compared=len(known.keys() & found.keys()),
        differences=differences,
        left_out=len(gone) - len(due),
        accept=_accept(path, results, any(d.judged == "missing" for d in differences)),
    )


def _accept(baseline: object, results: object, fewer: bool) -> str:
    """The command that makes results the baseline."""
    named = [str(results), "--baseline", str(baseline)] if results else []
    return shlex.join([*ACCEPT.split(), *named, *([FEWER] if fewer else [])])


def differences_of(
    old: KernelResult, new: KernelResult, before: Setup, now: Setup, singles: Singles | None = None
) -> list[Difference]:
    """What differs of one kernel between two runs."""
    return judge(old, new, excuse(old, new, before, now), environment(new, before, now), singles)


def missing(kernel: KernelResult, skipped: Iterable[Skipped]) -> Difference:
    """That a kernel of the baseline was not measured, with the reason where the run has recorded one."""
    names = f"backend {kernel.backend}", f"variant {kernel.variant}", kernel.id
    why = "; ".join(s.why for s in skipped if s.what in names) or "removed, renamed or skipped"
    text = f"is in the baseline and was not measured: {why}"
    return Difference(kernel=kernel.id, what="kernel", judged="missing", text=text)


def exit_code(comparison: Comparison) -> int:
    """6 for a regression, else 7 for a kernel that is missing, else 0."""
    if comparison.judged("regression"):
        return REGRESSION
    return MISSING if comparison.judged("missing") else 0
