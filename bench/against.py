# SPDX-License-Identifier: MIT
"""``--against REV``: this checkout's kernels beside those of another revision, timed in turn in one run.

Each timing is of a process of its own (see `bench.racing`), in blocks of six: now, then, control, control, then, now.
The control is the other revision once more: where it differs from itself, this machine can't tell. What is slower or
faster, also in the control, is tried again in a second round of its own.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench.machine import ROOT
from bench.racing import FIELDS
from bench.speed import Setting, settings
from kernels.registry import Kernel
from reference.compiled import cache_root
from reports.comparisons import Against, SpeedChange
from reports.speeds import Judged, is_suspect, judge, of_rounds

ORDER = ("now", "was", "ctl", "ctl", "was", "now")  # names of one length: that of a path moves a process's memory
SHARED = ("bench", "reference", "reports", "halfulp.py")  # what all take from this checkout
BLOCKS = 8
SECONDS = 0.05  # of calls of one kernel in one setting in one process
PROCESS_LIMIT_S = 120.0  # beside the timings themselves
COMPILE_LIMIT_S = 600.0

Key = tuple[str, Setting]  # a kernel's id, and what it is timed at


class AgainstError(Exception):
    """Another revision's kernels can't be timed; the message is one line, and says what to do."""


@dataclass
class Tree:
    """A folder for each state of the sources, in which `bench.racing` is started."""

    folder: Path
    places: Mapping[str, list[str]]  # what --kernels named, by state
    failed: dict[str, str] = field(default_factory=dict)  # by a kernel's id, why it can't be timed

    def asked(self, state: str, kernels: Sequence[str], at: Mapping[str, list[Setting]], seconds: float) -> list[dict]:
        """What a process of a state found, a record for each timing; a kernel that ends it is left out from then on."""
        left = [name for name in kernels if name not in self.failed]
        while True:
            found, error = self._once(state, left, at, seconds)
            for record in found:
                if "failed" in record:
                    self.failed[record["kernel"]] = record["failed"]
            if error is None:
                return found
            if not any("known" in record for record in found):
                raise AgainstError(f"its kernels can't be timed by this checkout's bench: {error}")
            done = {record.get("done") for record in found}
            culprit = next((name for name in left if name not in done), None)
            if culprit is None:
                raise AgainstError(f"the process that times its kernels ended after the last of them: {error}")
            self.failed[culprit] = error
            left.remove(culprit)

    def _once(
        self, state: str, kernels: Sequence[str], at: Mapping[str, list[Setting]], seconds: float
    ) -> tuple[list[dict], str | None]:
        path = self.folder / "found.jsonl"
        path.unlink(missing_ok=True)
        request = {
            "found": str(path),
            "places": self.places[state],
            "kernels": list(kernels),
            "settings": {name: [astuple(setting) for setting in at[name]] for name in kernels},
            "seconds": seconds,
        }
        timings = sum(len(at[name]) for name in kernels)
        limit = PROCESS_LIMIT_S + 20 * timings * seconds if seconds else COMPILE_LIMIT_S
        error = _run(self.folder / state, request, limit)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")], error


def _run(folder: Path, request: dict[str, Any], limit: float) -> str | None:
    """Start `bench.racing` in a folder; returns how it failed, in one line."""
    path = [str(folder), *(p for p in sys.path if p and Path(p).resolve() != ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "HALFULP_CACHE_DIR": str(cache_root())}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench.racing"],
            input=json.dumps(request),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"its process took more than {limit:.0f} s"
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines()
    return said[-1] if said and done.returncode > 0 else f"its process ended with {done.returncode}"


@contextlib.contextmanager
def trees(revision: str, places: Sequence[str]) -> Iterator[tuple[Tree, str]]:
    """The folders of this checkout and of a revision, and the revision's commit.

    Raises:
        AgainstError: there is no such revision, or no git.
    """
    commit = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
    with tempfile.TemporaryDirectory(prefix="halfulp-") as made:
        folder = Path(made)
        with tarfile.open(fileobj=io.BytesIO(_git("archive", commit))) as archive:
            archive.extractall(folder / "revision", filter="data")
        if not (folder / "revision" / "kernels" / "registry.py").exists():
            raise AgainstError(f"--against {revision}: it has no kernels/registry.py: choose a later revision")
        for state in dict.fromkeys(ORDER):
            (folder / state).mkdir()
            source = ROOT if state == "now" else folder / "revision"
            (folder / state / "kernels").symlink_to(source / "kernels")
            for name in SHARED:
                (folder / state / name).symlink_to(ROOT / name)
        then = [_of_revision(place, folder / "revision") for place in places]
        own = [str(Path(place).resolve()) if Path(place).exists() else place for place in places]
        yield Tree(folder, {"now": own, "was": then, "ctl": then}), commit


def _of_revision(place: str, revision: Path) -> str:
    """A user's file as it was in the revision, where it is one of the repository's."""
    path = Path(place).resolve()
    if path.is_relative_to(ROOT) and (revision / path.relative_to(ROOT)).exists():
        return str(revision / path.relative_to(ROOT))
    return str(path) if path.exists() else place


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    except OSError as error:
        raise AgainstError(f"--against: git can't be run ({error.strerror}): install it") from error
    if done.returncode:
        said = done.stderr.decode().strip().splitlines()
        why = f" ({said[-1]})" if said else ""
        raise AgainstError(f"--against: git {' '.join(arguments)} failed{why}: name a revision that is here")
    return done.stdout


@dataclass(frozen=True)
class Revision:
    """What the kernels are timed against."""

    name: str
    places: tuple[str, ...]  # what --kernels named
    known: Mapping[str, Mapping[str, str]]  # the kernels that it has, by id: what `racing.FIELDS` names
    gone: tuple[str, ...] = ()  # those of them that this checkout should have and has not


def known_to(revision: str, places: Sequence[str]) -> dict[str, dict[str, str]]:
    """The kernels that a revision has, by id, and their fields; before anything is measured.

    Raises:
        AgainstError: there is no such revision, or its kernels can't be timed by this checkout's bench.
    """
    with trees(revision, places) as (tree, _):
        try:
            found = next(r["known"] for r in tree.asked("was", [], {}, 0) if "known" in r)
            return {name: dict(zip(FIELDS, fields, strict=True)) for name, fields in found.items()}
        except AgainstError as error:
            raise AgainstError(f"--against {revision}: {error}: choose a later revision") from error


def race(revision: Revision, chosen: Iterable[Kernel]) -> Against:
    """Time the kernels of both, and judge each.

    Raises:
        AgainstError: the processes can't be had.
    """
    start = time.monotonic()
    at = {k.id: extremes(k) for k in chosen}
    both = [name for name in at if name in revision.known]
    with trees(revision.name, revision.places) as (tree, commit):
        for state in ("now", "was"):
            tree.asked(state, both, at, 0)
        judged, control = _judged(tree, both, at)
    changes = [_change(*key, verdict) for key, verdict in judged.items()]
    unmeasured = tree.failed | dict.fromkeys(revision.gone, "this checkout does not have it")
    changes += [_change(name, None, Judged("not measured", why=why)) for name, why in unmeasured.items()]
    new = Judged("not measured", why=f"{revision.name} does not have it")
    changes += [_change(name, None, new, is_due=False) for name in at if name not in revision.known]
    differing = [_change(*key, verdict) for key, verdict in control.items() if is_suspect(verdict)]
    return Against(
        revision=revision.name,
        commit=commit,
        blocks=BLOCKS,
        seconds=time.monotonic() - start,
        can_tell=not differing,
        control=differing,
        changes=changes,
    )


def extremes(kernel: Kernel) -> list[Setting]:
    """Where arithmetic shows most, and where memory does."""
    found = settings(kernel)
    hot, cold = ([s for s in found if s.cache == cache] for cache in ("hot", "cold"))
    return [hot[0], cold[-1]]


def _judged(
    tree: Tree, names: Sequence[str], at: Mapping[str, list[Setting]]
) -> tuple[dict[Key, Judged], dict[Key, Judged]]:
    """Two rounds, the second of what the first found a difference of; the verdicts, and those of the control."""
    first = _round(tree, names, at)
    suspects = {key for verdicts in first for key, verdict in verdicts.items() if is_suspect(verdict)}
    again = {n: [s for s in at[n] if (n, s) in suspects] for n in names if any((n, s) in suspects for s in at[n])}
    second = _round(tree, list(again), again) if again else ({}, {})
    return tuple(
        {
            key: of_rounds(verdict, later.get(key) if is_suspect(verdict) else None)
            for key, verdict in earlier.items()
            if key[0] not in tree.failed
        }
        for earlier, later in zip(first, second, strict=True)
    )


def _round(
    tree: Tree, names: Sequence[str], at: Mapping[str, list[Setting]]
) -> tuple[dict[Key, Judged], dict[Key, Judged]]:
    """Blocks of processes; each setting's verdict, and that of the control."""
    times: dict[str, dict[Key, list[list[float]]]] = {state: {} for state in ORDER}
    terminal = sys.stderr.isatty()
    bar = tqdm(total=BLOCKS * len(ORDER), desc="timing in turn", unit="process", disable=not terminal, file=sys.stderr)
    with bar:
        for _ in range(BLOCKS):
            block: dict[str, dict[Key, list[float]]] = {state: {} for state in ORDER}
            for state in ORDER:
                for record in tree.asked(state, names, at, SECONDS):
                    if "seconds" in record:
                        key = record["kernel"], Setting(*record["setting"])
                        block[state].setdefault(key, []).append(record["seconds"])
                bar.update()
            for state, found in block.items():
                for key, seconds in found.items():
                    times[state].setdefault(key, []).append(seconds)
    keys = [(name, setting) for name in names for setting in at[name]]
    now, was, control = (times[state] for state in ("now", "was", "ctl"))
    verdicts = {key: judge(now.get(key, []), was.get(key, [])) for key in keys}
    return verdicts, {key: judge(control.get(key, []), was.get(key, [])) for key in keys}


def _change(kernel: str, setting: Setting | None, judged: Judged, *, is_due: bool = True) -> SpeedChange:
    return SpeedChange(
        kernel=kernel,
        setting=setting.label if setting else "",
        verdict=judged.verdict,
        ratio=judged.ratio,
        low=judged.low,
        high=judged.high,
        why=judged.why,
        is_due=is_due,
    )
