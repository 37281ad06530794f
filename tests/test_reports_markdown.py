# SPDX-License-Identifier: MIT
"""summary.md says what matters, and shows anyone's words as words."""

from reports.markdown import summary
from tests.report_results import results


def test_has_machine_findings_and_every_kernel():
    text = summary(results())
    assert "Imaginary 9000" in text
    assert "Ran with: numba (2 threads, AVX9); " in text
    assert "commit 0123456789ab with uncommitted changes" in text
    assert "- Skipped: backend cupy (no CUDA device)." in text
    assert text.count("\n| float") + text.count("\n| bfloat") == len(results().kernels)


def test_names_take_no_effect():
    text = summary(results())
    assert "<script" not in text
    assert "<b>" not in text
    assert "Imaginary 9000 \\|" in text


def test_rows_have_as_many_cells_as_their_head():
    for line in summary(results()).splitlines():
        if line.startswith("| "):
            assert line.replace("\\|", "").count("|") in (6, 10)  # of the ranking, and of the table


def test_properties_are_one_line():
    (line,) = (line for line in summary(results()).splitlines() if "propert" in line)
    assert line == "- 17 kernels of 37 violate a property of their function, most often “monotone” (17)."
