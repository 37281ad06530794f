# SPDX-License-Identifier: MIT
"""The suite as pytest collects it: one test item for each chosen kernel, named like the kernel."""

from collections.abc import Callable, Iterable, Iterator

import pytest

from bench.run import Session
from bench.speed import Clock, Stopwatch
from kernels.registry import Kernel
from reports import wording
from reports.schema import KernelResult

session_key = pytest.StashKey[Session]()


class Suite(pytest.Module):
    """What `pytest --benchmark` collects in place of the tests."""

    def collect(self) -> Iterator[pytest.Function]:
        """An item for each kernel that the filters choose."""
        session = self.config.stash[session_key]
        clock = session.clock = Clock(self.config._benchmarksession.options["timer"].target)
        for kernel in session.options.chosen:
            item = pytest.Function.from_parent(self, name=kernel.id, callobj=_test_of(kernel))
            item.user_properties.append(("kernel", kernel.id))
            item.add_marker(pytest.mark.benchmark(timer=clock))
            yield item
        for name in session.absent:
            yield pytest.Function.from_parent(self, name=name, callobj=_missing(name))


def chosen_kernels(items: Iterable[pytest.Item]) -> list[Kernel]:
    """The kernels that items measure; those that only a baseline has are none."""
    return [item.obj.kernel for item in items if hasattr(item.obj, "kernel")]


def _test_of(kernel: Kernel) -> Callable[..., None]:
    """A test that measures the kernel; it fails where a claim is broken, it failed, or a baseline was better."""

    def test(request: pytest.FixtureRequest, benchmark) -> None:
        session = request.config.stash[session_key]
        result = session.measure(kernel, Stopwatch(request.node, benchmark, session.clock))
        faults = [*_faults(result), *session.regressions(kernel, result)]
        if faults:
            pytest.fail("\n".join(faults), pytrace=False)

    test.kernel = kernel
    return test


def _faults(result: KernelResult) -> Iterator[str]:
    if result.failure:
        where = f" at {result.failure.input}" if result.failure.input else ""
        yield f"{result.id} {result.failure.kind}{where}: {result.failure.message}"
    if result.verdict == "broken":
        yield f"{result.id}: {broken_claim(result)}"


def _missing(name: str) -> Callable[..., None]:
    """A test that fails: of a kernel that only the baseline or the other revision has."""

    def test(request: pytest.FixtureRequest) -> None:
        pytest.fail("\n".join(request.config.stash[session_key].missing(name)), pytrace=False)

    return test


def broken_claim(result: KernelResult) -> str:
    """One sentence: what was claimed, and what was found where."""
    claimed = "to be correctly rounded" if result.claim == "rounded" else f"at most {result.claim:g} ulp"
    found, safety = result.accuracy, result.safety
    if safety.examples:
        example = safety.examples[0]
        where = f"{example.kind} at {example.input}: got {example.got}, exact {example.want}"
        return (
            f"claims {claimed}, but results are of the wrong class ({wording.mismatches(result)}), e.g. {where}; "
            f"largest error {wording.largest_claimed(result)}"
        )
    worst = wording.largest_claimed(result)
    if found.random_dy and found.random_dy.mismatches:
        worst += f", and {found.random_dy.mismatches} results of the wrong class with random dy"
    return f"claims {claimed}, but was found {worst} ({wording.misrounded(result)})"
