# SPDX-License-Identifier: MIT
"""A run: what has to be ready before it, the measuring of each kernel, and the results of all."""

import contextlib
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import reference
from bench import speed
from bench.accuracy import verdict
from bench.against import AgainstError, race
from bench.calling import KernelError
from bench.describe import describe
from bench.machine import commit, libraries_of, machine
from bench.measure import measure
from bench.options import Options
from bench.remote import Host, Remote, isolated
from bench.sweep import Sweep
from kernels.registry import Kernel
from reference.activation import Activation
from reports import speeds
from reports.circumstances import Setup
from reports.comparisons import Against
from reports.gate import exit_code, missing
from reports.schema import SCHEMA_VERSION, Backend, KernelResult, Machine, Results, Run, Skipped


@dataclass
class Session:
    """One run with --benchmark: what it was asked for, and what it has found so far."""

    options: Options
    command: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    yardstick: speed.Yardstick = field(default_factory=speed.Yardstick)
    results: list[KernelResult] = field(default_factory=list)
    skipped: list[Skipped] = field(init=False)
    sweeps: dict[str, Sweep] = field(default_factory=dict)  # of the kernels that were tried on all float32 inputs
    selected: int = 0  # how many of the chosen kernels are to be measured, after -k and its like
    deselected: list[str] = field(default_factory=list)  # their ids
    clock: speed.Clock = field(default_factory=lambda: speed.Clock(time.perf_counter))
    hosts: dict[str, Host] = field(init=False)  # by the id of each kernel that has one
    backends: dict[str, Backend] = field(default_factory=dict)  # by name, in the order in which they were measured
    libraries: dict[str, dict[str, str]] = field(default_factory=dict)  # that each backend rests on, with versions
    against: Against | None = None  # another revision's kernels, timed in turn with ours
    report: Results | None = None
    index: Path | None = None  # of the report, once it is written

    def __post_init__(self) -> None:
        self.skipped = list(self.options.skipped)
        self.hosts = dict(self.options.hosts)

    @property
    def absent(self) -> list[str]:
        """The kernels that only the baseline or the other revision has, and that should be here, by id."""
        gate, revision = self.options.gate, self.options.revision
        of_baseline = gate.absent(self.options.chosen, self.options.filters) if gate else []
        return list(dict.fromkeys([*of_baseline, *(revision.gone if revision else ())]))

    def measure(self, kernel: Kernel, stopwatch: speed.Stopwatch) -> KernelResult:
        """Measure one kernel and keep the result, also where it failed."""
        result = blank(kernel)
        self.results.append(result)
        kernel = isolated(kernel, self.hosts)
        try:
            if self.options.only != "speed":
                self._accuracy(kernel, result)
            if self.options.only != "accuracy":
                result.throughput = speed.measure(kernel, stopwatch, self.yardstick)
        except KernelError as error:
            result.status, result.failure = "failed", error.failure
        self._note_backend(kernel)
        self._note_libraries(kernel)
        return result

    def _note_libraries(self, kernel: Kernel) -> None:
        """What a backend rests on; of a user's own, also what a kernel imported when it was called."""
        if kernel.id not in self.options.hosts:
            if kernel.backend not in self.libraries:
                self.libraries[kernel.backend] = libraries_of(kernel.backend)
        elif isinstance(kernel.function, Remote):
            with contextlib.suppress(KernelError):
                self.libraries.setdefault(kernel.backend, {}).update(kernel.function.libraries())

    @functools.cached_property
    def machine(self) -> Machine:
        """What this run is made on, without what a user's kernels rest on."""
        return machine()

    @property
    def setup(self) -> Setup:
        """What this run is made with, as far as it is known by now."""
        found = {name: version for libraries in self.libraries.values() for name, version in libraries.items()}
        here = msgspec.structs.replace(self.machine, libraries=self.machine.libraries | found)
        rests_on = {name: sorted(libraries) for name, libraries in self.libraries.items()}
        users = {kernel.backend for kernel in self.options.chosen if kernel.id in self.options.hosts}
        return Setup(here, self.backends, rests_on, sorted(users))

    def _note_backend(self, kernel: Kernel) -> None:
        """Ask a backend what it runs with, once a kernel of it was called; one that can't answer is asked again.

        A device is asked each time: its clocks change.
        """
        if kernel.runs_with is None or (kernel.backend in self.backends and kernel.device == "cpu"):
            return
        with contextlib.suppress(KernelError):
            found = kernel.runs_with()
            self.backends[kernel.backend] = Backend(
                name=kernel.backend,
                threads=found.threads,
                one_thread="asked" if kernel.takes_threads else "one processor",
                instruction_set=found.instruction_set,
                clocks_mhz=found.clocks_mhz,
            )

    def _accuracy(self, kernel: Kernel, result: KernelResult) -> None:
        depth, seed = self.options.depth, self.options.seed
        found = measure(kernel, depth, seed, self.sweeps.get(kernel.id))
        result.accuracy, result.safety, result.properties = found.accuracy, found.safety, found.properties
        result.verdict = verdict(kernel.claim, result.accuracy, result.safety)

    def missing(self, name: str) -> list[str]:
        """What the gates say of a kernel that is not here, in sentences."""
        gate = self.options.gate
        said = speeds.faults(self.against, name) if self.against else []
        if gate and name in gate.known:
            difference = missing(gate.known[name], self.skipped)
            said.append(f"{difference.kernel} {difference.text}")
        return said

    def regressions(self, kernel: Kernel, result: KernelResult) -> list[str]:
        """What is worse than in the baseline, or slower than at a revision, where there is one, in sentences."""
        gate, options = self.options.gate, self.options
        slower = speeds.faults(self.against, result.id) if self.against else []
        if gate is None:
            return slower
        return slower + gate.regressions(isolated(kernel, self.hosts), result, self.setup, options.depth, options.seed)

    @property
    def exit_code(self) -> int:
        """What the gates end the run with; 0 where there were none, or nothing got worse: 6 comes before 7."""
        report, codes = self.report, []
        if report and report.comparison:
            codes.append(exit_code(report.comparison))
        if report and report.against:
            codes.append(speeds.exit_code(report.against))
        return min(filter(None, codes), default=0)

    def race_revision(self, chosen: list[Kernel]) -> None:
        """Time kernels beside those of another revision.

        Raises:
            pytest.UsageError: the processes for it can't be had.
        """
        try:
            gone = tuple(name for name in self.options.revision.gone if name not in self.deselected)
            self.against = race(replace(self.options.revision, gone=gone), chosen)
        except AgainstError as error:
            raise pytest.UsageError(str(error)) from error

    def close(self) -> None:
        """End the processes that kernels were called in."""
        for host in self.hosts.values():
            host.close()

    def _parameters(self, activation: Activation) -> Mapping[str, float]:
        """Those that an activation is described at: its own if a kernel was, else the first kernel's."""
        found = [k.parameters for k in self.options.chosen if k.activation == activation.name]
        return activation.defaults if activation.defaults in found else found[0]

    def finished(self) -> Results:
        """Everything found, in the form in which it is written."""
        revision, dirty = commit()
        measured = dict.fromkeys(r.activation for r in self.results)
        activations = reference.activations()
        setup = self.setup
        results = Results(
            schema_version=SCHEMA_VERSION,
            machine=setup.machine,
            backends=list(self.backends.values()),
            run=Run(
                started=self.started.isoformat(timespec="seconds"),
                seconds=(datetime.now(UTC) - self.started).total_seconds(),
                commit=revision,
                dirty=dirty,
                command=self.command,
                depth=self.options.depth,
                seed=self.options.seed,
                only=self.options.only,
                filters=dict(self.options.filters),
                deselected=self.deselected,
                selected=self.selected,
            ),
            skipped=self.skipped,
            copies=list(self.yardstick.copies.values()),
            activations=[describe(activations[name], self._parameters(activations[name])) for name in measured],
            kernels=self.results,
            rests_on=setup.rests_on,
            users=list(setup.users),
        )
        results.against = self.against
        results.comparison = self.options.gate and self.options.gate.compare(
            results, self.options.report_dir / "results.json"
        )
        return results


def blank(kernel: Kernel) -> KernelResult:
    """The result of a kernel of which nothing has been measured yet."""
    return KernelResult(
        activation=kernel.activation,
        direction=kernel.direction,
        dtype=kernel.dtype,
        backend=kernel.backend,
        variant=kernel.variant,
        why=kernel.why,
        parameters=dict(kernel.parameters),
        device=kernel.device,
        takes_out=kernel.takes_out,
        flushes_subnormals=kernel.flushes_subnormals,
        portable=kernel.portable,
        status="measured",
        failure=None,
        accuracy=None,
        safety=None,
        properties={},
        claim=kernel.claim.bound if kernel.claim else None,
        claim_outside_roots=kernel.claim.outside_roots if kernel.claim else 0.0,
        verdict="none",
        throughput=[],
    )
