# SPDX-License-Identifier: MIT
"""Numbers are shown short, and never better than they are."""

import pytest

from reports import wording
from reports.schema import Backend
from tests.report_results import all_nan, failed, kernel, wrong_with_dy


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.5, "0.5"),
        (0.50000003, "0.5001"),
        (1.0, "1"),
        (1.0000000001, "1.001"),
        (999.91, "1,000"),
        (123456.0, "123,500"),
        (8388608.0, "8.389e+06"),
        (1.2345e300, "1.235e+300"),
        (1.7976931348623157e308, "> 1e308"),
        (float("inf"), "> 1e308"),
        (None, "–"),
    ],
)
def test_ulp_is_rounded_up(value, shown):
    assert wording.ulp(value) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("0x1.8p+1", "3"),
        ("-0x0.0p+0", "-0"),
        ("inf", "inf"),
        ("nan", "nan"),
        ("-1.157425038217630184920831e-36", "-1.15743e-36"),
        ("what", "what"),
        (None, "–"),
    ],
)
def test_decimal(number, shown):
    assert wording.decimal(number) == shown


def test_grouped_takes_numbers_of_any_size():
    assert wording.grouped("-18437736874454810623") == "-18,437,736,874,454,810,623"


def test_one_line_holds_no_control_characters():
    assert wording.one_line("a\nb\x1b[31mc\td") == "a b [31mc d"
    assert wording.one_line("x" * 50, 10) == "x" * 9 + "…"


def test_mismatches_name_their_kinds():
    assert wording.mismatches(kernel("silu", "forward", "float32", "textbook")) == "2 zero, 1 nan"
    assert wording.mismatches(kernel("silu", "forward", "float32", "stable")) == "0"
    assert wording.mismatches(failed("silu", "mine", "no")) == "–"
    assert wording.mismatches(wrong_with_dy("silu", "stable")) == "104 with random dy"
    assert wording.mismatches(wrong_with_dy("silu", "textbook")) == "2 zero, 1 nan, 104 with random dy"
    searched = kernel("silu", "forward", "float32", "stable")
    searched.accuracy.search.mismatches = 7
    assert (wording.mismatches(searched), searched.mismatches) == ("7 in the search", 7)


def test_verdicts():
    assert wording.verdict(kernel("silu", "forward", "float16", "stable")) == "holds"
    assert wording.verdict(kernel("silu", "forward", "float16", "textbook")) == "no claim"
    assert wording.verdict(all_nan("silu")) == "broken"
    unchecked = kernel("silu", "forward", "float16", "stable")
    unchecked.verdict = "none"
    assert wording.verdict(unchecked) == "not checked"
    assert wording.verdict(failed("silu", "mine", "no")) == "failed: raised"


def test_claims():
    assert wording.claim(kernel("silu", "forward", "float16", "stable")) == "≤ 4 ulp"
    assert wording.claim(kernel("silu", "backward", "float16", "stable")) == "≤ 4 ulp where |x − root| ≥ 0.0156"
    assert wording.claim(kernel("silu", "forward", "float16", "textbook")) == "none"


def test_the_largest_error_is_one_that_the_claim_bounds():
    it = kernel("silu", "forward", "float16", "stable")
    assert wording.largest_claimed(it).startswith("2.719 ulp at -0x1.5d58aep+6: got -0x0.0p+0, exact -1.157")
    it = kernel("silu", "backward", "float16", "stable")
    it.accuracy.max_ulp, it.accuracy.max_ulp_outside_roots = 1e6, 5.5
    assert wording.largest_claimed(it) == "5.5 ulp where |x − root| ≥ 0.0156"
    it.accuracy.random_dy.max_ulp = 77.0
    assert wording.largest_claimed(it) == "77 ulp at x = 0x1p+0, dy = -inf (random dy)"
    assert wording.largest_claimed(all_nan("silu")) == "no number to compare"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ((2, "asked", "AVX512"), "torch (2 threads, AVX512)"),
        ((None, "asked", None), "torch (threads not told, instruction set not told)"),
        (
            (1, "one processor", None),
            "torch (1 thread, instruction set not told, ×1: one processor)",
        ),
    ],
)
def test_what_a_backend_ran_with(given, shown):
    threads, one_thread, instruction_set = given
    backend = Backend(
        name="torch", threads=threads, one_thread=one_thread, instruction_set=instruction_set, clocks_mhz=None
    )
    assert wording.ran_with(backend) == shown


def test_durations():
    assert wording.duration(4.26) == "4.3 s"
    assert wording.duration(83.4) == "1 min 23 s"


def test_a_largest_error_is_the_largest_of_inputs_and_search():
    assert wording.evaluations(kernel("silu", "forward", "float32", "stable")) == 21_345 + (1 << 20)
    assert wording.evaluations(kernel("silu", "forward", "float16", "stable")) is None
    assert wording.evaluations(failed("silu", "mine", "no")) is None
    unsearched = kernel("silu", "forward", "float32", "stable")
    unsearched.accuracy.search = None
    assert wording.evaluations(unsearched) == 21_345
    assert wording.lower_bound(21_345) == "lower bound, 21,345 evaluations"


def test_violated_properties_are_named():
    it = kernel("silu", "forward", "float32", "textbook")
    it.properties["sign_of_zero"] = it.properties["monotone"]
    assert wording.violated(it) == "monotone, sign of zero"
    assert wording.violated(kernel("silu", "forward", "float32", "stable")) == "none"
    del it.properties["monotone"], it.properties["sign_of_zero"]
    assert wording.violated(it) == "–"
