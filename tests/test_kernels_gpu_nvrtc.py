# SPDX-License-Identifier: MIT
"""NVIDIA's compiler: what it makes, and what is said where it is missing or refuses."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kernels.gpu import driver, nvrtc
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


@pytest.fixture
def _looked_for_anew():
    for asked in (nvrtc._library, nvrtc.version):
        asked.cache_clear()
    yield
    for asked in (nvrtc._library, nvrtc.version):
        asked.cache_clear()


@pytest.mark.usefixtures("_looked_for_anew")
def test_where_it_is_missing_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(nvrtc, "_candidates", lambda: iter(["libnvrtc-that-is-not-there.so"]))
    assert not nvrtc.is_installed()
    assert "pip install nvidia-cuda-nvrtc-cu12" in nvrtc.why_absent()
    with pytest.raises(FileNotFoundError, match="pip install nvidia-cuda-nvrtc-cu12"):
        nvrtc.compile_source("", {}, "sm_90")


@pytest.fixture
def places(monkeypatch, tmp_path) -> Path:
    """A folder in which alone the library is looked for: below wheels, a toolkit, conda's prefix."""
    for variable, folder in (("CUDA_PATH", "toolkit"), ("CUDA_HOME", None), ("CONDA_PREFIX", "conda")):
        monkeypatch.delenv(variable, raising=False)
        if folder:
            monkeypatch.setenv(variable, str(tmp_path / folder))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "python"))
    monkeypatch.setattr(nvrtc, "USUAL", str(tmp_path / "usual"))
    wheels = SimpleNamespace(submodule_search_locations=[str(tmp_path / "nvidia")])
    monkeypatch.setattr(nvrtc.importlib.util, "find_spec", lambda name: wheels)
    return tmp_path


def put(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


def with_cuda(monkeypatch, cuda: str | None) -> None:
    """A driver of that version of CUDA, or none."""
    known = driver.Described("NVIDIA Pretended", None, cuda) if cuda else None
    monkeypatch.setattr(driver, "described", lambda: known)


@pytest.mark.parametrize(
    "file",
    [
        "nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
        "nvidia/cu13/lib/libnvrtc.so.13",
        "toolkit/lib64/libnvrtc.so.12",
        "conda/lib/libnvrtc.so.12",
        "conda/targets/x86_64-linux/lib/libnvrtc.so.12",
        "python/lib/libnvrtc.so.12",
        "usual/lib64/libnvrtc.so.12",
    ],
)
def test_it_is_found_where_people_have_it(places, file):
    put(places, file, "nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.12.9", "conda/lib/libnvrtc.so.old")
    assert list(nvrtc._files()) == [str(places / file)]


@pytest.mark.parametrize(
    ("cuda", "majors"), [(None, [14, 13, 12]), ("12.8", [12, 14, 13]), ("13.0", [13, 12, 14]), ("14.1", [14, 13, 12])]
)
def test_the_newest_that_the_driver_is_not_too_old_for_comes_first(monkeypatch, places, cuda, majors):
    put(places, "toolkit/lib64/libnvrtc.so.12", "nvidia/cu13/lib/libnvrtc.so.13")
    with_cuda(monkeypatch, cuda)
    monkeypatch.setattr(nvrtc.ctypes.util, "find_library", lambda name: "libnvrtc.so.11.2")
    monkeypatch.setitem(sys.modules, "cuda.pathfinder", None)
    named = {
        12: [str(places / "toolkit/lib64/libnvrtc.so.12"), "libnvrtc.so.12"],
        13: [str(places / "nvidia/cu13/lib/libnvrtc.so.13"), "libnvrtc.so.13"],
        14: ["libnvrtc.so.14"],
    }
    assert list(nvrtc._candidates()) == [*[name for major in majors for name in named[major]], "libnvrtc.so.11.2"]


def test_of_one_first_number_the_newest_comes_first_wherever_it_is(monkeypatch, places):
    with_cuda(monkeypatch, "12.8")
    for folder, version in (("nvidia/cuda_nvrtc/lib", "12.4"), ("toolkit/lib64", "12.10.61"), ("conda/lib", "12.9")):
        put(places, f"{folder}/libnvrtc.so.12", f"{folder}/libnvrtc-builtins.so.{version}")
    put(places, "usual/lib64/libnvrtc.so.12")
    first = [str(places / folder) for folder in ("toolkit/lib64", "conda/lib", "nvidia/cuda_nvrtc/lib", "usual/lib64")]
    assert list(nvrtc._candidates())[:5] == [*[f"{folder}/libnvrtc.so.12" for folder in first], "libnvrtc.so.12"]


def test_what_cupy_finds_itself_comes_last(monkeypatch, places):
    monkeypatch.setattr(nvrtc.ctypes.util, "find_library", lambda name: None)
    found = SimpleNamespace(load_nvidia_dynamic_lib=lambda name: SimpleNamespace(abs_path=f"/somewhere/{name}"))
    monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace(pathfinder=found))
    monkeypatch.setitem(sys.modules, "cuda.pathfinder", found)
    assert list(nvrtc._candidates())[-1] == "/somewhere/nvrtc"
    found.load_nvidia_dynamic_lib = lambda name: (_ for _ in ()).throw(RuntimeError(name))
    assert list(nvrtc._candidates())[-1] == "libnvrtc.so.12"
