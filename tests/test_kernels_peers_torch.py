# SPDX-License-Identifier: MIT
"""PyTorch and Triton: whether they have a GPU, and what they need for it, is known without an import."""

import importlib.util
import shutil
import sysconfig
from types import SimpleNamespace

import pytest

from kernels.gpu import driver
from kernels.peers import torch, triton
from tests.test_kernels_gpu_driver import PRETENDED


@pytest.mark.parametrize(
    ("cuda", "known", "why"),
    [
        (": Optional[str] = None", PRETENDED, "torch is no build for CUDA: install one, see https://pytorch.org"),
        (" = None", None, "torch is no build for CUDA: install one, see https://pytorch.org"),
        (": Optional[str] = '12.9'", PRETENDED, "what CuPy lacks"),
        (": Optional[str] = '11.8'", PRETENDED, "what CuPy lacks"),
        (": Optional[str] = '13.0'", None, "what CuPy lacks"),
        (
            ": Optional[str] = '13.0'",
            PRETENDED,
            "torch is a build for CUDA 13.0, and the driver has 12.8: "
            "install one for CUDA 12, see https://pytorch.org, or a newer driver",
        ),
    ],
)
def test_a_build_that_the_driver_does_not_run_has_no_gpu(monkeypatch, tmp_path, cuda, known, why):
    (tmp_path / "version.py").write_text(
        f"__version__ = '2.13.0'\ndebug = False\ncuda{cuda}\nhip: Optional[str] = '6'\n"
    )
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(driver, "described", lambda: known)
    monkeypatch.setattr(torch, "why_absent", lambda: "what CuPy lacks")
    assert torch.lacks_gpu() == why


def test_without_what_builds_its_launchers_triton_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(torch, "lacks_gpu", lambda: None)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))
    monkeypatch.setenv("CC", "")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert triton._lacks().startswith("Triton needs a C compiler")
    monkeypatch.setenv("CC", "gcc")
    assert triton._lacks().startswith(f"Triton needs Python.h in {tmp_path / 'include'} for ")
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "Python.h").touch()
    assert triton._lacks() is None
