# SPDX-License-Identifier: MIT
"""A process that times kernels of one state of the sources: `bench.against` starts it as ``python -m bench.racing``.

It is started in a folder whose `kernels` are those of that state, and whose `bench` is this checkout's. What it is to do
comes as JSON on stdin; what it found goes, a line a timing, to a file: where it ends before its time, the line that is
missing tells at what.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

import kernels
from bench import speed
from kernels.registry import Kernel, registered

WARMING_S = 0.01
SHORT = 20  # calls at least, however long they take


def main() -> None:
    """Do what stdin says: compile, or time."""
    asked = json.load(sys.stdin)
    with Path(asked["found"]).open("w", encoding="utf-8", buffering=1) as found:
        kernels.load()
        _load_users(asked["places"])
        known = {k.id: k for k in registered()}
        tell(found, known=sorted(known))
        for name in asked["kernels"]:
            if name in known:
                one(known[name], asked, found)


def _load_users(places: list[str]) -> None:
    if places:
        from bench import users  # which imports more than timing needs

        users.load(places)


def one(kernel: Kernel, asked: dict[str, Any], found: TextIO) -> None:
    """Compile a kernel where it needs that, and time it in each setting; what it raises is told."""
    try:
        with np.errstate(all="ignore"):
            if asked["seconds"] == 0 and kernel.compile:
                kernel.compile()
            for setting in asked["settings"][kernel.id] if asked["seconds"] else []:
                seconds = timed(speed.in_turn(speed.calls(kernel, speed.Setting(*setting))), asked["seconds"])
                tell(found, kernel=kernel.id, setting=setting, seconds=seconds)
    except Exception as error:
        tell(found, kernel=kernel.id, failed=f"{type(error).__name__}: {error}")


def timed(call: Callable[[], Any], seconds: float) -> float:
    """How long a call takes in this process, in seconds: the least of many, since all that interferes adds to it."""
    end = time.perf_counter() + WARMING_S
    call()
    while time.perf_counter() < end:
        call()
    durations = speed.durations(call, seconds)
    durations += [speed.clocked(call) for _ in range(SHORT - len(durations))]
    return min(durations)


def tell(found: TextIO, **what: Any) -> None:
    """Write one line."""
    found.write(json.dumps(what) + "\n")


if __name__ == "__main__":
    main()
