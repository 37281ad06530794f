# SPDX-License-Identifier: MIT
"""What is recorded of the machine and of the checkout."""

import platform
import subprocess
from importlib import metadata

import numpy as np
import psutil
import pytest

from bench import machine as module
from bench.machine import INSTRUCTION_SETS, LIBRARIES, commit, machine
from kernels.peers.adapter import Peer


@pytest.fixture(scope="module")
def found():
    return machine()


def test_it_is_this_machine(found):
    assert found.cpu
    assert 1 <= found.cores <= psutil.cpu_count()
    assert found.memory_bytes == psutil.virtual_memory().total
    assert found.python == platform.python_version()
    assert found.libraries["numpy"] == np.__version__
    assert set(found.libraries) == set(LIBRARIES)
    assert platform.release() in found.system


def test_the_libraries_that_were_measured_have_their_versions(monkeypatch):
    peer = Peer("mine", "mpmath", "mpmath")
    monkeypatch.setattr(module, "PEERS", {"mine": peer, "other": Peer("other", "numba", "numba")})
    monkeypatch.setattr(module, "LIBRARIES", ())
    names = ("llvmlite", "mpmath", "numba")
    assert machine({"mine", "numba"}).libraries == {name: metadata.version(name) for name in names}


def test_instruction_sets_are_those_of_its_flags(found, monkeypatch):
    assert set(found.instruction_sets) <= set(INSTRUCTION_SETS)
    monkeypatch.setattr(module.cpuinfo, "get_cpu_info", lambda: {"flags": ["fma", "avx2", "unheard_of"]})
    other = machine()
    assert other.instruction_sets == ["avx2", "fma"]
    assert other.cpu  # also where nothing tells its brand


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository of its own, with one commit."""
    monkeypatch.setattr(module, "ROOT", tmp_path)
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    (tmp_path / "file").write_text("one")
    for arguments in (("init", "-q"), ("add", "file"), (*author, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    return tmp_path


def test_the_commit_and_whether_tracked_files_differ(checkout):
    head, changed = commit()
    assert len(head) == 40
    assert changed is False
    (checkout / "untracked").write_text("does not count")
    assert commit() == (head, False)
    (checkout / "file").write_text("two")
    assert commit() == (head, True)


def test_without_a_repository_or_git_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit() == (None, None)
    monkeypatch.setenv("PATH", "")
    assert commit() == (None, None)
