# SPDX-License-Identifier: MIT
"""How long the device works, by its own events, and at what clocks."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kernels.gpu import build
from kernels.gpu.device import architecture, cupy

# Keeps the device busy while the processor sets up what is timed. Without it the device would wait for the launch
# between the two events, and the launch be timed with the kernel.
SPIN = """
extern "C" __global__ void spin(long long cycles) {
    for (const long long start = clock64(); clock64() - start < cycles;) {}
}
"""
SPIN_CYCLES = 200_000  # 0.1 ms or a little more

# NVML's bits for clocks that are lowered by heat or by the supply; a power limit lowers them all the time, and shows in
# the clocks that are recorded.
THROTTLED = 0x8 | 0x20 | 0x40 | 0x80


@dataclass
class Clocks:
    """The clocks of the multiprocessors in MHz, as they were seen after what was timed."""

    lowest: int
    highest: int


_seen: dict[int, Clocks] = {}  # by the device's number


def elapsed(call: Callable[[], Any]) -> float | None:
    """How long the device works on what a call starts, in seconds; None where it was throttled meanwhile."""
    library = cupy()
    number = library.cuda.runtime.getDevice()
    events = library.cuda.Event(), library.cuda.Event()
    _spin(number)((1,), (1,), (SPIN_CYCLES,))
    events[0].record()
    call()
    events[1].record()
    events[1].synchronize()
    seconds = library.cuda.get_elapsed_time(*events) * 1e-3
    return None if _is_throttled(number) else seconds


def clocks(number: int) -> tuple[int, int] | None:
    """The lowest and the highest clock that was seen on a device; None where nothing told it."""
    seen = _seen.get(number)
    return (seen.lowest, seen.highest) if seen else None


@functools.cache
def _spin(number: int) -> Any:
    return cupy().RawModule(path=str(build.cubin_of(SPIN, architecture(number)))).get_function("spin")


def _is_throttled(number: int) -> bool:
    """Look at the clocks and at why they are what they are."""
    management = _management(number)
    if management is None:
        return False
    nvml, device = management
    clock = nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_SM)
    seen = _seen.setdefault(number, Clocks(clock, clock))
    seen.lowest, seen.highest = min(seen.lowest, clock), max(seen.highest, clock)
    return bool(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(device) & THROTTLED)


@functools.cache
def _management(number: int) -> tuple[Any, Any] | None:
    """NVML and its handle of a device; None where it is not installed, or does not answer."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return pynvml, pynvml.nvmlDeviceGetHandleByPciBusId(cupy().cuda.Device(number).pci_bus_id)
    except pynvml.NVMLError:
        return None
