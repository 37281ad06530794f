# SPDX-License-Identifier: MIT
"""Kernels of the device run on this machine: threads of a grid one after the other, or those of a block together.

A module here can be used as CuPy's: ``Module(path).get_function(name)(grid, block, arguments)``.
"""

import ctypes
import itertools
import threading
from collections.abc import Sequence
from pathlib import Path

LARGEST_GRID = (2**31 - 1, 65535, 65535)  # that a device takes


class Module:
    """A library made by `build.host_library`."""

    def __init__(self, path: str | Path) -> None:
        self.library = ctypes.CDLL(str(path))

    def get_function(self, name: str) -> "Function":
        """A kernel of it, by the name of its entry point."""
        return Function(self.library, name)


class Function:
    """A kernel that can be launched, over pointers as whole numbers, sizes and floats."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.library, self.name, self.run = library, name, getattr(library, name)

    def __call__(self, grid: Sequence[int], block: Sequence[int], arguments: Sequence[int | float]) -> None:
        """Run every thread of a grid, and return when all are done.

        Raises:
            ValueError: the grid is none that a device takes.
        """
        if not all(0 < count <= most for count, most in zip(grid, LARGEST_GRID, strict=False)):
            raise ValueError(f"a grid of {' × '.join(map(str, grid))} blocks is none that a device takes")
        given = [ctypes.c_double(a) if isinstance(a, float) else ctypes.c_ulonglong(int(a)) for a in arguments]
        blocks, threads = (*grid, 1, 1), block[0]
        if not self._waits:
            for at in itertools.product(*map(range, blocks[:2])):
                for thread in range(threads):
                    self._thread(at, thread, blocks, threads, given)
            return
        barrier = ctypes.create_string_buffer(256)
        pthread = ctypes.CDLL(None)
        pthread.pthread_barrier_init(barrier, None, threads)
        self.library.set_barrier(barrier)
        try:
            for at in itertools.product(*map(range, blocks[:2])):
                together = [
                    threading.Thread(target=self._thread, args=(at, thread, blocks, threads, given))
                    for thread in range(threads)
                ]
                for one in together:
                    one.start()
                for one in together:
                    one.join()
        finally:
            self.library.set_barrier(None)
            pthread.pthread_barrier_destroy(barrier)

    @property
    def _waits(self) -> bool:
        """Whether threads of a block wait for each other: those of sums do."""
        return "backward_alpha" in self.name

    def _thread(self, at: Sequence[int], thread: int, blocks: Sequence[int], threads: int, given: list) -> None:
        self.library.set_thread(*at, thread, *blocks[:2], threads)
        self.run(*given)
