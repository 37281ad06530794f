# SPDX-License-Identifier: MIT
"""One kernel's results against those of a baseline: accuracy does not vary from run to run, so every bit counts."""

import base64
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reports import wording
from reports.circumstances import Excuse
from reports.comparisons import Difference
from reports.schema import Accuracy, KernelResult

SEARCH_VARIES = 0.1  # of its evaluations, between kernels of which neither was searched less
HELD = ("environment",)  # what explains a fault that no input may have: no other input makes it one
ANY_INPUT = (*HELD, "inputs")  # what explains a figure over the inputs tried
SEARCHED = (*ANY_INPUT, "starts")  # the same with what the search finds
NOISE = 1e-12  # of a mean, relative: in what order a library adds is its own affair


@dataclass(frozen=True)
class Change:
    """Of one figure or verdict; ``worse`` is None where it is neither worse nor better."""

    what: str
    worse: bool | None
    text: str
    explained_by: tuple[str, ...] = ANY_INPUT  # which fields of an `Excuse` may explain it


@dataclass(frozen=True)
class Worse:
    """The results that are worse than a baseline's in one respect."""

    count: int
    shown: str  # of one of them: the input, what was got, what it was, and what is exact


@dataclass(frozen=True)
class Singles:
    """What became of each result, where those of the baseline are known as well; `bench.gate` finds it.

    Args:
        worse: those that are worse, under "any" in any respect, under "misrounded", "normal", "outside" and the kinds
            of mismatches in that one.
        cured: the largest error where the baseline's result was of the wrong class and no more is: there it may have
            had none. By the name of the figure of `Accuracy` that it may be.
    """

    worse: Mapping[str, Worse] = field(default_factory=dict)
    cured: Mapping[str, float] = field(default_factory=dict)


NOTHING_ELSE = Excuse()


def judge(
    old: KernelResult,
    new: KernelResult,
    excuse: Excuse = NOTHING_ELSE,
    platform: str | None = None,
    singles: Singles | None = None,
) -> list[Difference]:
    """What differs of a kernel.

    Args:
        excuse: what else may explain other figures.
        platform: in what the machines differ, in words: it may explain that something can't be checked any more, and
            other exception flags.
        singles: None where the results themselves are not known.
    """
    if new.failure or old.failure:
        return [_difference(new, c, excuse) for c in _failures(old, new)]
    if old.parameters != new.parameters:
        text = f"{wording.parameters(new.parameters)}, was {wording.parameters(old.parameters)}: it is another function"
        return [_difference(new, Change("parameters", True, text, ()), excuse)]
    changes = [*_claim(old, new), *_coverage(old, new)]
    if old.accuracy and new.accuracy and old.accuracy.coverage == new.accuracy.coverage:
        changes += _errors(old, new, singles, excuse)
    own, compiled = _properties(old, new)
    judged = [_difference(new, c, excuse) for c in [*changes, *own]]
    return judged + [_difference(new, c, Excuse(platform)) for c in [*compiled, *_unchecked(old, new)]]


def _difference(kernel: KernelResult, change: Change, excuse: Excuse) -> Difference:
    judged = "changed" if change.worse is None else "regression" if change.worse else "better"
    text, reasons = change.text, [getattr(excuse, name) for name in change.explained_by]
    if any(reasons):
        judged, text = "elsewhere", f"{text} ({'; '.join(filter(None, reasons))})"
    return Difference(kernel=kernel.id, what=change.what, judged=judged, text=wording.one_line(text, 600))


def _failures(old: KernelResult, new: KernelResult) -> Iterator[Change]:
    if new.failure and not old.failure:
        yield Change("failed", True, f"{wording.failure(new.failure)}; it was measured before")
    if old.failure and not new.failure:
        yield Change("measured", False, f"was {wording.failure(old.failure)}")


# The claim.


def _claim(old: KernelResult, new: KernelResult) -> Iterator[Change]:
    was, now = _bound(old), _bound(new)
    if was != now:
        text = f"claims {wording.claim(new)}, was {wording.claim(old)}"
        yield Change("claim", any(now[i] > was[i] for i in range(2)), text, ())
    if (old.verdict == "broken") != (new.verdict == "broken") and new.verdict != "none":
        found = f"; found {wording.largest_claimed(new)}{_example(new)}" if new.verdict == "broken" else ""
        text = f"{wording.verdict(new)} ({wording.claim(new)}), was {wording.verdict(old)}{found}"
        yield Change("claim", new.verdict == "broken", text, HELD)


def _bound(kernel: KernelResult) -> tuple[float, float]:
    """How much a claim allows, and where it says nothing: less of either is more."""
    bound = {"rounded": 0.0, None: math.inf}.get(kernel.claim, kernel.claim)
    return bound, kernel.claim_outside_roots


# Coverage.


def _coverage(old: KernelResult, new: KernelResult) -> Iterator[Change]:
    was, now = _tried(old), _tried(new)
    names = ("coverage", "inputs", "pairs with random dy", "evaluations in the search")
    if was[0] != now[0]:  # the other numbers are of another kind then
        text = f"{wording.coverage(new)}, was {wording.coverage(old)}"
        yield Change("coverage", now[0] < was[0], text, ())
        return
    for name, before, after in zip(names[1:], was[1:], now[1:], strict=True):
        is_the_same = before == after
        if name == names[-1] and before and after:  # where a search goes on depends a little on what it finds
            is_the_same = abs(before - after) <= SEARCH_VARIES * before
        if not is_the_same:
            text = f"{after:,} {name}, was {before:,}"
            yield Change("coverage", after < before, text, ())


def _tried(kernel: KernelResult) -> tuple[int, int, int, int]:
    found = kernel.accuracy
    if found is None:
        return 0, 0, 0, 0
    dy, search = found.random_dy, found.search
    return (
        2 if found.coverage == "exhaustive" else 1,
        found.evaluated,
        dy.evaluated if dy else 0,
        search.evaluations if search else 0,
    )


# Errors, mismatches and bits.


def _errors(old: KernelResult, new: KernelResult, singles: Singles | None, excuse: Excuse) -> list[Change]:
    was, now = old.accuracy, new.accuracy
    worse, cured = (singles.worse, singles.cured) if singles else ({}, {})
    worst = _worst(now) or _shown(worse, "any")  # where nothing is a number, there is no worst
    normal, misrounded, outside = (_shown(worse, respect) for respect in ("normal", "misrounded", "outside"))
    at_normal = normal or (f"the worst at {now.worst_input_normal}" if now.worst_input_normal else "")
    found = [
        *_largest("max_ulp", was, now, cured, worst, " ulp", SEARCHED),
        *_largest("max_ulp_normal", was, now, cured, at_normal, " ulp on N(0, 1)", ANY_INPUT, "max ulp N(0, 1)"),
        *_random_dy(was, now),
        *_figure("misrounded", was.misrounded, now.misrounded, misrounded or worst, wording.count, " misrounded"),
        *_mismatches(old, new, worse),
    ]
    if new.claim_outside_roots:
        found += _largest("max_ulp_outside_roots", was, now, cured, worst, " ulp apart from roots", SEARCHED)
    conditioned = was.outside_conditioning, now.outside_conditioning
    if None not in conditioned:
        unit = " outside f(x ± 1 ulp)"
        found += _figure("outside f(x ± 1 ulp)", *conditioned, outside or worst, wording.count, unit)
    not_of_the_search = [c for c in found if not (excuse.starts and "starts" in c.explained_by)]
    found += _hidden(was, now, singles, not_of_the_search)
    return found + list(_bits(was, now, new.claim == "rounded", _shown(worse, "any"), bool(found)))


def _shown(worse: Mapping[str, Worse], respect: str) -> str:
    return worse[respect].shown if respect in worse else ""


def _largest(
    figure: str,
    was: Accuracy,
    now: Accuracy,
    cured: Mapping[str, float],
    shown: str,
    unit: str,
    explained_by: tuple[str, ...],
    what: str = "max ulp",
) -> Iterator[Change]:
    """A largest error; one that took the place of a result of the wrong class is no worse than that was."""
    before, after = getattr(was, figure), getattr(now, figure)
    for change in _figure(what, before, after, shown, wording.ulp, unit, explained_by):
        if change.worse and after is not None and cured.get(figure) == after:
            yield replace(change, worse=None, text=f"{change.text}, where it was of the wrong class")
        else:
            yield change


def _hidden(was: Accuracy, now: Accuracy, singles: Singles | None, found: list[Change]) -> Iterator[Change]:
    """What no other figure tells: results that got worse where others got better, and the mean."""
    if any(c.worse for c in found):
        return
    worse = singles.worse if singles else {}
    if "any" in worse:
        count = worse["any"].count
        text = f"{count:,} {'result is' if count == 1 else 'results are'} worse than in the baseline"
        yield Change("results", True, f"{text}; {worse['any'].shown}")
    if not _close(was.mean_ulp, now.mean_ulp):
        shown = _shown(worse, "any") or _worst(now)
        (mean,) = _figure("mean ulp", was.mean_ulp, now.mean_ulp, shown, repr, " ulp on average")
        may_be_worse = singles is None or "any" in worse  # else a result that was none has brought an error with it
        if may_be_worse if mean.worse else not found:
            yield mean


def _figure(
    what: str,
    was: float | None,
    now: float | None,
    shown: str,
    word: Callable[[float | None], str],
    unit: str,
    explained_by: tuple[str, ...] = ANY_INPUT,
) -> Iterator[Change]:
    """A figure of which less is better; where there is none, nothing was a number."""
    before, after = (math.inf if x is None else x for x in (was, now))
    if before == after:
        return
    texts = word(now), word(was)
    if texts[0] == texts[1]:  # they differ in later digits
        texts = repr(now), repr(was)
    where = f"; {shown}" if after > before and shown else ""
    yield Change(what, after > before, f"{texts[0]}{unit}, was {texts[1]}{where}", explained_by)


def _close(was: float | None, now: float | None) -> bool:
    return was == now or (None not in (was, now) and math.isclose(was, now, rel_tol=NOISE))


def _worst(found: Accuracy) -> str:
    if found.worst_input is None:
        return ""
    return f"the worst at {found.worst_input}: got {found.worst_got}, exact {found.worst_exact}"


def _random_dy(was: Accuracy, now: Accuracy) -> Iterator[Change]:
    before, after = was.random_dy, now.random_dy
    if not (before and after):
        return
    pair = f"the worst at x = {after.worst_input}, dy = {after.worst_dy}"
    shown = f"{pair}: got {after.worst_got}, exact {after.worst_exact}"
    yield from _figure("max ulp", before.max_ulp, after.max_ulp, shown, wording.ulp, " ulp with random dy")
    unit = " of the wrong class with random dy"
    yield from _figure("mismatches", before.mismatches, after.mismatches, shown, wording.count, unit)


def _mismatches(old: KernelResult, new: KernelResult, worse: Mapping[str, Worse]) -> Iterator[Change]:
    if not (old.safety and new.safety):
        return
    for kind in dict.fromkeys((*old.safety.by_kind, *new.safety.by_kind)):
        before, after = old.safety.by_kind.get(kind, 0), new.safety.by_kind.get(kind, 0)
        shown = _shown(worse, kind) or _example(new, kind).removeprefix(", ")
        unit = f" of the wrong class ({kind})"
        yield from _figure("mismatches", before, after, shown, wording.count, unit, ANY_INPUT if before else HELD)
        if kind in worse and before >= after:  # at others they are gone
            yield Change("mismatches", True, f"{worse[kind].count:,}{unit} that were not so; {shown}")
    searches = old.accuracy.search, new.accuracy.search
    if None not in searches:  # what a search evaluates depends on what it finds: only none and some can be compared
        before, after = (s.mismatches for s in searches)
        if bool(before) != bool(after):
            shown = _example(new).removeprefix(", ")
            unit = " of the wrong class in the search"
            yield from _figure("mismatches", before, after, shown, wording.count, unit, HELD)


def _example(kernel: KernelResult, kind: str | None = None) -> str:
    examples = [e for e in kernel.safety.examples if kind in (None, e.kind)] if kernel.safety else []
    return "".join(f", e.g. {e.kind} at {e.input}: got {e.got}, exact {e.want}" for e in examples[:1])


def _bits(was: Accuracy, now: Accuracy, rounded: bool, shown: str, told: bool) -> Iterator[Change]:
    """Other bits are a fault where each is to be correctly rounded; else they are news where there is no other."""
    same = was.fingerprint == now.fingerprint or None in (was.fingerprint, now.fingerprint)
    if same and (was.inputs != now.inputs or _same_deviations(was.deviations, now.deviations)):
        return
    if rounded or not told:
        where = f"; {shown}" if shown else ""
        yield Change("fingerprint", True if rounded else None, f"results with other bits than the baseline's{where}")


def _same_deviations(was: str | None, now: str | None) -> bool:
    """Whether they may be the same: text that was packed by another library may differ and say the same."""
    return was == now or None in (was, now) or unzipped(was) == unzipped(now)


def unzipped(deviations: str) -> bytes:
    """The bytes that were packed.

    Raises:
        ValueError: these are no deviations.
    """
    try:
        return zlib.decompress(base64.b85decode(deviations))
    except zlib.error as error:
        raise ValueError(str(error)) from error


# Properties.


def _properties(old: KernelResult, new: KernelResult) -> tuple[list[Change], list[Change]]:
    """Of what the results are, and of exception flags: these are the compiled code's, even where no result differs."""
    own, compiled = [], []
    for name, was in old.properties.items():
        now, changes = new.properties.get(name), compiled if name == "flags" else own
        verdicts = was.verdict, now and now.verdict
        if verdicts == ("holds", "violated"):
            changes.append(Change("property", True, f"“{wording.spoken(name)}” is lost: {now.counter_example}", HELD))
        elif verdicts == ("violated", "holds"):
            changes.append(Change("property", False, f"“{wording.spoken(name)}” holds, was violated", HELD))
    return own, compiled


def _unchecked(old: KernelResult, new: KernelResult) -> Iterator[Change]:
    for name, was in old.properties.items():
        now = new.properties.get(name)
        if was.verdict != "not checked" and (now is None or now.verdict == "not checked"):
            why = f" ({now.why})" if now and now.why else ""
            yield Change("coverage", True, f"“{wording.spoken(name)}” is not checked any more{why}")
