# SPDX-License-Identifier: MIT
"""The suite over the GPU's kernels, whole, on a driver and a CuPy that this machine plays, in their processes."""

import os
import subprocess

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
"""
CUPY = """
from tests.fake_cupy import *
from kernels.gpu import build, timing
build.cubin = lambda entries, architecture: build.host_library(entries)
timing._spin = lambda number: lambda *launch: None
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Ran:
    needs_host_compiler()
    needs_nvrtc()
    folder = tmp_path_factory.mktemp("device")
    (folder / "driver.cpp").write_text(DRIVER)
    (folder / "cupy.py").write_text(CUPY)
    library = folder / "libcuda.so.1"
    subprocess.run([build.host_compiler(), "-shared", "-fPIC", folder / "driver.cpp", "-o", library], check=True)
    chosen = ("--activation", "silu", "--dtype", "float16", "--variant", "fast,rounded", "--only", "accuracy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_LIBRARY_PATH", str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        return benchmark(folder / "report", *chosen, "--backend", "numba,cupy")


@pytest.fixture(scope="module")
def found(run) -> schema.Results:
    return schema.load(run.folder / "results.json")


def test_it_passes_and_names_the_device(run, found):
    assert run.code == 0, run.out
    assert found.machine.gpu == "NVIDIA Pretended"
    assert found.machine.libraries["NVRTC"]
    assert [b.instruction_set for b in found.backends if b.name == "cupy"] == ["sm_90"]
    assert not any("cupy" in skipped.what for skipped in found.skipped)


def test_every_kernel_is_measured_and_has_the_bits_of_its_counterpart(found):
    by_id = {k.id: k for k in found.kernels}
    ours = [k for k in found.kernels if k.backend == "cupy"]
    assert len(ours) == len(found.kernels) / 2 == 4
    for kernel in ours:
        other = by_id[kernel.id.replace("-cupy-", "-numba-")]
        assert (kernel.status, kernel.verdict, kernel.device) == ("measured", other.verdict, "cuda"), kernel.failure
        assert kernel.verdict in ("holds", "not refuted")
        assert kernel.accuracy.fingerprint == other.accuracy.fingerprint
        assert kernel.accuracy.max_ulp == other.accuracy.max_ulp


def test_properties_hold_but_flags_which_a_gpu_has_none_of(found):
    for kernel in found.kernels:
        if kernel.backend == "cupy":
            assert not [name for name, p in kernel.properties.items() if p.verdict == "violated"]
            assert kernel.properties["flags"].why == "a GPU has no exception flags"
            assert sum(p.verdict == "holds" for p in kernel.properties.values()) > 3
