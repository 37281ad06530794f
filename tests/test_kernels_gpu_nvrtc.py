# SPDX-License-Identifier: MIT
"""NVIDIA's compiler: what it makes, and what is said where it is missing or refuses."""

import pytest

from kernels.gpu import nvrtc
from tests.gpu import needs_nvrtc

TEXT = 'extern "C" __global__ void twice(float* x) { x[threadIdx.x] *= FACTOR; }'


def test_a_text_and_what_it_includes_become_ptx_and_a_cubin():
    needs_nvrtc()
    headers = {"factor.cuh": "#define FACTOR 2.0f\n"}
    made = nvrtc.compile_source(f'#include "factor.cuh"\n{TEXT}', headers, "sm_90")
    assert ".target sm_90" in made.ptx
    assert ".entry twice" in made.ptx
    assert made.cubin.startswith(b"\x7fELF")
    assert "registers" in made.log


def test_what_it_refuses_is_told_with_its_words():
    needs_nvrtc()
    with pytest.raises(nvrtc.CompileError, match='identifier "FACTOR" is undefined'):
        nvrtc.compile_source(TEXT, {}, "sm_90")
    with pytest.raises(nvrtc.CompileError, match="sm_1"):
        nvrtc.compile_source("", {}, "sm_1")


def test_where_it_is_missing_it_is_said_what_to_install(monkeypatch):
    nvrtc._library.cache_clear()
    monkeypatch.setattr(nvrtc, "_candidates", lambda: iter(["libnvrtc-that-is-not-there.so"]))
    try:
        assert not nvrtc.is_installed()
        with pytest.raises(FileNotFoundError, match="pip install nvidia-cuda-nvrtc-cu12"):
            nvrtc.compile_source("", {}, "sm_90")
    finally:
        nvrtc._library.cache_clear()
