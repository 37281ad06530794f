# SPDX-License-Identifier: MIT
"""How many processors a process may use: the one limit on threads that holds for every library."""

import contextlib
import os
from collections.abc import Iterator

CAN_LIMIT = hasattr(os, "sched_setaffinity")  # Linux has it; macOS does not


@contextlib.contextmanager
def limited(processors: int | None) -> Iterator[None]:
    """What this thread starts meanwhile may use so many of the processors that it may use itself; all if None."""
    if processors is None or not CAN_LIMIT:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-processors:])  # the first one is where most interrupts are served
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
