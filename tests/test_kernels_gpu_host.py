# SPDX-License-Identifier: MIT
"""Kernels of the device run on this machine: each thread of a grid, and threads that wait for each other."""

import subprocess

import numpy as np
import pytest

from kernels.gpu import build, source
from kernels.gpu.host import Module
from tests.gpu import needs_host_compiler

TEXT = """
#include "host.cuh"
extern "C" __global__ void whereabouts(unsigned int* out, unsigned long long first, double scale) {
    const unsigned int thread = (blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + threadIdx.x;
    out[first + thread] = scale * thread;
}
extern "C" __global__ void backward_alpha(unsigned int* out) {
    __shared__ unsigned int all[64];
    all[threadIdx.x] = threadIdx.x + blockIdx.x;
    __syncthreads();
    out[blockIdx.x * blockDim.x + threadIdx.x] = all[blockDim.x - 1 - threadIdx.x];
    __syncthreads();
}
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    needs_host_compiler()
    folder = tmp_path_factory.mktemp("host")
    (folder / "host.cuh").write_text(source.headers()["host.cuh"])
    (folder / "unit.cpp").write_text(TEXT)
    command = [build.host_compiler(), *build.HOST_OPTIONS, "-I", folder, folder / "unit.cpp", "-o", folder / "unit.so"]
    subprocess.run(command, check=True)
    return Module(folder / "unit.so")


def test_every_thread_of_a_grid_is_run(module):
    out = np.zeros(100, np.uint32)
    module.get_function("whereabouts")((2, 3), (8,), (out.ctypes.data, 1, 3.0))
    np.testing.assert_array_equal(out, [0, *range(0, 3 * 48, 3), *[0] * 51])


def test_threads_of_a_block_wait_for_each_other(module):
    out = np.zeros(128, np.uint32)
    module.get_function("backward_alpha")((2,), (64,), (out.ctypes.data,))
    np.testing.assert_array_equal(out, [*range(63, -1, -1), *range(64, 0, -1)])


@pytest.mark.parametrize("grid", [(0,), (1, 0), (2**31,), (1, 65536), (1, 1, 65536)])
def test_a_grid_that_no_device_takes_is_refused(module, grid):
    with pytest.raises(ValueError, match=r"blocks is none that a device takes"):
        module.get_function("whereabouts")(grid, (8,), (0, 0, 0.0))
