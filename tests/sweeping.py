# SPDX-License-Identifier: MIT
"""Sweeps in small: blocks, chunks and pieces a thousandth of their size, and only a few blocks of the inputs."""

from collections.abc import Iterable

import numpy as np
import pytest

from bench import sweep, sweep_chunk

BLOCK, CHUNK, PIECE = 1 << 13, 1 << 11, 700  # a piece of a chunk is smaller than the others
SIGN, INFINITY = 1 << 31, 0x7F80_0000


def pattern(x: float) -> int:
    """The bit pattern of a float32."""
    return int(np.float32(x).view(np.uint32))


def inputs(first: int, count: int) -> np.ndarray:
    """The float32 numbers from a bit pattern on."""
    return np.arange(first, first + count).astype(np.uint32).view(np.float32)


def block_of(x: float) -> int:
    """The first input of the block that holds x."""
    return pattern(x) // BLOCK * BLOCK


def make_small(patch: pytest.MonkeyPatch, blocks: Iterable[int] = ()) -> list[int]:
    """Shrink everything, and sweep these blocks only; returns them."""
    for module in (sweep, sweep_chunk):
        patch.setattr(module, "CHUNK", CHUNK)
    patch.setattr(sweep_chunk, "PIECE", PIECE)
    patch.setattr(sweep, "BLOCK", BLOCK)
    patch.setattr(sweep, "BLOCKS", list(blocks))
    return sweep.BLOCKS
