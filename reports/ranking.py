# SPDX-License-Identifier: MIT
"""Who is safe, who is most accurate and who is fastest, of those that compute the same function in the same dtype."""

from collections.abc import Iterable
from dataclasses import dataclass

from reports import rows, wording
from reports.schema import KernelResult, Results

HOT = {"cpu": rows.Setting("hot", 1), "cuda": rows.Setting("hot", 0)}  # where arithmetic shows most


@dataclass(frozen=True)
class Ranking:
    """The kernels of one function and dtype measured on a device, the best first of each kind.

    Kernels of other parameters compute another function; ``parameters`` is empty where all have the same.
    """

    activation: str
    direction: str
    dtype: str
    device: str
    parameters: str
    ranked: list[KernelResult]  # without mismatches before those with, then by their largest error, then by their time
    fastest: list[KernelResult]  # those that were timed, by their time hot, on a CPU on one thread
    front: list[KernelResult]  # those of them that none beats in one and matches in the other, the fastest first

    @property
    def safe(self) -> list[KernelResult]:
        """Those without a result of the wrong class at any input tried."""
        return [k for k in self.ranked if not k.mismatches]


def rankings(results: Results) -> list[Ranking]:
    """A ranking for each function, dtype and device of which two kernels or more were measured to the end."""
    found: dict[tuple[str, ...], list[KernelResult]] = {}
    parameters: dict[str, set[str]] = {}  # of each activation
    for kernel in results.kernels:
        if kernel.accuracy is not None and kernel.status == "measured":
            given = wording.parameters(kernel.parameters)
            parameters.setdefault(kernel.activation, set()).add(given)
            identity = (kernel.activation, kernel.direction, kernel.dtype, kernel.device, given)
            found.setdefault(identity, []).append(kernel)
    several = [((*i[:-1], i[-1] if len(parameters[i[0]]) > 1 else ""), kernels) for i, kernels in found.items()]
    return [_ranking(identity, kernels) for identity, kernels in several if len(kernels) > 1]


def figures(kernel: KernelResult) -> str:
    """Its largest error, with the mismatches of class, and its time."""
    timed = rows.timing(kernel, *HOT[kernel.device])
    said = [f"{wording.ulp(kernel.accuracy.max_ulp)} ulp"]
    said += [f"{wording.count(kernel.mismatches)} mismatches"] if kernel.mismatches else []
    return ", ".join(said + ([f"{wording.short(timed.ns_per_element.median)} ns"] if timed else []))


def _ranking(identity: tuple[str, ...], kernels: list[KernelResult]) -> Ranking:
    timed = [k for k in kernels if rows.timing(k, *HOT[k.device])]
    ranked = sorted(kernels, key=lambda k: (_error(k), _time(k)))
    fastest = sorted(timed, key=lambda k: (_time(k), _error(k)))
    return Ranking(*identity, ranked, fastest, list(_front(fastest)))


def _time(kernel: KernelResult) -> float:
    """Of an element, in nanoseconds."""
    timed = rows.timing(kernel, *HOT[kernel.device])
    return timed.ns_per_element.median if timed else float("inf")


def _error(kernel: KernelResult) -> tuple[bool, float]:
    """To sort by: a result of the wrong class is worse than any error."""
    largest = kernel.accuracy.max_ulp
    return bool(kernel.mismatches), float("inf") if largest is None else largest


def _front(fastest: Iterable[KernelResult]) -> Iterable[KernelResult]:
    """From the fastest on, each that is more accurate than all before it (Pareto's front)."""
    best = None
    for kernel in fastest:
        if best is None or _error(kernel) < best:
            best = _error(kernel)
            yield kernel
