# SPDX-License-Identifier: MIT
"""From arrays on the device to launches: any shape and strides, ``out``, one launch, two for a sum."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kernels.gpu.arrays import contiguous, copy_to, empty, is_plain, overlap
from kernels.gpu.device import THREADS, cupy, resident_blocks

PACKET = 16  # bytes that a thread takes at a time
SUM_BLOCKS = 1024  # for one channel, at most
PER_THREAD = 16  # elements of a sum at least, so that the tree over threads costs little
NARROW = 32  # channels of fewer neighbours in memory than this are summed side by side, so many at a time

Function = Callable[[tuple[int, ...], tuple[int, ...], tuple[Any, ...]], None]


def elementwise(function: Function, inputs: Sequence[Any], out: Any | None, after: Sequence[Any], *others: Any) -> Any:
    """Launch an elementwise kernel over equally shaped arrays; ``after`` are its arguments after the size.

    ``others`` are arrays that it reads too.
    """
    like = inputs[-1]
    plain = [contiguous(a) for a in inputs]
    direct = out is not None and is_plain(out) and not any(overlap(out, a) for a in (*plain, *others))
    result = out if direct else empty(like.shape, like.dtype)
    if like.size:
        per_block = THREADS * (PACKET // like.itemsize)
        blocks = min(-(-like.size // per_block), resident_blocks(function))
        function((blocks,), (THREADS,), (*[a.data.ptr for a in plain], result.data.ptr, like.size, *after))
    if out is None or direct:
        return result
    copy_to(out, result)
    return out


@dataclass(frozen=True)
class Sums:
    """How a sum over each channel is shared out, by the shape alone."""

    rows: int
    channels: int
    inner: int

    @property
    def lanes(self) -> int:
        """Channels that a block of threads has."""
        return NARROW if self.inner < NARROW and self.channels > 1 else 1

    @property
    def blocks(self) -> int:
        """Blocks of threads for the elements of one channel."""
        per_block = THREADS // self.lanes * PER_THREAD
        return max(1, min(SUM_BLOCKS, -(-self.rows * self.inner // per_block)))


def channel_sums(
    partial: Function, total: Function, dy: Any, x: Any, shape: Sums, bytes_per_sum: int, out_shape: tuple[int, ...]
) -> Any:
    """The sum of each channel, of the dtype of x and of that shape."""
    dy, x = contiguous(dy), contiguous(x)
    out = empty(out_shape, x.dtype)
    if not out.size:
        return out
    scratch = cupy().empty(shape.channels * shape.blocks * bytes_per_sum, "uint8")
    size = (shape.rows, shape.channels, shape.inner)
    groups = -(-shape.channels // shape.lanes)
    partial((groups, shape.blocks), (THREADS,), (dy.data.ptr, x.data.ptr, scratch.data.ptr, *size, shape.lanes))
    total((shape.channels,), (THREADS,), (dy.data.ptr, x.data.ptr, scratch.data.ptr, out.data.ptr, *size, shape.blocks))
    return out


def channels_of(x: Any) -> tuple[int, int]:
    """How many channels an array has, on axis 1, and how many elements of one are neighbours."""
    return x.shape[1], math.prod(x.shape[2:])
