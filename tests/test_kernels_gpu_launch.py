# SPDX-License-Identifier: MIT
"""From arrays to launches: how many, how large, and what a kernel is given."""

from types import SimpleNamespace

import numpy as np
import pytest

from kernels.gpu import launch
from kernels.gpu.host import LARGEST_GRID
from kernels.gpu.launch import Sums, channel_sums, channels_of, elementwise
from tests.fake_cupy import asarray
from tests.gpu import fake  # noqa: F401

pytestmark = pytest.mark.usefixtures("fake")


class Recorder:
    """A kernel that notes how it is launched, of which a device holds 5 blocks of 256 threads at once."""

    kernel = SimpleNamespace(ptr=5 * 256)

    def __init__(self) -> None:
        self.launches = []

    def __call__(self, *launch) -> None:
        self.launches.append(launch)


def test_one_launch_and_no_more_blocks_than_the_device_holds():
    function = Recorder()
    for size, blocks in ((1, 1), (1024, 1), (1025, 2), (1 << 20, 5)):
        x = asarray(np.zeros(size, np.float32))
        out = elementwise(function, [x], None, (3.0,))
        assert function.launches == [((blocks,), (256,), (x.data.ptr, out.data.ptr, size, 3.0))]
        function.launches.clear()


def test_nothing_is_launched_for_nothing():
    function = Recorder()
    assert elementwise(function, [asarray(np.zeros((3, 0), np.float32))], None, ()).shape == (3, 0)
    assert function.launches == []


def test_out_is_written_directly_unless_it_overlaps_or_is_strided():
    function, memory = Recorder(), asarray(np.zeros((8, 8), np.float32))
    x = memory[:4]
    for out, direct in ((x, True), (memory[4:], True), (memory[2:6], False), (memory[::2], False)):
        assert elementwise(function, [x], out, ()) is out
        assert (function.launches.pop()[2][1] == out.data.ptr) == direct


def test_a_kernel_is_given_no_array_that_lies_across_the_size_of_its_elements():
    function, memory = Recorder(), asarray(np.zeros(65, np.uint8))
    x = memory[1:].view(np.float32)
    for inputs, out in (([x], None), ([asarray(np.zeros(16, np.float32))], x), ([x], x)):
        result = elementwise(function, inputs, out, ())
        assert out is None or result is out
        *pointers, _ = function.launches.pop()[2]
        assert not any(pointer % 4 for pointer in pointers)


@pytest.mark.parametrize(
    ("rows", "channels", "inner", "lanes", "blocks"),
    [(1, 1, 10, 1, 1), (1, 1, 1 << 26, 1, 1024), (64, 128, 1, 32, 1), (1 << 12, 8, 4, 32, 128), (7, 3, 4096, 1, 7)],
)
def test_how_a_sum_is_shared_out_depends_on_the_shape_alone(rows, channels, inner, lanes, blocks):
    shape = Sums(rows, channels, inner)
    assert (shape.lanes, shape.blocks) == (lanes, blocks)


def test_a_sum_is_two_launches():
    partial, total = Recorder(), Recorder()
    x = asarray(np.zeros((2, 70, 3), np.float32))
    out = channel_sums(partial, total, x, x, Sums(2, 70, 3), 24, (70,))
    ((grid, block, given),) = partial.launches
    assert (grid, block, given[3:]) == ((3, 1), (256,), (2, 70, 3, 32))
    ((grid, block, given),) = total.launches
    assert (grid, block, given[3:]) == ((70,), (256,), (out.data.ptr, 2, 70, 3, 1))


@pytest.mark.parametrize("shape", [Sums(1, 70_000, 64), Sums(1 << 12, 70_000, 64), Sums(1 << 22, 3_000_000, 1)])
def test_a_sum_over_many_channels_has_a_grid_that_a_device_takes(shape):
    partial, total = Recorder(), Recorder()
    nothing = asarray(np.zeros(0, np.float32))
    channel_sums(partial, total, nothing, nothing, shape, 0, (shape.channels,))
    for grid, *_ in partial.launches + total.launches:
        assert all(0 < count <= most for count, most in zip(grid, LARGEST_GRID, strict=False)), grid


def test_channels_are_axis_1():
    assert channels_of(SimpleNamespace(shape=(2, 5))) == (5, 1)
    assert channels_of(SimpleNamespace(shape=(2, 5, 3, 4))) == (5, 12)


def test_a_block_has_as_many_threads_as_its_source_says():
    from kernels.gpu import source

    assert f"constexpr unsigned int THREADS = {launch.THREADS};" in source.headers()["sums.cuh"]
