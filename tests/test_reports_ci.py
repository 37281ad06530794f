# SPDX-License-Identifier: MIT
"""Annotations are few and can't be broken out of; the summary goes where GitHub Actions reads it."""

from reports.ci import LISTED, announce
from reports.gate import compare
from reports.markdown import summary
from tests.report_results import failed, results
from tests.test_reports_speeds import against, change

ACTIONS = {"GITHUB_ACTIONS": "true"}


def compared(change):
    old, new = results(), results()
    change(new)
    new.comparison = compare(old, new, "base.json")
    return new


def test_elsewhere_nothing_is_announced(tmp_path):
    assert announce(results(), {}) == []
    assert announce(results(), {"GITHUB_ACTIONS": "false"}) == []


def test_each_kind_of_fault_is_one_annotation_for_all_its_kernels():
    lines = announce(results(), ACTIONS)
    assert [line.split("::")[1] for line in lines] == [
        "error title=halfulp%3A 1 kernels failed",
        "error title=halfulp%3A 1 claims broken",
    ]
    assert lines[0].split("::")[2].startswith("silu-forward-float32-mine-naive: raised: division by zero")


def test_regressions_and_missing_kernels_are_errors_and_better_ones_a_notice():
    def change(new):
        for k in new.kernels[:3]:
            k.accuracy.misrounded += 1
        new.kernels[3].accuracy.misrounded -= 1
        del new.kernels[5]

    *_, worse, missing, better = announce(compared(change), ACTIONS)
    assert worse.startswith("::error title=halfulp%3A 3 regressions::silu-forward-float16-numba-textbook: misrounded: ")
    assert worse.count("%0A") == 2
    assert missing.startswith("::error title=halfulp%3A 1 kernels missing::")
    assert better.startswith("::notice title=halfulp%3A 1 better than the baseline::")


def test_a_baseline_with_nothing_in_common_is_told():
    new = compared(lambda new: new.kernels.clear())
    assert "::warning title=halfulp%3A 1 baseline has none of these kernels::base.json" in announce(new, ACTIONS)


def test_kernels_that_were_not_gated_are_a_warning_that_counts_each_once():
    def change(new):
        new.machine.instruction_sets = []
        for k in new.kernels[:4]:
            k.portable = False
            k.accuracy.misrounded += 1
            k.accuracy.max_ulp += 1

    *_, line = announce(compared(change), ACTIONS)
    assert line.startswith("::warning title=halfulp%3A 4 kernels not gated::silu-forward-float16-numba-")
    assert line.count("without avx2 fma") == 4


def test_what_fails_of_speed_is_an_error_for_each_kind():
    made = results()
    made.kernels = made.kernels[:1]
    changes = [change("slower"), change("slower"), change("not measured"), change("not measured", is_due=False)]
    made.against = against(*changes, change("ambiguous"), change("same"))
    titles = [line.split("::")[1] for line in announce(made, ACTIONS)]
    assert titles == [
        "error title=halfulp%3A 2 timings slower than at main",
        "error title=halfulp%3A 1 not timed against main",
        "warning title=halfulp%3A 1 ambiguous timings",
    ]
    made.against = against(change("slower"), control=(change("faster"),))
    (line,) = announce(made, ACTIONS)
    assert line.startswith(
        "::error title=halfulp%3A 1 timings that this machine can't tell::silu-forward-float16-numba-"
    )


def test_a_long_list_is_cut_and_the_rest_counted():
    def change(new):
        for k in new.kernels[:16]:
            k.accuracy.misrounded += 1

    (worse,) = (line for line in announce(compared(change), ACTIONS) if "regressions" in line)
    assert worse.count("%0A") == LISTED
    assert worse.endswith("%0Aand 6 more")


def test_no_text_ends_its_annotation_or_begins_another():
    made = results()
    made.kernels = [failed("silu", "mine", "100 %\n::error::mine")]
    (line,) = announce(made, ACTIONS)
    assert "\n" not in line
    assert "100 %25 ::error::mine" in line


def test_the_summary_is_added_to_that_of_the_step(tmp_path):
    step = tmp_path / "step.md"
    step.write_text("before\n")
    assert announce(results(), {"GITHUB_STEP_SUMMARY": str(step)}) == []
    assert step.read_text() == "before\n" + summary(results())


def test_a_summary_that_can_not_be_written_is_a_warning(tmp_path):
    (line,) = announce(results(), {"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert line.startswith("::warning title=halfulp%3A no summary::")
