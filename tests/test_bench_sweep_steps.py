# SPDX-License-Identifier: MIT
"""Steps between neighbours, inside a chunk and from one to the next."""

import numpy as np
import pytest
from mpmath import mpf

from bench import sweep_chunk
from bench.sweep_chunk import Stretch, Target, judge_chunk, note_steps
from bench.tally import Tally, number
from reference.formats import FORMATS
from tests.sweeping import CHUNK, INFINITY, SIGN_BIT, inputs, make_small, pattern, sprinkled, target_of, truth_of

SINGLE = FORMATS["float32"]


@pytest.fixture
def small(monkeypatch):
    make_small(monkeypatch)


@np.errstate(all="ignore")
def brute_steps(target: Target, x: np.ndarray, got: np.ndarray) -> list[tuple[int, float, float]]:
    """(size, x, next x) of the steps against f between neighbours on the line of floats."""
    order = np.argsort(SINGLE.ordinals(x), kind="stable")
    x, got = x[order], got[order]
    found = []
    with np.errstate(invalid="ignore"):
        for piece in target.activation.facts(**target.parameters).pieces:
            inside = [mpf(piece.lo) <= mpf(float(v)) <= mpf(piece.hi) for v in x]
            against = np.diff(got) * piece.slope < 0 if piece.slope else np.abs(np.diff(got)) > 0
            for i in np.flatnonzero(against & inside[:-1] & inside[1:]):
                size = abs(int(np.diff(SINGLE.ordinals(got[i : i + 2]))[0]))
                found.append((size, float(x[i]), float(x[i + 1])))
    return found


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("name", "parameters", "x"),
    [
        ("silu", {}, -1.2784645),
        ("silu", {}, 1.0),
        ("mish", {}, 0.0),
        ("mish", {}, -0.0),
        ("leaky_relu", {"negative_slope": -0.5}, -0.0),
        ("leaky_relu", {"negative_slope": -0.5}, 0.0),
        ("relu", {}, -5.0),
        ("tanh", {}, -3.4028235e38),
    ],
)
def test_steps_are_those_that_a_plain_search_finds(name, parameters, x):
    target = target_of(name, **parameters)
    first = pattern(x) // CHUNK * CHUNK
    values = inputs(first, CHUNK)
    got = sprinkled(truth_of(target, values).exact.nearest)
    expected = brute_steps(target, values, got)
    (found,) = judge_chunk(target, first, {"kernel": got}, {}).values()
    assert found.steps == len(expected) > 0
    assert found.largest_step == max(size for size, *_ in expected)
    (at, result), (beyond, there) = found.step
    ends = sorted(float.fromhex(number(p)) for p in (at, beyond))
    assert (found.largest_step, *ends) in [(size, *sorted(pair)) for size, *pair in expected]
    bits = got.view(np.uint32)
    assert (result, there) == (bits[at - first], bits[beyond - first])


@pytest.mark.usefixtures("small")
def test_a_step_between_pieces_and_between_chunks_is_counted_once():
    target = target_of("sigmoid")
    first = pattern(0.5) // CHUNK * CHUNK
    plain = np.linspace(0.6, 0.7, CHUNK, dtype=np.float32)
    edge = sweep_chunk.PIECE  # the first of the second piece
    dropped = plain.copy()
    dropped[edge:] -= np.float32(0.05)
    found = judge_chunk(target, first, {"kernel": dropped}, {})["kernel"]
    assert (found.steps, found.step[0][0], found.step[1][0]) == (1, first + edge - 1, first + edge)
    before = np.float32(0.65)
    found = judge_chunk(target, first, {"kernel": plain}, {"kernel": before})["kernel"]
    assert (found.steps, found.step) == (
        1,
        ((first - 1, pattern(before)), (first, pattern(plain[0]))),
    )
    assert found.largest_step == pattern(before) - pattern(plain[0])
    assert judge_chunk(target, first, {"kernel": plain}, {"other": before})["kernel"].steps == 0


def test_a_root_of_the_derivative_splits_the_line():
    positive, right, left = sorted(target_of("silu").stretches, key=lambda s: s.first)
    root = -1.27846454276107379510935873902298015543947749
    assert positive == Stretch(0, INFINITY, +1)
    assert (left.last, left.slope) == (pattern(-np.inf), +1)  # from the root outwards f rises
    assert (right.first, right.slope) == (SIGN_BIT, -1)
    assert right.last + 1 == left.first  # the step across the root is neither
    assert float(inputs(right.last, 1)[0]) > root > float(inputs(left.first, 1)[0])


def test_a_kink_at_0_and_infinite_ends_are_stretches_of_their_own():
    assert target_of("leaky_relu", negative_slope=-0.5).stretches == [
        Stretch(SIGN_BIT, SIGN_BIT | INFINITY, +1),
        Stretch(0, INFINITY, +1),
    ]
    assert sorted(target_of("relu").stretches, key=lambda s: s.first) == [
        Stretch(0, INFINITY, +1),
        Stretch(SIGN_BIT, SIGN_BIT | INFINITY, 0),
    ]
    assert target_of("silu", "backward").stretches == []


@pytest.mark.parametrize(("first", "beyond", "steps"), [(INFINITY, 1.0, 1), (INFINITY, np.inf, 0)])
def test_the_step_to_an_infinity_counts(first, beyond, steps):
    got = np.full(CHUNK, np.nan, np.float32)
    got[0] = beyond
    (found,) = judge_chunk(target_of("relu"), first, {"kernel": got}, {"kernel": np.float32(3e38)}).values()
    assert found.steps == steps


def test_across_a_root_no_step_counts():
    target = target_of("silu")
    (first,) = (s.first for s in target.stretches if s.first > SIGN_BIT)
    rising = np.float32([1, 2, 3, 4])
    counts = []
    for shift in range(-4, 2):  # the last step across, and then inside of what falls towards the root
        tally = Tally()
        note_steps(target, first + shift, rising, None, tally)
        counts.append(tally.steps)
    assert counts == [3, 2, 1, 0, 0, 0]
