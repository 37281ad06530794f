# SPDX-License-Identifier: MIT
"""Every kernel keeps what it claims, `stable` is of the right class everywhere, and textbook's known faults show.

All of it runs over the registry.
"""

import functools

import numpy as np
import pytest

import kernels.cpu  # noqa: F401  (registers the Numba kernels)
import reference
from bench import accuracy, sums
from bench.calling import call
from bench.options import in_order
from bench.prepare import prepare
from bench.truths import truth
from bench.ulp import judge
from kernels.registry import Kernel, registered
from reports.schema import MISMATCH_KINDS, Accuracy, Safety

KERNELS = in_order(k for k in registered() if k.backend == "numba")
BY_ID = {k.id: k for k in KERNELS}

# Faults of the printed formulas at inputs where they are known to be: a kind of mismatch, or so many ulp at least.
FAULTS = [
    ("silu-forward-float32-numba-textbook", -np.inf, "nan"),
    ("silu-forward-float64-numba-textbook", -np.inf, "nan"),
    ("silu-forward-float32-numba-textbook", -90.0, "zero"),
    ("sigmoid-backward-float32-numba-textbook", 32.0, "zero"),
    ("sigmoid-backward-float64-numba-textbook", 64.0, "zero"),
    ("softplus-forward-float32-numba-textbook", 100.0, "inf"),
    ("softplus-forward-float64-numba-textbook", 1024.0, "inf"),
    ("gelu-forward-float32-numba-textbook", -6.0, "zero"),
    ("gelu-forward-float32-numba-textbook", -5.5, 1e6),
    ("selu-forward-float32-numba-textbook", -1e-8, "zero"),
    ("selu-forward-float32-numba-textbook", -1e-7, 1e6),
    ("elu-forward-float32-numba-textbook", -1e-8, "zero"),
]
CLAIMING = [k for k in KERNELS if k.claim]  # compiling takes long: the others only where they are in FAULTS


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    faulty = {kernel_id for kernel_id, _, _ in FAULTS}
    prepare([k for k in KERNELS if k in CLAIMING or k.id in faulty], accuracy=True)


@functools.cache
def measured(kernel_id: str) -> tuple[Accuracy, Safety]:
    kernel = BY_ID[kernel_id]
    if kernel.direction == "backward_alpha":
        return sums.measure(kernel, reference.activations()[kernel.activation], "quick", 0)
    return accuracy.measure(kernel, truth(kernel, "quick", 0))


@pytest.mark.parametrize("kernel", CLAIMING, ids=lambda k: k.id)
def test_claims_are_kept(kernel: Kernel):
    found, safety = measured(kernel.id)
    assert accuracy.verdict(kernel.claim, found, safety) in ("holds", "not refuted"), (
        found.max_ulp,
        found.worst_input,
        found.random_dy,
        safety.by_kind,
        safety.examples[:2],
    )


@pytest.mark.parametrize("kernel", [k for k in KERNELS if k.variant == "stable"], ids=lambda k: k.id)
def test_stable_is_of_the_right_class_and_within_4_ulp(kernel: Kernel):
    found, safety = measured(kernel.id)
    assert safety.mismatches == 0, safety.examples
    assert kernel.claim is not None
    assert kernel.claim.bound == "rounded" or kernel.claim.bound <= 4
    assert found.max_ulp <= 4 or kernel.claim.outside_roots
    if kernel.direction == "backward":
        assert found.random_dy.mismatches == 0
        assert found.random_dy.evaluated > 400


def test_every_activation_direction_and_dtype_has_textbook_and_stable():
    have = {(k.activation, k.direction, k.dtype, k.variant) for k in KERNELS}
    for name, activation in reference.own().items():
        for direction in activation.directions:
            for dtype in ("float16", "bfloat16", "float32", "float64"):
                for variant in ("textbook", "stable"):
                    assert (name, direction, dtype, variant) in have


@pytest.mark.parametrize(("kernel_id", "place", "found"), FAULTS)
def test_known_faults_of_textbook_are_found(kernel_id, place, found):
    kernel = BY_ID[kernel_id]
    held = truth(kernel, "quick", 0)
    x = held.inputs.values
    (at,) = np.flatnonzero(x == x.dtype.type(place))
    got = call(kernel, x) if kernel.direction == "forward" else call(kernel, np.ones_like(x), x)
    judgement = judge(got, held.exact, held.form)
    if isinstance(found, str):
        assert judgement.mismatch[at] == MISMATCH_KINDS.index(found)
    else:
        assert judgement.error_ulp[at] > found
