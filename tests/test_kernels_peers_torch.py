# SPDX-License-Identifier: MIT
"""PyTorch: whether it has a GPU is known without its import."""

import importlib.util
from types import SimpleNamespace

import pytest

from kernels.gpu import driver
from kernels.peers import torch
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
