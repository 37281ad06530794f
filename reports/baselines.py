# SPDX-License-Identifier: MIT
"""Baselines: results less all that is not compared, small enough to be committed, a line a kernel."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from reports.gate import expected
from reports.schema import KernelResult, Property, Results, ResultsError, Throughput, load, save_by_line

FOLDER = Path(__file__).with_name("baselines")


class AcceptError(Exception):
    """Results can't become a baseline; the message is one line, and says what to do."""


def default(results: Results) -> Path:
    """Where the baseline of a depth is."""
    return FOLDER / f"{results.run.depth}.json"


def accept(results: Results, path: Path) -> Path:
    """Make results the baseline in ``path``.

    Raises:
        AcceptError: they have no accuracy, or less than the baseline that is there; or the file can't be written.
    """
    if not any(k.accuracy for k in results.kernels):
        raise AcceptError("these results have no accuracy: measure again without --only speed")
    lost = _left_out(results, path)
    if lost:
        raise AcceptError(
            f"{path}: has {len(lost):,} kernels that the filters of these results leave out, e.g. {lost[0]}: measure "
            "again without filters and -k, or name another file with --baseline"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_by_line(slim(results), path)
    except OSError as error:
        raise AcceptError(f"{path}: can't be written ({error.strerror or error}); name another file") from error
    return path


def _left_out(results: Results, path: Path) -> list[str]:
    """The kernels of the baseline that is there and that nobody asked these results for."""
    try:
        before = load(path) if path.exists() else None
    except ResultsError:  # damaged, or of another version: what replaces it has nothing to lose
        return []
    return [k.id for k in before.kernels if not expected(k, results.run)] if before else []


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
