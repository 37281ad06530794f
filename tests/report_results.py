# SPDX-License-Identifier: MIT
"""A small `Results` with everything in it that a report must get right: failures, nulls, infinities, hostile names."""

import math
from zlib import crc32

from reports.schema import (
    SCHEMA_VERSION,
    Accuracy,
    ActivationResult,
    Backend,
    Bin,
    Copy,
    Curve,
    Example,
    Fact,
    Failure,
    GradientHealth,
    KernelResult,
    Machine,
    Property,
    RandomDy,
    Region,
    Results,
    Run,
    Safety,
    Search,
    Skipped,
    SpecialValue,
    Spread,
    Throughput,
)

HOSTILE = "</script><script>alert('mine')</script>"
LARGEST = {
    "float16": 65504.0,
    "bfloat16": 3.3895313892515355e38,
    "float32": 3.4028234663852886e38,
    "float64": 1.797e308,
}
PIECES = 32  # regions on each side of 0


def regions(dtype: str, height: float | None) -> list[Region]:
    """Intervals from the least to the largest float, the error growing towards the negative end."""
    edges = [math.ldexp(math.frexp(LARGEST[dtype])[0], round(e)) for e in _exponents(dtype)]
    line = [-x for x in reversed(edges)] + edges
    error = [None if height is None else height * 2.0 ** -(i // 8) for i in range(len(line) - 1)]
    return [
        Region(lo=lo.hex(), hi=hi.hex(), evaluated=1000, max_ulp=ulp)
        for lo, hi, ulp in zip(line, line[1:], error, strict=False)
    ]


def _exponents(dtype: str) -> list[float]:
    top = math.frexp(LARGEST[dtype])[1]
    return [-top + 2 + (2 * top - 2) * i / PIECES for i in range(PIECES + 1)]


def searched(height: float | None) -> Search:
    return Search(evaluations=1 << 20, max_ulp=height, worst_input="-0x1.5d58aep+6", misrounded=9, mismatches=0)


def with_random_dy(height: float | None) -> RandomDy:
    return RandomDy(
        evaluated=4096,
        max_ulp=height,
        worst_input="0x1p+0",
        worst_dy="-inf",
        worst_got="inf",
        worst_exact="-inf",
        mismatches=0,
    )


def accuracy(dtype: str, height: float | None, backward: bool) -> Accuracy:
    exhaustive = dtype in ("float16", "bfloat16")
    return Accuracy(
        coverage="exhaustive" if exhaustive else "sampled",
        evaluated=65_536 if exhaustive else 21_345,
        max_ulp=height,
        max_ulp_outside_roots=height,
        worst_input=None if height is None else "-0x1.5d58aep+6",
        worst_got=None if height is None else "-0x0.0p+0",
        worst_exact=None if height is None else "-1.157425038217630184920831e-36",
        max_distance="-9223372036854775808",
        max_ulp_normal=None if height is None else 0.50000003,
        mean_ulp_normal=None if height is None else 0.25,
        mean_ulp=None if height is None else 0.26,
        misrounded=1234,
        outside_conditioning=17,
        decided_by_mpmath=45,
        histogram=[Bin(lo=0.0, hi=0.5, count=20_000), Bin(lo=0.5, hi=1.0, count=1_300), Bin(lo=1.0, hi=None, count=45)],
        fingerprint="9f" * 32 if exhaustive else None,
        regions=regions(dtype, height),
        inputs=None if exhaustive else "0123456789abcdef",
        deviations="c-jL100001" if exhaustive else None,
        random_dy=with_random_dy(height) if backward else None,
        search=None if exhaustive else searched(height),
    )


def throughput(seed: str) -> list[Throughput]:
    base = 0.2 + crc32(seed.encode()) % 100 / 40
    return [
        Throughput(
            elements=1 << 14 if cache == "hot" else 1 << 24,
            threads=threads,
            cache=cache,
            rounds=50,
            ns_per_element=Spread(min=base * 0.98 / threads, median=base / threads, iqr=base * 0.02),
            gb_per_s=8 * threads / base,
            percent_of_copy=(12.5 if cache == "hot" else 61.0) / base,
            call_us=None,
        )
        for cache in ("hot", "cold")
        for threads in (1, 2)
    ]


def kernel(activation: str, direction: str, dtype: str, variant: str, backend: str = "numba") -> KernelResult:
    """A kernel that was measured; `textbook` is bad in the ways that textbooks are."""
    bad = variant == "textbook"
    height = 8_388_608.0 if bad else 2.7182818
    example = Example(input="-inf", got="nan", want="-0.0", kind="nan")
    return KernelResult(
        activation=activation,
        direction=direction,
        dtype=dtype,
        backend=backend,
        variant=variant,
        why="the formula as printed" if bad else "safe everywhere",
        parameters={"beta": 1.0},
        device="cuda" if backend == "cupy" else "cpu",
        takes_out=backend == "numba",
        portable=backend == "numba" and not bad,
        flushes_subnormals=False,
        status="measured",
        failure=None,
        accuracy=accuracy(dtype, height, direction == "backward"),
        safety=Safety(
            mismatches=3 if bad else 0,
            by_kind={"nan": 1, "inf": 0, "zero": 2, "sign": 0} if bad else {"nan": 0, "inf": 0, "zero": 0, "sign": 0},
            examples=[example] if bad else [],
        ),
        properties={
            "monotone": Property(
                verdict="violated" if bad else "holds",
                counter_example="f(0x1p+0) = 0x1.8p-1 but f(0x1.000002p+0) = 0x1.7ffffep-1" if bad else None,
                count=7 if bad else 0,
                checked=65_535,
                largest="1 representable number" if bad else None,
                why=None,
            ),
            "flags": Property(
                verdict="not checked", counter_example=None, count=0, checked=0, largest=None, why="no flags here"
            ),
        },
        claim=None if bad else 4.0,
        claim_outside_roots=0.015625 if direction == "backward" and not bad else 0.0,
        verdict="none" if bad else "holds" if dtype in ("float16", "bfloat16") else "not refuted",
        throughput=throughput(f"{activation}{direction}{dtype}{variant}"),
    )


def summed(activation: str) -> KernelResult:
    """A kernel whose result is a sum: its inputs are many at once, and no place on the line of floats."""
    it = kernel(activation, "backward_alpha", "float32", "textbook")
    it.accuracy.regions, it.accuracy.worst_input = [], "one sign, n = 1000"
    it.safety.examples = [Example(input="N(0, 1), n = 2", got="nan", want="0.25", kind="nan")]
    return it


def failed(activation: str, backend: str, message: str) -> KernelResult:
    whole = kernel(activation, "forward", "float32", "naive", backend)
    failure = Failure(kind="raised", message=message, input="0x1.8p+1")
    for name in ("accuracy", "safety", "claim"):
        setattr(whole, name, None)
    whole.status, whole.failure, whole.verdict, whole.throughput = "failed", failure, "none", []
    return whole


def all_nan(activation: str) -> KernelResult:
    """A kernel that returns nothing but NaN: it has no largest error."""
    broken = kernel(activation, "forward", "float32", "all_nan", "mine")
    broken.accuracy = accuracy("float32", None, backward=False)
    broken.safety = Safety(mismatches=21_000, by_kind={"nan": 21_000, "inf": 0, "zero": 0, "sign": 0}, examples=[])
    broken.verdict = "broken"
    return broken


def wrong_with_dy(activation: str, variant: str) -> KernelResult:
    """A gradient that is of the wrong class for some dy."""
    it = kernel(activation, "backward", "float64", variant)
    it.accuracy.random_dy.mismatches = 104
    return it


def activation(name: str, title: str) -> ActivationResult:
    x = [i / 8 for i in range(-64, 65)]
    sigmoid = [1 / (1 + math.exp(-t)) for t in x]
    return ActivationResult(
        name=name,
        title=title,
        formula=r"x \cdot \sigma(\beta x) = \frac{x}{1 + e^{-\beta x}}",
        derivative_formula=r"\sigma(\beta x)\,\bigl(1 + \beta x\,\sigma(-\beta x)\bigr)",
        sources=["Ramachandran, Zoph, Le: Searching for Activation Functions, arXiv:1710.05941, section 4"],
        parameters={"beta": 1.0},
        facts=[Fact(name="limit at −∞", value="0"), Fact(name="minimum", value="−0.2785 at x = −1.2785")],
        remarks=["Its range is not [0, +∞): it is negative for every x < 0."],
        special_values=[SpecialValue(input="-inf", forward="-0", derivative="0")],
        curve=Curve(
            x=x,
            y=[t * s for t, s in zip(x, sigmoid, strict=True)],
            derivative=[s * (1 + t * (1 - s)) for t, s in zip(x, sigmoid, strict=True)],
        ),
        gradient_health=[
            GradientHealth(dtype="float32", kind="zero", threshold=None, intervals=[("-inf", "-0x1.b33332p+6")]),
            GradientHealth(
                dtype="float32", kind="small", threshold=1e-7, intervals=[("-inf", "-0x1.3p+4"), ("0x1p-3", "inf")]
            ),
        ],
    )


def results() -> Results:
    """Two activations in four dtypes, a kernel that raised, one that is all NaN, and one with a hostile name."""
    kernels = [
        kernel(name, direction, dtype, variant)
        for name in ("silu", "softplus")
        for direction in ("forward", "backward")
        for dtype in LARGEST
        for variant in ("textbook", "stable")
    ]
    kernels += [
        summed("silu"),
        failed("silu", "mine", f"division by zero\nat line 3 of {HOSTILE}"),
        all_nan("silu"),
        kernel("silu", "forward", "float32", "naive" * 20, HOSTILE),
        kernel(HOSTILE, "forward", "float32", "stable", "mine"),
    ]
    return Results(
        schema_version=SCHEMA_VERSION,
        machine=Machine(
            cpu="Imaginary 9000 | <b>",
            instruction_sets=["avx2", "fma"],
            cores=2,
            memory_bytes=8 << 30,
            gpu=None,
            driver=None,
            system="Linux 6.1 x86_64",
            python="3.11.7",
            libraries={"numpy": "2.4.6", "numba": "0.68.1"},
        ),
        backends=[
            Backend(name="numba", threads=2, one_thread="asked", instruction_set="AVX9", clocks_mhz=None),
            Backend(name=HOSTILE, threads=None, one_thread="one processor", instruction_set=None, clocks_mhz=None),
        ],
        run=Run(
            started="2026-01-02T03:04:05Z",
            seconds=83.4,
            commit="0123456789abcdef0123456789abcdef01234567",
            dirty=True,
            command="pytest --benchmark --kernels mine.py",
            depth="standard",
            seed=1,
            only=None,
            filters={},
            deselected=[],
            selected=len(kernels) + 1,
        ),
        skipped=[Skipped(what="backend cupy", why="no CUDA device")],
        copies=[Copy(dtype="float32", elements=1 << 24, threads=2, cache="cold", gb_per_s=21.5, method="np.copyto")],
        activations=[
            activation("silu", "SiLU (Swish)"),
            activation("softplus", "Softplus"),
            activation(HOSTILE, HOSTILE),
        ],
        kernels=kernels,
        rests_on={"numba": ["llvmlite", "numba"], "numpy": ["numpy"], "torch": ["torch"]},
    )
