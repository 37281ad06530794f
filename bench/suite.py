# SPDX-License-Identifier: MIT
"""The suite as pytest collects it: one test item for each chosen kernel, named like the kernel."""

from collections.abc import Callable, Iterator

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
        clock = self.config.stash[session_key].clock = Clock(self.config._benchmarksession.options["timer"].target)
        for kernel in self.config.stash[session_key].options.chosen:
            item = pytest.Function.from_parent(self, name=kernel.id, callobj=_test_of(kernel))
            item.user_properties.append(("kernel", kernel.id))
            item.add_marker(pytest.mark.benchmark(timer=clock))
            yield item


def chosen_kernel(item: pytest.Item) -> Kernel:
    """The kernel that an item measures."""
    return item.obj.kernel


def _test_of(kernel: Kernel) -> Callable[..., None]:
    """A test that measures the kernel; it fails where a claim is broken or the kernel failed."""

    def test(request: pytest.FixtureRequest, benchmark) -> None:
        session = request.config.stash[session_key]
        result = session.measure(kernel, Stopwatch(request.node, benchmark, session.clock))
        if result.failure:
            where = f" at {result.failure.input}" if result.failure.input else ""
            pytest.fail(f"{kernel.id} {result.failure.kind}{where}: {result.failure.message}", pytrace=False)
        if result.verdict == "broken":
            pytest.fail(f"{kernel.id}: {broken_claim(result)}", pytrace=False)

    test.kernel = kernel
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
