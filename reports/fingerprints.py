# SPDX-License-Identifier: MIT
"""Kernels that are one function: over all inputs there are, their results have the same bits."""

from collections.abc import Iterable

from reports.schema import KernelResult


def same_function(kernels: Iterable[KernelResult]) -> list[list[KernelResult]]:
    """Groups of two kernels or more of one function, direction, dtype and parameters with equal fingerprints."""
    groups: dict[tuple[object, ...], list[KernelResult]] = {}
    for kernel in kernels:
        if kernel.accuracy is not None and kernel.accuracy.fingerprint is not None:
            parameters = tuple(sorted(kernel.parameters.items()))
            identity = (kernel.activation, kernel.direction, kernel.dtype, parameters, kernel.accuracy.fingerprint)
            groups.setdefault(identity, []).append(kernel)
    return [group for group in groups.values() if len(group) > 1]


def twins(kernels: Iterable[KernelResult]) -> dict[str, list[KernelResult]]:
    """By the id of each kernel that has any, the others of its group."""
    return {
        kernel.id: [other for other in group if other is not kernel]
        for group in same_function(kernels)
        for kernel in group
    }
