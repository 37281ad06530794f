# SPDX-License-Identifier: MIT
"""From a call to compiled loops: any shape and strides, ``out``, and threads.

Loops are serial and release the GIL; threads share an array out among themselves in pieces. Every element is computed
alike wherever the pieces end, so the bits do not depend on how many threads there are.
"""

import functools
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

PER_THREAD = 1 << 17  # fewer elements than this are done sooner than a second thread has started
SHARED = 2 * PER_THREAD  # elements: fewer are done in one thread, unless more are asked for
LINE = 64  # pieces start at multiples of this many elements, so that no two threads write to one cache line
SUM_BLOCK = 1 << 14  # elements summed before sums are added up: fixed, so that the order is
LANES = 32  # running sums side by side: what hides the time that an addition takes
PER_LANE = 16  # elements of a block, at least, for each of its sums: adding these up is to cost little

Loop = Callable[..., None]
Arrays = tuple[np.ndarray, ...]
View = Callable[[np.ndarray], np.ndarray]  # an array as compiled code takes it: Storage.view


def is_simple(arrays: Arrays, out: np.ndarray | None, threads: int | None) -> bool:
    """Whether a loop can take these arrays as they are, in this thread, if out covers none of them in part.

    That the loop finds out itself. What is asked here takes as long as hundreds of elements: each thing once.
    """
    if type(out) is not np.ndarray or not out.flags.carray:
        return False
    if threads != 1 and (threads is not None or out.size >= SHARED):
        return False
    shape, dtype = out.shape, out.dtype
    for a in arrays:
        if type(a) is not np.ndarray or a.dtype is not dtype or a.shape != shape or not a.flags.carray:
            return False
    return True


def small_like(x: np.ndarray) -> np.ndarray | None:
    """A new array for the results of a small one; None for any other, and for what is none."""
    return np.empty(x.shape, x.dtype) if type(x) is np.ndarray and x.size < SHARED else None


def ready(loop: Loop, memory: np.dtype | None) -> tuple[Loop, Loop]:
    """The loop for what `is_simple` finds fit: for flat arrays, and for those of any shape.

    ``memory`` is what compiled code takes the elements for, if not for what they are.
    """

    def flat(*arguments: Any) -> bool:
        *arrays, parameters = arguments
        return loop(*[a.view(memory) for a in arrays], parameters)

    def shaped(*arguments: Any) -> bool:
        *arrays, parameters = arguments
        return plain(*[a.reshape(-1) for a in arrays], parameters)

    plain = flat if memory else loop
    return plain, shaped


def elementwise(
    loop: Loop, arrays: Arrays, out: np.ndarray | None, view: View, threads: int | None, parameters: tuple[float, ...]
) -> np.ndarray:
    """``loop(*arrays, out, parameters)`` over equally shaped arrays, taken as flat."""
    inputs = [view(_flat(_plain(a))) for a in arrays]
    result = _buffer(arrays, out)
    flat = view(_flat(result))
    if threads == 1 or (threads is None and flat.size < SHARED):
        loop(*inputs, flat, parameters)
        return _finish(out, result)

    def piece(start: int, stop: int) -> None:
        loop(*[a[start:stop] for a in inputs], flat[start:stop], parameters)

    share(piece, flat.size, LINE, threads or worthwhile(flat.size))
    return _finish(out, result)


def by_channel(
    loop: Loop, arrays: Arrays, out: np.ndarray | None, view: View, threads: int | None, alpha: np.ndarray
) -> np.ndarray:
    """``loop(*arrays, out, alpha, first)``, where axis 1 of the arrays is the axis of α."""
    shape = arrays[-1].shape
    planes = (shape[0] * shape[1], math.prod(shape[2:]))
    inputs = [view(_plain(a)).reshape(planes) for a in arrays]
    result = _buffer((alpha, *arrays), out, may_be_input=False)
    table, grid = view(_plain(alpha)), view(result).reshape(planes)

    def piece(start: int, stop: int) -> None:
        loop(*[a[start:stop] for a in inputs], grid[start:stop], table, start)

    share(piece, planes[0], 1, threads or worthwhile(result.size))
    return _finish(out, result)


@dataclass(frozen=True)
class SumLayout:
    """Rows of channels × inner elements, and whether they are summed in blocks or in one go."""

    channels: int
    inner: int
    in_blocks: bool


def channel_sums(
    loop: Loop, total: Loop, dy: np.ndarray, x: np.ndarray, layout: SumLayout, view: View, threads: int | None
) -> np.ndarray:
    """One sum for each channel, in float64."""
    dy, x = view(_plain(dy).reshape(-1)), view(_plain(x).reshape(-1))
    row = max(1, layout.channels * layout.inner)
    rows = max(1, -(-x.size // row))
    per_block = max(1, SUM_BLOCK // row) if layout.in_blocks else rows
    blocks = -(-rows // per_block)
    high, low = np.zeros((2, blocks, layout.channels))

    def piece(start: int, stop: int) -> None:
        loop(dy, x, high[start:stop], low[start:stop], layout.inner, per_block, start)

    share(piece, blocks, 1, threads or worthwhile(x.size))
    total(high, low)
    return np.where(np.isfinite(high[0]), high[0] + low[0], high[0])


def lane_sums(
    loop: Loop, total: Loop, dy: np.ndarray, x: np.ndarray, layout: SumLayout, view: View, threads: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each channel its sum as high + low, in float64, and the sum of the terms' absolute values."""
    dy, x = view(_plain(dy).reshape(-1)), view(_plain(x).reshape(-1))
    # Of channels that are neighbours in memory each has a lane.
    side_by_side = layout.inner == 1 and layout.channels > 0
    channels, inner = (1, layout.channels) if side_by_side else (layout.channels, layout.inner)
    lanes = inner if side_by_side else max(1, min(LANES, inner))
    row = max(1, channels * inner)
    rows = max(1, -(-x.size // row))
    per_block = max(1, SUM_BLOCK // row, PER_LANE * lanes // max(1, inner))
    blocks = -(-rows // per_block)
    sums = np.zeros((3, blocks, channels, lanes))

    def piece(start: int, stop: int) -> None:
        loop(dy, x, *sums[:, start:stop], inner, per_block, start)

    share(piece, blocks, 1, threads or worthwhile(x.size))
    if not side_by_side:
        sums = sums.transpose(0, 1, 3, 2)
    high, low, size = np.ascontiguousarray(sums).reshape(3, blocks * sums.shape[2], layout.channels)
    total(high, low)
    return high[0], np.where(np.isfinite(high[0]), low[0], 0.0), size.sum(0)


def share(task: Callable[[int, int], None], count: int, multiple: int, threads: int) -> None:
    """Call ``task(start, stop)`` over pieces of range(count), one for each thread, this one included."""
    step = max(1, -(-count // threads))
    step += -step % multiple
    starts = range(0, count, step)
    others = [_pool(threads - 1).submit(task, s, min(s + step, count)) for s in starts[1:]]
    if count:
        task(0, min(step, count))
    for other in others:
        other.result()


def worthwhile(size: int) -> int:
    """How many threads are worth it for an array of this size."""
    return max(1, min(cores(), size // PER_THREAD))


@functools.cache
def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="halfulp")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork


def _plain(array: np.ndarray) -> np.ndarray:
    """The array itself where compiled code can take it as it is, otherwise a copy."""
    if type(array) is not np.ndarray:
        array = np.asarray(array)
    return array if array.flags.carray else np.array(array, order="C")


def _flat(array: np.ndarray) -> np.ndarray:
    return array if array.ndim == 1 else array.reshape(-1)


def _buffer(arrays: Arrays, out: np.ndarray | None, *, may_be_input: bool = True) -> np.ndarray:
    """Where to compute: in ``out``, unless it is strided or half covers an input, or is one where it may not."""
    if out is not None:
        plain = out if type(out) is np.ndarray else np.asarray(out)
        collides = _collides if may_be_input else np.may_share_memory
        if plain.flags.carray and not any(collides(plain, a) for a in arrays):
            return plain
    return np.empty(arrays[-1].shape, arrays[-1].dtype)


def _collides(out: np.ndarray, array: np.ndarray) -> bool:
    if out is array or not np.may_share_memory(out, array):
        return False
    return out.ctypes.data != array.ctypes.data or out.strides != array.strides


def _finish(out: np.ndarray | None, result: np.ndarray) -> np.ndarray:
    if out is None or out is result:
        return result
    if not np.may_share_memory(out, result):
        out[...] = result
    return out
