# SPDX-License-Identifier: MIT
"""``python -m reports``: a report or a table from a results file, or one line and exit code 4."""

import subprocess
import sys
from pathlib import Path

import pytest

import reports.__main__
from reports import baselines
from reports.__main__ import main
from reports.schema import save
from tests.report_results import results

ROOT = Path(__file__).parents[1]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "results.json"
    save(results(), path)
    return path


def refusal(arguments, capsys):
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as error:
        code = error.code
    said = capsys.readouterr()
    assert code == 4
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_renders_and_prints_the_path(file, tmp_path, capsys):
    assert main(["render", str(file), "--report-dir", str(tmp_path / "report")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report' / 'index.html'}\n"
    assert (tmp_path / "report" / "activations" / "silu.html").is_file()


def test_renders_beside_the_file_where_no_folder_is_named(file, tmp_path, capsys):
    assert main(["render", str(file)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'index.html'}\n"


def test_prints_a_table_of_some_activations_or_of_all(file, capsys):
    assert main(["table", str(file), "--activation", "softplus"]) == 0
    some = capsys.readouterr().out
    assert "\n| softplus forward |" in some
    assert "silu" not in some
    assert main(["table", str(file)]) == 0
    everything = capsys.readouterr().out
    assert "\n| softplus forward |" in everything
    assert "\n| silu forward |" in everything


def test_a_name_that_was_not_measured_is_refused(file, capsys):
    said = refusal(["table", file, "--activation", "silu,swiglu"], capsys)
    assert said.startswith(f"--activation: {file} has no 'swiglu'; choose from silu, softplus")


def test_damaged(file, tmp_path, capsys):
    file.write_bytes(file.read_bytes()[:5000])
    assert "damaged or cut off" in refusal(["render", file, "--report-dir", tmp_path / "report"], capsys)
    assert not (tmp_path / "report").exists()


def test_other_version(file, capsys):
    file.write_text('{"schema_version": 999}')
    assert "schema version 999" in refusal(["render", file], capsys)


def test_missing(tmp_path, capsys):
    assert "there is no such file: check the path" in refusal(["render", tmp_path / "none.json"], capsys)


def test_folder_in_the_way_of_a_file(file, capsys):
    assert "--report-dir" in refusal(["render", file, "--report-dir", file / "report"], capsys)


@pytest.mark.parametrize(
    "arguments", [[], ["compare"], ["render"], ["table"], ["render", "a", "b"], ["render", "a", "--colour"]]
)
def test_wrong_usage(arguments, capsys):
    assert "--help" in refusal(arguments, capsys)


def test_runs_where_nothing_that_measures_is_installed(file, tmp_path):
    """A report is made on machines that have neither the libraries measured nor the reference."""
    script = (
        "import runpy, sys\n"
        "for name in ('numba', 'cupy', 'mpmath', 'gmpy2', 'ml_dtypes', 'reference', 'kernels', 'bench'):\n"
        "    sys.modules[name] = None\n"
        f"sys.argv = ['reports', 'render', {str(file)!r}, '--report-dir', {str(tmp_path / 'report')!r}]\n"
        "runpy.run_module('reports', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.endswith("index.html\n")


# Compare and accept.


@pytest.fixture
def worse(tmp_path):
    def write(change):
        made = results()
        change(made)
        save(made, tmp_path / "new.json")
        return tmp_path / "new.json"

    return write


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda r: None, 0, "nothing differs."),
        (
            lambda r: setattr(r.kernels[0].accuracy, "max_ulp", 1e9),
            6,
            "Worse: silu-forward-float16-numba-textbook: max ul",
        ),
        (
            lambda r: r.kernels.pop(0),
            7,
            "Missing: silu-forward-float16-numba-textbook: kernel: is in the baseline and w",
        ),
        (lambda r: setattr(r.kernels[0].accuracy, "max_ulp", 1.0), 0, ": python -m reports accept /"),
    ],
)
def test_compare_prints_the_differences_and_exits_like_a_run(file, worse, capsys, change, code, said):
    assert main(["compare", str(file), str(worse(change))]) == code
    assert said in capsys.readouterr().out


def test_two_files_with_nothing_in_common_were_not_compared(file, worse, capsys):
    def other(made):
        made.kernels = made.kernels[:1]
        made.kernels[0].backend = "mine"
        made.run.filters = {"backend": ["mine"]}

    assert main(["compare", str(file), str(worse(other))]) == 7
    assert "No kernel compared: " in capsys.readouterr().out


def test_what_can_not_be_compared_is_refused(file, worse, capsys):
    other = worse(lambda r: setattr(r.run, "seed", 9))
    assert "measured with seed 1, not 9: measure with --seed 1" in refusal(["compare", file, other], capsys)
    assert "there is no such file: check the path" in refusal(["compare", "none.json", other], capsys)
    damaged = worse(lambda r: setattr(r.kernels[2].accuracy, "deviations", "?!"))
    for pair in ((file, damaged), (damaged, file)):
        assert f"{damaged}: damaged ({results().kernels[2].id}: deviations: " in refusal(["compare", *pair], capsys)


def test_accept_makes_a_baseline_that_can_be_compared_with(file, tmp_path, capsys):
    base = tmp_path / "base.json"
    assert "have 37 of 38 kernels" in refusal(["accept", file, "--baseline", base], capsys)
    assert main(["accept", str(file), "--baseline", str(base), "--fewer"]) == 0
    assert capsys.readouterr().out == f"accepted: {base}\n"
    assert main(["compare", str(base), str(file)]) == 0


def test_accept_takes_the_latest_results_and_the_baseline_of_their_depth(file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(baselines, "FOLDER", tmp_path / "baselines")
    monkeypatch.setattr(reports.__main__, "LATEST", file)
    assert main(["accept", "--fewer"]) == 0
    assert (tmp_path / "baselines" / "standard.json").is_file()


def test_results_without_accuracy_are_not_accepted(worse, capsys, tmp_path):
    empty = worse(lambda r: r.kernels.clear())
    assert "no accuracy" in refusal(["accept", empty, "--baseline", tmp_path / "base.json"], capsys)
