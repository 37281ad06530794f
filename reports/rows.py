# SPDX-License-Identifier: MIT
"""A kernel's record as one flat row: what results.csv and the table of index.html are made of."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from reports import wording
from reports.schema import MISMATCH_KINDS, KernelResult, Results, Throughput

ACCURACY = (
    *("coverage", "evaluated", "max_ulp", "max_ulp_outside_roots", "worst_input", "worst_got", "worst_exact"),
    *("max_distance", "max_ulp_normal", "mean_ulp_normal", "mean_ulp", "misrounded", "outside_conditioning"),
    *("decided_by_mpmath", "fingerprint"),
)


class Setting(NamedTuple):
    """What a timing depends on beside the kernel: where the arrays live, and how many threads work."""

    cache: str
    threads: int

    @property
    def key(self) -> str:
        return f"{self.cache}_{self.threads}_threads" if self.threads else f"{self.cache}_gpu"

    @property
    def title(self) -> str:
        return f"{self.cache} ×{self.threads}" if self.threads else f"{self.cache} GPU"

    @property
    def meaning(self) -> str:
        where = "cache" if self.cache == "hot" else "main memory" if self.threads else "the device's memory"
        return f"{wording.threads(self.threads)}, arrays in {where}"


def settings(results: Results) -> list[Setting]:
    """The settings that anything was timed at: hot before cold, few threads before many, a GPU's last."""
    found = {Setting(t.cache, t.threads) for kernel in results.kernels for t in kernel.throughput}
    return sorted(found, key=lambda s: (s.threads == 0, s.cache != "hot", s.threads))


def extremes(results: Results) -> list[Setting]:
    """Where arithmetic shows most, and where memory does: hot on one thread, and cold on as many as were tried.

    Then the same of a GPU, where one was measured; alone where nothing else was.
    """
    found = settings(results)
    of_gpu = [setting for setting in found if not setting.threads]
    if of_gpu and len(of_gpu) == len(found):
        return of_gpu
    return [
        Setting("hot", 1),
        Setting("cold", max((s.threads for s in found if s.cache == "cold"), default=1)),
        *of_gpu,
    ]


def timing(kernel: KernelResult, cache: str, threads: int) -> Throughput | None:
    """What the kernel achieved at one setting, or None where that was not measured."""
    return next((t for t in kernel.throughput if (t.cache, t.threads) == (cache, threads)), None)


def flat(kernel: KernelResult, at: Iterable[Setting]) -> dict[str, object]:
    """One value for each column; None where there is nothing. Every kernel has the same columns."""
    return _identity(kernel) | _accuracy(kernel) | _safety(kernel) | _properties(kernel) | _speed(kernel, at)


def write_csv(results: Results, path: Path) -> None:
    """One line a kernel, below a line with the names of the columns."""
    at = settings(results)
    rows = [flat(kernel, at) for kernel in results.kernels]
    names = list(rows[0]) if rows else []
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def _identity(kernel: KernelResult) -> dict[str, object]:
    failure = kernel.failure
    return {
        "kernel": kernel.id,
        "activation": kernel.activation,
        "direction": kernel.direction,
        "dtype": kernel.dtype,
        "backend": kernel.backend,
        "variant": kernel.variant,
        "parameters": " ".join(f"{name}={value!r}" for name, value in kernel.parameters.items()),
        "takes_out": kernel.takes_out,
        "flushes_subnormals": kernel.flushes_subnormals,
        "status": kernel.status,
        "failure_kind": failure and failure.kind,
        "failure_message": failure and failure.message,
        "failure_input": failure and failure.input,
        "claim": kernel.claim,
        "claim_outside_roots": kernel.claim_outside_roots,
        "verdict": kernel.verdict,
    }


def _accuracy(kernel: KernelResult) -> dict[str, object]:
    dy, search = kernel.random_dy, kernel.accuracy and kernel.accuracy.search
    return {name: kernel.accuracy and getattr(kernel.accuracy, name) for name in ACCURACY} | {
        "random_dy_evaluated": dy and dy.evaluated,
        "random_dy_max_ulp": dy and dy.max_ulp,
        "random_dy_mismatches": dy and dy.mismatches,
        "search_evaluations": search and search.evaluations,
        "search_max_ulp": search and search.max_ulp,
        "search_worst_input": search and search.worst_input,
        "search_misrounded": search and search.misrounded,
        "search_mismatches": search and search.mismatches,
    }


def _safety(kernel: KernelResult) -> dict[str, object]:
    safety = kernel.safety
    by_kind = {f"mismatches_{kind}": safety and safety.by_kind.get(kind, 0) for kind in MISMATCH_KINDS}
    return {"mismatches": kernel.mismatches} | by_kind


def _properties(kernel: KernelResult) -> dict[str, object]:
    """The names of the properties of each verdict."""
    return {
        f"properties_{verdict.replace(' ', '_')}": " ".join(
            name for name, found in kernel.properties.items() if found.verdict == verdict
        )
        or None
        for verdict in ("violated", "holds", "not checked")
    }


def _speed(kernel: KernelResult, at: Iterable[Setting]) -> dict[str, object]:
    row: dict[str, object] = {}
    for setting in at:
        t = timing(kernel, *setting)
        row |= {
            f"{setting.key}_elements": t and t.elements,
            f"{setting.key}_ns_per_element": t and t.ns_per_element.median,
            f"{setting.key}_ns_per_element_min": t and t.ns_per_element.min,
            f"{setting.key}_ns_per_element_iqr": t and t.ns_per_element.iqr,
            f"{setting.key}_gb_per_s": t and t.gb_per_s,
            f"{setting.key}_percent_of_copy": t and t.percent_of_copy,
            **({} if setting.threads else {f"{setting.key}_call_us": t and t.call_us}),
        }
    return row
