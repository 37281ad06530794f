# SPDX-License-Identifier: MIT
"""How long the device works, by its own events, and at what clocks."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

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
MOST_CYCLES = 16 * SPIN_CYCLES  # a call that itself waits for the device is set up after any spin

# NVML's bits for clocks that are lowered by heat or by the supply; a power limit lowers them all the time, and shows in
# the clocks that are recorded. The first of these that NVML has tells them: they were renamed.
THROTTLED = 0x8 | 0x20 | 0x40 | 0x80
REASONS = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
LOOK_EVERY_S = 0.02  # NVML takes longer to answer than a small kernel to run, and its answers are no newer than this


@dataclass
class Seen:
    """What was seen of a device after what was timed, its clocks those of the multiprocessors in MHz."""

    at: float | None = None  # when it was last looked at
    is_throttled: bool = False  # then
    clocks: tuple[int, int] | None = None  # the lowest and the highest, where they were told


_seen: dict[int, Seen] = {}  # by the device's number
_cycles: WeakKeyDictionary[Callable[[], Any], int] = WeakKeyDictionary()  # of the spin before a call that needs more


def elapsed(call: Callable[[], Any]) -> float | None:
    """How long the device works on what a call starts, in seconds; None where it was last seen throttled.

    Where the device was done with its spin before everything was set up, the call is made again after one twice as
    long. What is set up too late for the longest is timed with the launch.
    """
    library = cupy()
    number = library.cuda.runtime.getDevice()
    events = library.cuda.Event(), library.cuda.Event()
    while True:
        cycles = _cycles.get(call, SPIN_CYCLES)
        _spin(number)((1,), (1,), (cycles,))
        events[0].record()
        call()
        events[1].record()
        was_late = events[0].done
        events[1].synchronize()
        if not was_late or cycles >= MOST_CYCLES:
            break
        _cycles[call] = 2 * cycles
    seconds = library.cuda.get_elapsed_time(*events) * 1e-3
    return None if _look(number).is_throttled else seconds


def clocks(number: int) -> tuple[int, int] | None:
    """The lowest and the highest clock that was seen on a device; None where nothing told it."""
    return _seen[number].clocks if number in _seen else None


@functools.cache
def _spin(number: int) -> Any:
    return cupy().RawModule(path=str(build.cubin_of(SPIN, architecture(number)))).get_function("spin")


def _look(number: int) -> Seen:
    """Look at the clocks of a device and at why they are what they are, where that was not done a moment ago."""
    seen, now = _seen.setdefault(number, Seen()), time.monotonic()
    management = _management(number)
    if management is None or (seen.at is not None and now < seen.at + LOOK_EVERY_S):
        return seen
    nvml, device = management
    clock = _told(nvml, ("nvmlDeviceGetClockInfo",), device, nvml.NVML_CLOCK_SM)
    if clock is not None:
        lowest, highest = seen.clocks or (clock, clock)
        seen.clocks = min(lowest, clock), max(highest, clock)
    seen.at, seen.is_throttled = now, bool((_told(nvml, REASONS, device) or 0) & THROTTLED)
    return seen


def _told(nvml: Any, names: tuple[str, ...], *asked: Any) -> int | None:
    """What the first of NVML's functions that answers says; None where it tells that of no such device, or nobody."""
    for name in names:
        try:
            return getattr(nvml, name)(*asked)
        except (AttributeError, nvml.NVMLError):
            continue
    return None


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
