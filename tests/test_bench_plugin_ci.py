# SPDX-License-Identifier: MIT
"""`pytest --benchmark` in CI: the history that it keeps, the summary of a step, and annotations."""

import time

from tests.command import benchmark

MINE = """
import numpy as np
from halfulp import implementation


@implementation("relu", backend="mine", variant="broken", dtypes=("float16", "bfloat16"), max_ulp=1)
def broken(x):
    return np.maximum(x, x.dtype.type(0)) * x.dtype.type(1.5)
"""


def test_a_history_is_kept_and_the_report_shows_its_trend(tmp_path, monkeypatch):
    chosen = ("--activation", "relu", "--dtype", "float16", "--variant", "fast", "--only", "accuracy")
    step, outer = tmp_path / "step.md", tmp_path / "outer.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(outer))
    github = {"GITHUB_STEP_SUMMARY": str(step), "GITHUB_ACTIONS": "true"}
    kept = tmp_path / "history"
    first = benchmark(tmp_path / "report", *chosen, "--history", str(kept), github=github)
    assert first.code == 0, first.out
    assert "Trend" not in (first.folder / "activations" / "relu.html").read_text()
    (machine,) = kept.iterdir()
    assert len(list(machine.iterdir())) == 1
    (machine / "0-damaged.json").write_text("{")
    time.sleep(1.1)  # the next run begins in another second, and has another name
    second = benchmark(tmp_path / "report", *chosen, "--history", str(kept), github=github)
    assert second.code == 0, second.out
    assert '<h2 id="trend">Trend</h2>' in (second.folder / "activations" / "relu.html").read_text()
    assert "Skipped: a file of the history" in second.out
    assert len(list(machine.iterdir())) == 3
    assert step.read_text().count("# halfulp\n") == 2
    assert benchmark(tmp_path / "report", *chosen).code == 0
    assert not outer.exists()  # of the step that runs these tests


def test_in_a_workflow_what_fails_is_annotated_once_for_all(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    chosen = ("--backend", "mine", "--only", "accuracy")
    done = benchmark(tmp_path / "report", *chosen, kernels=path, github={"GITHUB_ACTIONS": "true"})
    assert done.code == 1
    (annotation,) = [line for line in done.out.splitlines() if line.startswith("::")]
    assert annotation.startswith("::error title=halfulp%3A 2 claims broken::relu-forward-float16-mine-broken breaks")
    assert "%0Arelu-forward-bfloat16-mine-broken breaks" in annotation
