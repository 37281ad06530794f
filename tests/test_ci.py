# SPDX-License-Identifier: MIT
"""The workflow and the action: of the right form, running what is here, and handing on what they are given."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.machine import ROOT
from reports.schema import load
from tests.command import benchmark

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


def audit(*files: Path) -> subprocess.CompletedProcess:
    """What may be wrong with the security of workflows and actions; offline."""
    here = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    program = shutil.which("zizmor", path=here)
    if program is None and not os.environ.get("CI"):
        pytest.skip("zizmor is not installed: pip install -e '.[dev]'")
    config = ROOT / ".github" / "zizmor.yml"
    command = [program, "--offline", "--config", str(config), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_files_have_no_hole_that_is_known():
    done = audit(WORKFLOW, ACTION)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_hole_is_seen(tmp_path):
    text = WORKFLOW.read_text()
    path = tmp_path / ".github" / "workflows" / "halfulp.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text.replace("persist-credentials: false", "lfs: false"))
    assert "artipacked" in audit(path).stdout


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
    given = re.findall(r"pytest --benchmark .*", WORKFLOW.read_text() + RUN)
    names = {name for line in given for name in re.findall(r"(?<=\s)--[a-z-]+", line)}
    names |= set(re.findall(r'"(--[a-z-]+)"', MEASURE))
    assert names >= {"--against", "--baseline", "--kernels"}
    assert names <= known


def test_what_has_to_pass_here_is_held_against_a_baseline_that_is_here():
    (path,) = re.findall(r"--baseline (\S+)", RUN)
    baseline = load(ROOT / path)
    assert baseline.run.depth == "quick"
    assert {k.backend for k in baseline.kernels} == {"numba", "numpy"}  # of what every install has
    assert len({k.activation for k in baseline.kernels}) >= 12
    assert not any(k.failure for k in baseline.kernels)


OURS = """
from halfulp import implementation


@implementation("relu", backend="ours", variant="plain", dtypes=("float16",))
def plain(x):
    return x * (x > 0)
"""
FAKE = """#!/usr/bin/env bash
printf '%s\\n' "{name}" "$PWD" "$PYTHONPATH" "$@" >> "{log}"
exit {code}
"""


class Measured:
    """The action's script, in the folder of another repository, with a pip and a pytest that only tell how called."""

    def __init__(self, tmp_path: Path) -> None:
        self.suite, self.theirs, self.log = tmp_path / "suite", tmp_path / "theirs", tmp_path / "log"
        self.output = tmp_path / "output"
        for folder in (self.suite / ".ci", self.suite / ".venv" / "bin", self.theirs / "src"):
            folder.mkdir(parents=True)
        (self.suite / ".ci" / "measure").write_text(MEASURE)
        (self.theirs / "src" / "ours.py").touch()

    def run(self, code: int = 0, pip: int = 0, **given: str) -> list[str]:
        """What they were called with, a word a line; the exit code is to be that of the last of them."""
        for name, ends in (("pip", pip), ("pytest", code)):
            path = self.suite / ".venv" / "bin" / name
            path.write_text(FAKE.format(name=name, log=self.log, code=ends))
            path.chmod(0o755)
        more = {"KERNELS": "src/ours.py", "BACKEND": "ours", "GITHUB_OUTPUT": str(self.output), "PYTHONPATH": ""}
        command = [sys.executable, str(self.suite / ".ci" / "measure")]
        done = subprocess.run(
            command, cwd=self.theirs, env=os.environ | more | given, capture_output=True, text=True, check=False
        )
        assert done.returncode == (pip or code), done.stderr
        return self.log.read_text().splitlines()

    def options(self, words: str, **given: str) -> list[str]:
        """What pytest is told after whose backend it is."""
        found = self.run(OPTIONS=words, **given)
        return found[found.index("--backend") + 2 :]


@pytest.mark.parametrize("code", [0, 6])
def test_the_action_measures_another_repositorys_kernels_from_its_folder(tmp_path, code):
    made = Measured(tmp_path)
    suite, theirs = made.suite, made.theirs
    report = str(theirs / "halfulp-report")
    given = {"OPTIONS": "--depth quick --baseline base.json", "REQUIREMENTS": "torch>=2 jax"}
    assert made.run(code, **given) == [
        *("pip", str(theirs), "", "install", "-q", "-e", str(suite), "torch>=2", "jax"),
        *("pytest", str(suite), f"{suite}:{theirs}", "--benchmark", "--backend", "ours"),
        *("--kernels", str(theirs / "src" / "ours.py"), "--baseline", str(theirs / "base.json")),
        *("--report-dir", report, "--depth", "quick"),
    ]
    assert made.output.read_text() == f"report={report}\n"


def test_options_may_be_on_several_lines_and_quoted(tmp_path):
    words = "--depth quick\n--baseline base.json\n-k 'backward and stable'\n"
    found = Measured(tmp_path).options(words)
    assert found[-4:] == ["--depth", "quick", "-k", "backward and stable"]
    assert found[found.index("--baseline") + 1] == str(tmp_path / "theirs" / "base.json")


def test_requirements_may_be_on_several_lines_and_what_pip_refuses_ends_it(tmp_path):
    made = Measured(tmp_path)
    found = made.run(pip=1, REQUIREMENTS="torch>=2\njax\n")
    assert found[-2:] == ["torch>=2", "jax"]
    assert "pytest" not in found


def test_files_and_folders_are_named_from_there_in_any_spelling(tmp_path):
    made, theirs = Measured(tmp_path), tmp_path / "theirs"
    (theirs / "more.py").touch()
    (theirs / "mypkg").mkdir()
    words = "--baseline=/w/base.json --history=old --junitxml found.xml --report-dir=out --kernels more.py"
    assert made.options(words, KERNELS="mypkg") == [
        *("--kernels", "mypkg", "--kernels", str(theirs / "more.py"), "--baseline", "/w/base.json"),
        *("--history", str(theirs / "old"), "--junitxml", str(theirs / "found.xml"), "--report-dir"),
        str(theirs / "out"),
    ]
    assert made.output.read_text() == f"report={theirs / 'out'}\n"


def test_other_spellings_and_the_file_of_timings_are_named_from_there_and_what_is_empty_stays_so(tmp_path):
    made, theirs = Measured(tmp_path), tmp_path / "theirs"
    found = made.options("--junit-xml=found.xml --benchmark-json times.json --history ''")
    given = dict(zip(found[2::2], found[3::2], strict=True))
    assert given["--junit-xml"] == str(theirs / "found.xml")
    assert given["--benchmark-json"] == str(theirs / "times.json")
    assert given["--history"] == ""


def test_folders_of_theirs_with_the_names_of_ours_are_not_taken_for_ours(tmp_path, monkeypatch):
    for name in ("kernels", "reports", "reference", "bench"):
        (tmp_path / name).mkdir()
    path = tmp_path / "kernels" / "ours.py"
    path.write_text(OURS)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{tmp_path}")  # as the action sets it, which a test above holds
    done = benchmark(tmp_path / "report", "--backend", "ours", "--collect-only", "-q", kernels=path)
    assert done.code == 0, done.out + done.err
    assert "relu-forward-float16-ours-plain" in done.out


def test_the_action_hands_on_all_that_it_is_given():
    text = ACTION.read_text()
    inputs = set(re.findall(r"\$\{\{ inputs\.([a-z-]+) \}\}", text))
    assert inputs == {"kernels", "backend", "options", "requirements", "python-version"}
    names = re.findall(r"^        ([A-Z]+): ", text, re.MULTILINE)
    assert {name for name in names if f'"{name}"' in MEASURE} == set(names) - {"SUITE"}


@pytest.mark.parametrize("name", ["measure", "run"])
def test_what_is_called_by_its_name_can_be(name):
    assert os.access(ROOT / ".ci" / name, os.X_OK)
