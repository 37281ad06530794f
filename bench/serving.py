# SPDX-License-Identifier: MIT
"""What the processes have in common that answer this one: they are silent, and end with it."""

import contextlib
import ctypes
import os
import platform
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

Reply = tuple[str, Any]  # ("done", ...) or the kind of a failure and its message


def connected(number: str) -> Connection:
    """The socket of this number, of which what a kernel forks is rid: it answers nobody."""
    connection = Connection(int(number))
    os.register_at_fork(after_in_child=connection.close)
    return connection


def serve(connection: Connection, answer: Callable[[tuple[Any, ...]], Reply]) -> None:
    """Answer requests until the other side closes the socket, or until an answer is that this process has crashed."""
    with contextlib.suppress(EOFError, OSError):
        kind = None
        while kind != "crashed":
            kind, found = answer(connection.recv())
            connection.send((kind, found))


def quiet() -> None:
    """What kernels print goes nowhere; and this process ends with the one that started it, whatever it is doing."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other side decides what an interruption ends
    if platform.system() == "Linux":
        parent_death_signal = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")  # where memory runs out, this process is the one to go
