# SPDX-License-Identifier: MIT
"""The table of findings fits a terminal, and has every kernel in it."""

from reports.findings import groups
from reports.gate import compare
from reports.terminal import against, headline, table
from tests.report_results import kernel, results


def test_every_kernel_has_a_line_under_its_group():
    text = table(results())
    for activation, direction in groups(results().kernels):
        if "script" not in activation:
            assert f"\n{activation}-{direction}-\n" in text
    for shown in results().kernels:
        if "script" not in shown.id:
            assert f"\n  {shown.dtype}-{shown.backend}-{shown.variant} " in text


def test_a_line_has_the_findings():
    line = next(line for line in table(results()).splitlines() if line.startswith("  float32-numba-textbook"))
    for expected in ("21,345 sampled", "8.389e+06", "-0x1.5d58aep+6", "2 zero, 1 nan", "no claim"):
        assert expected in line


def test_fits_a_terminal():
    table_width = max(len(line) for line in table(results()).splitlines() if not line.startswith("FAILED"))
    assert table_width <= 150


def test_failures_are_below_with_their_reason_in_one_line():
    last = table(results()).splitlines()[-1]
    assert last.startswith("FAILED silu-forward-float32-mine-naive: raised: division by zero at line 3")
    assert last.endswith("(at input 0x1.8p+1)")


def test_control_characters_do_not_reach_the_terminal():
    hostile = results()
    hostile.kernels = [kernel("silu", "forward", "float32", "\x1b[2J\n")]
    assert "\x1b" not in table(hostile)
    assert not any("\x1b" in line or "\n" in line for line in headline(hostile))


def test_what_is_missing_is_a_dash():
    line = next(line for line in table(results()).splitlines() if line.startswith("  float32-mine-naive"))
    assert line.split()[:4] == ["float32-mine-naive", "failed:", "raised", "–"]


def test_headline_says_what_was_skipped():
    assert "Skipped: backend cupy (no CUDA device)." in headline(results())


def test_headline_says_what_it_ran_with():
    (line,) = (line for line in headline(results()) if line.startswith("Ran with: "))
    assert line.startswith("Ran with: numba (2 threads, AVX9); ")
    without = results()
    without.backends = []
    assert not any("Ran with" in line for line in headline(without))


def test_properties_are_counted_below_the_table_and_not_in_it():
    assert "propert" not in table(results())
    assert sum("violate a property" in line for line in headline(results())) == 1


def test_what_came_of_a_comparison_is_told_where_there_was_one():
    made = results()
    assert against(made) == []
    worse = results()
    worse.kernels[0].accuracy.misrounded += 1
    worse.comparison = compare(made, worse, "base.json")
    lead, told, _ = against(worse)
    assert lead.endswith(": 1 worse.")
    assert told.startswith(f"Worse: {worse.kernels[0].id}: misrounded: 1,235 misrounded, was 1,234; the worst at ")
