# SPDX-License-Identifier: MIT
"""All that is measured of a kernel's results, speed apart: by the suite, and by `halfulp.measure`, alike."""

from dataclasses import dataclass

import reference
from bench import accuracy, properties, sums, worst
from bench.sweep import Sweep, found_of, properties_of
from bench.truths import truth
from kernels.registry import Kernel
from reports.schema import Accuracy, Property, Safety


@dataclass
class Measured:
    """What was found, in the words of results.json."""

    accuracy: Accuracy
    safety: Safety
    properties: dict[str, Property]


def measure(kernel: Kernel, depth: str, seed: int, swept: Sweep | None = None) -> Measured:
    """Measure a kernel at a depth; ``swept`` is what a sweep over all inputs has found of it, if there was one.

    Raises:
        KernelError: the kernel broke the contract of a call.
        DataError: the file of worst inputs can't be read.
    """
    if kernel.direction == "backward_alpha":
        found, safety = sums.measure(kernel, reference.activations()[kernel.activation], depth, seed)
        return Measured(found, safety, properties.measure_sum(kernel, depth, seed))
    held_against = truth(kernel, depth, seed)
    found, safety = accuracy.measure(kernel, held_against)
    held = properties.measure(kernel, held_against, depth, seed)
    if swept is not None:
        found, safety = found_of(swept, found)
        for name, verdict in properties_of(swept).items():
            # Only samples go from -0 to 0: a step that they have found there, a sweep that has none does not take back.
            if verdict.verdict == "violated" or held[name].verdict != "violated":
                held[name] = verdict
    elif worst.searchable(kernel):
        worst.include(kernel, worst.evaluations(kernel, depth), seed, found, safety)
    return Measured(found, safety, held)
