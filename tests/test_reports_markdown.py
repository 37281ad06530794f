# SPDX-License-Identifier: MIT
"""summary.md says what matters, and shows anyone's words as words."""

from reports.comparisons import Difference
from reports.gate import compare
from reports.markdown import LONGEST, summary, tables
from reports.schema import Skipped
from tests.report_results import kernel, results
from tests.test_reports_speeds import against, change


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


def test_tables_have_where_and_when_and_the_kernels_of_these_activations():
    some = results()
    lines = tables(some, ["silu"]).splitlines()
    assert lines[0].startswith("Imaginary 9000 \\| &lt;b&gt;, 2 cores, 8.0 GiB, no GPU; Python 3.11.7, numba 0.68.1; ")
    assert lines[0].endswith("; 2026-01-02, commit 0123456789ab with uncommitted changes, depth standard, seed 1.")
    assert lines[2].startswith("Ran with: numba (2 threads, AVX9); ")
    heads = [line.split(" | ")[0] for line in lines if line.startswith("| silu")]
    assert heads == ["| silu forward", "| silu backward", "| silu backward\\_alpha"]
    rows = [line for line in lines if line.startswith(("| float", "| bfloat"))]
    assert len(rows) == sum(k.activation == "silu" for k in some.kernels)
    assert any(line.startswith("| float32-numba-textbook | no claim | 21,345 sampled | 8.389e+06 | ") for line in rows)


def test_tables_are_of_what_ran_there_and_stand_without_what_is_not_told():
    some = results()
    some.kernels = [k for k in some.kernels if k.activation == "softplus"]
    some.backends = [b for b in some.backends if b.name != "numba"]
    text = tables(some, ["softplus"])
    assert "Ran with" not in text
    assert "script" not in text


def compared():
    old, new = results(), results()
    new.kernels[-1].accuracy.misrounded += 1
    new.comparison = compare(old, new, "base_line.json")
    return new


def test_the_comparison_with_a_baseline_is_a_section_of_its_own():
    assert "Against the baseline" not in summary(results())
    text = summary(compared())
    section = text[text.index("## Against the baseline\n") : text.index("<details>")]
    assert "base\\_line.json" in section
    assert "- **Worse: " in section
    assert "<script" not in section


def test_lists_fit_a_comment_too():
    long = compared()
    long.skipped = [Skipped(what="a file of the history", why="no" * 90)] * 500
    long.against = against(*[change("slower")] * 900, control=(change("faster"),) * 900)
    for judged in ("regression", "missing", "better", "changed", "new", "elsewhere"):
        said = {"kernel": "silu-" * 20, "what": "max ulp", "text": "so " * 200}
        long.comparison.differences += [Difference(judged=judged, **said)] * 40
    text = summary(long)
    assert len(text.encode()) <= LONGEST + 200 < 65_536
    assert "- 480 more skipped." in text
    assert " lines are left out here, and are in index.html." in text
    assert "<details>" in text


def test_a_command_is_set_as_one():
    assert "baseline: `python -m reports accept`\n" in summary(compared())


def test_it_fits_a_comment_and_says_what_was_left_out():
    long = compared()
    for i in range(40):
        for name in ("silu", "softplus"):
            long.kernels += [
                kernel(f"{name}{i}", "forward", d, "stable") for d in ("float16", "float32", "float64")
            ] * 3
    text = summary(long)
    assert len(text.encode()) <= LONGEST + 100 < 65_536
    assert "tables are left out here, and are in index.html." in text
    assert text.count("<details>") == text.count("</details>") > 2
    assert "## Against the baseline" in text
    assert "left out here" not in summary(compared())
