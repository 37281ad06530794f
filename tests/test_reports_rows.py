# SPDX-License-Identifier: MIT
"""results.csv: a row a kernel, every value exact."""

import csv

from reports.rows import Setting, extremes, settings, write_csv
from tests.report_results import HOSTILE, results, wrong_with_dy


def rows(tmp_path, of):
    write_csv(of, tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def test_a_row_a_kernel_in_order(tmp_path):
    assert [row["kernel"] for row in rows(tmp_path, results())] == [kernel.id for kernel in results().kernels]


def test_values_are_exact(tmp_path):
    row = rows(tmp_path, results())[1]
    assert row["kernel"] == "silu-forward-float16-numba-stable"
    assert float(row["max_ulp"]) == 2.7182818
    assert row["worst_input"] == "-0x1.5d58aep+6"
    assert row["mismatches"] == "0"
    assert (row["mean_ulp"], row["outside_conditioning"], row["decided_by_mpmath"]) == ("0.26", "17", "45")
    timing = results().kernels[1].throughput[0]
    assert float(row["hot_1_threads_ns_per_element"]) == timing.ns_per_element.median
    assert float(row["hot_1_threads_percent_of_copy"]) == timing.percent_of_copy


def test_mismatches_are_all_there_are(tmp_path):
    given = results()
    given.kernels = [wrong_with_dy("silu", "textbook")]
    (row,) = rows(tmp_path, given)
    by_kind = [int(row[f"mismatches_{kind}"]) for kind in ("nan", "inf", "zero", "sign")]
    assert by_kind == [1, 0, 2, 0]
    assert int(row["mismatches"]) == sum(by_kind) + int(row["random_dy_mismatches"]) == 107


def test_a_failed_kernel_has_a_row_without_figures(tmp_path):
    row = next(row for row in rows(tmp_path, results()) if row["status"] == "failed")
    assert row["failure_message"] == f"division by zero\nat line 3 of {HOSTILE}"
    assert row["max_ulp"] == row["cold_2_threads_gb_per_s"] == ""


def test_nothing_measured_is_an_empty_table(tmp_path):
    empty = results()
    empty.kernels = []
    assert rows(tmp_path, empty) == []


def test_settings_are_sorted():
    assert settings(results()) == [("hot", 1), ("hot", 2), ("cold", 1), ("cold", 2)]
    assert extremes(results()) == [Setting("hot", 1), Setting("cold", 2)]


def test_what_the_search_found_has_columns(tmp_path):
    exhaustive, _, _, _, sampled = rows(tmp_path, results())[:5]
    assert (exhaustive["search_evaluations"], exhaustive["search_max_ulp"]) == ("", "")
    assert (sampled["search_evaluations"], float(sampled["search_max_ulp"])) == ("1048576", 8_388_608.0)
    assert sampled["search_worst_input"] == "-0x1.5d58aep+6"


def test_properties_are_named_by_their_verdict(tmp_path):
    bad, good = rows(tmp_path, results())[:2]
    assert (bad["properties_violated"], bad["properties_holds"]) == ("monotone", "")
    assert (good["properties_violated"], good["properties_holds"]) == ("", "monotone")
    assert bad["properties_not_checked"] == good["properties_not_checked"] == "flags"
