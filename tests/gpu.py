# SPDX-License-Identifier: MIT
"""What tests of the GPU's kernels share: the compilers they need, and a stand-in for the device."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from kernels.gpu import ACTIVATIONS, build, device, nvrtc, timing
from tests import fake_cupy, fake_torch


def needs(present: bool, what: str) -> None:
    """Skip where something is not installed; CI has it, and refuses the skip."""
    if not present and os.environ.get("CI"):
        pytest.fail(f"{what} is not here, and in CI these tests are not skipped: install it")
    if not present:
        pytest.skip(f"{what} is not here")


def needs_host_compiler() -> None:
    """Of code for the device, compiled for this machine."""
    needs(build.host_compiler() is not None, "g++")


def needs_nvrtc() -> None:
    """Of what the device's code is compiled to."""
    needs(nvrtc.is_installed(), "NVRTC")


def forget() -> None:
    """What was found out about the device, and loaded for it."""
    for cached in (device.cupy, device.architecture, device.resident_blocks):
        cached.cache_clear()
    for activation in ACTIVATIONS.values():
        for direction in activation.directions:
            direction.functions.clear()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A device that this machine plays."""
    needs_host_compiler()
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy)
    monkeypatch.setattr(device, "why_absent", lambda: None)
    monkeypatch.setattr(build, "cubin", lambda entries, architecture: build.host_library(entries))
    monkeypatch.setattr(timing, "_spin", lambda number: lambda *launch: None)  # nothing works beside the processor here
    forget()
    yield
    forget()


@pytest.fixture(name="torch")
def played_torch(fake, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A PyTorch whose tensors are on that device."""
    monkeypatch.setitem(sys.modules, "torch", fake_torch)
    monkeypatch.setattr(fake_torch, "streams", {})
    return fake_torch
