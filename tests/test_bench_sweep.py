# SPDX-License-Identifier: MIT
"""A sweep over blocks of inputs: what it finds, that it goes on where it was, and that a bad kernel costs no other."""

import sys
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from mpmath import mp

import reference
from bench import sweep, sweep_chunk
from bench.accuracy import fingerprint, measure
from bench.calling import KernelError, hexadecimal
from bench.inputs import Inputs
from bench.sweep import accuracy_of, can_sweep, found_of, obstacles, properties_of, safety_of, sweep_all
from bench.truths import make_truth
from kernels.registry import Claim
from reference.formats import FORMATS
from tests.making import make_kernel
from tests.sweeping import (
    BLOCK,
    CHUNK,
    INFINITY,
    PIECE,
    PLACES,
    ROOT,
    SIGN_BIT,
    block_of,
    encoded,
    inputs,
    make_small,
    pattern,
    silu,
    silu_in_float64,
    spoiling,
    swept,
    swept_alone,
    wrong_silu,
)

SINGLE = FORMATS["float32"]


@pytest.fixture
def blocks(monkeypatch) -> list[int]:
    return make_small(monkeypatch, PLACES)


# What it finds.


@pytest.mark.parametrize("function", [silu, silu_in_float64, wrong_silu])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_it_finds_what_the_plain_path_finds(function, direction, blocks):
    """The whole of it, as results.json has it; backward too, though none of these is right there."""
    kernel = make_kernel(lambda *arrays: function(arrays[-1]), "silu", direction)
    x = np.concatenate([inputs(b, BLOCK) for b in blocks])
    activation = reference.activations()["silu"]
    given = Inputs(x, np.array([], np.intp), exhaustive=True)
    # The plain path calls the kernel on all inputs at once.
    in_chunks = lambda *a: np.concatenate([function(a[-1][i : i + CHUNK]) for i in range(0, len(x), CHUNK)])  # noqa: E731
    truth = make_truth(activation, direction, SINGLE, activation.defaults, given)
    plain, safety = measure(make_kernel(in_chunks, "silu", direction), truth)
    (done,) = swept(kernel).values()
    found, found_safety = found_of(done, plain)
    for name in ("evaluated", "misrounded", "outside_conditioning", "decided_by_mpmath", "histogram", "fingerprint"):
        assert getattr(found, name) == getattr(plain, name), name
    for name in ("worst_input", "worst_got", "worst_exact", "coverage", "max_ulp_normal", "mean_ulp_normal"):
        assert getattr(found, name) == getattr(plain, name), name
    assert found.max_ulp == pytest.approx(plain.max_ulp, rel=2.0**-44, abs=2.0**-24)
    assert found.mean_ulp == pytest.approx(plain.mean_ulp, rel=1e-9)
    assert abs(int(found.max_distance)) == abs(int(plain.max_distance))
    regions = {(r.lo, r.hi): r.max_ulp for r in plain.regions if r.evaluated}
    assert {(r.lo, r.hi): r.max_ulp for r in found.regions} == pytest.approx(regions, rel=2.0**-44)
    assert found_safety.by_kind == safety.by_kind
    assert found_safety.mismatches == safety.mismatches


@pytest.mark.parametrize("function", [silu, lambda x: (x.view(np.uint32) ^ np.uint32(2)).view(np.float32)])
def test_the_fingerprint_is_that_of_the_outputs(function, blocks):
    """Where inputs are NaN, so are outputs, with payloads: the canonical NaN counts for all."""
    assert np.isnan(function(inputs(INFINITY + 1, 1)))
    got = np.concatenate([function(inputs(b, BLOCK)) for b in blocks])
    assert swept_alone(function).fingerprint == fingerprint(got, SINGLE)
    assert swept_alone(lambda x: np.where(x == 1e-42, x + x, function(x))).fingerprint != fingerprint(got, SINGLE)


def test_blocks_of_full_size_have_the_fingerprint_of_the_outputs(monkeypatch):
    assert (sweep.BLOCK, sweep.BLOCKS[0], sweep.BLOCKS[-1]) == (1 << 24, 0, 0xFF00_0000)
    assert len(sweep.BLOCKS) * sweep.BLOCK == 1 << 32
    monkeypatch.setattr(sweep, "BLOCKS", [0x7F00_0000])
    done = swept_alone(np.abs, "relu")
    assert done.fingerprint == fingerprint(np.abs(inputs(0x7F00_0000, 1 << 24)), SINGLE)
    assert (done.tally.evaluated, done.tally.misrounded, sum(done.tally.by_kind)) == (1 << 24, 0, 0)


@pytest.mark.usefixtures("blocks")
def test_the_number_of_threads_changes_nothing(monkeypatch):
    found = set()
    for threads in (1, 2, 5):
        monkeypatch.setattr(sweep, "cores", lambda threads=threads: threads)
        found.add(encoded(swept_alone(wrong_silu)))
    assert len(found) == 1


def test_threads_that_ask_mpmath_do_not_disturb_one_another(monkeypatch):
    """Its precision is one for the whole process. 0.3·x is beside a tie at many subnormals."""
    make_small(monkeypatch, [SIGN_BIT, SIGN_BIT + BLOCK])
    kernel = replace(make_kernel(wrong_silu, "elu"), parameters={"alpha": 0.3})
    found, before = set(), mp.prec
    interval = sys.getswitchinterval()
    for threads in (1, 4, 4):
        monkeypatch.setattr(sweep, "cores", lambda threads=threads: threads)
        try:
            sys.setswitchinterval(1e-5)
            found |= {encoded(done) for done in swept(kernel).values()}
        finally:
            sys.setswitchinterval(interval)
    assert len(found) == 1
    assert mp.prec == before


def test_a_mean_and_a_maximum_of_nothing_but_nan_are_none(blocks):
    done = swept_alone(lambda x: x * np.float32(np.nan))
    found, safety = accuracy_of(done, a_sample()), safety_of(done)
    assert (found.max_ulp, found.mean_ulp, found.worst_input, found.worst_exact) == (None, None, None, None)
    assert all(r.max_ulp is None for r in found.regions)
    assert safety.by_kind["nan"] == 4 * BLOCK + 1  # all but the NaNs
    assert found.outside_conditioning == found.misrounded == 4 * BLOCK


def a_sample(**options):
    """The accuracy of a sampled run."""
    activation = reference.activations()["silu"]
    x = Inputs(np.float32([1, 2]), np.array([0]), exhaustive=False)
    found, _ = measure(make_kernel(silu, "silu"), make_truth(activation, "forward", SINGLE, {"beta": 1.0}, x))
    return msgspec.structs.replace(found, **options)


@pytest.mark.usefixtures("blocks")
def test_examples_are_told_as_numbers():
    done = swept_alone(lambda x: np.where(np.isnan(x), x, -silu(x)))
    safety = safety_of(done)
    assert {e.kind for e in safety.examples} == {kind for kind, count in safety.by_kind.items() if count} == {"sign"}
    for example in safety.examples:
        x = np.float32(float.fromhex(example.input))
        assert float.fromhex(example.got) == -silu(x)
        assert float(example.want) == pytest.approx(float(silu(x)), rel=1e-6)


# Steps.


def stepping(at: int, size: float = 0.01):
    """Right but for a step of the results against f between two inputs, the second of which is given."""

    def kernel(x):
        beyond = (x.view(np.uint32) >= at) & (x.view(np.uint32) < at + 3 * BLOCK)
        return (silu_in_float64(x) - beyond * np.float32(size)).astype(np.float32)

    return kernel


@pytest.mark.parametrize("at", [BLOCK, BLOCK + CHUNK, BLOCK + PIECE, BLOCK + 5, 2 * BLOCK - 1], ids=str)
def test_a_step_between_blocks_chunks_and_pieces_is_counted_once(monkeypatch, at):
    first = block_of(1.0)
    make_small(monkeypatch, [first, first + BLOCK, first + 2 * BLOCK])
    at += first
    done = swept_alone(stepping(at))
    before, after = stepping(at)(inputs(at - 1, 2))
    assert done.tally.steps == 1
    assert done.tally.step == ((at - 1, pattern(before)), (at, pattern(after)))
    found = properties_of(done).get("monotone")
    assert (found.verdict, found.count) == ("violated", 1)
    size = pattern(before) - pattern(after)
    assert found.largest == f"{size:,} representable numbers"
    x, got, beyond, there = map(hexadecimal, (inputs(at - 1, 1)[0], before, inputs(at, 1)[0], after))
    assert found.counter_example == f"{got} at {x}, but {there} at {beyond}"


def test_of_two_steps_the_first_of_the_largest_is_told(monkeypatch):
    first = block_of(1.0)
    make_small(monkeypatch, [first, first + BLOCK])
    ends = np.float32([4, 3, 4, 3])  # down by the same at a block's end, and within the next
    places = [0, first + BLOCK, first + BLOCK + 9, first + BLOCK + 12]

    def kernel(x):
        return ends[np.searchsorted(places, x.view(np.uint32).astype(np.int64), side="right") - 1]

    done = swept_alone(kernel)
    assert (done.tally.steps, done.tally.step[1][0]) == (2, first + BLOCK)


@pytest.mark.usefixtures("blocks")
def test_where_f_turns_no_step_counts():
    """Across the root silu falls and rises; from -0 to 0 blocks do not follow each other."""
    done = swept_alone(silu_in_float64)
    found = properties_of(done).get("monotone")
    assert (found.verdict, found.count, found.counter_example, found.largest) == ("holds", 0, None, None)
    assert found.checked == 2 * INFINITY - 1  # all neighbours, infinities too, but those on both sides of the root
    assert swept_alone(lambda x: -silu_in_float64(x)).tally.steps > BLOCK / 2


def test_of_a_gradient_it_is_not_known(blocks):
    assert properties_of(swept_alone(lambda dy, x: x, direction="backward")).get("monotone") is None


# Kernels that break the contract.


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("first", [2 * CHUNK, ROOT])
@pytest.mark.parametrize("kind", ["raised", "wrote_input", "wrong_shape", "left_output"])
def test_a_kernel_that_breaks_the_contract_is_out_and_costs_no_other(kind, first):
    bad = spoiling(kind, first)
    before, after = (make_kernel(wrong_silu, "silu", variant=v) for v in ("stable", "fast"))
    counted = []
    found = swept(before, bad, after, progress=lambda count, _: counted.append(count))
    assert found[bad.id].error.failure.kind == kind
    assert found[bad.id].fingerprint is None
    alone = encoded(swept_alone(wrong_silu))
    for kernel in (before, after):
        assert found[kernel.id].error is None
        assert encoded(found[kernel.id]) == alone
    assert sum(counted) == BLOCK * len(sweep.BLOCKS)
    with pytest.raises(KernelError, match=kind):
        found_of(found[bad.id], a_sample())


@pytest.mark.usefixtures("blocks")
def test_a_kernel_may_return_the_same_array_each_time():
    kept = np.empty(CHUNK, np.float32)

    def kernel(x):
        kept[:] = wrong_silu(x)
        return kept

    assert encoded(swept_alone(kernel)) == encoded(swept_alone(wrong_silu))


@pytest.mark.usefixtures("blocks")
def test_a_kernel_may_return_its_input_and_another_write_to_it():
    same = make_kernel(lambda x: x, "relu")
    writing = make_kernel(lambda x: np.negative(x, out=x), "relu", variant="textbook")
    found = swept(same, writing)
    assert encoded(found[same.id]) == encoded(swept_alone(np.positive, "relu"))
    assert found[writing.id].error.failure.kind == "wrote_input"


# All functions of a run.


@pytest.mark.usefixtures("blocks")
def test_kernels_of_one_function_share_one_pass_of_the_oracle(monkeypatch, capsys):
    known = []
    whole = sweep_chunk.knower

    def counting(activation, direction):
        function = whole(activation, direction)

        def know(*columns):
            known.append((activation.name, columns[3].size))
            return function(*columns)

        return know

    monkeypatch.setattr(sweep_chunk, "knower", counting)
    three = [make_kernel(wrong_silu, "silu", variant=v) for v in ("textbook", "stable", "fast")]
    other = make_kernel(np.tanh, "tanh")
    found = sweep_all([three[0], other, *three[1:]], None)
    assert set(found) == {k.id for k in (*three, other)}
    together = sum(size for name, size in known if name == "silu")
    assert len({encoded(found[k.id]) for k in three}) == 1
    assert encoded(found[other.id]) == encoded(swept_alone(np.tanh, "tanh"))
    known.clear()
    sweep_all(three[:1], None)
    assert sum(size for _, size in known) == together > 3 * BLOCK
    shown = capsys.readouterr()
    assert "all float32 inputs" in shown.err
    assert "silu forward, 3 kernels" in shown.err
    assert "silu forward, 1 kernel]" in shown.err
    assert shown.out == ""


@pytest.mark.usefixtures("blocks")
def test_other_parameters_are_another_function():
    one = make_kernel(silu, "silu")
    other = replace(make_kernel(lambda x: silu(2 * x) / 2, "silu", variant="textbook"), parameters={"beta": 2.0})
    found = sweep_all([one, other], None)
    assert found[one.id].tally.max_ulp < 3
    assert found[other.id].tally.max_ulp < 3
    assert found[one.id].target.parameters != found[other.id].target.parameters


def test_without_a_kernel_that_can_be_swept_nothing_is_shown(capsys):
    assert sweep_all([make_kernel(silu, "silu", dtype="float64")], None) == {}
    assert capsys.readouterr().err == ""


def test_what_can_be_swept(monkeypatch):
    assert can_sweep(make_kernel(silu, "silu"))
    assert can_sweep(make_kernel(silu, "silu", "backward", claim=Claim(2.0)))
    assert not can_sweep(make_kernel(silu, "silu", "backward", claim=Claim(2.0, outside_roots=0.1)))
    for dtype in ("float16", "bfloat16", "float64"):
        assert not can_sweep(make_kernel(silu, "silu", dtype=dtype))
    assert not can_sweep(make_kernel(silu, "prelu", "backward_alpha"))
    leaky = make_kernel(silu, "leaky_relu")
    for slope, possible in [(0.0, True), (-0.5, True), (1e-300, False), (5e-324, False), (-1e300, False)]:
        assert can_sweep(replace(leaky, parameters={"negative_slope": slope})) == possible
    assert not can_sweep(replace(make_kernel(silu, "silu"), parameters={"beta": 1e30}))
    own = replace(reference.activations()["silu"], name="own", fast_forward=None, fast_derivative=None)
    monkeypatch.setattr(reference, "_added", {"own": own})
    assert not can_sweep(make_kernel(silu, "own"))


def test_why_a_kernel_of_float32_is_not_swept_is_said(monkeypatch):
    own = replace(reference.activations()["silu"], name="own", fast_forward=None, fast_derivative=None)
    monkeypatch.setattr(reference, "_added", {"own": own})
    extreme = replace(make_kernel(silu, "silu", variant="extreme"), parameters={"beta": 1e30})
    near_roots = make_kernel(silu, "silu", "backward", claim=Claim(2.0, outside_roots=0.1))
    others = [make_kernel(silu, "own", dtype="float64"), make_kernel(silu, "prelu", "backward_alpha")]
    found = obstacles([make_kernel(silu, "own"), extreme, make_kernel(silu, "silu"), near_roots, *others])
    assert [kernel.id for kernel, _ in found] == [make_kernel(silu, "own").id, extreme.id, near_roots.id]
    assert [word in why for word, (_, why) in zip(("own", "parameters", "roots"), found, strict=True)] == [True] * 3


@pytest.mark.usefixtures("blocks")
def test_it_takes_the_place_of_the_sample():
    kernel = make_kernel(wrong_silu, "silu")
    (done,) = swept(kernel).values()
    found, safety = found_of(done, a_sample(max_ulp_normal=0.75, mean_ulp_normal=0.3, max_ulp_outside_roots=None))
    assert (found.coverage, found.evaluated) == ("exhaustive", BLOCK * len(sweep.BLOCKS))
    assert (found.max_ulp_normal, found.mean_ulp_normal) == (0.75, 0.3)
    assert safety == safety_of(done)
    assert safety.mismatches > 0
    assert properties_of(done)["monotone"].verdict == "violated"
