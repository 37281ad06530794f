# SPDX-License-Identifier: MIT
"""The workflow and the action: of the right form, running what is here, and handing on what they are given."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.machine import ROOT
from reports.schema import load

WORKFLOW, ACTION = ROOT / ".github" / "workflows" / "halfulp.yml", ROOT / "action.yml"
RUN, MEASURE = ((ROOT / ".ci" / name).read_text() for name in ("run", "measure"))


def lint(kind: str, file: Path) -> subprocess.CompletedProcess:
    """Hold a file against the published schema of its kind."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{kind}", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("kind", "file"), [("workflows", WORKFLOW), ("actions", ACTION)])
def test_files_have_the_published_form(kind, file):
    done = lint(kind, file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("kind", "file", "right", "wrong"),
    [
        ("workflows", WORKFLOW, "runs-on: ubuntu-latest", "runs-at: home"),
        ("actions", ACTION, "shell: bash", "sh: bash"),
    ],
)
def test_another_form_is_seen(kind, file, right, wrong, tmp_path):
    text = file.read_text()
    assert right in text
    (tmp_path / file.name).write_text(text.replace(right, wrong))
    assert lint(kind, tmp_path / file.name).returncode != 0


def commands(text: str) -> list[str]:
    """What a workflow runs, a line each."""
    return re.findall(r"^ +run: (.+)$", text, re.MULTILINE)


def test_the_workflow_runs_what_has_to_pass_here_and_the_gate_of_speed():
    main, speed, install, gpu = commands(WORKFLOW.read_text())
    assert main == ".ci/run"
    assert speed.startswith(".venv/bin/pytest --benchmark --only speed ")
    assert '--against "$BASE"' in speed
    assert ".[cuda12]" in install
    assert gpu == ".venv/bin/pytest --benchmark --backend cupy"


def test_options_that_are_given_exist(pytestconfig):
    known = {name for group in pytestconfig._parser._groups for option in group.options for name in option.names()}
    given = set(
        re.findall(r"pytest --benchmark .*", WORKFLOW.read_text() + RUN + (ROOT / ".ci" / "measure").read_text())
    )
    names = {name for line in given for name in re.findall(r"(?<=\s)--[a-z-]+", line)}
    assert names >= {"--against", "--baseline", "--kernels"}
    assert names <= known


def test_what_has_to_pass_here_is_held_against_a_baseline_that_is_here():
    (path,) = re.findall(r"--baseline (\S+)", RUN)
    baseline = load(ROOT / path)
    assert baseline.run.depth == "quick"
    assert {k.backend for k in baseline.kernels} == {"numba", "numpy"}  # of what every install has
    assert len({k.activation for k in baseline.kernels}) >= 12
    assert not any(k.failure for k in baseline.kernels)


FAKE = """#!/usr/bin/env bash
printf '%s\\n' "{name}" "$PWD" "$PYTHONPATH" "$@" >> "{log}"
exit {code}
"""


@pytest.mark.parametrize("code", [0, 6])
def test_the_action_measures_another_repositorys_kernels_from_its_folder(tmp_path, code):
    suite, theirs, log = tmp_path / "suite", tmp_path / "theirs", tmp_path / "log"
    for folder in (suite / ".ci", suite / ".venv" / "bin", theirs / "src"):
        folder.mkdir(parents=True)
    (suite / ".ci" / "measure").write_text(MEASURE)
    for name, ends in (("pip", 0), ("pytest", code)):
        path = suite / ".venv" / "bin" / name
        path.write_text(FAKE.format(name=name, log=log, code=ends))
        path.chmod(0o755)
    (theirs / "src" / "ours.py").touch()
    given = {
        "KERNELS": "src/ours.py",
        "BACKEND": "ours",
        "OPTIONS": "--depth quick --baseline base.json",
        "REQUIREMENTS": "torch>=2 jax",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "PYTHONPATH": "",
    }
    command = ["bash", str(suite / ".ci" / "measure")]
    done = subprocess.run(command, cwd=theirs, env=os.environ | given, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    report = str(theirs / "halfulp-report")
    assert log.read_text().splitlines() == [
        *("pip", str(theirs), "", "install", "-q", "-e", str(suite), "torch>=2", "jax"),
        *("pytest", str(suite), str(theirs), "--benchmark", "--kernels", str(theirs / "src" / "ours.py")),
        *("--backend", "ours", "--report-dir", report, "--depth", "quick", "--baseline", str(theirs / "base.json")),
    ]
    assert (tmp_path / "output").read_text() == f"report={report}\n"


def test_the_action_hands_on_all_that_it_is_given():
    text = ACTION.read_text()
    inputs = set(re.findall(r"\$\{\{ inputs\.([a-z-]+) \}\}", text))
    assert inputs == {"kernels", "backend", "options", "requirements", "python-version"}
    names = re.findall(r"^        ([A-Z]+): ", text, re.MULTILINE)
    assert all(
        f"${name}" in (ROOT / ".ci" / "measure").read_text().replace("{", "") for name in names if name != "SUITE"
    )
    assert os.access(ROOT / ".ci" / "measure", os.X_OK)
