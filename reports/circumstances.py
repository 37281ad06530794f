# SPDX-License-Identifier: MIT
"""What may change a kernel's results from one run to another and is no change of the kernel: it is told apart."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from reports.schema import Backend, KernelResult, Machine, Results

OTHER_INPUTS = "the inputs sampled are not those of the baseline"
OTHER_STARTS = "the search did not start from the inputs of the baseline's"


@dataclass(frozen=True)
class Setup:
    """What a run was made with."""

    machine: Machine
    backends: Mapping[str, Backend]
    rests_on: Mapping[str, Collection[str]] = field(default_factory=dict)  # as in `Results`
    users: Collection[str] = ()  # likewise

    @classmethod
    def of(cls, results: Results) -> "Setup":
        return cls(results.machine, {b.name: b for b in results.backends}, results.rests_on, results.users)

    @property
    def platform(self) -> str:
        """The system without the release of its kernel: its processor's kind and its C library."""
        name, *rest = self.machine.system.split() or [""]
        return " ".join([name, *rest[1:]])


@dataclass(frozen=True)
class Excuse:
    """What else may explain that a kernel's figures are others, in words; None for what is as it was."""

    environment: str | None = None  # another machine or version
    inputs: str | None = None  # other inputs were tried: what holds for any input is held all the same
    starts: str | None = None  # the same of the search


def environment(kernel: KernelResult, before: Setup, now: Setup) -> str | None:
    """In what the runs differ that a kernel's results may depend on, in words; None where in nothing."""
    return "; ".join(_differences(kernel, before, now)) or None


def excuse(old: KernelResult, new: KernelResult, before: Setup, now: Setup) -> Excuse:
    """What else may have changed a kernel's figures.

    What is portable has the same bits on every machine, but samples may be of other inputs on any.
    """
    found = None if new.portable else environment(new, before, now)
    if not (old.accuracy and new.accuracy):
        return Excuse(found)
    are_others = old.accuracy.inputs != new.accuracy.inputs
    starts = [a.search and a.search.starts for a in (old.accuracy, new.accuracy)]
    search_is_another = None not in starts and starts[0] != starts[1]
    return Excuse(found, OTHER_INPUTS if are_others else None, OTHER_STARTS if search_is_another else None)


def _differences(kernel: KernelResult, before: Setup, now: Setup) -> Iterator[str]:
    yield from _of_processor(before, now) if kernel.device == "cpu" else _of_gpu(before, now)
    yield from _of_libraries(kernel.backend, before, now)
    ran, runs = (s.backends.get(kernel.backend) for s in (before, now))
    ran, runs = (b and b.instruction_set for b in (ran, runs))
    if ran != runs:
        yield f"{kernel.backend} chose {runs or 'what it does not tell'}, was {ran or 'what it did not tell'}"


def _of_processor(before: Setup, now: Setup) -> Iterator[str]:
    if before.platform != now.platform:
        yield f"on {now.platform}, was {before.platform}"
    was, sets = (dict.fromkeys(s.machine.instruction_sets) for s in (before, now))
    gone, more = ([name for name in a if name not in b] for a, b in ((was, sets), (sets, was)))
    if gone or more:
        yield " ".join(["with"] * bool(more) + more + ["without"] * bool(gone) + gone)


def _of_gpu(before: Setup, now: Setup) -> Iterator[str]:
    if (before.machine.gpu, before.machine.driver) != (now.machine.gpu, now.machine.driver):
        yield "another GPU or driver"


def _of_libraries(backend: str, before: Setup, now: Setup) -> Iterator[str]:
    """Of those that it rests on now, which a run that could not tell has none of.

    Which ones a user's own file imports is the kernel itself: there another version of what both import is all.
    """
    if backend not in now.rests_on:
        return
    was, names = set(before.rests_on.get(backend, ())), set(now.rests_on[backend])
    for name in sorted(was & names if backend in now.users else was | names):
        was, version = (s.machine.libraries.get(name, "missing") for s in (before, now))
        if was != version:
            yield f"{name} {version}, was {was}"
