# SPDX-License-Identifier: MIT
"""A process that times kernels of one state of the sources: `bench.trees` starts it as ``python -m bench.racing``.

It is started in a folder whose `kernels` are those of that state, and whose `bench` is this checkout's, and is asked
for one slice of calls after the other, in turn with the processes of the other states.
"""

import functools
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.serving import Reply, connected, quiet, serve

FIELDS = ("activation", "direction", "dtype", "backend", "variant")  # of a kernel, that tell it from all others
WARMING_S = 0.01


class Racer:
    """The kernels of this process.

    Args:
        places: what ``--kernels`` named.
    """

    def __init__(self, places: list[str]) -> None:
        # An older revision's kernels may lack what is imported here: that is to be told, before anything is asked.
        import kernels
        from bench import calling, speed
        from kernels.registry import registered

        self.speed, self.blamed = speed, calling.blamed
        kernels.load()
        self.own = [k.id for k in registered()]
        self.failed_places: dict[str, str] = {}
        if places:
            from bench import users  # which imports more than timing needs

            users.load(places, self.failed_places)
        self.kernels = {k.id: k for k in registered()}
        self.calls = functools.lru_cache(maxsize=1)(self._calls)  # those of one setting live until the next

    def known(self, _: str) -> dict[str, Any]:
        """What there is, and which places could not be loaded: at another revision one may register nothing yet."""
        return {
            "known": {name: {f: getattr(k, f) for f in FIELDS} for name, k in self.kernels.items()},
            "own": self.own,
            "failed_places": self.failed_places,
            "threaded": [name for name, k in self.kernels.items() if k.takes_threads],
        }

    def compile(self, name: str) -> None:
        """Compile a kernel where it needs that."""
        if self.kernels[name].compile:
            self.kernels[name].compile()

    def time(self, name: str, setting: tuple[Any, ...], seconds: float) -> float:
        """How long a call takes, in seconds: the least of so many seconds' calls, since what interferes adds to it."""
        return min(self.speed.durations(self.calls(name, setting), seconds, _timer(self.kernels[name])))

    def _calls(self, name: str, setting: tuple[Any, ...]) -> Callable[[], Any]:
        """A call on the next of a setting's buffers each time, of a kernel that is warm."""
        kernel, at = self.kernels[name], self.speed.Setting(*setting)
        _stay_put(alone=at.threads == 1)
        call = self.speed.in_turn(self.speed.calls(kernel, at))
        self.speed.durations(call, WARMING_S, _timer(kernel))
        return call

    def answer(self, request: tuple[Any, ...]) -> Reply:
        """What is sent back for a request."""
        operation, *what = request
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return "done", getattr(self, operation)(*what)
        except BaseException as error:  # nobody interrupts this process: it is the kernel's own
            return self.blamed(error)


def _timer(kernel: Any) -> Callable[..., float | None] | None:
    return getattr(kernel, "timer", None)  # which older revisions lack


@functools.cache
def _processors() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _stay_put(*, alone: bool) -> None:
    """One thread stays on one processor, the same as in the other states' processes: others are as busy, or less."""
    if _processors():
        os.sched_setaffinity(0, _processors()[-1:] if alone else _processors())


def main() -> None:
    """Load the kernels, then do what is asked."""
    socket, _, *places = sys.argv[1:]
    quiet()
    connection = connected(socket)
    try:
        racer = Racer(places)
    except Exception as error:
        connection.send(("raised", f"{type(error).__name__}: {error}"))
        return
    connection.send(("done", None))
    serve(connection, racer.answer)


if __name__ == "__main__":
    main()
