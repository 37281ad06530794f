# SPDX-License-Identifier: MIT
"""The columns that people see are those of the file, with the same names."""

from reports import columns, rows
from tests.report_results import results


def test_each_column_is_one_of_the_file():
    given = results()
    names = rows.flat(given.kernels[0], rows.settings(given))
    assert {column.field for column in columns.findings(given)} <= set(names)
    assert set(columns.IDENTITY) <= set(names)


def test_each_column_shows_something_for_each_kernel():
    given = results()
    assert all(column.show(kernel) for column in columns.findings(given) for kernel in given.kernels)


def test_what_was_left_out_has_no_column():
    accuracy, speed = results(), results()
    for it in accuracy.kernels:
        it.throughput = []
    for it in speed.kernels:
        it.accuracy, it.safety, it.properties = None, None, {}
    assert not any("copy" in column.title for column in columns.findings(accuracy))
    assert not any("ulp" in column.title for column in columns.findings(speed))
    assert not any("properties" in column.title for column in columns.findings(speed))
    assert any("properties" in column.title for column in columns.findings(accuracy))


def test_an_error_of_zero_is_at_no_input():
    exact = results().kernels[0]
    exact.accuracy.max_ulp = 0.0
    at_input = next(column for column in columns.findings(results()) if column.field == "worst_input")
    assert at_input.show(exact) == "–"


def test_the_brief_ones_are_some_of_them():
    given = results()
    fields = [column.field for column in columns.findings(given)]
    brief = [column.field for column in columns.brief(given)]
    assert [field for field in fields if field in brief] == brief
    assert len(brief) == 8
