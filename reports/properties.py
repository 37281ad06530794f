# SPDX-License-Identifier: MIT
"""The laws that kernels keep or violate, gathered from their records: what is violated comes first everywhere."""

from collections import Counter
from collections.abc import Sequence

from reports.schema import KernelResult, Property


def names(kernels: Sequence[KernelResult]) -> list[str]:
    """The properties of these kernels, those that most of them violate first."""
    seen = dict.fromkeys(name for kernel in kernels for name in kernel.properties)
    often = Counter(name for kernel in kernels for name in violated(kernel))
    return sorted(seen, key=lambda name: -often[name])


def violated(kernel: KernelResult) -> list[str]:
    """The properties that a kernel violates."""
    return [name for name, found in kernel.properties.items() if found.verdict == "violated"]


def violators_first(kernels: Sequence[KernelResult]) -> list[KernelResult]:
    """The kernels with properties, those that violate most of them first."""
    return sorted((k for k in kernels if k.properties), key=lambda kernel: -len(violated(kernel)))


def violations(kernels: Sequence[KernelResult]) -> list[tuple[str, KernelResult, Property]]:
    """Every violation, property by property; of each the kernel with the most violations first."""
    found = []
    for name in names(kernels):
        of_name = [(name, k, k.properties[name]) for k in kernels if name in violated(k)]
        found += sorted(of_name, key=lambda violation: -violation[2].count)
    return found


def unchecked(kernels: Sequence[KernelResult]) -> Counter[tuple[str, str]]:
    """How many kernels were not checked, by property and reason."""
    return Counter(
        (name, found.why or "no reason recorded")
        for kernel in kernels
        for name, found in kernel.properties.items()
        if found.verdict == "not checked"
    )
