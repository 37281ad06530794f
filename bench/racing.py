# SPDX-License-Identifier: MIT
"""A process that times kernels of one state of the sources: `bench.against` starts it as ``python -m bench.racing``.

It is started in a folder whose `kernels` are those of that state, and whose `bench` is this checkout's. What it is to
do comes as JSON on stdin; what it found goes to a file, a line for each timing and each kernel: where it ends before
its time, the line that is missing tells at what.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

import kernels
from bench import speed
from kernels.registry import Kernel, registered

FIELDS = ("activation", "direction", "dtype", "backend", "variant")  # of a kernel, that tell it from all others
WARMING_S = 0.01
LEAST_CALLS = 20  # however long they take


def main() -> None:
    """Do what stdin says: compile, or time."""
    asked = json.load(sys.stdin)
    with Path(asked["found"]).open("w", encoding="utf-8", buffering=1) as found:
        kernels.load()
        own = [k.id for k in registered()]
        failed = _load_users(asked["places"])
        known = {k.id: k for k in registered()}
        fields = {name: [getattr(k, f) for f in FIELDS] for name, k in known.items()}
        threaded = [name for name, k in known.items() if k.takes_threads]
        tell(found, known=fields, own=own, failed_places=failed, threaded=threaded)
        for name in asked["kernels"]:
            if name in known:
                one(known[name], asked, found)
            tell(found, done=name)


def _load_users(places: list[str]) -> dict[str, str]:
    """Import them; by place why that failed: at another revision one may register nothing yet."""
    failed: dict[str, str] = {}
    if places:
        from bench import users  # which imports more than timing needs

        users.load(places, failed)
    return failed


def one(kernel: Kernel, asked: dict[str, Any], found: TextIO) -> None:
    """Compile a kernel where it needs that, and time it in each setting; what it raises is told."""
    try:
        with np.errstate(all="ignore"):
            if asked["seconds"] == 0 and kernel.compile:
                kernel.compile()
            for setting in asked["settings"][kernel.id] if asked["seconds"] else []:
                call = speed.in_turn(speed.calls(kernel, speed.Setting(*setting)))
                seconds = timed(call, asked["seconds"], getattr(kernel, "timer", None))  # which older revisions lack
                tell(found, kernel=kernel.id, setting=setting, seconds=seconds)
    except Exception as error:
        tell(found, kernel=kernel.id, failed=f"{type(error).__name__}: {error}")


def timed(call: Callable[[], Any], seconds: float, timer: Callable[..., float | None] | None = None) -> float:
    """How long a call takes in this process, in seconds: the least of many, since all that interferes adds to it."""
    speed.durations(call, WARMING_S, timer)
    durations = speed.durations(call, seconds, timer)
    while len(durations) < LEAST_CALLS:
        durations += speed.durations(call, 0, timer)
    return min(durations)


def tell(found: TextIO, **what: Any) -> None:
    """Write one line."""
    found.write(json.dumps(what) + "\n")


if __name__ == "__main__":
    main()
