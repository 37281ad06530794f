# SPDX-License-Identifier: MIT
"""What is said of a kernel: errors, regions, histogram, fingerprint, mismatches, and whether its claim holds."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

import reference
from bench import accuracy
from bench.accuracy import REGION_ORDINALS, Truth, fingerprint, histogram, mean_ulp, measure, verdict
from bench.conditioning import Reach
from bench.inputs import Inputs
from bench.tally import EXAMPLES_PER_KIND
from kernels.registry import Claim
from reference.formats import FORMATS
from reference.oracle import at_kinks, exact, right_at_kinks
from tests.making import make_kernel

FLOAT32 = FORMATS["float32"]


def make_truth(activation, direction="forward", dtype="float32", values=(-2.0, -0.5, 0.5, 2.0), *, dy=None, **changes):
    """Truth on inputs of one's choice."""
    known, form = reference.activations()[activation], FORMATS[dtype]
    x = np.unique(np.array(values, np.float64).astype(form.dtype).view(form.pattern)).view(form.dtype)
    answer = exact(known, direction, form, x, known.defaults)
    kinks = np.flatnonzero(at_kinks(known, direction, x))
    pairs = None if dy is None else (np.array(dy).astype(form.dtype), x)
    truth = Truth(
        activation=known,
        direction=direction,
        form=form,
        inputs=Inputs(x, np.arange(len(x)), exhaustive=False),
        exact=answer,
        kinks=kinks,
        right=right_at_kinks(known, form, x[kinks], known.defaults) if len(kinks) else None,
        pairs=pairs,
        pairs_exact=exact(known, direction, form, x, known.defaults, pairs[0]) if pairs else None,
    )
    return replace(truth, **changes)


def relu(x):
    return np.maximum(x, x.dtype.type(0))


def relu_off_by(ulps, at=2.0):
    return lambda x: np.where(x == at, relu(x) + x.dtype.type(ulps * np.spacing(x.dtype.type(at))), relu(x))


def relu_backward(dy, x, at_zero=0.0):
    return dy * np.where(x > 0, 1, np.where(x == 0, at_zero, np.where(np.isnan(x), np.nan, 0))).astype(x.dtype)


def test_a_right_kernel_has_no_error_and_no_mismatch():
    found, safety = measure(make_kernel(relu), make_truth("relu"))
    assert (found.max_ulp, found.misrounded, found.max_distance) == (0.0, 0, "0")
    assert (found.coverage, found.evaluated) == ("sampled", 4)
    assert found.random_dy is None
    assert safety.mismatches == 0
    assert safety.by_kind == {"nan": 0, "inf": 0, "zero": 0, "sign": 0}
    assert safety.examples == []


@pytest.mark.parametrize("ulps", [1, 3, -7])
def test_the_worst_input_is_told_with_what_was_got_and_what_is_exact(ulps):
    found, _ = measure(make_kernel(relu_off_by(ulps)), make_truth("relu"))
    ulp_below = 0.5 if ulps < 0 else 1  # np.spacing(2) is that above 2, and the ulp that of 2 itself
    assert found.max_ulp == abs(ulps)
    assert found.worst_input == "0x1p+1"
    assert float.fromhex(found.worst_got) == 2 + ulps * 2.0**-22
    assert found.worst_exact == "2.0"
    assert found.max_distance == str(int(ulps / ulp_below))
    assert found.misrounded == 1
    assert (found.max_ulp_normal, found.mean_ulp_normal) == (abs(ulps), abs(ulps) / 4)


def test_errors_on_normal_inputs_are_apart_from_those_on_all():
    truth = make_truth("relu")
    rest = replace(truth, inputs=replace(truth.inputs, normal=np.flatnonzero(truth.inputs.values != 2)))
    found, _ = measure(make_kernel(relu_off_by(5)), rest)
    assert (found.max_ulp, found.max_ulp_normal, found.mean_ulp_normal) == (5, 0, 0)


def test_a_kernel_with_nothing_but_nan_has_no_largest_error():
    found, safety = measure(make_kernel(lambda x: x * np.float32(np.nan)), make_truth("relu"))
    assert found.max_ulp is None
    assert (found.worst_input, found.worst_got, found.worst_exact) == (None, None, None)
    assert safety.by_kind["nan"] == 4


@pytest.mark.parametrize(
    ("kind", "x", "wrong"),
    [("nan", 2.0, np.nan), ("inf", 2.0, np.inf), ("zero", 2.0, 0.0), ("zero", -2.0, 1.0), ("sign", 2.0, -1.0)],
)
def test_a_mismatch_is_told_by_kind_with_an_example(kind, x, wrong):
    kernel = make_kernel(lambda a: np.where(a == x, a.dtype.type(wrong), relu(a)))
    _, safety = measure(kernel, make_truth("relu"))
    assert safety.mismatches == 1
    assert safety.by_kind == {k: int(k == kind) for k in ("nan", "inf", "zero", "sign")}
    (example,) = safety.examples
    assert (example.kind, float.fromhex(example.input)) == (kind, x)
    assert float.fromhex(example.got) == wrong or kind == "nan"
    assert float(example.want) == max(x, 0)


def test_examples_go_from_the_first_mismatch_to_the_last():
    truth = make_truth("relu", values=np.arange(1.0, 101.0))
    _, safety = measure(make_kernel(lambda x: -relu(x)), truth)
    places = [float.fromhex(e.input) for e in safety.examples]
    assert safety.by_kind["sign"] == 100
    assert len(places) == EXAMPLES_PER_KIND
    assert (min(places), max(places)) == (1.0, 100.0)


@pytest.mark.parametrize("at_zero", [0.0, 1.0])
def test_either_derivative_at_a_kink_is_right(at_zero):
    truth = make_truth("relu", "backward", values=(-1.0, -0.0, 0.0, 1.0))
    found, safety = measure(make_kernel(lambda dy, x: relu_backward(dy, x, at_zero), "relu", "backward"), truth)
    assert (found.max_ulp, safety.mismatches) == (0.0, 0)


@pytest.mark.parametrize(("at_zero", "kind"), [(0.5, None), (-1.0, "sign"), (np.nan, "nan"), (np.inf, "inf")])
def test_anything_else_at_a_kink_is_wrong(at_zero, kind):
    truth = make_truth("relu", "backward", values=(-1.0, 0.0, 1.0))
    found, safety = measure(make_kernel(lambda dy, x: relu_backward(dy, x, at_zero), "relu", "backward"), truth)
    if kind is None:
        assert found.max_ulp == 2.0**22
    else:
        assert safety.by_kind[kind] == 1


def test_random_dy_catches_a_gradient_that_ignores_dy():
    kernel = make_kernel(lambda dy, x: relu_backward(np.ones_like(dy), x), "relu", "backward")
    truth = make_truth("relu", "backward", dy=[3.0, -1.0, 1.0, 5.0])
    found, safety = measure(kernel, truth)
    assert (found.max_ulp, safety.mismatches) == (0.0, 0)
    assert found.random_dy.evaluated == 4
    assert found.random_dy.max_ulp > 1e6
    assert verdict(Claim(4.0), found, safety) == "broken"


def test_random_dy_tells_the_worst_pair_and_counts_mismatches():
    def backward(dy, x):
        return np.where(dy == 5, -np.inf, relu_backward(dy, x) * np.where(dy == 3, np.float32(1.5), 1)).astype(x.dtype)

    truth = make_truth("relu", "backward", values=(0.5, 1.0, 2.0), dy=[1.0, 3.0, 5.0])
    found, safety = measure(make_kernel(backward, "relu", "backward"), truth)
    assert found.random_dy.mismatches == 1
    assert (found.random_dy.worst_input, found.random_dy.worst_dy) == ("0x1p+1", "0x1.4p+2")
    assert verdict(Claim(1e300), found, safety) == "broken"


def test_regions_cover_the_line_with_as_many_numbers_each():
    for form in FORMATS.values():
        values = (-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf, np.nan)
        found, _ = measure(make_kernel(relu, dtype=form.name), make_truth("relu", dtype=form.name, values=values))
        ends = np.array([[float.fromhex(r.lo), float.fromhex(r.hi)] for r in found.regions]).astype(form.dtype)
        lows, highs = form.ordinals(ends[:, 0]).tolist(), form.ordinals(ends[:, 1]).tolist()
        assert (lows[0], highs[-1]) == (1 - form.infinity_pattern, form.infinity_pattern - 1)
        middle = len(lows) // 2  # a region ends at -0, and the next one begins with 0
        assert (highs[middle - 1], lows[middle]) == (0, 0)
        assert all(
            low == high + 1 for i, (high, low) in enumerate(zip(highs, lows[1:], strict=False)) if i + 1 != middle
        )
        assert {high - low + 1 for low, high in zip(lows, highs, strict=True)} <= {
            REGION_ORDINALS[form.name],
            form.infinity_pattern % REGION_ORDINALS[form.name],  # at both ends of float64
        }
        assert sum(r.evaluated for r in found.regions) == 4  # all that are finite
        with_error = [i for i, r in enumerate(found.regions) if r.max_ulp is not None]
        assert len(with_error) == 4
        assert with_error[1:3] == [middle - 1, middle]


def test_an_error_shows_in_its_region_only():
    found, _ = measure(make_kernel(relu_off_by(3)), make_truth("relu"))
    wrong = [r for r in found.regions if r.max_ulp]
    assert [r.max_ulp for r in wrong] == [3]
    assert float.fromhex(wrong[0].lo) <= 2.0 <= float.fromhex(wrong[0].hi)


def test_histogram_bins_are_open_below_and_closed_above():
    errors = np.array([0.0, 0.25, 0.5, np.nextafter(0.5, 1), 1.0, 1.5, 4.0, 4.5, 2.0**22, 2.0**23, 1e300])
    bins = histogram(errors)
    for b in bins:
        first = b.lo == 0
        inside = ((errors > b.lo) | (first & (errors == 0))) & (errors <= (np.inf if b.hi is None else b.hi))
        assert b.count == inside.sum()
    assert sum(b.count for b in bins) == len(errors)
    assert [b.lo for b in bins[1:]] == [b.hi for b in bins[:-1]]
    assert bins[-1].hi is None


@pytest.mark.parametrize("dtype", FORMATS)
def test_fingerprint_is_as_it_is_defined(dtype, monkeypatch):
    monkeypatch.setattr(accuracy, "FINGERPRINT_BLOCK", 4)
    form = FORMATS[dtype]
    values = np.array([1.5, -0.0, 0.0, np.inf, -np.inf, np.nan, 3.0, -2.0, 0.1, 7.0]).astype(form.dtype)
    quiet = form.infinity_pattern | 1 << (form.precision - 2)
    canonical = [quiet if v != v else int(p) for v, p in zip(values, values.view(form.pattern), strict=True)]
    raw = b"".join(p.to_bytes(form.bits // 8, "little") for p in canonical)
    size = 4 * form.bits // 8
    digests = [hashlib.sha256(raw[i : i + size]).digest() for i in range(0, len(raw), size)]
    assert len(digests) == 3
    assert fingerprint(values, form) == hashlib.sha256(b"".join(digests)).hexdigest()


@pytest.mark.parametrize("dtype", FORMATS)
def test_fingerprint_sees_every_bit_but_not_the_payload_of_a_nan(dtype):
    form = FORMATS[dtype]
    bits = np.arange(1, 9).astype(form.pattern)
    nans = np.array([form.infinity_pattern | 1, form.infinity_pattern | 1 << (form.bits - 1) | 5], form.pattern)
    base = fingerprint(np.concatenate([bits, nans]).view(form.dtype), form)
    assert base == fingerprint(np.concatenate([bits, nans[::-1]]).view(form.dtype), form)
    for i in range(8):
        changed = bits.copy()
        changed[i] ^= 1
        assert fingerprint(np.concatenate([changed, nans]).view(form.dtype), form) != base
    zeros = np.zeros(2, form.dtype)
    assert fingerprint(zeros, form) != fingerprint(-zeros, form)


def test_only_an_exhaustive_sweep_has_a_fingerprint():
    truth = make_truth("relu")
    assert measure(make_kernel(relu), truth)[0].fingerprint is None
    whole = replace(truth, inputs=replace(truth.inputs, exhaustive=True))
    found, _ = measure(make_kernel(relu), whole)
    assert (found.coverage, found.fingerprint) == ("exhaustive", fingerprint(relu(truth.inputs.values), FLOAT32))


def measured(ulps=0.0, *, exhaustive=False, outside=None, misrounded=0, random=None):
    """What would be found of a kernel, without a mismatch."""
    found, safety = measure(make_kernel(relu), make_truth("relu"))
    found.max_ulp, found.max_ulp_outside_roots, found.misrounded = ulps, outside, misrounded
    found.coverage = "exhaustive" if exhaustive else "sampled"
    if random is not None:
        backward = make_kernel(relu_backward, "relu", "backward")
        found.random_dy = measure(backward, make_truth("relu", "backward", dy=[1.0] * 4))[0].random_dy
        found.random_dy.max_ulp = random
    return found, safety


@pytest.mark.parametrize(
    ("claim", "found", "expected"),
    [
        (None, measured(1e9), "none"),
        (Claim(4.0), measured(4.0), "not refuted"),
        (Claim(4.0), measured(4.0, exhaustive=True), "holds"),
        (Claim(4.0), measured(np.nextafter(4.0, 5)), "broken"),
        (Claim(4.0), measured(None), "broken"),
        (Claim(4.0, outside_roots=0.01), measured(1e9, outside=3.0), "not refuted"),
        (Claim(4.0, outside_roots=0.01), measured(1e9, outside=5.0), "broken"),
        (Claim(4.0), measured(1e9, outside=3.0), "broken"),
        (Claim(4.0), measured(1.0, random=4.0), "not refuted"),
        (Claim(4.0), measured(1.0, random=4.1), "broken"),
        (Claim("rounded"), measured(0.5), "not refuted"),
        (Claim("rounded"), measured(0.5, exhaustive=True), "holds"),
        (Claim("rounded"), measured(0.5, misrounded=1), "broken"),
        (Claim("rounded"), measured(0.5, random=0.6), "broken"),
    ],
)
def test_verdict(claim, found, expected):
    assert verdict(claim, *found) == expected


@pytest.mark.parametrize("claim", [Claim(1e308), Claim("rounded"), Claim(1e308, outside_roots=1e9)])
@pytest.mark.parametrize("exhaustive", [False, True])
def test_a_mismatch_breaks_any_claim(claim, exhaustive):
    found, safety = measured(exhaustive=exhaustive, outside=0.0)
    safety.mismatches = 1
    assert verdict(claim, found, safety) == "broken"
    found, safety = measured(exhaustive=exhaustive, outside=0.0, random=0.0)
    found.random_dy.mismatches = 1
    assert verdict(claim, found, safety) == "broken"


def test_a_claim_may_leave_out_the_neighbourhood_of_roots():
    root = float(reference.activations()["silu"].facts(beta=1.0).derivative_roots[0])
    near = (root - 0.02, root - 0.005, root, root + 0.005, root + 0.02)
    truth = make_truth("silu", "backward", "float64", near, dy=np.ones(5))
    right = truth.exact.nearest

    def off_inside(dy, x):
        return np.where(np.abs(x - root) < 0.01, 2 * right, right)

    inside = Claim(1.0, outside_roots=0.01)
    found, safety = measure(make_kernel(off_inside, "silu", "backward", "float64", claim=inside), truth)
    assert found.max_ulp > 1e15
    assert found.max_ulp_outside_roots <= 0.5
    assert found.random_dy.max_ulp <= 0.5
    assert verdict(inside, found, safety) == "not refuted"
    narrower = Claim(1.0, outside_roots=0.001)
    found, safety = measure(make_kernel(off_inside, "silu", "backward", "float64", claim=narrower), truth)
    assert verdict(narrower, found, safety) == "broken"
    assert found.random_dy.max_ulp > 1e15


def test_a_mean_too_large_for_binary64_is_its_largest_number():
    assert mean_ulp(np.full(3, 1e308)) == np.finfo(np.float64).max
    assert mean_ulp(np.array([1.0, 2.0])) == 1.5
    assert mean_ulp(np.array([])) is None


def test_a_region_of_nothing_but_nan_counts_as_tried():
    truth = make_truth("relu", values=(-2.0, 2.0, 3e10))
    found, _ = measure(make_kernel(lambda x: np.where(x > 3, x.dtype.type(np.nan), np.maximum(x, 0))), truth)
    (region,) = (r for r in found.regions if float.fromhex(r.lo) <= 3e10 <= float.fromhex(r.hi))
    assert (region.evaluated, region.max_ulp) == (1, None)


def test_results_outside_what_neighbours_give_are_counted():
    truth = make_truth("relu")
    assert measure(make_kernel(relu), truth)[0].outside_conditioning is None
    around = Reach(*(relu(np.nextafter(truth.inputs.values, np.float32(side))) for side in (-np.inf, np.inf)))
    known = replace(truth, reach=around)
    counts = [measure(make_kernel(relu_off_by(ulps)), known)[0].outside_conditioning for ulps in (0, 1, 2)]
    assert counts == [0, 0, 1]
    everywhere = make_kernel(lambda x: x * np.float32(np.nan))
    assert measure(everywhere, known)[0].outside_conditioning == 4
