# SPDX-License-Identifier: MIT
"""`fast` and `rounded` have the CPU's bits: the device's source, compiled for this machine, over inputs of each dtype.

All 65,536 inputs of the 16-bit dtypes, for the parameters' defaults and for others; of float32 one in each 256
neighbours, and with `--depth exhaustive` all 2^32; of float64 as many bit patterns at random. What remains for a device
to show is that its IEEE operations are IEEE's.
"""

from collections.abc import Iterator

import ml_dtypes
import numpy as np
import pytest

import kernels.cpu
from kernels.cpu.launch import cores, share
from kernels.gpu import ACTIVATIONS, build, checks, source
from kernels.gpu.host import Module
from kernels.gpu.launch import Sums, channels_of
from reference.formats import FORMATS
from tests.fake_cupy import on_device
from tests.gpu import fake, needs_host_compiler  # noqa: F401

CHUNK = 1 << 24
KERNELS = [
    (name, direction, variant)
    for name in ACTIVATIONS
    for direction in ("forward", "backward")
    for variant in checks.EXACT
]


def patterns(dtype: str, depth: str) -> Iterator[np.ndarray]:
    """The inputs, a chunk at a time."""
    form = FORMATS[dtype]
    rng = np.random.default_rng(form.bits)
    if form.bits == 16:
        yield np.arange(1 << 16, dtype=np.uint16).view(form.dtype)
    elif form.bits == 64:
        yield rng.integers(0, 1 << 64, 1 << 20, dtype=np.uint64).view(form.dtype)
        yield (4 * rng.standard_normal(1 << 20)).astype(form.dtype)
    elif depth == "exhaustive":
        for start in range(0, 1 << 32, CHUNK):
            yield np.arange(start, start + CHUNK, dtype=np.uint32).view(form.dtype)
    else:
        strata = np.arange(0, 1 << 32, 256, dtype=np.uint32)
        yield (strata + rng.integers(0, 256, strata.size, dtype=np.uint32)).view(form.dtype)


def on_host(module: Module, entry: source.Entry, arrays: list[np.ndarray], *parameters: float) -> np.ndarray:
    """What a kernel computes, in as many threads of this machine as there are processors."""
    function, out = module.get_function(entry.name), np.empty_like(arrays[-1])

    def part(start: int, stop: int) -> None:
        given = [a[start:stop].ctypes.data for a in (*arrays, out)]
        function((1,), (1,), (*given, stop - start, *parameters))

    share(part, out.size, 16, cores())
    return out


def differing(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Where bits differ; one NaN is as good as another."""
    pattern = np.dtype(f"u{got.itemsize}")
    unequal = got.view(pattern) != want.view(pattern)
    if not unequal.any():
        return np.flatnonzero(unequal)
    return np.flatnonzero(unequal & ~(np.isnan(got) & np.isnan(want)))


def module_of(name: str, direction: str, variant: str) -> Module:
    """One kernel's variant in all its dtypes."""
    own = getattr(ACTIVATIONS[name], direction)
    return Module(build.host_library([own.entry(variant, dtype) for dtype in dtypes(variant)]))


def dtypes(variant: str) -> list[str]:
    return [name for name in FORMATS if not (variant == "rounded" and name == "float64")]


def compare(name: str, direction: str, variant: str, depth: str) -> list[str]:
    """A line for each dtype in which bits differ."""
    own, cpu = getattr(ACTIVATIONS[name], direction), getattr(kernels.cpu.ACTIVATIONS[name], direction)
    module, found = module_of(name, direction, variant), []
    for dtype in dtypes(variant):
        entry = own.entry(variant, dtype)
        for x in patterns(dtype, depth):
            arrays = [x] if direction == "forward" else [np.ones_like(x), x]
            got, want = on_host(module, entry, arrays), cpu(*arrays, variant=variant)
            for i in differing(got, want)[:1]:
                found.append(f"{entry.name} of {float(x[i]).hex()}: {got[i]}, on the CPU {want[i]}")
    return found


@pytest.mark.parametrize(("name", "direction", "variant"), KERNELS)
def test_bits_are_those_of_the_cpu(name, direction, variant, pytestconfig):
    needs_host_compiler()
    assert compare(name, direction, variant, pytestconfig.getoption("depth")) == []


@pytest.mark.parametrize(("name", "direction", "variant"), [k for k in KERNELS if k[1] == "backward"])
def test_bits_are_those_of_the_cpu_for_any_dy(name, direction, variant):
    needs_host_compiler()
    own, cpu = ACTIVATIONS[name].backward, kernels.cpu.ACTIVATIONS[name].backward
    module = module_of(name, direction, variant)
    for dtype in dtypes(variant):
        form = FORMATS[dtype]
        rng = np.random.default_rng(form.bits)
        x, dy = (rng.integers(0, 1 << form.bits, 1 << 19, dtype=form.pattern).view(form.dtype) for _ in "ab")
        x[: x.size // 2] = (4 * rng.standard_normal(x.size // 2)).astype(form.dtype)
        got, want = on_host(module, own.entry(variant, dtype), [dy, x]), cpu(dy, x, variant=variant)
        assert len(differing(got, want)) == 0, dtype


PARAMETERS = (0.3, 1.5, -0.7, 1e-30, 0.0)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("name", [name for name, activation in ACTIVATIONS.items() if activation.parameters])
def test_bits_are_those_of_the_cpu_for_any_parameter(name, direction):
    needs_host_compiler()
    own, cpu = getattr(ACTIVATIONS[name], direction), getattr(kernels.cpu.ACTIVATIONS[name], direction)
    narrow = [(variant, dtype) for variant in checks.EXACT for dtype in FORMATS if FORMATS[dtype].bits == 16]
    entries = {key: own.entry(*key, takes="any") for key in narrow}
    module = Module(build.host_library(entries.values()))
    (parameter,) = ACTIVATIONS[name].parameters
    for (variant, dtype), entry in entries.items():
        (x,) = patterns(dtype, "quick")
        dy = np.random.default_rng(16).standard_normal(x.size).astype(x.dtype)
        arrays = [x] if direction == "forward" else [dy, x]
        for value in PARAMETERS if name != "softplus" else (v for v in PARAMETERS if v > 0):
            got, want = on_host(module, entry, arrays, value), cpu(*arrays, variant=variant, **{parameter: value})
            assert len(differing(got, want)) == 0, (variant, dtype, value)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize(("shape", "blocks"), [((9000,), 3), ((3, 3, 1700), 2), ((9, 3, 30), 3)])
def test_sums_over_several_blocks_have_the_bits_of_the_cpu(shape, blocks, dtype):
    rng = np.random.default_rng(len(shape))
    dy, x, alpha = (rng.standard_normal(s).astype(FORMATS[dtype].dtype) for s in (shape, shape, shape[1:2]))
    by_channel = len(shape) > 1
    assert (Sums(shape[0], *channels_of(x)) if by_channel else Sums(1, 1, x.size)).blocks == blocks
    own, cpu = ACTIVATIONS["prelu"].backward_alpha, kernels.cpu.prelu.backward_alpha
    for variant in checks.EXACT:
        here, there = ({"alpha": alpha}, {"alpha": on_device(alpha)}) if by_channel else ({}, {})
        got = own(on_device(dy), on_device(x), variant=variant, **there).array
        assert got.tobytes() == cpu(dy, x, variant=variant, **here).tobytes(), variant


@pytest.mark.parametrize(
    ("header", "right", "wrong", "name"),
    [
        ("blocks.cuh", "LN2 = {0x1.62e42fefa39efp-1", "LN2 = {0x1.62e42fefa39eep-1", "silu"),
        ("silu.cuh", "return x > z ? x : times_sigmoid(z, z, T(0));", "return times_sigmoid(z, z, T(0));", "silu"),
        ("relu.cuh", "return x <= 0 ? T(0) : x;", "return x < 0 ? T(0) : x;", "relu"),
    ],
)
def test_a_wrong_line_is_seen(header, right, wrong, name, monkeypatch):
    needs_host_compiler()
    headers = source.headers()
    assert right in headers[header]
    monkeypatch.setattr(source, "headers", lambda: headers | {header: headers[header].replace(right, wrong)})
    assert compare(name, "forward", "fast", "quick") != []


def test_differing_nans_are_the_same_and_zeros_are_not():
    nan = np.array([0x7E00, 0xFE01], np.uint16).view(np.float16)
    assert len(differing(nan, nan[::-1].copy())) == 0
    zeros = np.array([0.0, -0.0], ml_dtypes.bfloat16)
    assert list(differing(zeros, np.zeros(2, ml_dtypes.bfloat16))) == [1]
