# SPDX-License-Identifier: MIT
"""How right a sum over all elements is: PReLU's gradient with respect to α, which is Σ dyᵢxᵢ over xᵢ < 0."""

from collections.abc import Iterator

import numpy as np

from bench.accuracy import histogram
from bench.calling import call, hexadecimal
from bench.inputs import as_format
from bench.ulp import KINDS, NO_MISMATCH, Judgement, judge
from kernels.registry import Kernel
from reference.activation import Activation
from reference.formats import FORMATS, Format
from reference.oracle import Exact, exact_sum
from reports.schema import Accuracy, Example, Safety

LENGTHS = {
    "quick": (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 129, 1000, 4099),
    "standard": (*range(1, 66), 127, 128, 129, 1000, 4099, 20011),
}

Case = tuple[str, np.ndarray, np.ndarray]  # its name, dy, x


def measure(kernel: Kernel, activation: Activation, depth: str, seed: int) -> tuple[Accuracy, Safety]:
    """Try a kernel that sums over its elements; what is evaluated is counted in whole arrays.

    Raises:
        KernelError: the kernel broke the contract of a call.
    """
    form = FORMATS[kernel.dtype]
    cases = list(make_cases(form, depth, seed))
    got = np.concatenate([np.atleast_1d(call(kernel, dy, x, shape=())) for _, dy, x in cases])
    answers = [exact_sum(activation, form, x, dy, kernel.parameters) for _, dy, x in cases]
    judgement = judge(got, Exact.concatenate([a for a, _ in answers]), form)
    names, exact = [name for name, _, _ in cases], [text for _, text in answers]
    return _accuracy(names, exact, got, judgement), _safety(names, exact, got, judgement)


def make_cases(form: Format, depth: str, seed: int) -> Iterator[Case]:
    """Arrays of many lengths: as networks see them, of one sign (no cancellation), and of very different magnitudes."""
    rng = np.random.default_rng([seed, *b"sums", *form.name.encode()])
    spread = min(form.emax // 4, 60)
    for n in LENGTHS[depth]:
        normal = rng.standard_normal((2, n))
        yield f"N(0, 1), n = {n}", as_format(normal[0], form), as_format(normal[1], form)
        yield f"one sign, n = {n}", as_format(rng.uniform(0.5, 1, n), form), as_format(-rng.uniform(0, 1, n), form)
        wide = rng.choice([-1.0, 1.0], n) * np.exp2(rng.uniform(-spread, spread, n))
        yield f"magnitudes 2^±{spread}, n = {n}", as_format(rng.standard_normal(n), form), as_format(wide, form)


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
        misrounded=int(judgement.misrounded.sum()),
        histogram=histogram(error[compared]),
        fingerprint=None,
        regions=[],
        random_dy=None,
    )


def _safety(names: list[str], exact: list[str], got: np.ndarray, judgement: Judgement) -> Safety:
    wrong = np.flatnonzero(judgement.mismatch != NO_MISMATCH)
    kinds = [KINDS[judgement.mismatch[i]] for i in wrong]
    examples = [
        Example(input=names[i], got=hexadecimal(got[i]), want=exact[i], kind=kind)
        for i, kind in zip(wrong, kinds, strict=True)
    ]
    return Safety(mismatches=len(wrong), by_kind={k: kinds.count(k) for k in KINDS}, examples=examples[:8])
