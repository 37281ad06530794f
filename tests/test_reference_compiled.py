# SPDX-License-Identifier: MIT
"""Compiled code is kept under a name that changes with its sources, and nothing stale is ever used."""

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
    compiled._cache_folder.cache_clear()
    yield tmp_path
    compiled._cache_folder.cache_clear()


def test_a_loop_is_compiled_with_its_parts_and_found_again(cache):
    assert not is_cached("doubling")
    assert compile_loop(loop, "doubling", SIGNATURE, {"part": twice})(3.0) == 7.0
    assert is_cached("doubling")
    again = compile_loop(loop, "doubling", SIGNATURE, {"part": twice})
    assert again(3.0) == 7.0
    assert sum(again.stats.cache_hits.values()) == 1


def test_the_original_stays_as_it_is(cache):
    compile_loop(loop, "doubling", SIGNATURE, {"part": twice})
    with pytest.raises(NotImplementedError):
        loop(1.0)


def test_other_sources_are_another_folder(tmp_path, monkeypatch):
    for folder in compiled.SOURCES:
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    digests = set()
    for text in ("", "LN2 = 0.69", "LN2 = 0.693"):
        (tmp_path / "reference" / "constants.py").write_text(text)
        sources_digest.cache_clear()
        digests.add(sources_digest())
    (tmp_path / "bench" / "new.py").write_text("")
    sources_digest.cache_clear()
    digests.add(sources_digest())
    sources_digest.cache_clear()
    assert len(digests) == 4


def test_the_folder_is_named_by_the_sources(cache):
    compile_loop(loop, "doubling", SIGNATURE, {"part": twice})
    (folder,) = (cache / "oracle-code").iterdir()
    assert folder.name == sources_digest()[:16]


def test_where_nothing_can_be_written_it_works_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HALFULP_CACHE_DIR", str(tmp_path / "file"))
    compiled._cache_folder.cache_clear()
    try:
        assert compile_loop(loop, "doubling", SIGNATURE, {"part": twice})(3.0) == 7.0
        assert not is_cached("doubling")
    finally:
        compiled._cache_folder.cache_clear()
