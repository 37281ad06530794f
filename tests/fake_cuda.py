# SPDX-License-Identifier: MIT
"""What `fake_cupy` has of devices and streams: which of them is current, and where kernels were launched."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from kernels.gpu.host import Function, Module

current = SimpleNamespace(device=0, streams={})
launches: list[tuple[int, int]] = []  # the device and the stream of each
addresses: dict[int, int] = {}  # the device of an array that another library is said to have made


class Device:
    """A device by its number, which is the current one inside of ``with``."""

    compute_capability = "90"
    pci_bus_id = "0000:01:00.0"

    def __init__(self, number: int | None = None) -> None:
        self.number = current.device if number is None else number
        self.attributes = {"MultiProcessorCount": 1}

    def __enter__(self) -> None:
        self.before, current.device = current.device, self.number

    def __exit__(self, *_: Any) -> None:
        current.device = self.before


@contextlib.contextmanager
def ExternalStream(ptr: int, device_id: int) -> Iterator[None]:  # noqa: N802 - CuPy's name
    """A stream, which is the current one of its device inside of ``with``."""
    assert device_id == current.device, "which CuPy refuses"
    before = current.streams.get(device_id, 0)
    current.streams[device_id] = ptr
    yield
    current.streams[device_id] = before


def get_current_stream(device_id: int) -> SimpleNamespace:
    """The current stream of a device."""
    return SimpleNamespace(ptr=current.streams.get(device_id, 0))


class RawKernel(Function):
    """A kernel whose launches are noted, and of which a multiprocessor holds 6 blocks of 256 threads at once."""

    def __call__(self, *given: Any) -> None:
        launches.append((current.device, get_current_stream(current.device).ptr))
        super().__call__(*given)

    @property
    def kernel(self) -> SimpleNamespace:
        """What the driver knows it by."""
        return SimpleNamespace(ptr=6 * 256)


class RawModule(Module):
    """A module of such kernels."""

    def get_function(self, name: str) -> RawKernel:
        return RawKernel(self.library, name)


driver = SimpleNamespace(occupancyMaxActiveBlocksPerMultiprocessor=lambda ptr, threads, shared: ptr // threads)
runtime = SimpleNamespace(
    getDevice=lambda: current.device,
    pointerGetAttributes=lambda address: SimpleNamespace(device=addresses.get(address, 0)),
)
