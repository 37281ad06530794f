# SPDX-License-Identifier: MIT
"""NVIDIA's driver: what it says of the device."""

import ctypes

import pytest

from kernels.gpu import driver

PRETENDED = driver.Described("NVIDIA Pretended", "570.86.15", "12.8")


@pytest.fixture(autouse=True)
def _asked_anew():
    driver.described.cache_clear()
    yield
    driver.described.cache_clear()


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

    def cuCtxSynchronize(self):  # noqa: N802
        return self.status

    def cuGetErrorName(self, status, name):  # noqa: N802
        name._obj.value = {700: b"CUDA_ERROR_ILLEGAL_ADDRESS"}.get(status)
        return 0


def with_driver(monkeypatch, found) -> None:
    def load(name):
        if found is None:
            raise OSError(name)
        return found

    monkeypatch.setattr(ctypes, "CDLL", load)


@pytest.mark.parametrize("found", [None, FakeDriver(0), FakeDriver(1, status=100)])
def test_without_a_device_nothing_is_described(monkeypatch, found):
    with_driver(monkeypatch, found)
    assert driver.described() is None


def test_a_device_is_described_by_its_driver(monkeypatch, tmp_path):
    with_driver(monkeypatch, FakeDriver(2))
    version = tmp_path / "version"
    version.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\nGCC ...\n")
    monkeypatch.setattr(driver, "VERSION", version)
    assert driver.described() == PRETENDED
    assert driver.described().cuda_major == 12


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (None, None),
        (FakeDriver(1), None),
        (FakeDriver(1, status=3), None),
        (FakeDriver(1, status=201), None),
        (FakeDriver(1, status=700), "CUDA_ERROR_ILLEGAL_ADDRESS"),
        (FakeDriver(1, status=99999), "CUDA error 99999"),
    ],
)
def test_an_error_that_stays_is_named(monkeypatch, found, fault):
    with_driver(monkeypatch, found)
    assert driver.fault() == fault
