# SPDX-License-Identifier: MIT
"""What files were at a revision of their own repository, and what is said where that can't be told."""

import pytest

from bench.machine import ROOT
from bench.past import Past, PastError, source
from tests.repositories import commit


@pytest.fixture
def theirs(tmp_path):
    """A repository in which a file was other than it is, and one is new."""
    top = tmp_path / "theirs"
    (top / "src").mkdir(parents=True)
    (top / "src" / "mine.py").write_text("was\n")
    commit(top)
    (top / "src" / "mine.py").write_text("is\n")
    (top / "src" / "new.py").touch()
    return top


@pytest.fixture
def past(tmp_path):
    (tmp_path / "past").mkdir()
    return Past("HEAD", tmp_path / "past")


def test_a_file_is_what_it_was_and_a_new_one_is_none(past, theirs):
    assert past.of(theirs / "src" / "mine.py").read_text() == "was\n"
    assert past.of(theirs / "src" / "new.py") is None
    assert list(past.commits) == [theirs.resolve()]


def test_where_python_looks_is_moved_with_it_but_for_what_was_not_there(past, theirs):
    (theirs / "venv").mkdir()
    assert past.moved(str(theirs)) == str(theirs)  # nothing of it was asked for
    there = past.of(theirs / "src")
    assert past.moved(str(theirs / "src")) == str(there)
    assert past.moved(str(theirs / "venv")) == str(theirs / "venv")
    assert past.moved(str(ROOT)) == str(ROOT)


def test_a_file_of_no_repository_is_told(past, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "mine.py").touch()
    match = r"mine\.py is in no git repository that can be read \(fatal: not a .*\): nothing is known of HEAD$"
    with pytest.raises(PastError, match=match):
        past.of(tmp_path / "mine.py")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PastError, match=r"\(git can't be run \(No such file or directory\): install it\)"):
        past.of(tmp_path / "mine.py")


def test_a_revision_that_is_not_there_is_told_with_what_to_do(theirs, tmp_path):
    with pytest.raises(PastError, match=r"theirs has no revision v9: name one that is there, or fetch it \(a shallow"):
        Past("v9", tmp_path).of(theirs / "src")


def test_what_can_not_be_unpacked_is_told(past, theirs):
    (theirs / "link").symlink_to("/etc")
    commit(theirs)
    with pytest.raises(PastError, match=r"theirs at HEAD can't be unpacked .*choose another revision"):
        past.of(theirs / "src")


def test_the_file_of_a_place_is_that_of_a_file_or_module(tmp_path):
    path = tmp_path / "mine.py"
    path.touch()
    assert source(str(path)) == path.resolve()
    assert source("bench.past") == ROOT / "bench" / "past.py"
    for name in ("sys", "no_such_module", "no_such.module"):
        with pytest.raises(PastError, match=rf"the module {name} does not tell its file"):
            source(name)
