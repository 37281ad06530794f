# SPDX-License-Identifier: MIT
"""A copy to compare with must be a copy: every byte, and none beside it."""

import numpy as np
import pytest

from bench.streaming import in_threads, stream_copy
from reference.formats import FORMATS


def arrays(dtype, elements):
    """A destination within a larger array, and a source, of whole 64-bit words."""
    form = FORMATS[dtype]
    source = np.random.default_rng(1).integers(0, 256, elements * form.dtype.itemsize, np.uint8).view(form.dtype)
    whole = np.zeros(elements + 16, form.dtype)
    return whole, whole[8:-8], source


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("elements", [0, 4, 8, 4096, 10_004])
def test_the_streaming_loop_copies_every_bit(dtype, elements):
    whole, destination, source = arrays(dtype, elements)
    stream_copy(destination, source)
    assert destination.tobytes() == source.tobytes()
    assert not whole.view(np.uint8)[: 8 * whole.itemsize].any()
    assert not whole.view(np.uint8)[-8 * whole.itemsize :].any()


@pytest.mark.parametrize("copy", [np.copyto, stream_copy])
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_copy_all_parts_each_time(copy, threads):
    whole, destination, source = arrays("float64", 1001)
    run = in_threads(copy, destination, source, threads)
    for _ in range(2):
        destination[:] = 0
        run()
        assert destination.tobytes() == source.tobytes()
    assert not whole[:8].any()
    assert not whole[-8:].any()


def test_an_error_in_a_thread_is_not_lost():
    def failing(destination, source):
        raise MemoryError

    with pytest.raises(MemoryError):
        in_threads(failing, np.zeros(8), np.zeros(8), 2)()
