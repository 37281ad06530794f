# SPDX-License-Identifier: MIT
"""A baseline is small, is read by the one schema, and has everything that a comparison needs."""

import json

import pytest

from reports import baselines
from reports.baselines import AcceptError, accept, default, slim
from reports.gate import compare
from reports.schema import Skipped, load, save
from tests.report_results import kernel
from tests.report_results import results as with_one_missing
from tests.test_reports_speeds import against, change


def results():
    """Results of all the kernels that were selected."""
    made = with_one_missing()
    made.run.selected = len(made.kernels)
    return made


def test_the_baseline_is_small_has_a_line_for_each_kernel_and_is_read_like_any_results(tmp_path):
    path = accept(results(), tmp_path / "new" / "base.json")
    save(results(), tmp_path / "results.json")
    assert path.stat().st_size < (tmp_path / "results.json").stat().st_size / 5
    lines = path.read_text().splitlines()
    assert [json.loads(line.rstrip(","))["variant"] for line in lines if line.startswith('{"activation"')] == [
        k.variant for k in results().kernels
    ]
    assert load(path) == slim(results())


def test_it_has_everything_that_is_compared(tmp_path):
    whole, stored = results(), load(accept(results(), tmp_path / "base.json"))
    assert compare(stored, whole, "base.json").differences == []
    for spoil in (
        lambda k: setattr(k.accuracy, "misrounded", 9999),
        lambda k: setattr(k.accuracy, "max_ulp", 99.0),
        lambda k: setattr(k.accuracy, "evaluated", 99),
        lambda k: setattr(k.accuracy, "fingerprint", "99"),
        lambda k: k.safety.by_kind.update(sign=99),
        lambda k: setattr(k.properties["monotone"], "verdict", "violated"),
        lambda k: setattr(k, "verdict", "broken"),
        lambda k: setattr(k, "claim", 99.0),
        lambda k: setattr(k, "parameters", {}),
    ):
        worse = results()
        spoil(worse.kernels[1])
        assert [d.kernel for d in compare(stored, worse, "base.json").differences][:1] == [whole.kernels[1].id]


def test_timings_are_kept_where_they_are_asked_for():
    found = slim(results(), [("hot", 1)])
    assert {(t.cache, t.threads) for k in found.kernels for t in k.throughput} == {("hot", 1)}
    assert not any(k.throughput for k in slim(results()).kernels)


def test_the_results_given_stay_as_they_are():
    given = results()
    slim(given)
    assert given == results()


def test_each_depth_has_a_baseline_of_its_own():
    made = results()
    made.run.depth = "quick"
    assert (default(results()).name, default(made).name) == ("standard.json", "quick.json")
    assert default(made).parent == baselines.FOLDER


def test_a_part_of_the_kernels_does_not_replace_the_whole(tmp_path):
    path = accept(results(), tmp_path / "base.json")
    part = results()
    part.run.filters = {"dtype": ["float32"]}
    part.kernels = [k for k in part.kernels if k.dtype == "float32"]
    part.run.selected = len(part.kernels)
    with pytest.raises(
        AcceptError, match=r"base.json: has \d+ kernels that the filters .* leave out, e.g. silu-forward"
    ):
        accept(part, path)
    assert load(path) == slim(results())
    assert accept(part, tmp_path / "other.json").is_file()


def test_a_kernel_that_is_not_there_leaves_the_baseline_where_that_is_said(tmp_path):
    whole = results()
    whole.kernels.append(kernel("silu", "forward", "float32", "library", "torch"))
    whole.run.selected += 1
    path = accept(whole, tmp_path / "base.json")
    with pytest.raises(AcceptError, match=r"base.json: has 1 kernel that these .*torch-library: removed.*--fewer"):
        accept(results(), path)
    skipped = results()
    skipped.skipped.append(Skipped(what="backend torch", why="torch is not installed"))
    with pytest.raises(AcceptError, match=r"torch-library: torch is not installed: measure them, or accept"):
        accept(skipped, path)
    assert load(path) == slim(whole)
    accept(results(), path, fewer=True)
    assert len(load(path).kernels) == len(whole.kernels) - 1


def test_a_run_that_was_cut_short_is_refused_unless_that_is_said(tmp_path):
    cut = with_one_missing()
    with pytest.raises(
        AcceptError, match=r"have 37 of 38 kernels: measure again to the end, or accept it with --fewer"
    ):
        accept(cut, tmp_path / "base.json")
    assert accept(cut, tmp_path / "base.json", fewer=True).is_file()


def test_what_was_timed_against_another_revision_is_not_kept():
    timed = results()
    timed.against = against(change("slower"))
    assert slim(timed).against is None


def test_a_damaged_baseline_is_replaced(tmp_path):
    path = tmp_path / "base.json"
    path.write_text("{")
    assert load(accept(results(), path)) == slim(results())


def test_what_can_not_be_a_baseline_is_refused_in_one_line(tmp_path):
    empty = results()
    empty.kernels = [k for k in empty.kernels if k.accuracy is None]
    with pytest.raises(AcceptError, match="no accuracy: measure again"):
        accept(empty, tmp_path / "base.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(AcceptError, match="can't be written"):
        accept(results(), tmp_path / "file" / "base.json")
