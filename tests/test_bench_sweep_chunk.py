# SPDX-License-Identifier: MIT
"""A chunk's results are judged as the plain path judges them: the fast oracle, the ULP, and what is inside."""

from dataclasses import replace

import numpy as np
import pytest

import kernels
import reference
from bench import accuracy, sweep_chunk
from bench.accuracy import Truth, judged
from bench.calling import call
from bench.conditioning import turns_of
from bench.sweep_chunk import Target, judge_chunk, region_of
from bench.tally import Tally, number
from kernels.registry import registered
from reference import fast
from reference.formats import FORMATS
from reports.schema import MISMATCH_KINDS, Accuracy
from tests.making import make_kernel
from tests.sweeping import CHUNK, INFINITY, SIGN_BIT, inputs, make_small, pattern, sprinkled, target_of, truth_of

SINGLE = FORMATS["float32"]
BY_DESIGN = 2.0**-24  # in ulp: what the coarse bound may change of an error


@pytest.fixture
def small(monkeypatch):
    make_small(monkeypatch)


@np.errstate(all="ignore")
def results_for(target: Target, truth: Truth) -> dict[str, np.ndarray]:
    """Results of our kernels, and of wrong ones, for the inputs of a chunk."""
    kernels.load()
    x, nearest = truth.inputs.values, truth.exact.nearest
    results = {
        "rounded": nearest.copy(),
        "sprinkled": sprinkled(nearest),
        "one up": np.nextafter(nearest, np.float32(np.inf)),
        "doubled": nearest * np.float32(2),
        "flushed": np.where(np.abs(nearest) < SINGLE.least_normal, np.copysign(0, nearest), nearest),
        "NaN": np.full_like(nearest, np.nan),
    }
    for kernel in registered():
        if (kernel.activation, kernel.direction, kernel.dtype) == (target.activation.name, target.direction, "float32"):
            own = replace(kernel, parameters=target.parameters)
            results[kernel.variant] = call(own, *([x] if target.direction == "forward" else [np.ones_like(x), x]))
    return {name: got.astype(np.float32) for name, got in results.items()}


def assert_same(found: Tally, got: np.ndarray, target: Target, truth: Truth) -> None:
    """What a chunk's tally says is what the plain path says of the same results."""
    kernel = make_kernel(lambda *_, **__: got.copy(), target.activation.name, target.direction)
    plain, safety = accuracy.measure(replace(kernel, parameters=target.parameters), truth)
    assert found.evaluated == plain.evaluated
    assert found.misrounded == plain.misrounded
    assert found.outside == plain.outside_conditioning
    assert found.by_mpmath == plain.decided_by_mpmath
    assert found.bins == [b.count for b in plain.histogram]
    assert found.compared == sum(found.bins)
    assert found.by_kind == list(safety.by_kind.values())
    assert max(found.most, -found.least) == abs(int(plain.max_distance))
    if found.most != -found.least:  # else the sign is that of the first, or the upper one
        assert max(found.most, found.least, key=abs) == int(plain.max_distance)
    places = {region.lo: region.max_ulp for region in plain.regions if region.evaluated}
    regions = {accuracy.make_region(place, 0, 0, SINGLE).lo: error for place, error in found.regions.items()}
    assert regions.keys() == places.keys()
    for lo, error in regions.items():
        assert error == pytest.approx(-1 if places[lo] is None else places[lo], rel=2.0**-44, abs=BY_DESIGN)
    assert_same_errors(found, got, truth, plain)
    assert_examples(found, got, truth)


def assert_same_errors(found: Tally, got: np.ndarray, truth: Truth, plain: Accuracy) -> None:
    if plain.max_ulp is None:
        assert (found.max_ulp, found.compared) == (-1, 0)
        return
    largest = pytest.approx(plain.max_ulp, rel=2.0**-44, abs=BY_DESIGN)
    assert found.max_ulp == largest
    assert found.total_ulp / found.compared == pytest.approx(plain.mean_ulp, rel=1e-9, abs=1e-9)
    at = found.worst[0] - pattern(truth.inputs.values[0])
    assert judged(got, truth).error_ulp[at] == largest
    assert found.worst[1] == got.view(np.uint32)[at]
    if found.max_ulp == plain.max_ulp:
        assert number(found.worst[0]) == plain.worst_input


def assert_examples(found: Tally, got: np.ndarray, truth: Truth) -> None:
    mismatch = judged(got, truth).mismatch
    for kind, examples in enumerate(found.examples):
        assert bool(examples) == bool(found.by_kind[kind])
        for x, result in examples:
            at = x - pattern(truth.inputs.values[0])
            assert (mismatch[at], result) == (kind, got.view(np.uint32)[at])


EVERYWHERE = (0.0, -0.0, SINGLE.least_normal, -(2.0**-126), 1.0, -1.0, 2.0, -2.0, 3.4028235e38, -3.4028235e38)
NOT_FINITE = (INFINITY, INFINITY | SIGN_BIT, 0x7FC0_0000, 0xFFFF_F800)
CASES = [
    ("silu", "forward", {}, (-1.2784645, -88.73, -103.9, -108.66, -200.0, 2.0**-24, 17.3, 40.0, 2.0**40)),
    ("silu", "backward", {"beta": 1.702}, (-1.2784645 / 1.702, -60.0, -63.9, 10.0, 30.0, -(2.0**-52))),
    ("gelu", "forward", {}, (-0.75179, -13.1, -14.2, 5.5, 9.0)),
    ("gelu", "backward", {}, (-0.75179, -13.1, -14.4, 9.0)),
    ("mish", "backward", {}, (-1.19243, -90.0, -106.9, 12.0, 40.0)),
    ("tanh", "forward", {}, (9.01, 20.0, 1e-4, -1e-13)),
    ("sigmoid", "backward", {}, (-87.4, 103.9, -104.0)),
    ("elu", "forward", {"alpha": 0.3}, (-1e-40, -17.4, -40.0, 5.0)),  # of mpmath something is asked beside 0
    ("leaky_relu", "forward", {}, (-1e-40, -3.0)),
    ("leaky_relu", "backward", {"negative_slope": -0.5}, ()),
    ("relu", "backward", {}, ()),
    ("softplus", "forward", {"beta": 3.0}, (-29.2, -34.5, 6.0, 50.0)),
]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("name", "direction", "parameters", "places"), CASES)
def test_a_chunk_is_judged_as_the_plain_path_judges_it(name, direction, parameters, places):
    target = target_of(name, direction, **parameters)
    chunks = {p // CHUNK * CHUNK for p in (*map(pattern, (*EVERYWHERE, *places)), *NOT_FINITE)}
    kinds = np.zeros(4, int)
    for first in chunks:
        truth = truth_of(target, inputs(first, CHUNK))
        results = results_for(target, truth)
        found = judge_chunk(target, first, results, {})
        assert list(found) == list(results)
        for result, got in results.items():
            assert_same(found[result], got, target, truth)
        kinds += found["sprinkled"].by_kind
        if first & ~SIGN_BIT < INFINITY:
            assert found["rounded"].max_ulp <= 0.5 + BY_DESIGN
            assert not any(found["rounded"].by_kind)
    assert kinds.all()


@pytest.mark.parametrize(
    ("name", "direction", "x"), [("silu", "forward", 0.0), ("leaky_relu", "forward", -0.0), ("gelu", "backward", -0.75)]
)
def test_a_whole_chunk_is_judged_as_the_plain_path_judges_it(name, direction, x):
    target, whole = target_of(name, direction), sweep_chunk.CHUNK
    assert whole == 1 << 20
    first = pattern(x) // whole * whole
    truth = truth_of(target, inputs(first, whole))
    got = sprinkled(truth.exact.nearest)
    assert_same(judge_chunk(target, first, {"kernel": got}, {})["kernel"], got, target, truth)


@pytest.mark.parametrize("x", [-200.0, -1e30])
@pytest.mark.usefixtures("small")
def test_zeros_of_the_wrong_sign_alone_are_mismatches(x):
    """Where everything rounds to -0, and a chunk that is right needs no closer look."""
    first = pattern(x) // CHUNK * CHUNK
    (found,) = judge_chunk(target_of("silu"), first, {"positive": np.zeros(CHUNK, np.float32)}, {}).values()
    assert dict(zip(MISMATCH_KINDS, found.by_kind, strict=True)) == {"nan": 0, "inf": 0, "zero": 0, "sign": CHUNK}


@pytest.mark.usefixtures("small")
def test_a_line_that_rounds_to_zero_is_not_met_by_zero():
    """Just below 2^-121, a slope of 2^-30 makes numbers of about a quarter of the least subnormal."""
    target = target_of("leaky_relu", negative_slope=2.0**-30)
    first = pattern(-(2.0**-121)) - CHUNK
    (found,) = judge_chunk(target, first, {"zero": np.full(CHUNK, -0.0, np.float32)}, {}).values()
    assert found.max_ulp == pytest.approx(0.25)
    assert found.misrounded == 0


@pytest.mark.usefixtures("small")
def test_mpmath_is_asked_where_the_bound_leaves_it_open():
    """0.3·x is beside a tie at many subnormals, and no line tells on which side."""
    target = target_of("elu", alpha=0.3)
    truth = truth_of(target, inputs(SIGN_BIT, CHUNK))
    (found,) = judge_chunk(target, SIGN_BIT, {"right": truth.exact.nearest}, {}).values()
    assert found.by_mpmath == truth.by_mpmath > 100
    assert found.misrounded == 0


@pytest.mark.usefixtures("small")
def test_what_mpmath_says_counts(monkeypatch):
    """It is made to tell the next number, and half the errors."""
    target = target_of("elu", alpha=0.3)
    truth = truth_of(target, inputs(SIGN_BIT, CHUNK))
    whole = sweep_chunk.oracle.exact

    def other(*question):
        answer = whole(*question)
        return replace(answer, nearest=np.nextafter(answer.nearest, np.float32(9)), exponent=answer.exponent + 1)

    results = {"right": truth.exact.nearest}
    (before,) = judge_chunk(target, SIGN_BIT, results, {}).values()
    monkeypatch.setattr(sweep_chunk.oracle, "exact", other)
    (after,) = judge_chunk(target, SIGN_BIT, results, {}).values()
    assert after.misrounded == after.by_mpmath == before.by_mpmath
    assert before.total_ulp - after.total_ulp == pytest.approx(0.25 * after.by_mpmath)  # each was half an ulp


@pytest.mark.parametrize("first", [0, SIGN_BIT])
@pytest.mark.usefixtures("small")
def test_beside_the_least_subnormal_is_what_the_oracle_has_at_0(first):
    target = target_of("sigmoid")
    got = np.full(CHUNK, 0.5, np.float32)
    got[1] = 0.25
    (found,) = judge_chunk(target, first, {"kernel": got}, {}).values()
    assert found.outside == 1
    edge = target.edges[first]
    target.edges[first] = replace(edge, exact=replace(edge.exact, nearest=np.float32([0.25])))
    (found,) = judge_chunk(target, first, {"kernel": got}, {}).values()
    assert found.outside == 0


@pytest.mark.usefixtures("small")
def test_a_line_stands_for_the_function_where_it_may_and_no_further(monkeypatch):
    asked = []
    whole = sweep_chunk.knower
    monkeypatch.setattr(
        sweep_chunk, "knower", lambda *key: lambda *columns: asked.append(columns[3].size) or whole(*key)(*columns)
    )
    for name, x, is_line in [
        ("silu", 100.0, True),
        ("silu", 30.0, False),  # y differs from x by 2^-43 of itself
        ("silu", 1e-40, True),
        ("silu", -500.0, True),  # vanished
        ("silu", -150.0, False),
        ("tanh", -60.0, True),
        ("leaky_relu", -3.0, False),  # 0.01·x is rounded
        ("prelu", -3.0, True),  # 0.25·x is not
    ]:
        target = target_of(name)
        first = pattern(x) // CHUNK * CHUNK
        asked.clear()
        results = {"rounded": truth_of(target, inputs(first, CHUNK)).exact.nearest}
        judge_chunk(target, first, results, {})
        assert (sum(asked) == 2) == is_line, (name, x)


@pytest.mark.usefixtures("small")
def test_a_rounded_product_beside_a_tie_is_on_its_own_side():
    """α is made so that α·x, as float64, is a tie at one x; in truth it is a little off."""
    x, tie = inputs(pattern(-3.0001), 1)[0], -1 - 2.0**-24
    first = pattern(x) // CHUNK * CHUNK
    slopes = [float(np.nextafter(tie / float(x), np.inf * step)) for step in (-1, 1)]
    seen = set()
    for slope in (*slopes, tie / float(x)):
        target = target_of("leaky_relu", negative_slope=slope)
        truth = truth_of(target, inputs(first, CHUNK))
        seen.add(float(truth.exact.nearest[pattern(x) - first]))
        (found,) = judge_chunk(target, first, {"right": truth.exact.nearest}, {}).values()
        assert (found.misrounded, found.by_mpmath) == (0, 0)
    assert seen == {-1.0, -1 - 2.0**-23}


def test_minima_between_two_inputs_are_no_lower_once_rounded():
    """What is inside is taken from three inputs alone; the plain path looks at minima between them as well."""
    for activation in reference.own().values():
        for turn in turns_of(activation, "forward", activation.defaults, SINGLE):
            beside = SINGLE.from_ordinals(np.array(turn.between))
            assert turn.value in fast.exact(activation, "forward", SINGLE, beside, activation.defaults).nearest


@pytest.mark.parametrize("kind", ["nan", "inf", "zero", "sign"])
@pytest.mark.usefixtures("small")
def test_examples_of_mismatches_come_from_both_ends(kind):
    target = target_of("silu")
    first = pattern(3.0) // CHUNK * CHUNK
    wrong = {"nan": np.nan, "inf": np.inf, "zero": 0.0, "sign": -1.0}[kind]
    got = truth_of(target, inputs(first, CHUNK)).exact.nearest
    places = [5, 800, 801, 1500, 2000]
    got[places] = wrong
    (found,) = judge_chunk(target, first, {"kernel": got}, {}).values()
    place = MISMATCH_KINDS.index(kind)
    assert found.by_kind[place] == 5
    assert [x - first for x, _ in found.examples[place]][:: len(found.examples[place]) - 1] == [5, 2000]


def test_regions_have_the_numbers_of_the_plain_path():
    for place in (0, 3, 254, -1, -4, -255):
        region = accuracy.make_region(place, 0, 0, SINGLE)
        for end in (region.lo, region.hi):
            assert region_of(pattern(float.fromhex(end))) == place
