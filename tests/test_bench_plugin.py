# SPDX-License-Identifier: MIT
"""`pytest --benchmark` as users run it: exit codes, what it prints, and what it leaves in the report folder."""

import csv
import json
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from pytest_benchmark.logger import Logger
from pytest_benchmark.storage.file import FileStorage

from bench.accuracy import fingerprint
from bench.machine import ROOT
from reference.formats import FORMATS
from reports import schema
from tests.command import Ran, benchmark

USERS_KERNELS = """
import numpy as np
from halfulp import implementation


@implementation("relu", backend="mine", variant="broken", dtypes=("float32",), max_ulp=1)
def broken(x):
    return np.where(x == 2, np.float32(2.5), np.maximum(x, np.float32(0)))


@implementation("relu", backend="mine", variant="raising", dtypes=("float32",))
def raising(x):
    raise ArithmeticError("not today")


@implementation("relu", backend="mine", variant="small", dtypes=("float32",))
def small(x):
    if x.size > 20_000:
        raise MemoryError("too large for me")
    return np.maximum(x, np.float32(0))


@implementation("tanh", backend="mine", variant="unclaimed", dtypes=("float32",))
def unclaimed(x):
    return np.zeros_like(x)
"""
SWEPT_KERNELS = """
import os

import numpy as np
from bench import sweep
from halfulp import implementation

sweep.BLOCKS = [0x3F000000]  # from 0.5 to 2
ODD = np.uint32(0x3F654321).view(np.float32)


def relu(x):
    return np.maximum(x, np.float32(0))


@implementation("relu", backend="mine", variant="odd", dtypes=("float32", "float64"), max_ulp=0.5)
def odd(x):
    return np.where(x == ODD, np.nextafter(x, x.dtype.type(1)), relu(x))


@implementation("relu", backend="mine", variant="raising", dtypes=("float32",))
def raising(x):
    if x[0] == np.uint32(0x3F200000).view(np.float32):  # the third chunk
        raise ArithmeticError("not today")
    return relu(x)


@implementation("relu", backend="mine", variant="crashing", dtypes=("float32",))
def crashing(x):
    if x[0] == np.uint32(0x3F300000).view(np.float32):  # the fourth chunk
        os._exit(3)
    return relu(x)


@implementation("relu", backend="mine", variant="crashing-at-once", dtypes=("float32",))
def crashing_at_once(x):
    os._exit(4)
"""
RELU = ("--activation", "relu", "--direction", "forward", "--dtype", "float32")
IDS = [
    "relu-forward-float32-mine-broken",
    "relu-forward-float32-mine-raising",
    "relu-forward-float32-mine-small",
    "relu-forward-float32-numba-textbook",
    "relu-forward-float32-numba-stable",
    "relu-forward-float32-numba-fast",
    "relu-forward-float32-numba-rounded",
]


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    path = tmp_path_factory.mktemp("kernels") / "kernels_of_a_user.py"
    path.write_text(USERS_KERNELS)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory, kernels) -> Ran:
    """A run that measures everything of seven kernels, of which three do not pass."""
    folder = tmp_path_factory.mktemp("whole") / "new" / "report"
    more = ("--backend", "mine,numba", f"--junitxml={folder.parent.parent / 'junit.xml'}")
    return benchmark(folder, *RELU, *more, kernels=kernels)


@pytest.fixture(scope="module")
def accuracy_only(tmp_path_factory, kernels) -> Ran:
    """A run into a folder that has another run's report, without timings, of kernels that no claim can break."""
    folder = tmp_path_factory.mktemp("accuracy")
    (folder / "benchmark.json").write_text("{}")
    chosen = ("--activation", "relu,tanh", "--direction", "forward", "--dtype", "float32")
    return benchmark(folder, *chosen, "--only", "accuracy", "-k", "stable or unclaimed", "-ra", kernels=kernels)


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> Ran:
    """A run at depth exhaustive, of which all inputs are the 2^24 from 0.5 on."""
    path = tmp_path_factory.mktemp("swept") / "kernels_to_sweep.py"
    path.write_text(SWEPT_KERNELS)
    chosen = ("--activation", "relu", "--direction", "forward", "-k", "mine or float32-numba-stable")
    exhaustive = ("--depth", "exhaustive", "--only", "accuracy")  # the later depth counts
    return benchmark(path.parent / "report", *chosen, *exhaustive, kernels=path)


def by_id(run: Ran) -> dict[str, schema.KernelResult]:
    return {k.id: k for k in schema.load(run.folder / "results.json").kernels}


def test_a_broken_claim_and_a_failure_exit_with_1(whole):
    assert whole.code == 1, whole.out + whole.err


def test_a_broken_claim_is_told_with_its_input(whole):
    assert "relu-forward-float32-mine-broken: claims at most 1 ulp, but was found 2.098e+06 ulp at 0x1p+1" in whole.out
    result = by_id(whole)["relu-forward-float32-mine-broken"]
    assert (result.status, result.verdict, result.claim) == ("measured", "broken", 1)


def test_a_raising_kernel_has_failed_and_costs_no_other_result(whole):
    assert "relu-forward-float32-mine-raising raised: ArithmeticError: not today" in whole.out
    results = by_id(whole)
    assert list(results) == IDS
    failed = results["relu-forward-float32-mine-raising"]
    assert (failed.status, failed.failure.kind, failed.accuracy, failed.throughput) == ("failed", "raised", None, [])
    for name in IDS[-2:]:
        assert results[name].status == "measured"
        assert results[name].accuracy.evaluated > 9000
        assert len(results[name].throughput) >= 2


def test_a_kernel_that_raises_while_it_is_timed_has_failed(whole):
    assert "relu-forward-float32-mine-small raised: MemoryError: too large for me" in whole.out
    failed = by_id(whole)["relu-forward-float32-mine-small"]
    assert (failed.status, failed.failure.kind) == ("failed", "raised")


def test_textbook_may_be_bad_and_stable_keeps_its_claim(whole):
    results = by_id(whole)
    textbook, stable = IDS[3:5]
    assert results[textbook].verdict == "none"
    assert results[stable].verdict == "not refuted"
    assert whole.out.count("FAILED bench/suite.py") + whole.out.count("FAILED relu") >= 3
    assert f"FAILED bench/suite.py::{textbook}" not in whole.out


def test_the_report_is_written_and_its_path_comes_last(whole):
    names = {p.name for p in whole.folder.iterdir()}
    assert {"index.html", "results.json", "results.csv", "summary.md", "benchmark.json"} <= names
    assert whole.last_line == f"report: {whole.folder / 'index.html'}"
    with (whole.folder / "results.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(IDS)
    for name in ("index.html", "summary.md"):
        assert "relu" in (whole.folder / name).read_text()


def test_results_say_how_they_came_about(whole):
    results = schema.load(whole.folder / "results.json")
    assert (results.run.depth, results.run.seed, results.run.only, results.run.selected) == ("quick", 0, None, 7)
    assert "--benchmark" in results.run.command
    assert "--depth quick" in results.run.command
    assert [a.name for a in results.activations] == ["relu"]
    assert {c.dtype for c in results.copies} == {"float32"}
    assert results.machine.cores >= 1


def test_percent_of_copy_is_the_share_of_what_a_copy_moves(whole):
    results = schema.load(whole.folder / "results.json")
    copies = {(c.elements, c.threads, c.cache): c for c in results.copies}
    for timed in by_id(whole)[IDS[-1]].throughput:
        copy = copies[timed.elements, timed.threads, timed.cache]
        assert timed.gb_per_s == pytest.approx(8 / timed.ns_per_element.median)
        assert timed.percent_of_copy == pytest.approx(100 * timed.gb_per_s / copy.gb_per_s)


def test_benchmark_json_is_what_pytest_benchmark_reads(whole):
    storage = FileStorage(str(whole.folder), Logger(), default_machine_id="any")
    ((_, loaded),) = storage.load(str(whole.folder / "benchmark.json"))
    assert loaded == json.loads((whole.folder / "benchmark.json").read_text())
    timed = {b["extra_info"]["kernel"] for b in loaded["benchmarks"] if "kernel" in b["extra_info"]}
    assert set(IDS[-4:]) <= timed
    assert all({"min", "median", "iqr", "rounds"} <= b["stats"].keys() for b in loaded["benchmarks"])
    assert all(b["fullname"].startswith("bench/suite.py::relu-forward-float32-") for b in loaded["benchmarks"])
    assert len({b["fullname"] for b in loaded["benchmarks"]}) == len(loaded["benchmarks"])


def test_junit_names_the_kernels(whole):
    cases = ElementTree.parse(whole.folder.parent.parent / "junit.xml").iter("testcase")
    verdicts = {case.get("name"): case.find("failure") is None for case in cases}
    assert verdicts == dict(zip(IDS, [False, False, False, True, True, True, True], strict=True))


def test_the_table_of_findings_names_every_kernel(whole):
    table = whole.out[whole.out.index(" findings ") :]
    for name in IDS:
        assert name.removeprefix("relu-forward-") in table
    assert "not today" in table


def test_the_header_says_what_will_be_measured(whole):
    assert "halfulp: 7 kernels, depth quick, seed 0" in whole.out


def test_without_a_broken_claim_a_bad_kernel_passes(accuracy_only):
    assert accuracy_only.code == 0, accuracy_only.out + accuracy_only.err
    results = by_id(accuracy_only)
    assert results["tanh-forward-float32-mine-unclaimed"].safety.by_kind["zero"] > 0
    assert results["tanh-forward-float32-mine-unclaimed"].verdict == "none"


def test_k_chooses_among_the_kernels(accuracy_only):
    assert list(by_id(accuracy_only)) == [
        "relu-forward-float32-numba-stable",
        "tanh-forward-float32-mine-unclaimed",
        "tanh-forward-float32-numba-stable",
    ]


def test_only_accuracy_times_nothing_and_leaves_no_other_runs_timings(accuracy_only):
    results = schema.load(accuracy_only.folder / "results.json")
    assert results.run.only == "accuracy"
    assert results.copies == []
    assert all(k.throughput == [] and k.accuracy for k in results.kernels)
    assert not (accuracy_only.folder / "benchmark.json").exists()
    assert "Warning" not in accuracy_only.out + accuracy_only.err


def test_an_existing_report_folder_does_not_become_the_root(accuracy_only):
    assert f"rootdir: {ROOT}" in accuracy_only.out
    assert "bench/suite.py ..." in accuracy_only.out
    assert not (accuracy_only.folder / ".pytest_cache").exists()


def test_only_speed_leaves_accuracy_out(tmp_path):
    run = benchmark(tmp_path, *RELU, "--only", "speed", "--variant", "stable")
    assert run.code == 0, run.out + run.err
    (result,) = by_id(run).values()
    assert (result.accuracy, result.safety, result.verdict) == (None, None, "none")
    assert len(result.throughput) >= 2
    assert (tmp_path / "benchmark.json").exists()


def test_benchmark_disable_times_nothing(tmp_path):
    run = benchmark(tmp_path, *RELU, "--benchmark-disable", "--variant", "stable")
    assert run.code == 0, run.out + run.err
    (result,) = by_id(run).values()
    assert result.accuracy.evaluated > 9000
    assert result.throughput == []
    assert not (tmp_path / "benchmark.json").exists()
    assert run.last_line == f"report: {tmp_path / 'index.html'}"


@pytest.mark.parametrize("option", ["report-dir", "history"])
def test_wrong_usage_exits_with_4_and_one_line_before_anything_is_measured(tmp_path, option):
    blocked = tmp_path / "file"
    blocked.write_text("")
    report, history = (blocked / "report", ()), (tmp_path / "report", ("--history", str(blocked / "history")))
    folder, arguments = report if option == "report-dir" else history
    run = benchmark(folder, *RELU, *arguments)
    assert run.code == 4
    (line,) = run.err.strip().splitlines()
    assert line.startswith(f"ERROR: --{option} {blocked / option.removesuffix('-dir')}: can't be written")
    assert line.endswith("choose another folder")
    assert "Traceback" not in run.out


def test_a_selection_of_nothing_exits_with_4(tmp_path):
    run = benchmark(tmp_path, *RELU, "-k", "nothing_of_this_name")
    assert run.code == 4
    assert "ERROR: no kernel is left to measure" in run.out + run.err


def test_a_filter_without_benchmark_is_a_wrong_call():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--activation", "silu"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 4
    assert "--activation is about what is measured: give --benchmark as well" in run.stderr


def test_at_depth_exhaustive_float32_kernels_are_tried_on_all_inputs(swept):
    assert swept.code == 1, swept.out + swept.err
    results = by_id(swept)
    ours = results["relu-forward-float32-numba-stable"]
    assert (ours.verdict, ours.accuracy.coverage, ours.accuracy.evaluated) == ("holds", "exhaustive", 1 << 24)
    assert (ours.accuracy.misrounded, ours.properties["monotone"].verdict) == (0, "holds")
    same = np.arange(0x3F00_0000, 0x4000_0000, dtype=np.uint32).view(np.float32)
    assert ours.accuracy.fingerprint == fingerprint(same, FORMATS["float32"])
    assert "all float32 inputs: 100%" in swept.err
    assert "relu forward, 5 kernels" in swept.err


def test_what_no_sample_shows_breaks_a_claim_at_depth_exhaustive(swept):
    odd, sampled = (by_id(swept)[f"relu-forward-{dtype}-mine-odd"] for dtype in ("float32", "float64"))
    assert (odd.verdict, odd.accuracy.misrounded, odd.accuracy.max_ulp) == ("broken", 1, 1.0)
    assert "relu-forward-float32-mine-odd: claims at most 0.5 ulp, but was found 1 ulp at 0x1.ca8642p-1" in swept.out
    assert (sampled.verdict, sampled.accuracy.coverage) == ("not refuted", "sampled")
    assert sampled.properties["monotone"].checked < odd.properties["monotone"].checked


@pytest.mark.parametrize(("variant", "code"), [("crashing", 3), ("crashing-at-once", 4)])
def test_a_kernel_that_crashes_in_a_sweep_has_failed_and_costs_no_other(swept, variant, code):
    failed = by_id(swept)[f"relu-forward-float32-mine-{variant}"].failure
    assert (failed.kind, failed.message) == ("crashed", f"the process exited with {code}")


def test_a_kernel_that_raises_in_a_sweep_has_failed(swept):
    failed = by_id(swept)["relu-forward-float32-mine-raising"]
    assert (failed.status, failed.failure.kind, failed.verdict) == ("failed", "raised", "none")
    assert "relu-forward-float32-mine-raising raised at 0x1.4p-1: ArithmeticError: not today" in swept.out
