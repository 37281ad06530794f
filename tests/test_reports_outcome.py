# SPDX-License-Identifier: MIT
"""A comparison is told in sentences: all that is worse and missing first, and what to do about it."""

import pytest

from reports.comparisons import Comparison, Difference
from reports.outcome import LISTED, outcome
from tests.report_results import HOSTILE, results

ID = "silu-forward-float32-numba-stable"


def compared(*judged: str, kernel: str = ID, count: int = 41, left_out: int = 0):
    made = results()
    made.comparison = Comparison(
        baseline="reports/baselines/quick.json",
        started="2026-01-02T03:04:05Z",
        commit="0123456789abcdef",
        compared=count,
        left_out=left_out,
        differences=[Difference(kernel=kernel, what="max ulp", judged=j, text=f"{j} at 0x1p+0") for j in judged],
    )
    return outcome(made)


def test_without_a_comparison_there_is_nothing_to_tell():
    assert outcome(results()) == []


def test_no_difference_is_told_in_one_line():
    (line,) = compared()
    assert line.tone == "good"
    assert line.text == (
        "41 kernels compared with reports/baselines/quick.json (commit 0123456789ab, 2026-01-02): nothing differs."
    )


def test_what_the_filters_left_out_is_counted_and_where_that_was_all_it_is_said():
    of = "reports/baselines/quick.json (commit 0123456789ab, 2026-01-02)"
    (line,) = compared(left_out=7)
    assert line.text == f"41 kernels compared with {of}, 7 left out by this run's filters: nothing differs."
    line, *_ = compared("new", count=0, left_out=7)
    assert line.tone == "plain"
    what = f"{of} has none of these, 7 left out by this run's filters: 1 new"
    assert line.text == f"No kernel compared: {what}."


def test_what_is_worse_comes_first_with_its_kernel_and_what_to_do_last():
    lead, *told, _, advice = compared("new", "better", "elsewhere", "missing", "changed", "regression")
    assert lead.tone == "bad"
    assert lead.text.endswith(
        "1 worse, 1 missing, 1 better, 1 changed, 1 new, 1 different where something else may explain it."
    )
    words = [line.text.split(":")[0] for line in told]
    assert words == ["Worse", "Missing", "Better", "Changed", "New", "Different"]
    assert [line.tone for line in told] == ["bad", "bad", "good", "plain", "plain", "plain"]
    assert told[0].text == f"Worse: {ID}: max ulp: regression at 0x1p+0."
    assert told[0].kernel.id == ID
    assert advice.plain == "Where that is meant, make these results the new baseline: python -m reports accept"


def test_what_could_not_be_gated_is_no_pass_in_tone_is_counted_and_asks_for_a_baseline_made_here():
    lead, _, counted, advice = compared("elsewhere")
    assert lead.tone == "plain"
    assert counted.text == "1 kernel was not gated: what differs may have another cause."
    assert advice.plain == "To gate all of them here, make these results the new baseline: python -m reports accept"


@pytest.mark.parametrize(("judged", "advised"), [("better", True), ("new", True), ("missing", False)])
def test_a_new_baseline_is_asked_for_where_something_was_won(judged, advised):
    found = compared(judged)
    assert found[0].tone == ("good" if advised else "bad")
    assert ("To keep what was won" in found[-1].text) is advised


def test_a_long_list_is_cut_and_the_rest_counted():
    found = compared(*["regression"] * (LISTED + 3))
    assert sum(line.text.startswith("Worse: ") for line in found) == LISTED
    assert "3 more worse." in [line.text for line in found]
    assert "1 worse" in found[0].text  # of kernels


def test_a_kernel_that_was_not_measured_has_no_link_and_hostile_names_stay_on_a_line():
    found = compared("missing", kernel=f"gone\n{HOSTILE}")
    assert found[1].kernel is None
    assert "\n" not in found[1].text
