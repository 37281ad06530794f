# SPDX-License-Identifier: MIT
"""Who is called safe, most accurate and fastest, and who is on the front of both."""

import pytest

from reports import pages
from reports.markdown import summary
from reports.ranking import figures, rankings
from reports.schema import Failure, KernelResult, Spread, Throughput
from tests.report_results import kernel, results


def made(
    variant: str, ulp: float | None, ns: float | None, mismatches: int = 0, dtype: str = "float32"
) -> KernelResult:
    it = kernel("silu", "forward", dtype, variant)
    it.accuracy.max_ulp, it.safety.mismatches = ulp, mismatches
    it.throughput = []
    for cache, factor in (("hot", 1), ("cold", 5)) if ns else ():
        spread = Spread(min=ns, median=ns * factor, iqr=0.0)
        it.throughput.append(
            Throughput(
                elements=1,
                threads=1,
                cache=cache,
                rounds=3,
                ns_per_element=spread,
                gb_per_s=1.0,
                percent_of_copy=1.0,
                call_us=None,
            )
        )
    return it


def ranked(*kernels: KernelResult):
    whole = results()
    whole.kernels = list(kernels)
    return rankings(whole)


def names(kernels: list[KernelResult]) -> list[str]:
    return [k.variant for k in kernels]


def test_each_is_ranked_by_what_it_is_best_at():
    (found,) = ranked(
        made("slow", 0.5, 9.0), made("wrong", 0.6, 1.0, mismatches=4), made("quick", 3.0, 2.0), made("worse", 4.0, 3.0)
    )
    assert (found.activation, found.direction, found.dtype) == ("silu", "forward", "float32")
    assert names(found.ranked) == ["slow", "quick", "worse", "wrong"]
    assert names(found.fastest) == ["wrong", "quick", "worse", "slow"]
    assert names(found.front) == ["wrong", "quick", "slow"]  # worse is beaten in both
    assert names(found.safe) == ["slow", "quick", "worse"]


def test_of_two_as_accurate_the_faster_is_named():
    (found,) = ranked(made("slow", 1.0, 5.0), made("quick", 1.0, 2.0))
    assert names(found.ranked) == ["quick", "slow"]
    assert names(found.front) == ["quick"]


def test_who_is_as_fast_and_as_accurate_as_another_is_on_the_front_once():
    (found,) = ranked(made("one", 1.0, 2.0), made("two", 1.0, 2.0))
    assert names(found.front) == ["one"]


def test_of_two_as_fast_only_the_more_accurate_is_on_the_front():
    (found,) = ranked(made("one", 5.0, 2.0), made("two", 3.0, 2.0))
    assert names(found.fastest) == ["two", "one"]
    assert names(found.front) == ["two"]


def test_who_failed_after_its_accuracy_is_not_ranked():
    crashed = made("crashed", 0.5, None)
    crashed.status, crashed.failure = "failed", Failure("crashed", "SIGSEGV", None)
    (found,) = ranked(crashed, made("one", 1.0, 2.0), made("two", 2.0, 1.0))
    assert names(found.ranked) == names(found.safe) == ["one", "two"]


def test_kernels_of_other_parameters_are_ranked_apart(tmp_path):
    whole = results()
    whole.kernels = [made(name, 0.5, 1.0) for name in ("one", "two", "other", "another")]
    for k in whole.kernels[2:]:
        k.parameters = {"beta": 2.0}
    assert [(r.parameters, names(r.ranked)) for r in rankings(whole)] == [
        ("beta = 1.0", ["one", "two"]),
        ("beta = 2.0", ["other", "another"]),
    ]
    assert "| silu forward float32, beta = 2.0 |" in summary(whole)
    assert "silu</a> <small>beta = 2.0</small></th>" in pages.write(whole, tmp_path).read_text()
    assert [r.parameters for r in ranked(*whole.kernels[:2])] == [""]


def test_what_has_nothing_but_nan_is_the_least_accurate():
    (found,) = ranked(
        made("nan", None, 1.0, mismatches=9), made("bad", 1e9, 2.0, mismatches=3), made("good", 1e12, 3.0)
    )
    assert names(found.ranked) == ["good", "bad", "nan"]


def test_without_times_there_is_no_front():
    (found,) = ranked(made("one", 1.0, None), made("two", 2.0, None))
    assert (found.fastest, found.front) == ([], [])
    assert names(found.ranked) == ["one", "two"]


def test_dtypes_are_apart_and_one_alone_is_not_ranked():
    assert ranked(made("one", 1.0, 1.0), made("one", 1.0, 1.0, dtype="float64")) == []
    failed = made("two", 2.0, 2.0)
    failed.accuracy = None
    assert ranked(made("one", 1.0, 1.0), failed) == []


def test_figures_say_what_there_is():
    assert figures(made("one", 0.5, 1.234)) == "0.5 ulp, 1.23 ns"
    assert figures(made("one", 2.0, None, mismatches=1200)) == "2 ulp, 1,200 mismatches"


@pytest.fixture
def shown():
    whole = results()
    whole.kernels = [made("slow", 0.5, 9.0), made("quick", 3.0, 2.0), made("bad", 3.0, 4.0, mismatches=2)]
    return whole


def test_the_page_and_the_summary_show_it(shown, tmp_path):
    page = pages.write(shown, tmp_path).read_text()
    assert "Whom to call" in page
    assert "numba-slow</a> <small>0.5 ulp, 9 ns</small>" in page
    assert "2 mismatches" not in page  # it is beaten in both
    (line,) = (line for line in summary(shown).splitlines() if line.startswith("| silu forward float32 "))
    assert "numba-quick (3 ulp, 2 ns), numba-slow (0.5 ulp, 9 ns) |" in line
    shown.kernels = shown.kernels[:1]
    assert "Whom to call" not in pages.write(shown, tmp_path).read_text()
    assert "Whom to call" not in summary(shown)
