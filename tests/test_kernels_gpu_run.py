# SPDX-License-Identifier: MIT
"""The suite over the GPU's kernels, whole, on a driver and a CuPy that this machine plays, in their processes."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernels.gpu import build
from reports import schema
from tests.command import Ran, benchmark
from tests.gpu import needs_host_compiler, needs_nvrtc

DRIVER = """
extern "C" int cuInit(unsigned int) { return 0; }
extern "C" int cuDeviceGetCount(int* count) { return *count = 1, 0; }
extern "C" int cuDeviceGetName(char* name, int, int) { return __builtin_strcpy(name, "NVIDIA Pretended"), 0; }
extern "C" int cuDriverGetVersion(int* version) { return *version = 12080, 0; }
static int fault = 0;
extern "C" void be_at_fault() { fault = 700; }
extern "C" int cuCtxSynchronize() { return fault; }
extern "C" int cuGetErrorName(int, const char** name) { return *name = "CUDA_ERROR_ILLEGAL_ADDRESS", 0; }
"""
CUPY = """
from tests.fake_cupy import *
from kernels.gpu import build, timing
build.cubin = lambda entries, architecture: build.host_library(entries)
timing._spin = lambda number: lambda *launch: None
"""
NVML = """
import itertools
NVMLError, NVML_CLOCK_SM = OSError, 1
_clocks = itertools.cycle([1980, 1755])
nvmlInit = lambda: None
nvmlDeviceGetHandleByPciBusId = lambda bus: "device"
nvmlDeviceGetClockInfo = lambda device, kind: next(_clocks)
nvmlDeviceGetCurrentClocksThrottleReasons = lambda device: 0
"""
SMALL = """
from bench import speed
speed.DEVICE_BYTES = {"hot": 1 << 12, "cold": 1 << 14}
"""
MINE = """
import ctypes
from halfulp import implementation
from kernels.gpu import relu

DRIVER = ctypes.CDLL("libcuda.so.1")

@implementation("relu", backend="mine", variant="faulting", dtypes=("float16",), device="cuda")
def faulting(x):
    DRIVER.be_at_fault()
    return good(x)

@implementation("relu", backend="mine", variant="good", dtypes=("float16",), device="cuda")
def good(x):
    if DRIVER.cuCtxSynchronize():
        raise RuntimeError("an illegal memory access was encountered")
    return relu(x, variant="fast")
"""
SILU = ("--activation", "silu", "--dtype", "float16")


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Iterator[Path]:
    """A folder with that driver, CuPy and NVML, which processes that are started find first."""
    needs_host_compiler()
    needs_nvrtc()
    folder = tmp_path_factory.mktemp("device")
    texts = {"driver.cpp": DRIVER, "cupy.py": CUPY, "pynvml.py": NVML, "small.py": SMALL, "mine.py": MINE}
    for name, text in texts.items():
        (folder / name).write_text(text)
    library = folder / "libcuda.so.1"
    subprocess.run([build.host_compiler(), "-shared", "-fPIC", folder / "driver.cpp", "-o", library], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_LIBRARY_PATH", str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        yield folder


@pytest.fixture(scope="module")
def run(played, tmp_path_factory) -> Callable[..., Ran]:
    """The suite there, with these options."""
    return lambda *options: benchmark(tmp_path_factory.mktemp("report"), "-p", "small", *options)


def found(ran: Ran) -> schema.Results:
    assert ran.code == 0, ran.out
    return schema.load(ran.folder / "results.json")


@pytest.fixture(scope="module")
def accuracy(run) -> schema.Results:
    return found(run(*SILU, "--only", "accuracy", "--variant", "fast,rounded", "--backend", "numba,cupy"))


@pytest.fixture(scope="module")
def speed(run) -> schema.Results:
    return found(run(*SILU, "--only", "speed", "--variant", "fast", "--direction", "forward", "--backend", "cupy"))


def test_it_passes_and_names_the_device(accuracy):
    assert accuracy.machine.gpu == "NVIDIA Pretended"
    assert accuracy.machine.libraries["NVRTC"]
    assert [b.instruction_set for b in accuracy.backends if b.name == "cupy"] == ["sm_90"]
    assert not any("cupy" in skipped.what for skipped in accuracy.skipped)


def test_every_kernel_is_measured_and_has_the_bits_of_its_counterpart(accuracy):
    by_id = {k.id: k for k in accuracy.kernels}
    ours = [k for k in accuracy.kernels if k.backend == "cupy"]
    assert len(ours) == len(accuracy.kernels) / 2 == 4
    for kernel in ours:
        other = by_id[kernel.id.replace("-cupy-", "-numba-")]
        assert (kernel.status, kernel.verdict, kernel.device) == ("measured", other.verdict, "cuda"), kernel.failure
        assert kernel.verdict in ("holds", "not refuted")
        assert kernel.accuracy.fingerprint == other.accuracy.fingerprint
        assert kernel.accuracy.max_ulp == other.accuracy.max_ulp


def test_properties_hold_but_flags_which_a_gpu_has_none_of(accuracy):
    for kernel in accuracy.kernels:
        if kernel.backend == "cupy":
            assert not [name for name, p in kernel.properties.items() if p.verdict == "violated"]
            assert kernel.properties["flags"].why == "a GPU has no exception flags"
            assert sum(p.verdict == "holds" for p in kernel.properties.values()) > 3


def test_speed_is_the_devices_at_clocks_that_are_told(speed):
    (kernel,) = speed.kernels
    assert kernel.status == "measured", kernel.failure
    assert [(t.threads, t.cache, t.elements) for t in kernel.throughput] == [(0, "hot", 1 << 11), (0, "cold", 1 << 13)]
    assert kernel.throughput[0].call_us > 0
    assert {c.method for c in speed.copies} == {"device copy"}
    assert [b.clocks_mhz for b in speed.backends] == [(1755, 1980)]


def test_an_error_that_stays_on_the_device_costs_no_other_kernel(run, played):
    ran = run("--kernels", str(played / "mine.py"), "--backend", "mine", "--only", "speed")
    faulting, good = schema.load(ran.folder / "results.json").kernels
    assert ran.code == 1, ran.out
    assert faulting.failure.kind == "crashed"
    assert (
        "an illegal memory access was encountered (mine.py, line 16); the device answers its process no more: "
        in faulting.failure.message
    )
    assert (good.status, len(good.throughput)) == ("measured", 2), good.failure
