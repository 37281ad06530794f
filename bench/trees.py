# SPDX-License-Identifier: MIT
"""A folder for each state of the sources that is raced, in which processes of `bench.racing` are started."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import ROOT
from bench.past import Past, PastError, source
from bench.process import end_with_all
from bench.speed import Setting

ORDER = ("now", "was", "ctl", "ctl", "was", "now")  # names of one length: that of a path moves a process's memory
SHARED = ("bench", "reference", "reports", "halfulp.py")  # what all take from this checkout
REGISTRY = ROOT / "kernels" / "registry.py"
PROCESS_LIMIT_S = 120.0  # beside the timings themselves
COMPILE_LIMIT_S = 600.0


class AgainstError(Exception):
    """Another revision's kernels can't be timed; the message is one line, and says what to do."""


@dataclass
class Tree:
    """Folders named as the states, and what else a process in one of them is told."""

    folder: Path
    revision: str
    places: Mapping[str, list[str]] = field(default_factory=dict)  # what --kernels named, by state
    paths: Mapping[str, list[str]] = field(default_factory=dict)  # where Python looks for modules as well, by state
    were: Mapping[str, str] = field(default_factory=dict)  # by a place of the revision what it is of ``--kernels``
    commit: str = ""  # the revision's, of the user's repository where there is one
    lacking: dict[str, str] = field(default_factory=dict)  # by place why nothing is known of it then; under "" of ours
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)  # by a kernel's id, in which state, and why
    timed: set[str] = field(default_factory=set)  # kernels that the revision has any timing of

    def asked(self, state: str, kernels: Sequence[str], at: Mapping[str, list[Setting]], seconds: float) -> list[dict]:
        """What a process of a state found, a record for each timing; a kernel that ends it is left out from then on."""
        left = [name for name in kernels if name not in self.failed]
        while True:
            found, error = self._once(state, left, at, seconds)
            for record in found:
                if "failed" in record:
                    self.failed[record["kernel"]] = state, record["failed"]
            if error is None:
                return found
            if not any("known" in record for record in found):
                raise AgainstError(f"the kernels {self.spoken(state)} can't be timed by this checkout's bench: {error}")
            done = {record.get("done") for record in found}
            culprit = next((name for name in left if name not in done), None)
            if culprit is None:
                raise AgainstError(f"the process that times its kernels ended after the last of them: {error}")
            self.failed[culprit] = state, error
            left.remove(culprit)

    def spoken(self, state: str) -> str:
        """Where a state is, for people."""
        return "here" if state == "now" else f"at {self.revision}"

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
        error = self._run(state, request, limit)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")], error

    def _run(self, state: str, request: dict[str, Any], limit: float) -> str | None:
        """Start `bench.racing` in the folder of a state; returns how it failed, in one line.

        Compiled code is kept in a cache of the race's own: it is filed by the path of its source.
        """
        path = [str(self.folder / state), *self.paths[state]]
        cache = str(self.folder / "cache")
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as errors:
            asked.write(json.dumps(request).encode())
            asked.seek(0)
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.racing"],
                cwd=self.folder / state,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "HALFULP_CACHE_DIR": cache},
                stdin=asked,
                stdout=subprocess.DEVNULL,
                stderr=errors,  # a file: of a pipe that something forked holds there is no end
                start_new_session=True,
            )
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                return f"its process took more than {limit:.0f} s"
            finally:
                end_with_all(process)
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()
        if code == 0:
            return None
        return said[-1] if said and code > 0 else f"its process ended with {code}"


@contextlib.contextmanager
def trees(revision: str, places: Sequence[str]) -> Iterator[Tree]:
    """The folders of this checkout and of a revision; a user's files are those of the revision of their own repository.

    Raises:
        AgainstError: there is no such revision, neither here nor in a repository of the user's; or no git.
    """
    with _ended_in_order(), tempfile.TemporaryDirectory(prefix="halfulp-") as made:
        past = Past(revision, Path(made))
        tree = Tree(past.folder, revision)
        tree.were = _then(places, past, tree.lacking)
        registry = _registry(past, tree)
        for state in dict.fromkeys(ORDER):
            (past.folder / state).mkdir()
            kernels = ROOT / "kernels" if state == "now" else registry.parent
            (past.folder / state / "kernels").symlink_to(kernels)
            for name in SHARED:
                (past.folder / state / name).symlink_to(ROOT / name)
        own = [str(Path(place).resolve()) if Path(place).exists() else place for place in places]
        path = [folder for folder in sys.path if folder]
        before = [past.moved(folder) for folder in path]
        then = list(tree.were)
        tree.places = {"now": own, "was": then, "ctl": then}
        tree.paths = {"now": path, "was": before, "ctl": before}
        tree.commit = next(iter(past.commits.values()))
        yield tree


def _then(places: Sequence[str], past: Past, lacking: dict[str, str]) -> dict[str, str]:
    """What --kernels named, as it was, where it was there; what nothing is known of is noted."""
    found = {}
    for place in dict.fromkeys(places):
        try:
            there = past.of(source(place))
        except PastError as error:
            lacking[place] = str(error)
            continue
        if there:
            found[str(there) if Path(place).exists() else place] = place
    return found


def _registry(past: Past, tree: Tree) -> Path:
    """Where the kernels of this checkout were; where they are, if only a user's repository has the revision."""
    try:
        found = past.of(REGISTRY)
    except PastError as error:
        if not past.commits:
            raise AgainstError(f"--against {past.revision}: {error}") from error
        tree.lacking[""] = str(error)
        return REGISTRY
    if found is None:
        raise AgainstError(f"--against {past.revision}: it has no kernels/registry.py: choose a later revision")
    return found


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends what is done meanwhile as Ctrl-C does, so that nothing is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
