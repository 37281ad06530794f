# SPDX-License-Identifier: MIT
"""What every kernel is compiled to for four architectures: no spills; `fast` and `rounded` of IEEE's operations."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from kernels.cpu.launch import cores
from kernels.gpu import ACTIVATIONS, build, checks, nvrtc
from kernels.gpu.__main__ import every_entry, faults
from kernels.gpu.source import Entry
from tests.gpu import needs_nvrtc

ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_120")


def found_in(name: str, architecture: str) -> list[str]:
    """What is amiss in the kernels of an activation."""
    entries: list[Entry] = [entry for kernel in every_entry([name]).values() for entry in kernel]
    compiled = build.examined(entries, architecture)
    ptx, needs = checks.functions(compiled), checks.resources(compiled)
    assert ptx.keys() == needs.keys() == {name for e in entries for name in e.functions}
    spilled = [f"{function} spills" for function, need in needs.items() if need.spilled_bytes]
    exact = [entry for entry in entries if entry.variant in checks.EXACT]
    return spilled + [f"{e.name} {fault}" for e in exact for fault in faults(e, ptx)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_compiles_and_nothing_is_amiss(architecture):
    needs_nvrtc()
    with ProcessPoolExecutor(cores(), get_context("spawn")) as pool:
        found = list(pool.map(found_in, ACTIVATIONS, [architecture] * len(ACTIVATIONS)))
    assert [fault for faults in found for fault in faults] == []


def compiled(body: str) -> str:
    """The PTX of a kernel over `float* x, float y`."""
    text = f'extern "C" __global__ void kernel(float* x, float y) {{ {body} }}'
    return checks.functions(nvrtc.compile_source(text, {}, "sm_80"))["kernel"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("x[0] = __expf(y);", "is approximate"),
        ("x[0] = __fdividef(x[0], y);", "is approximate"),
        ('asm("add.ftz.f32 %0, %0, %0;" : "+f"(y)); x[0] = y;', "flushes subnormals"),
        ('asm("mul.f32 %0, %0, %0;" : "+f"(y)); x[0] = y;', "may be contracted"),
        ('asm("fma.rz.f32 %0, %0, %0, %0;" : "+f"(y)); x[0] = y;', "may be contracted"),
        ("x[0] = powf(x[1], y) + fmodf(x[0], y);", "no load of 16 bytes from parameter 0"),
        ("x[0] = powf(x[1], y) + fmodf(x[0], y);", "no store of 16 bytes"),
    ],
)
def test_what_must_not_be_there_is_seen(body, fault):
    needs_nvrtc()
    ptx = compiled(body)
    assert any(found.startswith(fault) for found in checks.faults(ptx, inputs=1)), ptx


def test_a_call_is_seen():
    needs_nvrtc()
    text = """
    __noinline__ float other(float x) { return x + 1; }
    extern "C" __global__ void kernel(float* x) { x[0] = other(x[1]); }
    """
    ptx = checks.functions(nvrtc.compile_source(text, {}, "sm_80"))["kernel"]
    assert any(fault.startswith("calls") for fault in checks.faults(ptx))


def test_what_may_be_there_is_not_told_on():
    needs_nvrtc()
    ptx = compiled("x[0] = x[1] * y + fmaf(x[2], y, sqrtf(x[3])) / y; x[5] = int(y) * 3;")
    assert checks.faults(ptx) == []


def test_a_product_and_a_sum_stay_two_operations_and_what_is_asked_for_is_one():
    needs_nvrtc()
    ptx = compiled("x[0] = x[1] * y + x[2];")
    assert "mul.rn.f32" in ptx
    assert "add.rn.f32" in ptx
    assert "fma" not in ptx
    assert "fma.rn.f32" in compiled("x[0] = fmaf(x[1], y, x[2]);")


def test_packets_are_seen():
    needs_nvrtc()
    ptx = compiled("((float4*)x)[1] = ((float4*)x)[0];")
    assert checks.packets(ptx) == {"ld": {0}, "st": {0}}
    assert checks.faults(ptx, inputs=1) == []
    assert checks.packets(compiled("x[1] = x[0];")) == {"ld": set(), "st": set()}


def test_an_array_that_is_read_element_by_element_beside_another_is_seen():
    needs_nvrtc()
    text = """
    extern "C" __global__ void kernel(const float* dy, const float* x, float4* out, long long size) {
        for (long long i = threadIdx.x; i < size; i += 256) {
            const float4 packet = ((const float4*)x)[i];
            out[i] = {packet.x * dy[4 * i], packet.y * dy[4 * i + 1], packet.z * dy[4 * i + 2], packet.w};
        }
    }
    """
    ptx = checks.functions(nvrtc.compile_source(text, {}, "sm_90"))["kernel"]
    assert checks.packets(ptx) == {"ld": {1}, "st": {2}}
    assert checks.faults(ptx, inputs=2) == ["no load of 16 bytes from parameter 0"]


def test_what_is_amiss_in_a_sums_second_function_is_seen():
    entry = next(e for e in every_entry(["prelu"])["prelu-backward_alpha-float32-rounded"])
    first, second = entry.functions
    assert faults(entry, {first: "", second: "ex2.approx.ftz.f32 %f1, %f2;"}) != []
    assert faults(entry, {first: "", second: ""}) == []


def test_spills_are_counted():
    log = (
        "ptxas info    : Compiling entry function 'one' for 'sm_90'\n"
        "    8 bytes stack frame, 16 bytes spill stores, 24 bytes spill loads\n"
        "ptxas info    : Used 40 registers, used 0 barriers\n"
        "ptxas info    : Compiling entry function 'two' for 'sm_90'\n"
        "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
        "ptxas info    : Used 8 registers\n"
    )
    found = checks.resources(nvrtc.Compiled("", b"", log))
    assert found == {"one": checks.Resources(40, 40, 8), "two": checks.Resources(8, 0, 0)}
