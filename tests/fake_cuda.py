# SPDX-License-Identifier: MIT
"""What `fake_cupy` has of devices and streams: which of them is current, and where kernels were launched."""

from types import SimpleNamespace
from typing import Any

from kernels.gpu.host import Function, Module

current = SimpleNamespace(device=0, streams={})
launches: list[tuple[int, int]] = []  # the device and the stream of each
waits: list[tuple[int, int, int]] = []  # after how many launches a stream was told to wait, which, and for which
capturing: set[int] = set()  # the streams of which a graph is made
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


class ExternalStream:
    """A stream, which is the current one of its device inside of ``with``."""

    def __init__(self, ptr: int, device_id: int) -> None:
        self.ptr, self.device_id = ptr, device_id

    def __enter__(self) -> None:
        assert self.device_id == current.device, "which CuPy refuses"
        self.before = current.streams.get(self.device_id, 0)
        current.streams[self.device_id] = self.ptr

    def __exit__(self, *_: Any) -> None:
        current.streams[self.device_id] = self.before

    def record(self) -> SimpleNamespace:
        """An event of what the stream was given so far."""
        assert self.device_id == current.device, "as an event is made on the current device"
        return SimpleNamespace(stream=self.ptr, launches=len(launches))

    def wait_event(self, event: SimpleNamespace) -> None:
        """Note that the stream waits."""
        assert event.launches == len(launches), "something was launched in between"
        waits.append((event.launches, self.ptr, event.stream))

    def is_capturing(self) -> bool:
        """Whether a graph is made of what the stream is given."""
        return self.ptr in capturing


def get_current_stream(device_id: int) -> ExternalStream:
    """The current stream of a device."""
    return ExternalStream(current.streams.get(device_id, 0), device_id)


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
