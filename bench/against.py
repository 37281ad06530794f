# SPDX-License-Identifier: MIT
"""``--against REV``: this checkout's kernels beside those of another revision, timed in turn in one run.

They are timed in blocks of three new processes (see `bench.racing`): now, then, and the control, which is the other
revision once more: where it differs from itself, this machine can't tell. In a block the three take turns every
millisecond, since what else goes on in a machine takes longer than that, and so does them all the same wrong. What is
slower or faster, also in the control, is tried again in a second round of its own.
"""

import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tqdm import tqdm

from bench.speed import Setting, settings
from bench.trees import STATES, AgainstError, Plan, Tree, trees
from kernels.registry import Kernel
from reports.comparisons import Against, SpeedChange
from reports.speeds import Judged, is_suspect, judge, of_rounds

BLOCKS = 8
PLAN = Plan()

Key = tuple[str, Setting]  # a kernel's id, and what it is timed at


@dataclass(frozen=True)
class Revision:
    """What the kernels are timed against."""

    name: str
    places: tuple[str, ...] = ()  # what --kernels named
    known: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # its kernels by id: `bench.racing.FIELDS`
    lacking: Mapping[str, str] = field(default_factory=dict)  # by place why nothing is known; under "" of our own
    failed: Mapping[str, str] = field(default_factory=dict)  # by place why it could not be loaded: it had no kernels
    threaded: Collection[str] = ()  # by id those of its kernels that take `threads`
    gone: tuple[str, ...] = ()  # kernels that it has, and that this checkout should have and has not
    homes: Mapping[str, str] = field(default_factory=dict)  # by the id of a kernel of the user's, which place has it

    def has_no(self, kernel: str) -> SpeedChange:
        """What is said of a kernel that is not known: it is new, or nothing can be told, which is no pass."""
        home = self.homes.get(kernel, "")
        if home in self.lacking:
            return _change(kernel, None, Judged("not measured", why=self.lacking[home]))
        why = f"{self.name} does not have it" + (f": {self.failed[home]}" if home in self.failed else "")
        return _change(kernel, None, Judged("not measured", why=why), is_due=False)


def known_to(revision: str, places: Sequence[str]) -> Revision:
    """The kernels that a revision has; before anything is measured.

    Raises:
        AgainstError: there is no such revision, or its kernels can't be timed by this checkout's bench.
    """
    with trees(revision, places) as tree:
        try:
            told = tree.known()
        except AgainstError as error:
            raise AgainstError(f"--against {revision}: {error}: choose a later revision") from error
    left_out = told["own"] if "" in tree.lacking else ()
    known = {name: fields for name, fields in told["known"].items() if name not in left_out}
    failed = {tree.were[there]: why.replace(there, tree.were[there]) for there, why in told["failed_places"].items()}
    return Revision(revision, tuple(places), known, tree.lacking, failed, told["threaded"])


def race(revision: Revision, chosen: Iterable[Kernel]) -> Against:
    """Time the kernels of both, and judge each.

    Raises:
        AgainstError: the processes can't be had.
    """
    start = time.monotonic()
    # What has an argument `threads` in one state alone is called without it in the other.
    at = {k.id: extremes(replace(k, takes_threads=k.takes_threads or k.id in revision.threaded)) for k in chosen}
    both = [name for name in at if name in revision.known]
    with trees(revision.name, revision.places) as tree:
        judged, control = _judged(tree, both, at) if both else ({}, {})
    changes = [_change(*key, verdict) for key, verdict in judged.items()]
    for name, (state, why) in tree.failed.items():
        why = f"{tree.spoken(state)}: {why}"
        changes.append(
            _change(name, None, Judged("not measured", why=why), is_due=state != "was" or name in tree.timed)
        )
    gone = Judged("not measured", why="this checkout does not have it")
    changes += [_change(name, None, gone) for name in revision.gone]
    changes += [revision.has_no(name) for name in at if name not in revision.known]
    return Against(
        revision=revision.name,
        commit=tree.commit,
        blocks=BLOCKS,
        seconds=time.monotonic() - start,
        can_tell=not any(map(is_suspect, control.values())),
        control=[_change(*key, verdict) for key, verdict in control.items() if verdict.verdict != "same"],
        changes=changes,
    )


def extremes(kernel: Kernel) -> list[Setting]:
    """Where arithmetic shows most, and where memory does; what uses all processors is raced on all of them."""
    found = settings(kernel)
    if kernel.uses_all:  # a process of the race is not kept to one
        found = [s for s in found if s.threads == max(other.threads for other in found)]
    hot, cold = ([s for s in found if s.cache == cache] for cache in ("hot", "cold"))
    return [hot[0], cold[-1]]


def _judged(
    tree: Tree, names: Sequence[str], at: Mapping[str, list[Setting]]
) -> tuple[dict[Key, Judged], dict[Key, Judged]]:
    """Two rounds, the second of what the first found a difference of; the verdicts, and those of the control."""
    tree.compile(names)
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
    keys = [(name, setting) for name in names for setting in at[name]]
    times: dict[str, dict[Key, list[list[float]]]] = {state: {key: [] for key in keys} for state in STATES}
    terminal = sys.stderr.isatty()
    with tqdm(total=BLOCKS * len(keys), desc="timing in turn", unit="setting", disable=not terminal) as bar:
        for _ in range(BLOCKS):
            with tree.running():
                for name, setting in keys:
                    if name not in tree.failed:
                        for state, slices in tree.slices(name, setting, PLAN).items():
                            times[state][name, setting].append(slices)
                    bar.update()
    now, was, control = (times[state] for state in STATES)
    return {key: judge(now[key], was[key]) for key in keys}, {key: judge(control[key], was[key]) for key in keys}


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
