# SPDX-License-Identifier: MIT
"""Each kernel is one test item, named like the kernel; what fails says why in one sentence."""

import numpy as np
import pytest

from bench.suite import broken_claim
from kernels.registry import Claim
from reports import wording
from reports.schema import RandomDy
from tests.command import benchmark
from tests.test_bench_run import a_session, made_result


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collected") / "report"
    return benchmark(folder, "--activation", "silu", "--dtype", "float32", "--backend", "numba", "--collect-only", "-q")


def test_collecting_lists_the_kernels_and_measures_nothing(collected):
    assert collected.code == 0, collected.out + collected.err
    names = [line for line in collected.out.splitlines() if "silu-" in line]
    assert names == [
        f"bench/suite.py::silu-{direction}-float32-numba-{variant}"
        for direction in ("forward", "backward")
        for variant in ("textbook", "stable", "fast", "rounded")
    ]
    assert not collected.folder.exists()
    assert "report:" not in collected.out


def result(**found):
    """A result with a claim of 4 ulp, as a broken one has it."""
    made = made_result(a_session(), lambda x: np.maximum(x, x.dtype.type(0)), claim=Claim(4.0))
    for name, value in found.items():
        setattr(made.accuracy, name, value)
    return made


def test_an_error_is_told_with_its_input_and_what_was_got_and_exact():
    said = broken_claim(result(max_ulp=5.5, worst_input="0x1p+0", worst_got="0x1.8p+0", worst_exact="1.0"))
    assert said.startswith("claims at most 4 ulp, but was found 5.5 ulp at 0x1p+0: got 0x1.8p+0, exact 1.0")
    assert "\n" not in said


def test_a_mismatch_is_told_before_an_error():
    made = made_result(a_session(), lambda x: -abs(x), claim=Claim("rounded"))
    example = made.safety.examples[0]
    said = broken_claim(made)
    assert said.startswith("claims to be correctly rounded, but ")
    assert "of the wrong class (" in said
    assert f"e.g. {example.kind} at {example.input}: got {example.got}" in said
    assert f"; largest error {wording.largest_claimed(made)}" in said


def test_an_error_with_random_dy_is_told_with_dy():
    pair = RandomDy(
        evaluated=9,
        max_ulp=77.0,
        worst_input="0x1p+1",
        worst_dy="0x1p-3",
        worst_got="0x1p-3",
        worst_exact="0.5",
        mismatches=2,
    )
    said = broken_claim(result(max_ulp=1.0, random_dy=pair))
    assert "77 ulp at x = 0x1p+1, dy = 0x1p-3" in said
    assert "2 results of the wrong class with random dy" in said


def test_an_error_beside_a_root_that_the_claim_leaves_out_is_not_told():
    made = result(max_ulp=1e6, max_ulp_outside_roots=5.5)
    made.claim_outside_roots = 0.25
    assert broken_claim(made).startswith("claims at most 4 ulp, but was found 5.5 ulp where |x − root| ≥ 0.25 (")
