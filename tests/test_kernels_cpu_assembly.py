# SPDX-License-Identifier: MIT
"""`fast` and `rounded` stay vectorised: packed arithmetic at the machine's full width, and no call out of the loop."""

import platform

import numba
import pytest

import kernels.cpu
from bench.prepare import prepare
from kernels.cpu import assembly
from kernels.cpu.storage import STORAGES
from kernels.registry import Kernel, registered

SPEEDY = [
    k
    for k in registered()
    if k.backend == "numba" and k.variant in ("fast", "rounded") and k.direction in ("forward", "backward")
]
FEATURES = numba.core.codegen.get_host_cpu_features() if platform.machine() == "x86_64" else ""
FULL_WIDTH = 512 if "+avx512f" in FEATURES else 256 if "+avx2" in FEATURES else 128

on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 assembly is read")


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    prepare(SPEEDY, accuracy=False)


def code_of(kernel: Kernel) -> assembly.Code:
    direction = getattr(kernels.cpu.ACTIVATIONS[kernel.activation], kernel.direction)
    return direction.code(kernel.variant, STORAGES[kernel.dtype])


@on_x86
@pytest.mark.parametrize("kernel", SPEEDY, ids=lambda k: k.id)
def test_loops_are_as_wide_as_the_machine_and_call_nothing(kernel):
    code = code_of(kernel)
    assert code.vector_bits == FULL_WIDTH
    assert code.calls == []
    assert code.streams


LISTING = """
loop:
	movabsq	$.LCPI0_0, %rax
	movabsq	$expf, %r14
	vmovups	(%rdi), %zmm0
	{arithmetic}
	{call}
	jne	.LBB0_3
.Lfunc_end0:
wrapper:
	vaddps	%zmm0, %zmm0, %zmm0
	movabsq	$PyErr_Clear, %rax
	callq	*%rax
"""


@pytest.mark.parametrize(
    ("arithmetic", "bits"),
    [
        ("vmulss\t%xmm0, %xmm1, %xmm2", 0),  # one number at a time
        ("vfmadd213ps\t%ymm0, %ymm1, %ymm2", 256),
        ("vpslld\t$23, %zmm0, %zmm0", 512),
        ("vmovaps\t%zmm0, %zmm1", 0),
    ],
)
def test_the_width_is_that_of_the_arithmetic(arithmetic, bits):
    assert assembly.read(LISTING.format(arithmetic=arithmetic, call="nop")) == assembly.Code(bits, [], False)


@pytest.mark.parametrize(("call", "name"), [("callq\t*%r14", "expf"), ("callq\texpf", "expf")])
def test_a_call_out_of_the_loop_is_named(call, name):
    assert assembly.read(LISTING.format(arithmetic="nop", call=call)).calls == [name]


@pytest.mark.parametrize(("store", "streams"), [("vmovntps\t%zmm0, (%rax)", True), ("vmovups\t%zmm0, (%rax)", False)])
def test_stores_past_the_caches_are_seen(store, streams):
    assert assembly.read(LISTING.format(arithmetic=store, call="nop")).streams == streams
