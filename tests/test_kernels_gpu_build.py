# SPDX-License-Identifier: MIT
"""Compiled kernels on disk: found again, made anew when anything that they were made of has changed."""

import pytest

from kernels.gpu import build, nvrtc, source
from kernels.gpu.source import Entry
from tests.gpu import needs_host_compiler, needs_nvrtc

RELU = (Entry("relu", "forward", "float32", "fast", ()),)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HALFULP_CACHE_DIR", str(tmp_path))
    build._folder.cache_clear()
    yield
    build._folder.cache_clear()


def test_a_cubin_is_made_once_for_each_architecture(monkeypatch):
    needs_nvrtc()
    first = build.cubin(RELU, "sm_90")
    assert first.read_bytes().startswith(b"\x7fELF")
    assert build.cubin(RELU, "sm_80") != first
    monkeypatch.setattr(nvrtc, "compile_source", lambda *_: pytest.fail("it was compiled again"))
    assert build.cubin(RELU, "sm_90") == first


def test_what_was_made_of_other_sources_is_not_found(monkeypatch):
    needs_nvrtc()
    first = build.cubin(RELU, "sm_90")
    headers = source.headers()
    monkeypatch.setattr(source, "headers", lambda: headers | {"relu.cuh": headers["relu.cuh"] + "// changed\n"})
    assert build.cubin(RELU, "sm_90") != first


def test_what_is_examined_is_what_is_loaded():
    needs_nvrtc()
    assert build.examined(RELU, "sm_90").cubin == build.cubin(RELU, "sm_90").read_bytes()
    assert ".entry relu_forward_float32_fast" in build.examined(RELU, "sm_90").ptx


def test_a_refused_text_leaves_nothing(monkeypatch, tmp_path):
    needs_host_compiler()
    headers = source.headers()
    monkeypatch.setattr(source, "headers", lambda: headers | {"relu.cuh": "this is no C++\n"})
    with pytest.raises(nvrtc.CompileError, match=r"relu\.cuh"):
        build.host_library(RELU)
    assert list((tmp_path / "gpu").iterdir()) == []


def test_without_a_host_compiler_it_is_said(monkeypatch):
    monkeypatch.setattr(build, "host_compiler", lambda: None)
    with pytest.raises(FileNotFoundError, match=r"no g\+\+ on the PATH"):
        build.host_library(RELU)


def test_where_nothing_can_be_written_a_folder_of_this_process_serves(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HALFULP_CACHE_DIR", str(tmp_path / "file"))
    build._folder.cache_clear()
    assert build._folder().name.startswith("halfulp-gpu-")
