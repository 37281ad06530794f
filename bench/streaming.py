# SPDX-License-Identifier: MIT
"""Copies to compare with: in threads, and by a loop of our own.

The loop's stores bypass the cache, so that the destination need not be read before it is written.
"""

from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from kernels.cpu.launch import share

PART_MULTIPLE = 64  # elements: parts begin at a whole cache line, and are whole 64-bit words, in every dtype


@intrinsic
def _store_streaming(_context, array, index, value):
    """Store a 64-bit integer at an index of a contiguous array, without reading its cache line."""

    def build(context, builder, signature, arguments):
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        store = builder.store(arguments[2], builder.gep(view.data, [arguments[1]]))
        one = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        store.set_metadata("nontemporal", one)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.uint64), build


@njit(nogil=True, error_model="numpy")
def _copy_words(destination, source):
    for i in range(source.size):
        _store_streaming(destination, i, source[i])


def stream_copy(destination: np.ndarray, source: np.ndarray) -> None:
    """Copy a contiguous array of a whole number of 64-bit words."""
    _copy_words(destination.view(np.uint64), source.view(np.uint64))


def in_threads(
    copy: Callable[[np.ndarray, np.ndarray], None], destination: np.ndarray, source: np.ndarray, threads: int
) -> Callable[[], None]:
    """A call that copies with so many threads, a part of the array each, shared out as our kernels share theirs."""

    def part(start: int, stop: int) -> None:
        copy(destination[start:stop], source[start:stop])

    return lambda: share(part, source.size, PART_MULTIPLE, threads)
