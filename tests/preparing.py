# SPDX-License-Identifier: MIT
"""What tests of kernels share: exact values and compiled code, made on all cores and kept for the main job."""

from collections.abc import Sequence

from bench.prepare import prepare
from bench.run import cache_root
from bench.truths import Oracle
from kernels.registry import Kernel
from reference.store import Store


def prepared(kernels: Sequence[Kernel]) -> Oracle:
    """An oracle that has the answers for these kernels at depth quick at hand; our own kernels are compiled."""
    oracle = Oracle(Store(cache_root() / "oracle"))
    prepare(kernels, oracle, oracle.missing(kernels, "quick", 0))
    return oracle
