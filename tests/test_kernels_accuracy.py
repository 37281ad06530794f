# SPDX-License-Identifier: MIT
"""Every kernel keeps what it claims, `stable` is of the right class everywhere, and textbook's known faults show.

All of it runs over the registry. Of the 16-bit dtypes every sixteenth value is tried, and the edges; all of them are
tried by the suite itself.
"""

import functools

import numpy as np
import pytest

import kernels.cpu  # noqa: F401  (registers the Numba kernels)
import reference
from bench import accuracy, sums, truths
from bench.calling import call
from bench.inputs import NEIGHBOURS, Inputs, Request, check_points, ends_of_range, make_inputs, special_values
from bench.options import in_order
from bench.truths import Oracle
from bench.ulp import judge
from kernels.registry import Kernel, registered
from reports.schema import MISMATCH_KINDS, Accuracy, Safety
from tests.preparing import prepared

KERNELS = in_order(k for k in registered() if k.backend == "numba")
BY_ID = {k.id: k for k in KERNELS}
STEP = 16

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


def some_inputs(activation, form, depth, seed) -> Inputs:
    """Those of the suite; of a 16-bit format each of them that is a multiple of 16 or at an edge."""
    whole = make_inputs(activation, form, depth, seed)
    if not whole.exhaustive:
        return whole
    points = tuple(p.x for p in activation.check_points)
    request = Request(form, points, 0, np.random.default_rng(0))
    edges = np.concatenate([g(request) for g in (special_values, ends_of_range, check_points)])
    kept = np.unique(np.concatenate([np.arange(0, 1 << 16, STEP), edges.view(form.pattern)]))
    return Inputs(whole.values[kept], np.flatnonzero(np.isin(kept, whole.normal)), exhaustive=False)


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(truths, "make_inputs", some_inputs)
        yield prepared([k for k in KERNELS if k in CLAIMING or k.id in {kernel_id for kernel_id, _, _ in FAULTS}])


@functools.cache
def measured(kernel_id: str, oracle: Oracle) -> tuple[Accuracy, Safety]:
    kernel = BY_ID[kernel_id]
    if kernel.direction == "backward_alpha":
        return sums.measure(kernel, reference.activations()[kernel.activation], "quick", 0)
    return accuracy.measure(kernel, oracle.truth(kernel, "quick", 0))


@pytest.mark.parametrize("kernel", CLAIMING, ids=lambda k: k.id)
def test_claims_are_kept(kernel: Kernel, oracle):
    found, safety = measured(kernel.id, oracle)
    assert accuracy.verdict(kernel.claim, found, safety) == "not refuted", (
        found.max_ulp,
        found.worst_input,
        found.random_dy,
        safety.by_kind,
        safety.examples[:2],
    )


@pytest.mark.parametrize("kernel", [k for k in KERNELS if k.variant == "stable"], ids=lambda k: k.id)
def test_stable_is_of_the_right_class_and_within_4_ulp(kernel: Kernel, oracle):
    found, safety = measured(kernel.id, oracle)
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


def test_16_bit_inputs_have_the_edges():
    relu, form = reference.activations()["relu"], reference.formats.FORMATS["float16"]
    kept = set(some_inputs(relu, form, "quick", 0).values.view(np.uint16).tolist())
    assert {0, 1, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0x7C00, 0x7C01, 0x7E00, 0xFC00} <= kept
    assert len(kept) < 65536 // STEP + 20 * NEIGHBOURS


@pytest.mark.parametrize(("kernel_id", "place", "found"), FAULTS)
def test_known_faults_of_textbook_are_found(kernel_id, place, found, oracle):
    kernel = BY_ID[kernel_id]
    truth = oracle.truth(kernel, "quick", 0)
    x = truth.inputs.values
    (at,) = np.flatnonzero(x == x.dtype.type(place))
    got = call(kernel, x) if kernel.direction == "forward" else call(kernel, np.ones_like(x), x)
    judgement = judge(got, truth.exact, truth.form)
    if isinstance(found, str):
        assert judgement.mismatch[at] == MISMATCH_KINDS.index(found)
    else:
        assert judgement.error_ulp[at] > found
