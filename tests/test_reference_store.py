# SPDX-License-Identifier: MIT
"""The store of exact results: what is read is what was written, and what is damaged is not read at all."""

from concurrent.futures import ThreadPoolExecutor

import gmpy2
import mpmath
import numpy as np
import pytest

import reference
from reference import store as store_module
from reference.formats import FORMATS
from reference.oracle import exact
from reference.store import Store

SINGLE = FORMATS["float32"]
X = np.array([1.0, -0.0, np.nan, -np.inf, -90.0], np.float32)
PARAMETERS = {"beta": 1.0}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "oracle")


@pytest.fixture
def entry(store):
    """A path with an entry of silu at X."""
    path = store.path("silu", "forward", SINGLE, PARAMETERS, X, None)
    store.save(path, answer(SINGLE), SINGLE)
    return path


def answer(form):
    return exact(reference.own()["silu"], "forward", form, X.astype(form.dtype), PARAMETERS)


def same(a, b) -> bool:
    return all(getattr(a, n).tobytes() == c.tobytes() and getattr(a, n).dtype == c.dtype for n, c in vars(b).items())


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda f: f.name)
def test_round_trip_bit_by_bit(store, form):
    path = store.path("silu", "forward", form, PARAMETERS, X.astype(form.dtype), None)
    assert store.load(path, form) is None
    store.save(path, answer(form), form)
    assert same(store.load(path, form), answer(form))
    assert [p.name for p in store.folder.iterdir()] == [path.name]


def test_every_truncated_entry_is_refused(store, entry):
    whole = entry.read_bytes()
    for length in range(0, len(whole), 13):
        entry.write_bytes(whole[:length])
        assert store.load(entry, SINGLE) is None, length


def test_every_damaged_entry_is_refused(store, entry):
    whole = entry.read_bytes()
    for at in range(0, len(whole), 13):
        for flip in (0xFF, 0x01):
            entry.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
            assert store.load(entry, SINGLE) is None, (at, flip)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"no archive at all", b"\x80\x04N."])
def test_something_else_is_refused(store, entry, content):
    entry.write_bytes(content)
    assert store.load(entry, SINGLE) is None


def test_the_name_depends_on_everything_that_the_answer_does(store, monkeypatch):
    other = X.copy()
    other[1] = 0.0  # but for the sign of a zero the same
    half = FORMATS["float16"]
    asked = [
        ("silu", "forward", SINGLE, PARAMETERS, X, None),
        ("mish", "forward", SINGLE, PARAMETERS, X, None),
        ("silu", "backward", SINGLE, PARAMETERS, X, None),
        ("silu", "backward", SINGLE, PARAMETERS, X, X),
        ("silu", "backward", SINGLE, PARAMETERS, X, other),
        ("silu", "forward", half, PARAMETERS, X.astype(half.dtype), None),
        ("silu", "forward", SINGLE, {"beta": 1.0000000000000002}, X, None),
        ("silu", "forward", SINGLE, {"alpha": 1.0}, X, None),
        ("silu", "forward", SINGLE, PARAMETERS, other, None),
        ("silu", "forward", SINGLE, PARAMETERS, X[:-1], None),
    ]
    names = [store.path(*question).name for question in asked]
    assert len(set(names)) == len(names)
    assert names[0].startswith("silu-forward-float32-")
    assert store.path(*asked[0]).name == names[0]
    monkeypatch.setattr(store_module, "sources_digest", lambda: "of other sources")
    assert store.path(*asked[0]).name != names[0]


def test_the_name_depends_on_the_libraries(monkeypatch):
    def digest():
        return store_module.sources_digest.__wrapped__()  # not the one that is kept

    before = digest()
    assert digest() == before
    monkeypatch.setattr(mpmath, "__version__", "0.1")
    other_mpmath = digest()
    monkeypatch.setattr(gmpy2, "version", lambda: "0.1")
    assert len({before, other_mpmath, digest()}) == 3


def test_many_may_write_the_same_entry_at_once(store, entry):
    right = answer(SINGLE)

    def write_and_read(_: int) -> bool:
        store.save(entry, right, SINGLE)
        return same(store.load(entry, SINGLE), right)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(64)))
    assert list(store.folder.iterdir()) == [entry]


def test_what_is_cut_off_while_writing_does_no_harm(store, entry, monkeypatch):
    def fails(path, content):
        with path.open("wb") as file:
            file.write(content[:100])
        raise OSError("no space left on device")

    monkeypatch.setattr(type(entry), "write_bytes", fails)
    with pytest.raises(OSError, match="no space"):
        store.save(entry, answer(SINGLE), SINGLE)
    assert same(store.load(entry, SINGLE), answer(SINGLE))
    assert list(store.folder.iterdir()) == [entry]
