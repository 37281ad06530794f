# SPDX-License-Identifier: MIT
"""What mpmath computed is computed once, is what it computes, and is not believed where anything has changed."""

import importlib.util
import os
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from mpmath import exp, mpf

import reference
from reference import kept, oracle
from reference.activation import Activation, Facts
from reference.fast import answer
from reference.formats import FORMATS
from reference.oracle import Exact

SINGLE = FORMATS["float32"]
X = np.float32([0.0, -0.0, 1.5, np.nan, -np.inf, np.inf, 1e-45, -3e38, 1.5, 0.1])


RISING = (0, mpf("inf"))


def make(forward, derivative=exp, name="mine", limits=RISING) -> Activation:
    return Activation(
        name=name,
        title=name,
        formula="",
        derivative_formula="",
        sources=(),
        forward=forward,
        derivative=derivative,
        facts=lambda **_: Facts(limits, RISING),
    )


def plain(x, **_):
    return exp(x) * x


MINE = make(plain, plain)


@pytest.fixture
def computed(tmp_path, monkeypatch):
    """The inputs that mpmath is asked for; the cache is a folder of its own."""
    asked = []
    monkeypatch.setenv("HALFULP_CACHE_DIR", str(tmp_path))
    exact = oracle.exact
    monkeypatch.setattr(oracle, "exact", lambda *a: asked.extend(a[3].tolist()) or exact(*a))
    monkeypatch.setattr(kept, "SAMPLE", 3)
    forget()
    yield asked
    forget()


def forget():
    """As another process would begin."""
    kept._store.cache_clear()


def assert_same(ours: Exact, theirs: Exact):
    for field in fields(Exact):
        a, b = getattr(ours, field.name), getattr(theirs, field.name)
        assert a.dtype == b.dtype, field.name
        assert a.tobytes() == b.tobytes(), field.name


def files(tmp_path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "exact").iterdir())


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda f: f.name)
@pytest.mark.parametrize("case", ["forward", "backward", "dy"])
def test_results_are_those_of_mpmath_the_first_time_and_the_next(computed, form, case):
    with np.errstate(all="ignore"):
        x = X.astype(form.dtype)
    direction, dy = ("forward", None) if case == "forward" else ("backward", None)
    if case == "dy":
        dy = np.linspace(-3, 3, len(x)).astype(form.dtype)
    expected = oracle.exact(MINE, direction, form, x, {}, dy)
    for _ in range(3):
        assert_same(kept.exact(MINE, direction, form, x, {}, dy), expected)
        assert_same(kept.exact(MINE, direction, form, x[::-2], {}, None if dy is None else dy[::-2]), expected[::-2])
        forget()


def test_each_input_is_computed_once_and_the_next_process_computes_a_sample(computed, tmp_path):
    kept.exact(MINE, "forward", SINGLE, X, {})
    assert len(computed) == len(X) - 1  # 1.5 is there twice; 0 and -0 are two
    kept.exact(MINE, "forward", SINGLE, X[:4], {})
    assert len(computed) == len(X) - 1
    forget()
    computed.clear()
    kept.exact(MINE, "forward", SINGLE, np.append(X, np.float32(7)), {})
    assert len(computed) == 3 + 1
    assert files(tmp_path) == [files(tmp_path)[0]]
    assert files(tmp_path)[0].startswith("mine-forward-float32-")


def test_functions_formats_parameters_and_dy_are_kept_apart(computed, tmp_path):
    ones = np.ones_like(X)
    asked = [
        (MINE, "forward", SINGLE, X, {}),
        (MINE, "backward", SINGLE, X, {}),
        (MINE, "backward", SINGLE, X, {}, ones),
        (MINE, "forward", SINGLE, X, {"beta": 2.0}),
        (MINE, "forward", FORMATS["float64"], X.astype(np.float64), {}),
        (replace(MINE, name="other"), "forward", SINGLE, X, {}),
        (make(lambda x: plain(x), plain), "forward", SINGLE, X, {}),
        (make(plain, plain, limits=(0, 1)), "forward", SINGLE, X, {}),
    ]
    for one in asked:
        kept.exact(*one)
    assert len(files(tmp_path)) == len(asked)


SOURCE = """
from mpmath import exp
from helper_of_a_user import FACTOR
def forward(x):
    return FACTOR * exp(x)
"""


def loaded(tmp_path, monkeypatch, source: str, helper: str) -> Activation:
    """An activation from a file and a module beside it, as a process has it that begins."""
    forget()
    found = []
    for name, text in (("helper_of_a_user", helper), ("a_users_own", source)):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        specification = importlib.util.spec_from_file_location(name, path)
        found.append(importlib.util.module_from_spec(specification))
        monkeypatch.setitem(sys.modules, name, found[-1])
        exec(compile(text, str(path), "exec"), found[-1].__dict__)
    return make(found[-1].forward, found[-1].forward)


@pytest.mark.parametrize("changed", ["source", "helper", "mpmath", "reference"])
def test_whatever_changes_nothing_old_is_used(computed, tmp_path, monkeypatch, changed):
    kept.exact(loaded(tmp_path, monkeypatch, SOURCE, "FACTOR = 2\n"), "forward", SINGLE, X, {})
    again = loaded(tmp_path, monkeypatch, SOURCE, "FACTOR = 2\n")
    computed.clear()
    kept.exact(again, "forward", SINGLE, X, {})
    assert len(computed) == 3  # the sample: nothing has changed
    if changed == "mpmath":
        monkeypatch.setattr(kept.mpmath, "__version__", "9.9")
    if changed == "reference":
        monkeypatch.setattr(kept, "sources_digest", lambda folder: "another")
    source = SOURCE.replace("exp(x)", "exp(x) * 1") if changed == "source" else SOURCE
    other = loaded(tmp_path, monkeypatch, source, "FACTOR = 3\n" if changed == "helper" else "FACTOR = 2\n")
    computed.clear()
    kept.exact(other, "forward", SINGLE, X, {})
    assert len(computed) == len(X) - 1
    assert len(files(tmp_path)) == 2


def test_a_function_that_depends_on_more_than_its_source_is_found_out(computed):
    factor = [2]

    def forward(x):
        return factor[0] * exp(x)

    kept.exact(make(forward, forward), "forward", SINGLE, X, {})
    forget()
    factor[0] = 3
    mine = make(forward, forward)
    assert_same(kept.exact(mine, "forward", SINGLE, X, {}), oracle.exact(mine, "forward", SINGLE, X, {}))
    forget()
    computed.clear()
    kept.exact(mine, "forward", SINGLE, X, {})
    assert len(computed) == 3  # and what was computed then took its place


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:20] + b"?" + data[21:],
        lambda data: data[:100] + b"?" + data[101:],
        lambda data: b"\0" * len(data),
        lambda data: b"\xff" * len(data),
    ],
)
def test_a_damaged_file_is_not_believed_and_made_anew(computed, tmp_path, damage):
    expected = kept.exact(MINE, "forward", SINGLE, X, {})
    path = tmp_path / "exact" / files(tmp_path)[0]
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    forget()
    computed.clear()
    assert_same(kept.exact(MINE, "forward", SINGLE, X, {}), expected)
    assert len(computed) == len(X) - 1
    assert path.read_bytes() == whole


def test_blocks_before_one_that_is_cut_are_believed_and_more_come_behind(computed, tmp_path):
    first, second = X[:5], X[5:]
    kept.exact(MINE, "forward", SINGLE, first, {})
    path = tmp_path / "exact" / files(tmp_path)[0]
    sound = path.stat().st_size
    kept.exact(MINE, "forward", SINGLE, second, {})
    whole = path.read_bytes()
    for cut in (sound - 1, sound, sound + 1, sound + 7, len(whole) - 1, len(whole)):
        path.write_bytes(whole[:cut])
        forget()
        computed.clear()
        assert_same(kept.exact(MINE, "forward", SINGLE, X, {}), oracle.exact(MINE, "forward", SINGLE, X, {}))
        there = 0 if cut < sound else len(X) - 1 if cut == len(whole) else len(first)
        assert len(computed) == (3 if there else 0) + len(X) - 1 - there + len(X)
        forget()
        computed.clear()
        kept.exact(MINE, "forward", SINGLE, X, {})
        assert len(computed) == 3


def test_what_two_processes_have_written_is_read_as_one(computed, tmp_path):
    kept.exact(MINE, "forward", SINGLE, X, {})
    path = tmp_path / "exact" / files(tmp_path)[0]
    path.write_bytes(path.read_bytes() * 2)
    forget()
    computed.clear()
    assert_same(kept.exact(MINE, "forward", SINGLE, X, {}), oracle.exact(MINE, "forward", SINGLE, X, {}))
    assert len(computed) == 3 + len(X)


def test_many_small_questions_write_no_more_than_one_large(computed, tmp_path):
    x = np.arange(300, dtype=np.float32)
    for one in x:
        kept.exact(MINE, "forward", SINGLE, np.array([one]), {})
    assert_same(kept.exact(MINE, "forward", SINGLE, x, {}), oracle.exact(MINE, "forward", SINGLE, x, {}))
    path = tmp_path / "exact" / files(tmp_path)[0]
    assert path.stat().st_size < 300 * 80


def test_what_was_computed_before_an_interruption_is_there(computed, monkeypatch):
    monkeypatch.setattr(kept, "AT_ONCE", 4)

    def interrupted(x):
        if x == mpf(float(X[7])):
            raise KeyboardInterrupt
        return exp(x)

    mine = make(interrupted, interrupted)
    with pytest.raises(KeyboardInterrupt):
        kept.exact(mine, "forward", SINGLE, X, {})
    forget()
    computed.clear()
    kept.exact(mine, "forward", SINGLE, X[:3], {})
    assert len(computed) == 3


def test_a_function_whose_source_is_in_no_file_is_kept_in_memory_alone(computed, tmp_path):
    for forward in (eval("lambda x: x * x"), np.positive):
        mine = make(forward, plain)
        computed.clear()
        for _ in range(2):
            kept.exact(mine, "forward", SINGLE, X[2:3], {})
        assert len(computed) == 1
    assert not (tmp_path / "exact").exists()


def test_where_nothing_can_be_written_it_works_all_the_same(computed, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HALFULP_CACHE_DIR", str(tmp_path / "file"))
    assert_same(kept.exact(MINE, "forward", SINGLE, X, {}), oracle.exact(MINE, "forward", SINGLE, X, {}))


def test_what_nobody_used_for_long_is_removed(computed, tmp_path):
    kept.exact(MINE, "forward", SINGLE, X, {})
    (old,) = files(tmp_path)
    os.utime(tmp_path / "exact" / old, (1e9, 1e9))
    forget()
    kept.exact(MINE, "backward", SINGLE, X, {})
    assert old not in files(tmp_path)
    assert len(files(tmp_path)) == 1


def test_the_fast_oracle_asks_it_where_it_has_no_answer(computed):
    for _ in range(2):
        found, by_mpmath = answer(MINE, "forward", SINGLE, X, {})
        assert by_mpmath == len(X)
    assert len(computed) == len(X) - 1
    assert_same(found, oracle.exact(MINE, "forward", SINGLE, X, {}))
    computed.clear()
    silu = reference.activations()["silu"]
    answer(silu, "forward", SINGLE, np.float32([1.5]), {"beta": 1e300})
    assert computed == [1.5]
