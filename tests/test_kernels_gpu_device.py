# SPDX-License-Identifier: MIT
"""Whether there is a device, and what is said where there is none."""

import ctypes
import importlib.util

import pytest

import kernels.gpu
from kernels.gpu import device
from tests import fake_cupy
from tests.gpu import fake  # noqa: F401


@pytest.fixture(autouse=True)
def _asked_anew():
    for asked in (device.why_absent, device.described):
        asked.cache_clear()
    yield
    for asked in (device.why_absent, device.described):
        asked.cache_clear()


class FakeDriver:
    """libcuda with so many devices."""

    def __init__(self, count: int, status: int = 0) -> None:
        self.count, self.status = count, status

    def cuInit(self, flags):  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = self.count
        return 0

    def cuDeviceGetName(self, name, size, number):  # noqa: N802
        name.value = b"NVIDIA Pretended"
        return 0

    def cuDriverGetVersion(self, version):  # noqa: N802
        version._obj.value = 12080
        return 0


def with_driver(monkeypatch, driver) -> None:
    def load(name):
        if driver is None:
            raise OSError(name)
        return driver

    monkeypatch.setattr(ctypes, "CDLL", load)


@pytest.mark.parametrize("driver", [None, FakeDriver(0), FakeDriver(1, status=100)])
def test_without_a_device_it_is_said_what_to_do(monkeypatch, driver):
    with_driver(monkeypatch, driver)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    assert device.why_absent().startswith("there is no NVIDIA GPU here, or no driver for it: ")
    (absent,) = kernels.gpu.absent()
    assert (absent.backend, absent.why) == ("cupy", device.why_absent())


def test_without_cupy_it_is_said_how_to_get_it(monkeypatch):
    with_driver(monkeypatch, FakeDriver(1))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert device.why_absent() == "CuPy is not installed: pip install -e '.[cuda12]' or '.[cuda13]', as the driver is"


def test_a_device_is_described_by_its_driver(monkeypatch, tmp_path):
    with_driver(monkeypatch, FakeDriver(2))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    version = tmp_path / "version"
    version.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\nGCC ...\n")
    monkeypatch.setattr(device, "DRIVER", version)
    assert device.described() == device.Described("NVIDIA Pretended", "570.86.15", "12.8")
    assert device.why_absent() is None
    assert kernels.gpu.absent() == []


@pytest.mark.usefixtures("fake")
def test_the_device_is_asked_once():
    assert device.cupy() is fake_cupy
    assert device.architecture(0) == "sm_90"
    assert device.resident_blocks(0) == 8
