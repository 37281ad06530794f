# SPDX-License-Identifier: MIT
"""How right a kernel is: its largest error and where, its mismatches of class, and whether its claim holds."""

import functools
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.calling import arguments, call, hexadecimal
from bench.conditioning import Reach
from bench.deviations import packed
from bench.inputs import Inputs, digest
from bench.sweep_loops import BINS, loops
from bench.tally import a_few
from bench.ulp import NO_MISMATCH, Judgement, judge
from kernels.registry import Claim, Kernel
from reference.activation import Activation
from reference.formats import FORMATS, Format
from reference.oracle import Exact, decimal
from reports.schema import MISMATCH_KINDS, Accuracy, Bin, Example, PairExample, RandomDy, Region, Safety

REGION_ORDINALS = {f.name: 1 << f.bits - 9 for f in FORMATS.values()}  # of a region: in float32, a binade
BIN_EDGES = (0.0, *(2.0**k for k in range(-1, BINS - 2)))  # of the histogram, in ulp
FINGERPRINT_BLOCK = 1 << 24
ROUNDED_WITH_DY = 0.5001  # in ulp: dy * f'(x) of a correctly rounded gradient, from an f' held more precisely than f'


@dataclass(frozen=True)
class Truth:
    """Inputs with the exact results of one activation and direction in one format: what a sweep is held against.

    ``right`` holds, for the places ``kinks`` where x is at a kink, the exact results with the right derivative;
    ``reach`` what f takes between the neighbours of each input, None where that was not asked.
    """

    activation: Activation
    direction: str
    form: Format
    inputs: Inputs
    exact: Exact
    kinks: np.ndarray
    right: Exact | None
    reach: Reach | None = None
    pairs: tuple[np.ndarray, np.ndarray] | None = None  # (dy, x) of the check with random dy
    pairs_exact: Exact | None = None
    by_mpmath: int = 0  # how many of the inputs the fast oracle left to mpmath


def measure(kernel: Kernel, truth: Truth) -> tuple[Accuracy, Safety]:
    """Try a kernel on all the inputs of ``truth``.

    Raises:
        KernelError: the kernel broke the contract of a call.
    """
    x = truth.inputs.values
    got = call(kernel, *arguments(kernel, x))
    judgement = judged(got, truth)
    accuracy = _accuracy(kernel, truth, got, judgement)
    if truth.pairs is not None:
        accuracy.random_dy = _random_dy(kernel, truth)
    return accuracy, _safety(kernel, truth, got, judgement)


def verdict(claim: Claim | None, accuracy: Accuracy, safety: Safety) -> str:
    """Whether the claim holds; a mismatch of class breaks any claim."""
    if claim is None:
        return "none"
    largest = accuracy.max_ulp_outside_roots if claim.outside_roots else accuracy.max_ulp
    with_dy = (accuracy.random_dy.max_ulp if accuracy.random_dy else None) or 0.0
    if claim.bound == "rounded":
        kept = accuracy.all_misrounded == 0 and with_dy <= ROUNDED_WITH_DY
    else:
        kept = largest is not None and max(largest, with_dy) <= claim.bound
    if accuracy.all_mismatches(safety) or not kept:
        return "broken"
    return "holds" if accuracy.coverage == "exhaustive" else "not refuted"


def canonical_patterns(values: np.ndarray, form: Format) -> np.ndarray:
    """The bit patterns of values of the format, with one and the same for every NaN: payloads are free."""
    patterns = np.ascontiguousarray(values).view(form.pattern)
    magnitudes = patterns & form.pattern.type((1 << (form.bits - 1)) - 1)
    canonical_nan = form.pattern.type(form.infinity_pattern | 1 << (form.precision - 2))
    return np.where(magnitudes > form.infinity_pattern, canonical_nan, patterns)


def fingerprint(got: np.ndarray, form: Format) -> str:
    """SHA-256 over the digests of blocks of 2^24 outputs, in order of the inputs' bit patterns."""
    blocks = range(0, len(got), FINGERPRINT_BLOCK)
    little = canonical_patterns(got, form).astype(form.pattern.newbyteorder("<"))
    digests = [hashlib.sha256(little[i : i + FINGERPRINT_BLOCK].tobytes()).digest() for i in blocks]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def histogram(errors: np.ndarray) -> list[Bin]:
    """How many errors lie in each interval between powers of two; 0 counts in the first."""
    counts = np.zeros(BINS, np.int64)
    loops().count_bins(np.ascontiguousarray(errors, np.float64), counts)
    return make_bins(counts.tolist())


def make_bins(counts: list[int]) -> list[Bin]:
    """Counts of errors up to 0.5, 1, 2, 4, ... ulp, and above."""
    uppers = [*BIN_EDGES[1:], None]
    return [Bin(lo=lo, hi=hi, count=c) for lo, hi, c in zip(BIN_EDGES, uppers, counts, strict=True)]


def judged(got: np.ndarray, truth: Truth) -> Judgement:
    """Hold results for all inputs of ``truth`` against it; at a kink, either one-sided derivative is accepted."""
    judgement = judge(got, truth.exact, truth.form)
    if truth.right is None or not len(truth.kinks):
        return judgement
    at = truth.kinks
    left = Judgement(*(field[at] for field in vars(judgement).values()))
    better = left.better_of(judge(got[at], truth.right, truth.form))
    for name, field in vars(judgement).items():
        field[at] = getattr(better, name)
    return judgement


def _accuracy(kernel: Kernel, truth: Truth, got: np.ndarray, judgement: Judgement) -> Accuracy:
    x, form, error = truth.inputs.values, truth.form, judgement.error_ulp
    compared = ~np.isnan(error)
    worst = int(np.nanargmax(error)) if compared.any() else None
    at_normal = truth.inputs.normal[compared[truth.inputs.normal]]
    normal = error[at_normal]
    return Accuracy(
        coverage="exhaustive" if truth.inputs.exhaustive else "sampled",
        evaluated=len(x),
        max_ulp=None if worst is None else float(error[worst]),
        max_ulp_outside_roots=_outside_roots(kernel, truth, error),
        worst_input=None if worst is None else hexadecimal(x[worst]),
        worst_got=None if worst is None else hexadecimal(got[worst]),
        worst_exact=None if worst is None else exact_decimal(kernel, truth.activation, float(x[worst])),
        max_distance=judgement.largest_distance(),
        max_ulp_normal=float(normal.max()) if len(normal) else None,
        mean_ulp_normal=mean_ulp(normal),
        mean_ulp=mean_ulp(error[compared]),
        misrounded=int(judgement.misrounded.sum()),
        outside_conditioning=None if truth.reach is None else int((~truth.reach.holds(got)).sum()),
        decided_by_mpmath=truth.by_mpmath,
        histogram=histogram(error[compared]),
        fingerprint=fingerprint(got, form) if truth.inputs.exhaustive else None,
        inputs=None if truth.inputs.exhaustive else digest(x, *(truth.pairs or ())),
        deviations=packed(canonical_patterns(got, form), canonical_patterns(truth.exact.nearest, form)),
        regions=_regions(x, error, form),
        random_dy=None,
        search=None,
        worst_input_normal=hexadecimal(x[at_normal[np.argmax(normal)]]) if len(normal) else None,
    )


def mean_ulp(errors: np.ndarray) -> float | None:
    """The mean of errors in ulp, at most the largest binary64 number, as each error is."""
    with np.errstate(over="ignore"):
        return min(float(errors.mean()), sys.float_info.max) if len(errors) else None


def exact_decimal(kernel: Kernel, activation: Activation, x: float, dy: float | None = None) -> str:
    """The exact result for one input, for people."""
    return decimal(activation, kernel.direction, x, kernel.parameters, dy)


def _outside_roots(kernel: Kernel, truth: Truth, error: np.ndarray) -> float | None:
    if not kernel.claim or not kernel.claim.outside_roots:
        return None
    outside = error[~near_roots(kernel, truth.activation, truth.inputs.values) & ~np.isnan(error)]
    return float(outside.max()) if len(outside) else None


def near_roots(kernel: Kernel, activation: Activation, x: np.ndarray) -> np.ndarray:
    """Where the claim says nothing of the error."""
    near = np.zeros(len(x), bool)
    with np.errstate(all="ignore"):
        for root in activation.facts(**kernel.parameters).derivative_roots:
            near |= np.abs(x.astype(np.float64) - float(root)) < (kernel.claim.outside_roots if kernel.claim else 0.0)
    return near


def _regions(x: np.ndarray, error: np.ndarray, form: Format) -> list[Region]:
    """The line of finite floats cut at multiples of REGION_ORDINALS, with the largest error found in each part."""
    with np.errstate(invalid="ignore"):
        number = np.isfinite(x)
    ordinals, error = form.ordinals(x[number]), error[number]
    step = REGION_ORDINALS[form.name]
    places = np.where(np.signbit(x[number]), -(-ordinals // step) - 1, ordinals // step)
    half = -(-form.infinity_pattern // step)
    largest = np.full(2 * half, -1.0)
    np.maximum.at(largest, places + half, np.nan_to_num(error, nan=-1.0, posinf=np.inf))
    counts = np.bincount(places + half, minlength=2 * half)
    found = zip(range(-half, half), counts.tolist(), largest.tolist(), strict=True)
    return [make_region(place, evaluated, error, form) for place, evaluated, error in found]


def make_region(place: int, evaluated: int, largest: float, form: Format) -> Region:
    """The region of that number, counted from 0 on and, left of it, from -1 on; ``largest`` is negative for none."""
    lo, hi = _ends_of_region(place, form)
    return Region(lo=lo, hi=hi, evaluated=evaluated, max_ulp=largest if largest >= 0 else None)


@functools.cache
def _ends_of_region(place: int, form: Format) -> tuple[str, str]:
    step = REGION_ORDINALS[form.name]
    near = (place if place >= 0 else -place - 1) * step
    far = min(near + step, form.infinity_pattern) - 1
    near, far = (hexadecimal(v) for v in form.from_ordinals(np.array([near, far])))
    return (near, far) if place >= 0 else (f"-{far}", f"-{near}")


def _safety(kernel: Kernel, truth: Truth, got: np.ndarray, judgement: Judgement) -> Safety:
    by_kind = {kind: int((judgement.mismatch == i).sum()) for i, kind in enumerate(MISMATCH_KINDS)}
    examples = []
    for i, kind in enumerate(MISMATCH_KINDS):
        places = np.flatnonzero(judgement.mismatch == i)
        for at in a_few(places):
            x = truth.inputs.values[at]
            want = exact_decimal(kernel, truth.activation, float(x))
            examples.append(Example(input=hexadecimal(x), got=hexadecimal(got[at]), want=want, kind=kind))
    return Safety(mismatches=sum(by_kind.values()), by_kind=by_kind, examples=examples)


def _random_dy(kernel: Kernel, truth: Truth) -> RandomDy:
    dy, x = truth.pairs
    got = call(kernel, dy, x)
    judgement = judge(got, truth.pairs_exact, truth.form)
    error = np.where(near_roots(kernel, truth.activation, x), np.nan, judgement.error_ulp)
    compared = ~np.isnan(error)
    worst = int(np.nanargmax(error)) if compared.any() else None
    at = None if worst is None else (float(x[worst]), float(dy[worst]))
    return RandomDy(
        evaluated=len(x),
        max_ulp=None if worst is None else float(error[worst]),
        worst_input=None if worst is None else hexadecimal(x[worst]),
        worst_dy=None if worst is None else hexadecimal(dy[worst]),
        worst_got=None if worst is None else hexadecimal(got[worst]),
        worst_exact=None if at is None else exact_decimal(kernel, truth.activation, *at),
        mismatches=int((judgement.mismatch != NO_MISMATCH).sum()),
        examples=list(_wrong_pairs(kernel, truth, got, judgement)),
    )


def _wrong_pairs(kernel: Kernel, truth: Truth, got: np.ndarray, judgement: Judgement) -> Iterator[PairExample]:
    """The first of each kind of wrong result with random dy."""
    dy, x = truth.pairs
    for i, kind in enumerate(MISMATCH_KINDS):
        for at in np.flatnonzero(judgement.mismatch == i)[:1]:
            want = exact_decimal(kernel, truth.activation, float(x[at]), float(dy[at]))
            yield PairExample(
                input=hexadecimal(x[at]), dy=hexadecimal(dy[at]), got=hexadecimal(got[at]), want=want, kind=kind
            )


def format_of(kernel: Kernel) -> Format:
    """The format of a kernel's dtype."""
    return FORMATS[kernel.dtype]
