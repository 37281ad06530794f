# SPDX-License-Identifier: MIT
"""Runs are kept by machine and revision, and come back as the history of the next one on that machine."""

import pytest

from reports.comparisons import Figures
from reports.gate import compare
from reports.history import LONGEST, HistoryError, add, figures, name_of
from reports.schema import load
from tests.report_results import results


def a_run(day: int, commit: str = "c" * 40, **machine):
    made = results()
    made.run.started, made.run.commit = f"2026-01-{day:02}T03:04:05+00:00", commit
    for name, value in machine.items():
        setattr(made.machine, name, value)
    return made


def test_a_run_is_kept_under_its_machine_and_revision(tmp_path):
    assert add(a_run(2), tmp_path) == []
    (path,) = tmp_path.rglob("*.json")
    assert path.relative_to(tmp_path).as_posix() == "Imaginary-9000-b-2-cores/20260102030405-cccccccccccc.json"


def test_the_first_run_has_no_history_and_the_next_has_the_earlier_ones_in_order(tmp_path):
    first, second, third = a_run(3), a_run(4, "d" * 40), a_run(5)
    first.kernels[0].accuracy.max_ulp = 3.25
    for run in (first, second, third):
        add(run, tmp_path)
    assert first.history == []
    assert [e.started for e in third.history] == [first.run.started, second.run.started]
    assert third.history[0] == figures(first)
    assert third.history[0].kernels[first.kernels[0].id].max_ulp == 3.25
    assert (
        third.history[0].kernels[first.kernels[0].id].percent_of_copy == first.kernels[0].throughput[0].percent_of_copy
    )


def test_a_gpus_timing_is_kept_as_well(tmp_path):
    first, second = a_run(2), a_run(3)
    for run in (first, second):
        timed = run.kernels[0].throughput[0]
        timed.cache, timed.threads, run.kernels[0].throughput = "hot", 0, [timed]
        add(run, tmp_path)
    (earlier,) = second.history
    assert earlier.kernels[first.kernels[0].id].percent_of_copy == first.kernels[0].throughput[0].percent_of_copy


def test_a_kernel_without_figures_has_none():
    found = figures(results()).kernels["silu-forward-float32-mine-naive"]
    assert found == Figures(max_ulp=None, percent_of_copy=None)


def test_other_machines_depths_and_seeds_are_other_histories(tmp_path):
    add(a_run(2, cpu="Imaginary 9001"), tmp_path)
    add(a_run(3, cores=64), tmp_path)
    deeper, drawn_otherwise = a_run(4), a_run(1)
    deeper.run.depth, drawn_otherwise.run.seed = "exhaustive", 7
    add(deeper, tmp_path)
    add(drawn_otherwise, tmp_path)
    last = a_run(5)
    add(last, tmp_path)
    assert last.history == []
    assert len({path.parent.name for path in tmp_path.rglob("*.json")}) == 3


def test_the_same_results_added_again_are_not_their_own_history(tmp_path):
    run = a_run(2)
    add(run, tmp_path)
    add(run, tmp_path)
    assert run.history == []


def test_a_file_that_can_not_be_read_is_named_and_costs_no_other(tmp_path):
    add(a_run(2), tmp_path)
    (tmp_path / name_of(results().machine) / "20250101000000-old.json").write_text('{"schema_version": 1}')
    run = a_run(3)
    (unread,) = add(run, tmp_path)
    assert "20250101000000-old.json: has schema version 1" in unread
    assert len(run.history) == 1


def test_a_trend_has_so_many_runs_at_most(tmp_path):
    folder = tmp_path / name_of(results().machine)
    add(a_run(1), tmp_path)
    (first,) = folder.glob("*.json")
    for i in range(LONGEST + 3):
        (folder / f"2025{i:04}-c.json").write_bytes(first.read_bytes())
    run = a_run(9)
    add(run, tmp_path)
    assert len(run.history) == LONGEST


def test_what_is_kept_is_a_baseline_too(tmp_path):
    run = a_run(2)
    add(run, tmp_path)
    (path,) = tmp_path.rglob("*.json")
    assert compare(load(path), run, path).differences == []


def test_a_folder_that_can_not_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="can't be written"):
        add(a_run(2), tmp_path / "file")
