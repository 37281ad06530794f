# SPDX-License-Identifier: MIT
"""What stands out in the results, in sentences; the terminal, summary.md and index.html all say the same."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Literal

from reports import fingerprints, properties, rows, wording
from reports.schema import KernelResult, Results

LISTED = 5  # failures named one by one before the rest is only counted


@dataclass(frozen=True)
class Finding:
    """A sentence, the kernel to look at where it speaks of one, and the command that it advises where it does."""

    tone: Literal["good", "bad", "plain"]
    text: str
    kernel: KernelResult | None = None
    command: str | None = None

    @property
    def plain(self) -> str:
        """All of it, as words."""
        return f"{self.text}: {self.command}" if self.command else self.text


@dataclass(frozen=True)
class Tally:
    """The kernels, sorted into those that need attention and those that do not."""

    measured: list[KernelResult]
    failed: list[KernelResult]
    broken: list[KernelResult]
    mismatched: list[KernelResult]
    missing: int  # selected, and neither measured nor failed
    inputs: int  # results compared with the exact value, over all kernels
    exhaustive: int  # kernels that were given every input there is
    sampled: int


def tally(results: Results) -> Tally:
    kernels = results.kernels
    coverage = Counter(k.accuracy.coverage for k in kernels if k.accuracy)
    measured = [k for k in kernels if k.status == "measured" and (k.accuracy or k.throughput)]
    failed = [k for k in kernels if k.status == "failed"]
    return Tally(
        measured=measured,
        failed=failed,
        broken=[k for k in kernels if k.verdict == "broken"],
        mismatched=[k for k in kernels if k.mismatches],
        missing=max(0, results.run.selected - len(measured) - len(failed)),
        inputs=sum(k.accuracy.evaluated for k in kernels if k.accuracy),
        exhaustive=coverage["exhaustive"],
        sampled=coverage["sampled"],
    )


def groups(kernels: Iterable[KernelResult]) -> dict[tuple[str, str], list[KernelResult]]:
    """Kernels by activation and direction, in the order in which these first appear."""
    grouped: dict[tuple[str, str], list[KernelResult]] = {}
    for kernel in kernels:
        grouped.setdefault((kernel.activation, kernel.direction), []).append(kernel)
    return grouped


def findings(results: Results) -> list[Finding]:
    """What happened, what is wrong, what is worst and what it costs, in this order."""
    counted = tally(results)
    return [
        *_what_ran(results, counted),
        *_claims(counted),
        *_mismatches(counted),
        *_largest_errors(counted),
        *_correctly_rounded(counted),
        *_properties(results.kernels),
        *_same_functions(results.kernels),
        *_price_of_stability(results),
    ]


def _what_ran(results: Results, counted: Tally) -> Iterator[Finding]:
    yield Finding("plain", f"{wording.kernels(len(counted.measured))} measured of {results.run.selected:,} selected.")
    for kernel in counted.failed[:LISTED]:
        why = wording.failure(kernel.failure) if kernel.failure else "no reason recorded"
        yield Finding("bad", f"{wording.one_line(kernel.id)} failed, {why}.", kernel)
    yield from _and_more(counted.failed, "failed")
    if counted.missing:
        yield Finding("bad", f"{wording.kernels(counted.missing)} selected but without figures: the run was cut short.")


def _claims(counted: Tally) -> Iterator[Finding]:
    verdicts = Counter(k.verdict for k in counted.measured)
    claimed = verdicts.total() - verdicts["none"]
    if claimed:
        yield Finding(
            "bad" if counted.broken else "good",
            f"{wording.kernels(claimed)} with a claim: {verdicts['holds']:,} hold (every input there is was tried), "
            f"{verdicts['not refuted']:,} not refuted (inputs were sampled), {verdicts['broken']:,} broken.",
        )
    unchecked = sum(k.verdict == "none" and k.claim is not None for k in counted.measured)
    if unchecked:
        yield Finding("plain", f"{wording.kernels(unchecked)} with a claim that was not checked.")
    for kernel in counted.broken[:LISTED]:
        yield Finding(
            "bad",
            f"{wording.one_line(kernel.id)} breaks its claim ({wording.claim(kernel)}): "
            f"{wording.largest_claimed(kernel)}; mismatches: {wording.mismatches(kernel)}{_example(kernel)}.",
            kernel,
        )
    yield from _and_more(counted.broken, "broke their claim")


def _and_more(kernels: list[KernelResult], what: str) -> Iterator[Finding]:
    if len(kernels) > LISTED:
        yield Finding("bad", f"{wording.kernels(len(kernels) - LISTED)} more {what}.")


def _example(kernel: KernelResult) -> str:
    example = next(iter(kernel.safety.examples), None) if kernel.safety else None
    return f", e.g. {example.kind} at {example.input}: got {example.got}" if example else ""


def _mismatches(counted: Tally) -> Iterator[Finding]:
    if not counted.mismatched:
        if any(k.safety for k in counted.measured):
            yield Finding("good", "No kernel has a mismatch of class (NaN, infinity, zero or sign) at any input tried.")
        return
    by_author = Counter(wording.author(k) for k in counted.mismatched)
    authors = ", ".join(f"{n:,} {author}" for author, n in by_author.most_common())
    total = wording.kernels(len(counted.mismatched))
    yield Finding(
        "plain", f"{total} with mismatches of class (NaN, infinity, zero or sign): {wording.one_line(authors)}."
    )
    worst = max(counted.mismatched, key=_share_mismatched)
    example = next(iter(worst.safety.examples), None)
    shown = f"; {example.got} for {wording.decimal(example.want)} at {example.input}" if example else ""
    pairs = f" and {worst.random_dy.evaluated:,} pairs with random dy" if worst.random_dy else ""
    search = worst.accuracy and worst.accuracy.search
    tried = wording.coverage(worst) + pairs + (f" and {search.evaluations:,} in the search" if search else "")
    text = f"Most in {wording.one_line(worst.id)}: {wording.mismatches(worst)}, of {tried}{shown}."
    yield Finding("plain", text, worst)


def _share_mismatched(kernel: KernelResult) -> float:
    found, search = kernel.accuracy, kernel.accuracy and kernel.accuracy.search
    tried = sum(check.evaluated for check in (found, kernel.random_dy) if check) + (search.evaluations if search else 0)
    return kernel.mismatches / max(1, tried)


def _largest_errors(counted: Tally) -> Iterator[Finding]:
    judged = [k for k in counted.measured if k.accuracy is not None]
    for name, where in (("max_ulp", "over all inputs"), ("max_ulp_normal", "on N(0, 1) inputs, such as networks see")):
        found = [k for k in judged if getattr(k.accuracy, name) is not None]
        if found:
            worst = max(found, key=lambda k, name=name: getattr(k.accuracy, name))
            largest = getattr(worst.accuracy, name)
            if not largest:
                yield Finding("plain", f"Largest error {where}: 0 ulp, no number is off.")
                continue
            at = f" at {worst.accuracy.worst_input}" if name == "max_ulp" else ""
            kernel = wording.one_line(worst.id)
            yield Finding("plain", f"Largest error {where}: {wording.ulp(largest)} ulp, {kernel}{at}.", worst)


def _correctly_rounded(counted: Tally) -> Iterator[Finding]:
    exact = [k for k in counted.measured if k.accuracy and k.safety and not k.accuracy.all_misrounded + k.mismatches]
    proved = sum(k.accuracy.coverage == "exhaustive" for k in exact)
    if exact:
        total = wording.kernels(len(exact))
        yield Finding(
            "good", f"{total} correctly rounded at each input tried; for {proved:,} these were all there are."
        )


def _properties(kernels: list[KernelResult]) -> Iterator[Finding]:
    """How many kernels violate a law that their function obeys, and which law most often."""
    checked = [k for k in kernels if any(p.verdict != "not checked" for p in k.properties.values())]
    violators = [k for k in checked if properties.violated(k)]
    if not violators:
        if checked:
            yield Finding("good", f"{wording.kernels(len(checked))} checked for properties of the function: all hold.")
        return
    name, worst, _ = properties.violations(violators)[0]
    often = sum(name in properties.violated(k) for k in violators)
    yield Finding(
        "plain",
        f"{wording.kernels(len(violators))} of {len(checked):,} violate a property of their function, "
        f"most often “{wording.one_line(wording.spoken(name))}” ({often:,}).",
        worst,
    )


def _same_functions(kernels: list[KernelResult]) -> Iterator[Finding]:
    """Which kernels can't be told apart by any input."""
    groups = fingerprints.same_function(kernels)
    if groups:
        first = max(groups, key=len)
        example = ", ".join(f"{k.backend}-{k.variant}" for k in first)
        of = f"{first[0].activation}-{first[0].direction}-{first[0].dtype}"
        many = "1 group" if len(groups) == 1 else f"{len(groups):,} groups"
        yield Finding(
            "plain",
            f"{many} of kernels return the same bits for every input there is, and are one function each; "
            f"e.g. {wording.one_line(f'{of}: {example}')}.",
            first[0],
        )


def _price_of_stability(results: Results) -> Iterator[Finding]:
    """How much longer `stable` takes than `textbook`, over the kernels that have both."""
    by_identity = {(k.activation, k.direction, k.dtype, k.backend, k.variant): k for k in results.kernels}
    ratios = []
    for (*identity, variant), kernel in by_identity.items():
        other = by_identity.get((*identity, "textbook")) if variant == "stable" else None
        if kernel.device != "cpu":
            continue
        ours, theirs = rows.timing(kernel, "hot", 1), rows.timing(other, "hot", 1) if other else None
        if ours and theirs:
            ratios.append(ours.ns_per_element.median / theirs.ns_per_element.median)
    if ratios:
        yield Finding(
            "plain",
            f"stable takes {geometric_mean(ratios):.2f} times as long as textbook "
            f"(geometric mean of {len(ratios):,} pairs, one thread, arrays in cache).",
        )
