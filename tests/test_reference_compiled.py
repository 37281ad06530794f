# SPDX-License-Identifier: MIT
"""Compiled code is kept under a name that changes with its sources, and nothing stale is ever used."""

import os
from pathlib import Path

import pytest
from numba import types

from reference import compiled
from reference.compiled import block, compile_loop, is_cached, sources_digest

SIGNATURE = types.float64(types.float64)


def part(x):
    raise NotImplementedError


def loop(x):
    return part(x) + 1.0


@block
def twice(x):
    return 2.0 * x


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HALFULP_CACHE_DIR", str(tmp_path))
    compiled._folder.cache_clear()
    yield tmp_path
    compiled._folder.cache_clear()


def test_a_loop_is_compiled_with_its_parts_and_found_again(cache):
    assert not is_cached(loop, "doubling")
    assert compile_loop(loop, "doubling", SIGNATURE, {"part": twice})(3.0) == 7.0
    assert is_cached(loop, "doubling")
    again = compile_loop(loop, "doubling", SIGNATURE, {"part": twice})
    assert again(3.0) == 7.0
    assert sum(again.stats.cache_hits.values()) == 1


def test_the_original_stays_as_it_is(cache):
    compile_loop(loop, "doubling", SIGNATURE, {"part": twice})
    with pytest.raises(NotImplementedError):
        loop(1.0)


def test_other_sources_are_another_digest(tmp_path, monkeypatch):
    own, other = tmp_path / "reference", tmp_path / "bench"
    own.mkdir(), other.mkdir()
    monkeypatch.setattr(compiled, "OWN", own)
    digests = []
    for text in ("", "LN2 = 0.69", "LN2 = 0.693"):
        (own / "constants.py").write_text(text)
        digests += [sources_digest(own), sources_digest(other)]
    (other / "new.py").write_text("")
    assert sources_digest(own) == digests[-2]  # what is not made of it is not made anew
    digests.append(sources_digest(other))
    assert len(set(digests)) == 4  # another folder without files adds nothing


def test_the_folder_is_named_by_the_sources(cache):
    compile_loop(loop, "doubling", SIGNATURE, {"part": twice})
    (folder,) = (cache / "oracle-code").iterdir()
    assert folder.name == sources_digest(Path(__file__).parent)[:16]


def test_folders_of_sources_long_gone_are_removed(cache):
    old, recent = cache / "oracle-code" / ("0" * 16), cache / "oracle-code" / ("1" * 16)
    old.mkdir(parents=True), recent.mkdir()
    os.utime(old, (1e9, 1e9))
    compile_loop(loop, "doubling", SIGNATURE, {"part": twice})
    assert not old.exists()
    assert recent.exists()


def test_where_nothing_can_be_written_it_works_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HALFULP_CACHE_DIR", str(tmp_path / "file"))
    compiled._folder.cache_clear()
    try:
        assert compile_loop(loop, "doubling", SIGNATURE, {"part": twice})(3.0) == 7.0
        assert not is_cached(loop, "doubling")
    finally:
        compiled._folder.cache_clear()


@pytest.mark.parametrize(
    ("given", "expected"), [("/elsewhere", Path("/elsewhere")), ("", compiled.OWN.parent / ".cache")]
)
def test_the_cache_is_where_the_environment_says(given, expected, monkeypatch):
    monkeypatch.setenv("HALFULP_CACHE_DIR", given)
    assert compiled.cache_root() == expected
