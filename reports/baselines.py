# SPDX-License-Identifier: MIT
"""Baselines: results less all that is not compared, small enough to be committed, a line a kernel."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from reports import wording
from reports.gate import FEWER, expected, missing
from reports.schema import KernelResult, Property, Results, ResultsError, Throughput, load, save_by_line

FOLDER = Path(__file__).with_name("baselines")


class AcceptError(Exception):
    """Results can't become a baseline; the message is one line, and says what to do."""


def default(results: Results) -> Path:
    """Where the baseline of a depth is."""
    return FOLDER / f"{results.run.depth}.json"


def accept(results: Results, path: Path, *, fewer: bool = False) -> Path:
    """Make results the baseline in ``path``.

    Args:
        fewer: also where they are of fewer kernels than they were to be, or than the baseline that is there has.

    Raises:
        AcceptError: they have no accuracy, or are of fewer kernels; or the file can't be written.
    """
    if not any(k.accuracy for k in results.kernels):
        raise AcceptError("these results have no accuracy: measure again without --only speed")
    why = None if fewer else _lost(results, path) or _cut_short(results)
    if why:
        raise AcceptError(f"{path}: {why}, or accept it with {FEWER}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_by_line(slim(results), path)
    except OSError as error:
        raise AcceptError(f"{path}: can't be written ({error.strerror or error}); name another file") from error
    return path


def _lost(results: Results, path: Path) -> str | None:
    """That kernels of the baseline that is there would be lost, why, and what to do."""
    try:
        before = load(path).kernels if path.exists() else []
    except ResultsError:  # damaged, or of another version: what replaces it has nothing to lose
        return None
    measured = {k.id for k in results.kernels}
    lost = [k for k in before if k.id not in measured]
    left_out = [k for k in lost if not expected(k, results.run)]
    if left_out:
        what = f"has {wording.kernels(len(left_out))} that the filters of these results leave out"
        return f"{what}, e.g. {left_out[0].id}: measure again without filters and -k, name another file with --baseline"
    if lost:
        why = f"{lost[0].id}: {missing(lost[0], results.skipped).text.partition(': ')[2]}"
        return f"has {wording.kernels(len(lost))} that these results lack, e.g. {why}: measure them"
    return None


def _cut_short(results: Results) -> str | None:
    found, selected = len(results.kernels), results.run.selected
    return (
        f"these results have {found:,} of {selected:,} kernels: measure again to the end" if found < selected else None
    )


def slim(results: Results, timings: Iterable[tuple[str, int]] = ()) -> Results:
    """Results with what a comparison needs, and the timings at these settings (cache, threads)."""
    wanted = set(timings)
    return msgspec.structs.replace(
        results,
        activations=[],
        copies=[],
        skipped=[],
        history=[],
        comparison=None,
        against=None,
        kernels=[_slim(k, [t for t in k.throughput if (t.cache, t.threads) in wanted]) for k in results.kernels],
    )


def _slim(kernel: KernelResult, throughput: list[Throughput]) -> KernelResult:
    found, safety = kernel.accuracy, kernel.safety
    return msgspec.structs.replace(
        kernel,
        why="",
        throughput=throughput,
        accuracy=found and msgspec.structs.replace(found, histogram=[], regions=[]),
        safety=safety and msgspec.structs.replace(safety, examples=[]),
        properties={name: Property(verdict=it.verdict) for name, it in kernel.properties.items()},
    )
