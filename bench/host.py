# SPDX-License-Identifier: MIT
"""The process that kernels run in: it answers calls until it is told to end, or until a call ends it.

Started by `bench.remote` as ``python -m bench.host SOCKET MEMORY PLACE...``: the numbers of two open files, a socket
and the memory shared with the other side, and what ``--kernels`` named. What a kernel prints goes nowhere; after each
call the floating-point mode is as it was, or the kernel is told on.
"""

import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import kernels
from bench import fenv, imports, speed, users
from bench.calling import KernelError, as_array, blamed, is_same
from bench.serving import Reply, connected, quiet, serve
from bench.spans import CACHE_LINE, Memory, Place
from kernels.gpu import driver
from kernels.registry import Kernel, registered
from reference.sources import loaded_sources


def call(
    kernel: Kernel, memory: Memory, places: list[Place], size: int, has_out: bool, options: dict[str, Any]
) -> Reply:
    """Call a kernel's function on arrays that lie in the shared memory, the last of them ``out`` if there is one."""
    *arrays, out = [place.view(memory.of(size)) for place in places] + ([] if has_out else [None])
    if has_out:
        options = {**options, "out": out}
    dtype = arrays[-1].dtype
    got = as_array(watched(lambda: kernel.function(*arrays, **options)), dtype)
    if out is not None and is_same(got, out):
        return "done", None
    got = np.ascontiguousarray(got).reshape(got.shape)
    place = Place(-(-size // CACHE_LINE) * CACHE_LINE, got.shape, got.strides, got.dtype.name)
    end = place.offset + got.nbytes
    place.view(memory.of(end))[...] = got
    return "done", (place, end)


def flags(kernel: Kernel, memory: Memory, places: list[Place], size: int, has_out: bool) -> Reply:
    """The exception flags that a call raises."""
    *arrays, out = [place.view(memory.of(size)) for place in places] + ([] if has_out else [None])
    return "done", watched(lambda: fenv.raised(lambda: kernel(*arrays, out=out, threads=1)))


def sources(kernel: Kernel, memory: Memory, own: str) -> Reply:
    """The source files that are loaded here."""
    return "done", loaded_sources(own)


def runs_with(kernel: Kernel, memory: Memory) -> Reply:
    """What the kernel's backend says that it runs with here."""
    return "done", watched(kernel.runs_with)


def libraries(kernel: Kernel, memory: Memory) -> Reply:
    """The libraries that the user's files here import, with their versions."""
    return "done", imports.libraries(loaded_sources())


def durations(kernel: Kernel, memory: Memory, setting: tuple[Any, ...], seconds: float) -> Reply:
    """How long calls take, in seconds, one after the other on buffers of a setting of `bench.speed`."""
    call = prepared(kernel.id, setting)
    timer = kernel.timer if setting[-1] != "call" else None
    return "done", watched(lambda: speed.durations(call, seconds, timer))


@functools.cache
def known() -> dict[str, Kernel]:
    """The kernels that there are, by their ids, once all are imported."""
    return {k.id: k for k in registered()}


@functools.lru_cache(maxsize=2)
def prepared(name: str, setting: tuple[Any, ...]) -> Callable[[], Any]:
    """A call on the next of the buffers each time; they live until two others are made, as when kernels take turns."""
    call = speed.in_turn(speed.calls(known()[name], speed.Setting(*setting)))
    watched(call)
    return call


class ModeError(Exception):
    """A kernel left the floating-point mode changed."""


def watched(function: Callable[[], Any]) -> Any:
    """Call it without warnings, and see that the floating-point mode is afterwards what it was.

    Raises:
        ModeError: it is not; it is set right again.
    """
    try:
        with fenv.kept() as state, np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function()
    finally:
        if state.changed:
            raise ModeError(state.changed)


OPERATIONS = {"call": call, "flags": flags, "sources": sources, "runs_with": runs_with, "durations": durations}
OPERATIONS["libraries"] = libraries


def answer(known: dict[str, Kernel], memory: Memory, request: tuple[Any, ...]) -> Reply:
    """What is sent back for a request; after "crashed" this process is of no more use.

    An error of the device stays in a process, where all that asks anything of it then fails.
    """
    kind, found = _answered(known, memory, request)
    kernel = known.get(request[1])
    fault = driver.fault() if kernel and kernel.device == "cuda" else None
    if fault is None:
        return kind, found
    said = "" if kind == "done" else f"{found}; "
    return "crashed", f"{said}the device answers its process no more: {fault}"


def _answered(known: dict[str, Kernel], memory: Memory, request: tuple[Any, ...]) -> Reply:
    operation, name, *rest = request
    try:
        return OPERATIONS[operation](known[name], memory, *rest)
    except ModeError as error:
        return "changed_mode", str(error)
    except KernelError as error:
        return error.failure.kind, error.failure.message
    except BaseException as error:  # nobody interrupts this process: it is the kernel's own
        return blamed(error)


def main() -> None:
    """Serve until the other side closes the socket."""
    socket, file, *places = sys.argv[1:]
    quiet()
    connection, memory = connected(socket), Memory(int(file))
    kernels.load()
    try:
        with fenv.kept() as state:
            users.load(places)
    except users.LoadError as error:
        connection.send(("raised", str(error)))
        return
    spoiled = f"the import of {', '.join(places)} {state.changed}" if state.changed else None
    connection.send(("done", spoiled))
    serve(connection, functools.partial(answer, known(), memory))


if __name__ == "__main__":
    main()
