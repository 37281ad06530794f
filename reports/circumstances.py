# SPDX-License-Identifier: MIT
"""What may change a kernel's results from one run to another and is no change of the kernel: it is told apart."""

from collections.abc import Iterator
from dataclasses import dataclass

from reports.schema import Backend, KernelResult, Machine, Results

# The libraries of a backend whose names do not all begin with its own.
RESTS_ON = {
    "numba": ("numba", "llvmlite"),
    "cupy": ("cupy", "NVRTC"),
    "cupyx": ("cupy",),
    "torch-cuda": ("torch",),
    "triton": ("triton", "torch"),
}


@dataclass(frozen=True)
class Setup:
    """What a run was made with."""

    machine: Machine
    backends: dict[str, Backend]

    @classmethod
    def of(cls, results: Results) -> "Setup":
        return cls(results.machine, {b.name: b for b in results.backends})

    @property
    def platform(self) -> str:
        """The system without the release of its kernel: its processor's kind and its C library."""
        name, *rest = self.machine.system.split()
        return " ".join([name, *rest[1:]])

    def versions(self, backend: str) -> dict[str, str]:
        """The libraries that a backend is made of; of a user's own, which may call any, all."""
        installed = self.machine.libraries
        own = {n: v for n, v in installed.items() if n.startswith(RESTS_ON.get(backend, (backend,)))}
        return own or installed


def environment(kernel: KernelResult, before: Setup, now: Setup) -> str | None:
    """In what the runs differ that a kernel's results may depend on, in words; None where in nothing."""
    return "; ".join(_differences(kernel.backend, before, now)) or None


def reason(old: KernelResult, new: KernelResult, before: Setup, now: Setup) -> str | None:
    """What else may have changed a kernel's figures, in words; None where only the kernel itself may.

    What is portable has the same bits on every machine, but samples may be of other inputs on any.
    """
    found = None if new.portable else environment(new, before, now)
    if old.accuracy and new.accuracy and old.accuracy.inputs != new.accuracy.inputs:
        return "; ".join(filter(None, (found, "the inputs sampled are not those of the baseline")))
    return found


def _differences(backend: str, before: Setup, now: Setup) -> Iterator[str]:
    if before.platform != now.platform:
        yield f"on {now.platform}, was {before.platform}"
    was, sets = (dict.fromkeys(s.machine.instruction_sets) for s in (before, now))
    if was != sets:
        gone, more = ([name for name in a if name not in b] for a, b in ((was, sets), (sets, was)))
        yield " ".join(["with"] * bool(more) + more + ["without"] * bool(gone) + gone) or "instruction sets"
    if before.machine.gpu != now.machine.gpu or before.machine.driver != now.machine.driver:
        yield "another GPU or driver"
    old, new = before.versions(backend), now.versions(backend)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"{name} {new.get(name, 'missing')}, was {old.get(name, 'missing')}"
    ran, runs = (s.backends.get(backend) and s.backends[backend].instruction_set for s in (before, now))
    if ran != runs:
        yield f"{backend} chose {runs or 'what it does not tell'}, was {ran or 'what it did not tell'}"
