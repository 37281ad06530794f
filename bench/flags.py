# SPDX-License-Identifier: MIT
"""Spurious exception flags of IEEE 754: overflow, invalid or divide-by-zero, raised on the way to a finite result.

Whoever traps these flags, or reads them after a sum of many things, is misled by them. That the result is 0 is no
excuse: what underflows need not overflow first. (Underflow and inexact are not looked at.) Code for vectors that
computes both sides of a choice, and drops one with its flag still raised, raises it all the same.

The flags belong to a thread. They are read, through the C library, in the one that calls, which for kernels that take
``threads`` computes alone; of a library that computes in threads of its own they can't be had. What a kernel tells
NumPy to ignore, and a later function of NumPy clears, is not seen.
"""

import numpy as np

from bench import fenv
from bench.calling import arguments, attempt, hexadecimal
from bench.inputs import SAMPLES
from bench.trials import Count, Trial, not_checked
from reports.schema import Property

COPIES = 67  # of one input, so that it passes through vector code and what is left over


def raised(trial: Trial, x: np.ndarray) -> frozenset[str]:
    """The flags that a kernel raises on the way to its results for x.

    Raises:
        KernelError: the kernel raised an exception of Python's.
    """
    kernel = trial.kernel
    arrays, out = arguments(kernel, x), np.empty_like(x) if kernel.takes_out else None
    elsewhere = getattr(kernel.function, "flags", None)  # in the process that it is called in
    if elsewhere:
        return attempt(elsewhere, *arrays, out=out)
    return attempt(fenv.raised, lambda: kernel(*arrays, out=out, threads=1))


def spurious_flags(trial: Trial) -> Property:
    """No flag is raised for an input whose result is finite; infinite inputs with such results are among them.

    All are tried in one array. Where a flag is raised, many of them are tried alone, evenly chosen, and one that
    raises it is searched for.
    """
    why = "a GPU has no exception flags" if trial.kernel.device == "cuda" else fenv.unavailable()
    if trial.kernel.uses_all:
        why = why or "it computes in threads of its own, whose flags can't be read"
    if why:
        return not_checked(why)
    nearest = trial.truth.exact.nearest
    finite = np.isfinite(nearest)
    x, nearest = trial.truth.inputs.values[finite], nearest[finite]
    tally = Count()
    flags = raised(trial, x)
    if not flags:
        tally.add(len(x))
        return tally.property()
    chosen = np.unique(np.linspace(0, len(x) - 1, SAMPLES[trial.depth] // 4).astype(int)).tolist()
    alone = {i: raised(trial, np.full(COPIES, x[i])) for i in chosen}
    if not any(alone.values()):
        alone |= _search(trial, x)
    culprits = [i for i, found in alone.items() if found]

    def sentence() -> str:
        if not culprits:
            return f"{len(x):,} inputs with finite results raise {_listed(flags)} together, but none of them alone"
        first = culprits[0]
        due = hexadecimal(nearest[first])
        return f"{hexadecimal(x[first])} raises {_listed(alone[first])}, though the correct result is {due}"

    tally.add(len(alone), len(culprits) or 1, sentence)
    return tally.property()


def _search(trial: Trial, x: np.ndarray) -> dict[int, frozenset[str]]:
    """One input that raises a flag, by bisection; empty where the parts raise none that the whole does."""
    start, stop = 0, len(x)
    while stop - start > 1:
        middle = (start + stop) // 2
        for part in ((start, middle), (middle, stop)):
            if raised(trial, np.resize(x[slice(*part)], max(part[1] - part[0], COPIES))):
                start, stop = part
                break
        else:
            return {}
    return {start: raised(trial, np.full(COPIES, x[start]))}


def _listed(flags: frozenset[str]) -> str:
    return " and ".join(sorted(flags))
