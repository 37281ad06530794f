# SPDX-License-Identifier: MIT
"""How right a sum over all elements is: PReLU's gradient with respect to α, which is Σ dyᵢxᵢ over xᵢ < 0."""

from collections.abc import Iterator, Mapping

import numpy as np
from mpmath import mpf

from bench.accuracy import histogram, mean_ulp
from bench.calling import call, hexadecimal
from bench.inputs import as_format, digest, magnitudes
from bench.ulp import NO_MISMATCH, Judgement, judge
from kernels.registry import Kernel
from reference.activation import Activation
from reference.formats import FORMATS, Format
from reference.oracle import Exact, exact_sum
from reports.schema import MISMATCH_KINDS, Accuracy, Example, Safety

LENGTHS = {
    "quick": (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 129, 1000, 4099),
    "standard": (*range(1, 66), 127, 128, 129, 1000, 4099, 20011),
    "exhaustive": (*range(1, 130), 1000, 4099, 20011, 100003),  # of which there is no end
}

EDGE_LENGTHS = (1, 9, 40)

Case = tuple[str, np.ndarray, np.ndarray]  # its name, dy, x


def measure(kernel: Kernel, activation: Activation, depth: str, seed: int) -> tuple[Accuracy, Safety]:
    """Try a kernel that sums over its elements; what is evaluated is counted in whole arrays.

    Raises:
        KernelError: the kernel broke the contract of a call.
    """
    form = FORMATS[kernel.dtype]
    cases = list(make_cases(form, depth, seed))
    got = np.concatenate([np.atleast_1d(call(kernel, dy, x, shape=())) for _, dy, x in cases])
    answers = [_exact(activation, form, x, dy, kernel.parameters) for _, dy, x in cases]
    judgement = judge(got, Exact.concatenate([a for a, _ in answers]), form)
    names, exact = [name for name, _, _ in cases], [text for _, text in answers]
    accuracy = _accuracy(names, exact, got, judgement)
    accuracy.inputs = digest(*(array for _, *arrays in cases for array in arrays))
    return accuracy, _safety(names, exact, got, judgement)


def make_cases(form: Format, depth: str, seed: int) -> Iterator[Case]:
    """Arrays of many lengths: as networks see them, of one sign (no cancellation), and of very different magnitudes.

    And a few with what decides the class of the sum.
    """
    rng = np.random.default_rng([seed, *b"sums", *form.name.encode()])
    spread = min(form.emax // 4, 60)
    for n in LENGTHS[depth]:
        normal = rng.standard_normal((2, n))
        yield f"N(0, 1), n = {n}", as_format(normal[0], form), as_format(normal[1], form)
        yield f"one sign, n = {n}", as_format(rng.uniform(0.5, 1, n), form), as_format(-rng.uniform(0, 1, n), form)
        wide = rng.choice([-1.0, 1.0], n) * magnitudes(rng, -spread, spread, n)
        yield f"magnitudes 2^±{spread}, n = {n}", as_format(rng.standard_normal(n), form), as_format(wide, form)
    for n in EDGE_LENGTHS:
        yield from _edge_cases(form, n, rng)


def _edge_cases(form: Format, n: int, rng: np.random.Generator) -> Iterator[Case]:
    """Sums whose class is in question: NaN, infinite, overflowing, subnormal or zero.

    Sums that overflow only on the way to a finite total are not among them, nor is dy = NaN beside x >= 0.
    """

    def ending(array: np.ndarray, value: float) -> np.ndarray:
        return np.append(array[:-1], form.dtype.type(value))

    dy, x = as_format(rng.standard_normal((2, n)), form)
    for name, last_dy, last_x in (
        ("x = NaN", 1.0, np.nan),
        ("dy = NaN", np.nan, -1.0),
        ("x = -inf", 1.0, -np.inf),
        ("x = +inf", 1.0, np.inf),
        ("dy = largest, x = -2", form.largest, -2.0),
        ("dy = -largest, x = -2", -form.largest, -2.0),
    ):
        yield f"{name} at the end, n = {n}", ending(dy, last_dy), ending(x, last_x)
    one, zero = np.ones(n, form.dtype), np.zeros(n, form.dtype)
    root = 1.75 * 2.0 ** ((form.emin - form.precision) // 2 + 2)  # its square is subnormal and not of the format
    yield f"the largest number, n = {n}", one, ending(zero, -form.largest)
    yield f"a subnormal product, n = {n}", ending(one, root), ending(zero, -root)
    yield f"subnormal x, n = {n}", one, form.from_ordinals(-rng.integers(n, 1 << (form.precision - 1), n) // n)
    yield f"no x < 0, n = {n}", dy, abs(x)
    yield f"x = -0, n = {n}", dy, -zero


def _exact(
    activation: Activation, form: Format, x: np.ndarray, dy: np.ndarray, parameters: Mapping[str, float]
) -> tuple[Exact, str]:
    """`exact_sum`, also where the arrays are not finite: of a sum that is not finite for it, the class alone."""
    value = {name: mpf(v) for name, v in parameters.items()}

    def term(d: float, v: float) -> float:
        return v if v != v else d * float(activation.alpha_derivative(mpf(v), **value))

    finite = np.isfinite(dy) & np.isfinite(x)
    due = sum(term(float(d), float(v)) for d, v in zip(dy[~finite], x[~finite], strict=True))
    if due == 0:
        return exact_sum(activation, form, x[finite], dy[finite], parameters)
    column = np.zeros(1)
    only_class = Exact(
        nearest=np.array([due], form.dtype),
        sign=np.array([(due > 0) - (due < 0)], np.int8),
        exponent=column.astype(np.int32),
        hi=column,
        lo=column,
        class_only=np.array([True]),
        either_zero=np.array([False]),
    )
    return only_class, str(due)


def _accuracy(names: list[str], exact: list[str], got: np.ndarray, judgement: Judgement) -> Accuracy:
    error = judgement.error_ulp
    compared = ~np.isnan(error)
    worst = int(np.nanargmax(error)) if compared.any() else None
    normal = error[[name.startswith("N(0, 1)") for name in names]]
    return Accuracy(
        coverage="sampled",
        evaluated=len(names),
        max_ulp=None if worst is None else float(error[worst]),
        max_ulp_outside_roots=None,
        worst_input=None if worst is None else names[worst],
        worst_got=None if worst is None else hexadecimal(got[worst]),
        worst_exact=None if worst is None else exact[worst],
        max_distance=judgement.largest_distance(),
        max_ulp_normal=None if np.isnan(normal).all() else float(np.nanmax(normal)),
        mean_ulp_normal=None if np.isnan(normal).all() else float(np.nanmean(normal)),
        mean_ulp=mean_ulp(error[compared]),
        misrounded=int(judgement.misrounded.sum()),
        outside_conditioning=None,
        decided_by_mpmath=0,
        histogram=histogram(error[compared]),
        fingerprint=None,
        inputs=None,
        deviations=None,
        regions=[],
        random_dy=None,
        search=None,
    )


def _safety(names: list[str], exact: list[str], got: np.ndarray, judgement: Judgement) -> Safety:
    wrong = np.flatnonzero(judgement.mismatch != NO_MISMATCH)
    kinds = [MISMATCH_KINDS[judgement.mismatch[i]] for i in wrong]
    examples = [
        Example(input=names[i], got=hexadecimal(got[i]), want=exact[i], kind=kind)
        for i, kind in zip(wrong, kinds, strict=True)
    ]
    return Safety(mismatches=len(wrong), by_kind={k: kinds.count(k) for k in MISMATCH_KINDS}, examples=examples[:8])
