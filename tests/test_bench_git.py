# SPDX-License-Identifier: MIT
"""What git says is told, and why it says nothing in one line."""

import pytest

from bench.git import GitError, git, line
from tests.repositories import commit


def test_what_it_prints_is_told(tmp_path):
    (tmp_path / "file").write_text("one\n")
    head = commit(tmp_path)
    assert line(tmp_path, "rev-parse", "HEAD") == head
    assert git(tmp_path, "show", "HEAD:file") == b"one\n"


def test_why_it_says_nothing_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(GitError, match=r"^fatal: not a git repository[^\n]*$"):
        line(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "git"
    fake.write_text("#!/bin/sh\nprintf 'fatal: dubious\\n\\nTo trust it:\\n\\tgit config\\n' >&2; exit 128\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    with pytest.raises(GitError, match=r"^fatal: dubious To trust it: git config$"):
        line(tmp_path, "rev-parse", "HEAD")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitError, match=r"^git can't be run \(No such file or directory\): install it$"):
        line(tmp_path, "rev-parse", "HEAD")
