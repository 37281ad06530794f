# SPDX-License-Identifier: MIT
"""The loops over arrays: every kernel is one of these, compiled with a body and the storage of a dtype.

``body``, ``load``, ``store``, ``defaults`` and ``light`` are put in their place when a loop is compiled
(``compile_loop``).
Parameters are float64. Their defaults have a loop of their own, in which they are constants, and what they make
needless is left out: LLVM would do that for small bodies only. Arrays are flat, except in the ``channels`` loops: those
go over planes, each with an α of its own, of which ``first`` is the number of the first.
Of elements that it writes where it reads LLVM would take one at a time: where out is an input, results go through a
block of their own, and the ``channels`` loops are not given it. So do elements too few for a pass through a vectorised
loop, filled up with zeros: LLVM would take them one at a time, and a half together with what lies beside it.
"""

import numpy as np
from numba import carray

from kernels.cpu.blocks import accumulate
from kernels.cpu.compile import full_width
from kernels.cpu.streams import (
    STREAMED_BYTES,
    WHOLE,
    block_buffer,
    empty,
    fence,
    first_stop,
    fits,
    is_same,
    next_stop,
    per_line,
    pointer,
    readable,
)


def body(*arguments):
    raise NotImplementedError("a loop runs only compiled: see compile_loop")


load = store = body
defaults, light = (), False


def forward(x, out, parameters):
    full_width()
    takes = fits(x, out)
    streams = out.nbytes >= STREAMED_BYTES
    in_blocks = streams | is_same(x, out)
    buffer, spare = block_buffer(out), block_buffer(x)
    start, stop, end = 0, first_stop(out, light, in_blocks), x.size if takes else 0
    while start < end:
        filled, size = stop - start, max(stop - start, WHOLE)
        part = carray(readable(pointer(x, start), filled, spare), size)
        aside = in_blocks | (filled < size)
        place = carray(buffer if aside else pointer(out, start), size)
        if parameters == defaults:
            for i in range(size):
                place[i] = store(body(load(part[i]), *defaults))
        else:
            for i in range(size):
                place[i] = store(body(load(part[i]), *parameters))
        if aside:
            empty(buffer, pointer(out, start), filled, per_line(out), streams)
        start, stop = stop, next_stop(out, stop, in_blocks)
    fence(streams)
    return takes


def backward(dy, x, out, parameters):
    full_width()
    takes = fits(dy, out) & fits(x, out)
    streams = out.nbytes >= STREAMED_BYTES
    in_blocks = streams | is_same(dy, out) | is_same(x, out)
    buffer, spare_dy, spare = block_buffer(out), block_buffer(dy), block_buffer(x)
    start, stop, end = 0, first_stop(out, light, in_blocks), x.size if takes else 0
    while start < end:
        filled, size = stop - start, max(stop - start, WHOLE)
        part_dy = carray(readable(pointer(dy, start), filled, spare_dy), size)
        part = carray(readable(pointer(x, start), filled, spare), size)
        aside = in_blocks | (filled < size)
        place = carray(buffer if aside else pointer(out, start), size)
        if parameters == defaults:
            for i in range(size):
                place[i] = store(body(load(part_dy[i]), load(part[i]), *defaults))
        else:
            for i in range(size):
                place[i] = store(body(load(part_dy[i]), load(part[i]), *parameters))
        if aside:
            empty(buffer, pointer(out, start), filled, per_line(out), streams)
        start, stop = stop, next_stop(out, stop, in_blocks)
    fence(streams)
    return takes


def forward_channels(x, out, alpha, first):
    full_width()
    if x.shape[1] == 1:  # the channels are neighbours in memory: along these, then, in runs up to the last one
        flat, result, start = x.reshape(x.size), out.reshape(x.size), 0
        while start < x.size:
            run = alpha[(first + start) % alpha.size :]
            part, place = flat[start : start + run.size], result[start : start + run.size]
            for i in range(part.size):
                place[i] = store(body(load(part[i]), np.float64(load(run[i]))))
            start += run.size
        return
    for p in range(x.shape[0]):
        a = np.float64(load(alpha[(first + p) % alpha.size]))
        for i in range(x.shape[1]):
            out[p, i] = store(body(load(x[p, i]), a))


def backward_channels(dy, x, out, alpha, first):
    full_width()
    if x.shape[1] == 1:
        flat_dy, flat, result, start = dy.reshape(x.size), x.reshape(x.size), out.reshape(x.size), 0
        while start < x.size:
            run = alpha[(first + start) % alpha.size :]
            part_dy, part = flat_dy[start : start + run.size], flat[start : start + run.size]
            place = result[start : start + run.size]
            for i in range(part.size):
                place[i] = store(body(load(part_dy[i]), load(part[i]), np.float64(load(run[i]))))
            start += run.size
        return
    for p in range(x.shape[0]):
        a = np.float64(load(alpha[(first + p) % alpha.size]))
        for i in range(x.shape[1]):
            out[p, i] = store(body(load(dy[p, i]), load(x[p, i]), a))


def channel_sums(dy, x, high, low, inner, rows, first):
    """Sums high + low, one for each block of rows and each channel; body takes a sum one element further.

    A row is channels × inner elements, and the last one may be cut short; ``first`` is the number of the first block.
    """
    blocks, channels = high.shape
    for b in range(blocks):
        for row in range((first + b) * rows, (first + b + 1) * rows):
            for c in range(channels):
                start = (row * channels + c) * inner
                h, rest = high[b, c], low[b, c]
                for i in range(start, min(start + inner, x.size)):
                    h, rest = body(h, rest, load(dy[i]), load(x[i]))
                high[b, c], low[b, c] = h, rest


def lane_sums(dy, x, high, low, size, inner, rows, first):
    """The same by running sums side by side, as vectors have them: element i of a run goes to sum i % lanes.

    body gives the term of an element, and what it lacks; size is the sum of the terms' absolute values.
    """
    full_width()
    blocks, channels, lanes = high.shape
    for b in range(blocks):
        for row in range((first + b) * rows, (first + b + 1) * rows):
            for c in range(channels):
                start = (row * channels + c) * inner
                stop = min(start + inner, x.size)
                for i in range(start, stop, lanes):
                    for j in range(min(lanes, stop - i)):
                        term, rest = body(load(dy[i + j]), load(x[i + j]))
                        high[b, c, j], low[b, c, j] = accumulate(high[b, c, j], low[b, c, j], term, rest)
                        size[b, c, j] += abs(term)


def total(high, low):
    """Add the sums of all blocks into those of the first, in order."""
    blocks, channels = high.shape
    for b in range(1, blocks):
        for c in range(channels):
            high[0, c], low[0, c] = accumulate(high[0, c], low[0, c], high[b, c], low[b, c])
