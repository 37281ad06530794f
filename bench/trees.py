# SPDX-License-Identifier: MIT
"""A folder for each state of the sources that is raced, in which processes of `bench.racing` are started."""

import contextlib
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from bench.calling import KernelError, StartError
from bench.machine import ROOT
from bench.past import Past, PastError, source
from bench.process import Host, Start
from bench.speed import Setting

STATES = ("now", "was", "ctl")  # names of one length: that of a path moves a process's memory
SHARED = ("bench", "reference", "reports", "halfulp.py")  # what all take from this checkout
REGISTRY = ROOT / "kernels" / "registry.py"
TIMING_LIMIT_S = 120.0  # for the first calls in a setting, and for a slice of them
COMPILE_LIMIT_S = 600.0


class AgainstError(Exception):
    """Another revision's kernels can't be timed; the message is one line, and says what to do."""


@dataclass(frozen=True)
class Plan:
    """How a kernel is timed in one setting in one process of each state.

    The states take turns in slices so short that what else goes on in a machine is the same for all of them.
    """

    slice_s: float = 0.001  # of calls; one at least
    least: int = 6  # slices of a state, however long they take
    most: int = 40
    seconds: float = 0.6  # after which no more than the least are made
    order: Sequence[str] = ("now", "was", "ctl", "ctl", "was", "now")  # in which a steady drift cancels


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
    processes: dict[str, Host] = field(default_factory=dict)  # by state, while there are any

    @contextlib.contextmanager
    def running(self, states: Sequence[str] = STATES) -> Iterator[None]:
        """A new process in each of these states.

        Raises:
            AgainstError: one can't load the kernels of its state.
        """
        self.processes = {state: Host(self.places[state], how=self._start(state)) for state in states}
        try:
            # A process ends with the thread that started it: these live as long.
            with ThreadPoolExecutor(len(states)) as starters:
                try:
                    list(starters.map(self._started, states))
                    yield
                finally:
                    for process in self.processes.values():
                        process.close()
        finally:
            self.processes = {}

    def _start(self, state: str) -> Start:
        """How a process of a state is started.

        Compiled code is kept in a cache of the race's own: it is filed by the path of its source.
        """
        own = self.folder / state
        cache = {"HALFULP_CACHE_DIR": str(self.folder / "cache")}
        return Start("bench.racing", own, [str(own), *self.paths[state]], cache)

    def _started(self, state: str) -> None:
        try:
            self.processes[state].start()
        except KernelError as error:
            raise self._refusal(state, error) from error

    def _refusal(self, state: str, error: KernelError) -> AgainstError:
        said = error.failure.message
        for there, place in self.were.items():
            said = said.replace(there, place)
        return AgainstError(f"the kernels {self.spoken(state)} can't be timed by this checkout's bench: {said}")

    def known(self) -> dict[str, Any]:
        """What a process in the revision's state says that there is: see `bench.racing.Racer.known`.

        Raises:
            AgainstError: it can't load the kernels, or can't tell.
        """
        with self.running(["was"]):
            try:
                return self.processes["was"].ask("known", "", limit_s=TIMING_LIMIT_S)
            except KernelError as error:
                raise self._refusal("was", error) from error

    def asked(self, state: str, operation: str, kernel: str, *what: Any, limit_s: float = TIMING_LIMIT_S) -> Any:
        """What the process of a state answers of a kernel; None, and the kernel has failed, where it can't."""
        try:
            return self.processes[state].ask(operation, kernel, *what, limit_s=limit_s)
        except StartError as error:
            raise self._refusal(state, error) from error
        except KernelError as error:
            self.failed[kernel] = state, error.failure.message
            return None

    def compile(self, kernels: Sequence[str]) -> None:
        """Compile all of them in all states, so that no timing waits for that."""
        with self.running():
            for name in kernels:
                for state in STATES:
                    if name not in self.failed:
                        self.asked(state, "compile", name, limit_s=COMPILE_LIMIT_S)

    def slices(self, kernel: str, setting: Setting, plan: Plan) -> dict[str, list[float]]:
        """How long a call takes in each state, in seconds, again and again in turn; nothing where the kernel failed."""
        found: dict[str, list[float]] = {state: [] for state in STATES}
        end = time.monotonic() + plan.seconds
        while len(found["now"]) < plan.least or (len(found["now"]) < plan.most and time.monotonic() < end):
            for state in plan.order:
                taken = self.asked(state, "time", kernel, astuple(setting), plan.slice_s)
                if taken is None:
                    return {}
                found[state].append(taken)
                if state == "was":
                    self.timed.add(kernel)
        return found

    def spoken(self, state: str) -> str:
        """Where a state is, for people."""
        return "here" if state == "now" else f"at {self.revision}"


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
        for state in STATES:
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
