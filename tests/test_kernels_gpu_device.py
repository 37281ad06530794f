# SPDX-License-Identifier: MIT
"""Whether there is a device, and what is said where there is none."""

import importlib.metadata
import importlib.util
from types import SimpleNamespace

import pytest

import kernels.gpu
from kernels.gpu import device, driver, nvrtc
from tests import fake_cupy
from tests.gpu import fake  # noqa: F401
from tests.test_kernels_gpu_driver import PRETENDED


@pytest.fixture(autouse=True)
def _asked_anew():
    device.why_absent.cache_clear()
    yield
    device.why_absent.cache_clear()


def where(monkeypatch, *, cupy=True, described=PRETENDED, compiler=None, nvrtc_of="12.9", wheels=("cuda12x",)) -> None:
    """What there is of CuPy, a device, and a compiler; of that, why it is absent."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: cupy or None)
    monkeypatch.setattr(driver, "described", lambda: described)
    monkeypatch.setattr(nvrtc, "why_absent", lambda: compiler)
    monkeypatch.setattr(nvrtc, "version", lambda: nvrtc_of)

    def version(name):
        if name.removeprefix("cupy-") not in wheels:
            raise importlib.metadata.PackageNotFoundError(name)
        return "14.0.0"

    monkeypatch.setattr(importlib.metadata, "version", version)


@pytest.mark.parametrize(
    ("there", "why"),
    [
        ({"cupy": False}, "CuPy is not installed: pip install -e '.[cuda12]' or '.[cuda13]', as the driver is"),
        ({"described": None}, "there is no NVIDIA GPU here, or no driver for it: "),
        ({"compiler": "NVRTC was not found: do this"}, "NVRTC was not found: do this"),
        ({"nvrtc_of": "13.0"}, "NVRTC is of CUDA 13.0, and the driver has 12.8: pip install nvidia-cuda-nvrtc-cu12, "),
        (
            {"wheels": ("cuda13x",)},
            "CuPy is a build for CUDA 13, and the driver has 12.8: pip uninstall cupy-cuda13x, then pip install -e ",
        ),
    ],
)
def test_what_is_missing_is_said_and_what_to_do(monkeypatch, there, why):
    where(monkeypatch, **there)
    assert device.why_absent().startswith(why)
    (absent,) = kernels.gpu.absent()
    assert (absent.backend, absent.why) == ("cupy", device.why_absent())


@pytest.mark.parametrize("wheels", [("cuda12x",), ("cuda12x", "cuda13x"), ()])
def test_where_nothing_is_missing_the_backend_is_there(monkeypatch, wheels):
    where(monkeypatch, wheels=wheels)
    assert device.why_absent() is None
    assert kernels.gpu.absent() == []


def test_versions_are_told_as_far_as_there_are_any(monkeypatch):
    monkeypatch.setattr(nvrtc, "_candidates", lambda: iter(()))
    for asked in (nvrtc._library, nvrtc.version):
        asked.cache_clear()
    try:
        assert "NVRTC" not in kernels.gpu.versions()
    finally:
        nvrtc._library.cache_clear()


@pytest.mark.usefixtures("fake")
def test_the_device_is_asked_once():
    assert device.cupy() is fake_cupy
    assert device.architecture(0) == "sm_90"


class Kernel:
    """One of which a multiprocessor holds so many threads."""

    def __init__(self, threads_held: int) -> None:
        self.kernel = SimpleNamespace(ptr=threads_held)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(("kernel", "blocks"), [(Kernel(1280), 5), (Kernel(2048), 8), (Kernel(100), 1), (object(), 8)])
def test_a_device_holds_as_many_blocks_as_a_kernel_leaves_room_for(kernel, blocks):
    assert device.resident_blocks(kernel) == blocks
