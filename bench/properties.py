# SPDX-License-Identifier: MIT
"""All properties of a kernel, each a verdict of its own: laws that f obeys, the same bits in any layout, and no
spurious exception flags. A law that f does not have is left out."""

from collections.abc import Callable

from bench.accuracy import Truth
from bench.flags import spurious_flags
from bench.laws import in_range, monotone, nan_kept, nonzero, sign
from bench.layouts import layouts, layouts_of_sum
from bench.symmetries import symmetry
from bench.trials import Trial, settled
from kernels.registry import Kernel
from reports.schema import Property

LAWS: dict[str, Callable[[Trial], Property | None]] = {
    "monotone": monotone,
    "symmetry": symmetry,
    "range": in_range,
    "sign": sign,
    "zero": nonzero,
    "NaN": nan_kept,
    "flags": spurious_flags,
}


def measure(kernel: Kernel, truth: Truth, depth: str, seed: int) -> dict[str, Property]:
    """The properties of a forward or backward kernel; a call that fails is told in the verdict.

    Args:
        truth: what the kernel is held against, as for its accuracy.
        depth: how much is tried beyond the inputs of ``truth``.
        seed: of what is drawn at random.

    Raises:
        KernelError: it hung, or spoiled its process.
    """
    trial = Trial(kernel, truth, depth, seed)
    laws = {name: settled(lambda check=check: check(trial)) for name, check in LAWS.items()}
    return {name: verdict for name, verdict in laws.items() if verdict} | layouts(trial)


def measure_sum(kernel: Kernel, depth: str, seed: int) -> dict[str, Property]:
    """The properties of a kernel that sums over its elements: those of its layouts."""
    return layouts_of_sum(kernel, depth, seed)
