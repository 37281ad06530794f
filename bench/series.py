# SPDX-License-Identifier: MIT
"""Inputs of a sweep, whose bit patterns are in arithmetic order: nothing is copied to see whether they were changed."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher

from bench.calling import KernelError, restored
from reference.compiled import compile_loop

ONE = int(np.float32(1).view(np.uint32))


@dataclass(frozen=True)
class Series:
    """The float32 numbers of the bit patterns first, first + step, and so on."""

    first: int
    step: int

    def fill(self, array: np.ndarray) -> None:
        """Make them the elements of an array."""
        _loops()[0](array.view(np.uint32), self.first, self.step)

    def holds(self, array: np.ndarray) -> bool:
        """Whether they are the elements of an array."""
        return _loops()[1](array.view(np.uint32), self.first, self.step) == 0


class Filled:
    """Arrays filled with series of float32: what a kernel does to them is told, and undone."""

    def __init__(self, arrays: Sequence[np.ndarray], series: Sequence[Series]) -> None:
        self.both = list(zip(arrays, series, strict=True))
        for array, elements in self.both:
            elements.fill(array)

    def restore(self) -> list[KernelError]:
        """See `bench.calling.Originals`."""
        errors = []
        for array, elements in self.both:
            if array.dtype != np.float32 or array.ndim != 1 or not elements.holds(array):
                original = np.empty(array.nbytes // 4, np.float32)
                elements.fill(original)
                errors += filter(None, [restored(array, original)])
        return errors


def series_of(direction: str, first: int) -> list[Series]:
    """What a kernel takes for consecutive inputs from a bit pattern on: these or, backward, dy = 1 and these."""
    x = Series(first, 1)
    return [x] if direction == "forward" else [Series(ONE, 0), x]


def fill(words, first, step):
    for i in range(words.size):
        words[i] = np.uint32(first + step * i)


def count_other(words, first, step):
    count = 0
    for i in range(words.size):
        count += 1 if words[i] != np.uint32(first + step * i) else 0
    return count


@functools.cache
def _loops() -> tuple[Dispatcher, Dispatcher]:
    words = types.Array(types.uint32, 1, "C")
    return (
        compile_loop(fill, "fill", types.void(words, types.int64, types.int64), {}),
        compile_loop(count_other, "count_other", types.int64(words, types.int64, types.int64), {}),
    )
