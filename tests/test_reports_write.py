# SPDX-License-Identifier: MIT
"""The report folder has all its files, or one line says why not."""

import pytest

from reports.schema import load
from reports.write import ReportError, write
from tests.report_results import results


def test_writes_everything_and_returns_the_index(tmp_path):
    index = write(results(), tmp_path / "deep" / "report")
    assert index == tmp_path / "deep" / "report" / "index.html"
    names = {path.name for path in index.parent.iterdir()}
    assert names == {"index.html", "results.json", "results.csv", "summary.md", "assets", "activations"}
    assert (index.parent / "assets" / "tabulator.LICENSE").is_file()
    assert (index.parent / "assets" / "plotly.min.js").stat().st_size > 1_000_000
    assert load(index.parent / "results.json") == results()


@pytest.mark.parametrize("selection", ["nothing", "one half each"])
def test_writes_what_little_there_is(tmp_path, selection):
    little = results()
    if selection == "nothing":
        little.kernels, little.activations, little.copies, little.skipped = [], [], [], []
    for i, kernel in enumerate(little.kernels):
        kernel.accuracy, kernel.safety, kernel.throughput = (
            (None, None, kernel.throughput) if i % 2 else (kernel.accuracy, kernel.safety, [])
        )
    assert write(little, tmp_path).is_file()


def test_writes_again_over_an_earlier_report(tmp_path):
    assert write(results(), tmp_path) == write(results(), tmp_path)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_can_not_be_written_is_refused_in_one_line(tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReportError) as caught:
        write(results(), tmp_path / place)
    assert str(tmp_path / place) in str(caught.value)
    assert "--report-dir" in str(caught.value)
    assert "\n" not in str(caught.value)
