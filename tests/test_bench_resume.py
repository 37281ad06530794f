# SPDX-License-Identifier: MIT
"""What a sweep has found is kept for the same kernel under the same circumstances, and for nothing else."""

import importlib.util
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import kernels.gpu
from bench import resume
from bench.resume import Findings
from bench.tally import Tally
from kernels.gpu import driver
from kernels.gpu import source as device_source
from tests.making import make_kernel
from tests.sweeping import (
    SOURCE,
    kernel_file,
)


@pytest.fixture
def source(tmp_path) -> Path:
    return kernel_file(tmp_path)


@pytest.fixture
def kernel(source):
    return replace(make_kernel(lambda x: x, "silu"), source=str(source))


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "new" / "sweeps"


def a_tally(block: int) -> Tally:
    return Tally(evaluated=1000 + block, total_ulp=block / 3, worst=(block, 5), regions={-3: 0.1}, digest="ab" * 32)


def test_what_is_kept_is_found_again(kernel, folder):
    findings = Findings(folder, kernel)
    assert findings.blocks == {}
    kept = {block: a_tally(block) for block in (0, 1 << 24, 255 << 24)}
    for block, tally in kept.items():
        findings.keep(block, tally)
    assert findings.blocks == kept
    assert Findings(folder, kernel).blocks == kept
    assert [p.name for p in folder.iterdir()] == [findings.path.name]
    assert findings.path.name.startswith("silu-forward-float32-test-stable-")


def test_what_is_forgotten_is_gone(kernel, folder):
    findings = Findings(folder, kernel)
    findings.keep(0, a_tally(0))
    findings.forget()
    findings.forget()
    assert list(folder.iterdir()) == []
    assert Findings(folder, kernel).blocks == {}


def test_a_line_that_was_cut_is_not_believed_and_the_next_one_is(kernel, folder):
    findings = Findings(folder, kernel)
    for block in range(3):
        findings.keep(block, a_tally(block))
    whole = findings.path.read_bytes()
    for cut in range(2, len(whole) - whole.rindex(b"\n{"), 7):
        findings.path.write_bytes(whole[:-cut])
        after = Findings(folder, kernel)
        assert after.blocks == {block: a_tally(block) for block in range(2)}
        after.keep(9, a_tally(9))
        assert Findings(folder, kernel).blocks == {block: a_tally(block) for block in (0, 1, 9)}


def test_a_damaged_line_is_not_believed(kernel, folder, monkeypatch):
    monkeypatch.setattr(resume, "_key", lambda _: "k")
    findings = Findings(folder, kernel)
    kept = {block: a_tally(block) for block in (16, 32)}
    for block, tally in kept.items():
        findings.keep(block, tally)
    whole = findings.path.read_bytes()
    lost = 0
    places = range(0, len(whole), 3)
    for place in places:
        other = (b"7", b"\xff", b'"')[place // 3 % 3]
        findings.path.write_bytes(whole[:place] + other + whole[place + 1 :])
        found = Findings(folder, kernel).blocks
        assert all(tally == kept[block] for block, tally in found.items())
        lost += len(found) < len(kept)
    assert lost > len(places) / 2  # the rest is the name of a field that has its default


def test_a_line_of_another_block_is_not_believed(kernel, folder):
    findings = Findings(folder, kernel)
    findings.keep(16, a_tally(16))
    whole = findings.path.read_bytes()
    findings.path.write_bytes(whole.replace(b'"block":16', b'"block":48'))
    assert Findings(folder, kernel).blocks == {}
    findings.path.write_bytes(whole)
    assert list(Findings(folder, kernel).blocks) == [16]


def test_only_a_kernel_with_a_source_file_is_kept(kernel, folder):
    for source in (None, "<stdin>", str(folder)):
        findings = Findings(folder, replace(kernel, source=source))
        findings.keep(0, a_tally(0))
        assert findings.blocks == {0: a_tally(0)}
        findings.forget()
        assert not folder.exists()


def test_without_a_folder_nothing_is_kept(kernel, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    findings = Findings(None, kernel)
    findings.keep(0, a_tally(0))
    assert findings.blocks == {0: a_tally(0)}
    assert Findings(None, kernel).blocks == {}
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_cannot_be_written_costs_nothing(kernel, folder):
    folder.parent.mkdir()
    folder.write_text("a file is here")
    findings = Findings(folder, kernel)
    findings.keep(0, a_tally(0))
    assert findings.blocks == {0: a_tally(0)}
    findings.forget()
    assert Findings(folder, kernel).blocks == {}


def test_a_file_that_cannot_be_read_is_none(kernel, folder):
    Findings(folder, kernel).path.mkdir(parents=True)
    assert Findings(folder, kernel).blocks == {}


# What the file is named by.


def path_of(kernel, folder) -> Path:
    return Findings(folder, kernel).path


def test_the_same_kernel_has_the_same_file(kernel, folder):
    assert path_of(kernel, folder) == path_of(replace(kernel, why="told otherwise"), folder)


def test_another_kernel_has_another_file(kernel, folder):
    others = [
        replace(kernel, variant="textbook"),
        replace(kernel, backend="numba"),
        replace(kernel, direction="backward"),
        replace(kernel, parameters={"beta": 1.0000000000000002}),
        replace(kernel, parameters={"beta": 2.0}),
    ]
    assert len({path_of(k, folder) for k in [kernel, *others]}) == 6


def test_another_text_of_its_source_is_another_file(kernel, source, folder):
    before = path_of(kernel, folder)
    source.write_text(SOURCE + "\n")
    assert path_of(kernel, folder) != before
    source.write_text(SOURCE)
    assert path_of(kernel, folder) == before


def test_another_version_of_anything_installed_is_another_file(kernel, folder, monkeypatch):
    before = path_of(kernel, folder)
    environment = resume._environment()
    assert f"numpy {importlib.metadata.version('numpy')}" in environment
    assert f"mpmath {importlib.metadata.version('mpmath')}" in environment
    assert sys.version.split()[0] in environment
    monkeypatch.setattr(resume, "_environment", lambda: environment.replace("numpy ", "numpy 9"))
    assert path_of(kernel, folder) != before


@pytest.mark.parametrize(("name", "counts"), [("ATEN_CPU_CAPABILITY", True), ("MKL_CBWR", True), ("EDITOR", False)])
def test_what_chooses_a_librarys_code_path_counts(kernel, folder, monkeypatch, name, counts):
    resume._environment.cache_clear()
    before = path_of(kernel, folder)
    monkeypatch.setenv(name, "chosen")
    resume._environment.cache_clear()
    assert (path_of(kernel, folder) != before) == counts
    resume._environment.cache_clear()


def test_another_c_library_is_another_file(kernel, folder, monkeypatch):
    resume._environment.cache_clear()
    before = path_of(kernel, folder)
    monkeypatch.setattr(resume.platform, "libc_ver", lambda: ("glibc", "2.999"))
    resume._environment.cache_clear()
    assert path_of(kernel, folder) != before
    resume._environment.cache_clear()


def test_another_processor_is_another_file(kernel, folder, monkeypatch):
    before = path_of(kernel, folder)
    monkeypatch.setattr(resume.binding, "get_host_cpu_name", lambda: "z80")
    assert path_of(kernel, folder) != before


def test_another_text_of_a_loaded_module_is_another_file(kernel, folder, tmp_path, monkeypatch):
    """As of the oracle's: its sources are among those that count."""
    path = tmp_path / "helper_of_a_user.py"
    path.write_text("x = 1\n")
    specification = importlib.util.spec_from_file_location("helper_of_a_user", path)
    before = path_of(kernel, folder)
    monkeypatch.setitem(sys.modules, "helper_of_a_user", importlib.util.module_from_spec(specification))
    loaded = path_of(kernel, folder)
    path.write_text("x = 2\n")
    assert len({before, loaded, path_of(kernel, folder)}) == 3


def test_what_a_device_computes_depends_on_its_code_and_on_the_device(kernel, folder, tmp_path, monkeypatch):
    header = tmp_path / "blocks.cuh"
    header.write_text("// one\n")
    monkeypatch.setattr(device_source, "files", lambda: [header])
    on_device, described, versions = replace(kernel, device="cuda"), driver.described(), {"NVRTC": "12.9"}
    monkeypatch.setattr(driver, "described", lambda: described)
    monkeypatch.setattr(kernels.gpu, "versions", lambda: versions)

    def both() -> tuple[Path, Path]:
        return path_of(kernel, folder), path_of(on_device, folder)

    found = [both()]
    header.write_text("// another\n")
    found.append(both())
    described = driver.Described("NVIDIA Pretended", "570.86.15", "12.8")
    found.append(both())
    versions = {"NVRTC": "13.0"}
    found.append(both())
    assert [len(set(paths)) for paths in zip(*found, strict=True)] == [1, 4]


def test_what_nobody_took_up_again_is_removed(kernel, folder):
    folder.mkdir(parents=True)
    for name, days in [("old.jsonl", 8), ("young.jsonl", 6), ("old.txt", 8)]:
        (folder / name).touch()
        os.utime(folder / name, (time.time() - days * 86400,) * 2)
    Findings(folder, kernel)
    assert [path.name for path in sorted(folder.iterdir())] == ["old.txt", "young.jsonl"]
