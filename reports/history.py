# SPDX-License-Identifier: MIT
"""Earlier runs, kept in a folder by machine and revision, so that a report can show what became of a figure.

What is kept of a run is small, and a baseline as well.
"""

import re
from pathlib import Path

from reports.baselines import slim
from reports.comparisons import Earlier, Figures
from reports.rows import timing
from reports.schema import Machine, Results, ResultsError, load, save_by_line

SETTINGS = (("hot", 1), ("hot", 0))  # the timing kept: arithmetic shows most in cache, on one thread or a GPU
LONGEST = 50  # runs in a trend


class HistoryError(Exception):
    """The folder can't be written; the message is one line, and says what to do."""


def add(results: Results, folder: Path) -> list[str]:
    """Put the figures of earlier runs into results, and keep the results for later ones.

    Only runs of the same machine, depth and seed have figures that can be compared. Returns the files that are of no
    use, and why, each in one line.

    Raises:
        HistoryError: the folder can't be written.
    """
    of_machine = folder / name_of(results.machine)
    results.history, unread = _earlier(results, of_machine)
    stamp = re.sub(r"\D", "", results.run.started[:19])
    commit = (results.run.commit or "no-commit")[:12]
    try:
        of_machine.mkdir(parents=True, exist_ok=True)
        save_by_line(slim(results, SETTINGS), of_machine / f"{stamp}-{commit}.json")
    except OSError as error:
        raise HistoryError(f"--history {folder}: can't be written ({error.strerror or error}); name another") from error
    return unread


def name_of(machine: Machine) -> str:
    """A folder's name for machines that are as fast as one another."""
    parts = [machine.cpu, f"{machine.cores} cores", machine.gpu or ""]
    return re.sub(r"[^A-Za-z0-9]+", "-", " ".join(parts)).strip("-")[:100]


def _earlier(results: Results, folder: Path) -> tuple[list[Earlier], list[str]]:
    found, unread = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            kept = load(path)
        except ResultsError as error:
            unread.append(str(error))
        else:
            alike = (kept.run.depth, kept.run.seed) == (results.run.depth, results.run.seed)
            if alike and kept.run.started != results.run.started:
                found.append(figures(kept))
    return found[-LONGEST:], unread


def figures(results: Results) -> Earlier:
    """What a trend shows of a run."""
    kernels = {}
    for kernel in results.kernels:
        timed = next(filter(None, (timing(kernel, *setting) for setting in SETTINGS)), None)
        kernels[kernel.id] = Figures(
            max_ulp=kernel.accuracy and kernel.accuracy.max_ulp,
            percent_of_copy=timed and timed.percent_of_copy,
        )
    return Earlier(started=results.run.started, commit=results.run.commit, kernels=kernels)
