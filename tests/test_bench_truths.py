# SPDX-License-Identifier: MIT
"""Exact results are computed once, kept, and found again; what is damaged or missing is computed anew."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import pytest

import reference
from bench import truths
from bench.conditioning import neighbours
from bench.inputs import Inputs, make_inputs
from bench.truths import Oracle, Question
from reference.formats import FORMATS
from reference.oracle import Exact
from reference.store import Store
from tests.making import make_kernel

FORWARD = make_kernel(lambda x: x)
BACKWARD = make_kernel(lambda dy, x: x, "leaky_relu", "backward")


@pytest.fixture
def oracle(tmp_path, monkeypatch) -> Oracle:
    """An oracle with an empty store, and few inputs."""

    def few(activation, form, depth, seed):
        whole = make_inputs(activation, form, depth, seed)
        return Inputs(whole.values[::97], np.arange(3), exhaustive=False)

    monkeypatch.setattr(truths, "make_inputs", few)
    return Oracle(Store(tmp_path))


def stored(oracle: Oracle) -> list[str]:
    return sorted(p.name for p in oracle.store.folder.iterdir())


def same(a: Exact, b: Exact) -> bool:
    return all(np.array_equal(*(getattr(e, f.name).view(np.uint8) for e in (a, b))) for f in fields(Exact))


def test_an_answer_is_kept_and_found_again(oracle, monkeypatch):
    first = oracle.truth(FORWARD, "quick", 0)
    assert len(stored(oracle)) == 1
    monkeypatch.setattr(Question, "answer", lambda self: pytest.fail("computed again"))
    again = oracle.truth(FORWARD, "quick", 0)
    assert same(first.exact, again.exact)
    np.testing.assert_array_equal(first.exact.nearest, np.maximum(first.inputs.values, 0))


def test_another_seed_depth_or_parameter_is_another_question(oracle):
    paths = {q.path(oracle.store) for k in (FORWARD, BACKWARD) for q in oracle.missing([k], "quick", 0)}
    paths |= {q.path(oracle.store) for q in oracle.missing([FORWARD, BACKWARD], "quick", 1)}
    paths |= {q.path(oracle.store) for q in oracle.missing([FORWARD, BACKWARD], "standard", 0)}
    assert len(paths) == 9
    steeper = make_kernel(BACKWARD.function, "leaky_relu", "backward")
    steeper.parameters["negative_slope"] = 0.5
    assert not paths & {q.path(oracle.store) for q in oracle.missing([steeper], "quick", 0)}


def test_kernels_of_one_function_share_a_question(oracle):
    textbook = make_kernel(lambda x: x, variant="textbook")
    assert len(oracle.missing([FORWARD, textbook], "quick", 0)) == 1
    oracle.truth(textbook, "quick", 0)
    assert oracle.missing([FORWARD, textbook], "quick", 0) == []


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and no more", b"nonsense"])
def test_a_damaged_entry_is_computed_anew(oracle, damage):
    first = oracle.truth(FORWARD, "quick", 0)
    (entry,) = oracle.store.folder.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(damage or whole[: len(whole) // 2])
    assert same(oracle.truth(FORWARD, "quick", 0).exact, first.exact)
    assert len(entry.read_bytes()) == len(whole)


def test_a_folder_that_can_not_be_written_costs_nothing_but_time(oracle, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    found = Oracle(Store(blocked / "oracle")).truth(FORWARD, "quick", 0)
    assert same(found.exact, oracle.truth(FORWARD, "quick", 0).exact)


def test_preparing_in_chunks_gives_the_same_as_answering(oracle, monkeypatch):
    monkeypatch.setattr(truths, "CHUNK", 10)
    questions = oracle.missing([FORWARD, BACKWARD], "quick", 0)
    assert [q.dy is None for q in questions] == [True, True, False]
    done = []
    with ThreadPoolExecutor(1) as pool:
        oracle.prepare(questions, pool, lambda: done.append(1))
    assert len(done) == sum(len(q.chunks()) for q in questions) > 3
    assert oracle.missing([FORWARD, BACKWARD], "quick", 0) == []
    for question in questions:
        kept = oracle.store.load(question.path(oracle.store), question.form)
        assert same(kept, question.answer())


def test_a_sum_asks_nothing(oracle):
    assert oracle.missing([make_kernel(lambda dy, x: x, "prelu", "backward_alpha")], "quick", 0) == []


def test_forward_has_no_pairs_and_backward_has_pairs_and_kinks(oracle, monkeypatch):
    assert oracle.truth(FORWARD, "quick", 0).pairs is None
    monkeypatch.setattr(truths, "make_inputs", lambda *_: Inputs(np.float32([0.0, 1.0, -0.0]), np.arange(3), False))
    found = oracle.truth(BACKWARD, "quick", 0)
    assert found.kinks.tolist() == [0, 2]
    np.testing.assert_array_equal(found.right.nearest, np.float32([1, 1]))
    np.testing.assert_array_equal(found.exact.nearest[found.kinks], np.float32([0.01, 0.01]))
    dy, x = found.pairs
    want = np.where(x > 0, dy, np.float64(0.01) * dy).astype(np.float32)
    np.testing.assert_allclose(found.pairs_exact.nearest, want, rtol=1e-6, atol=1e-44)


def test_an_activation_of_a_user_is_never_kept(oracle, monkeypatch):
    added = reference.activations()["relu"]
    monkeypatch.setattr(reference, "own", dict)
    monkeypatch.setattr(reference, "_added", {"relu": added})
    kernel = make_kernel(lambda x: x)
    oracle.truth(kernel, "quick", 0)
    assert oracle.missing([kernel], "quick", 0) == []
    assert stored(oracle) == []


def test_the_inputs_of_an_answer_are_those_of_the_kernel():
    question = Question("relu", "forward", FORMATS["float32"], (), np.float32([1, -1, 5]), None)
    assert [c.x.tolist() for c in question.chunks()] == [[1, -1, 5]]
    np.testing.assert_array_equal(question.answer().nearest, np.float32([1, 0, 5]))


def every_relu(question: Question) -> Exact:
    """The answers of ReLU, in no time."""
    x = question.x.astype(np.float64)
    y = np.maximum(x, 0) if question.direction == "forward" else np.where(np.isnan(x), x, x > 0)
    zero = np.zeros(len(x))
    fields_ = (np.sign(np.nan_to_num(y)).astype(np.int8), zero.astype(np.int32), y, zero, ~np.isfinite(x), y == 0)
    return Exact(y.astype(question.form.dtype), *fields_)


def whole(dtype: str, step: int) -> Callable[..., Inputs]:
    """Inputs of a dtype, every so many, in the place of `make_inputs`."""
    form = FORMATS[dtype]
    values = form.from_patterns(np.arange(0, 1 << form.bits, step))
    return lambda *_: Inputs(values, np.arange(3), exhaustive=step == 1)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_in_16_bits_neighbours_are_among_the_inputs(oracle, monkeypatch, direction):
    monkeypatch.setattr(truths, "make_inputs", whole("float16", 1))
    monkeypatch.setattr(Question, "answer", every_relu)
    kernel = make_kernel(lambda *a: a[-1], "relu", direction, "float16")
    found = oracle.truth(kernel, "quick", 0)
    assert len(stored(oracle)) == {"forward": 1, "backward": 2}[direction]
    values = found.inputs.values.astype(np.float64)
    if direction == "forward":
        inner = np.isfinite(values) & (np.abs(values) < 65504)
        sides = [np.maximum(side[inner], 0) for side in neighbours(found.inputs.values, FORMATS["float16"])]
        np.testing.assert_array_equal(found.reach.low[inner], sides[0])
        np.testing.assert_array_equal(found.reach.high[inner], sides[1])
    assert (np.isnan(found.reach.low) == ~np.isfinite(values)).all()


def test_beside_samples_are_asked_for_behind_one_switch(oracle, monkeypatch):
    kernel = make_kernel(lambda x: x, "leaky_relu")
    assert oracle.truth(kernel, "quick", 0).reach is None
    assert len(stored(oracle)) == 1
    monkeypatch.setattr(truths, "ASK_BESIDE_SAMPLES", True)
    (question,) = oracle.missing([kernel], "quick", 0)
    x = oracle.truth(kernel, "quick", 0).inputs.values
    assert 0 < len(question.x) <= 2 * len(x)
    assert not set(question.x.view(np.uint32)) & set(x.view(np.uint32))
    found = oracle.truth(kernel, "quick", 0)
    assert len(stored(oracle)) == 2
    finite = np.isfinite(x)
    slope = kernel.parameters["negative_slope"]
    for ends, side in zip((found.reach.low, found.reach.high), neighbours(x, FORMATS["float32"]), strict=True):
        wide = side[finite].astype(np.float64)
        expected = np.where(wide > 0, wide, slope * wide).astype(np.float32)
        np.testing.assert_array_equal(ends[finite], expected)
