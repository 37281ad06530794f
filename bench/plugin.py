# SPDX-License-Identifier: MIT
"""`pytest --benchmark`: the hooks that put the suite in the place of the tests, and write the report."""

import contextlib
import os
import shlex
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import worst
from bench.machine import ROOT
from bench.options import FILTERS, add_options, read_options
from bench.prepare import prepare
from bench.remote import hosts_for, isolated
from bench.run import Session
from bench.suite import Suite, chosen_kernels, session_key
from bench.sweep import Sweep, forget, obstacles, sweep_all
from kernels.registry import Kernel
from reference.compiled import cache_root
from reports import ci, history, terminal
from reports.schema import Skipped
from reports.wording import kernels
from reports.write import ReportError, write

SUITE = Path(__file__).with_name("suite.py")
TIMING_SECONDS = 0.1  # at most, for each timing
TIMING_ROUNDS = 3  # at least


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """With --benchmark: check the options, and set what pytest-benchmark reads when it is configured after this."""
    if not config.getoption("benchmark"):
        for name in (*FILTERS, "kernels", "baseline", "history", "against"):
            if config.getoption(name) not in (None, []):  # an empty one was given as well
                raise pytest.UsageError(f"--{name} is about what is measured: give --benchmark as well")
        return
    if not config.pluginmanager.has_plugin("benchmark"):
        raise pytest.UsageError("--benchmark times through pytest-benchmark: leave -p no:benchmark out")
    options = read_options(config)
    try:
        worst.known()
    except worst.DataError as error:
        raise pytest.UsageError(str(error)) from error
    _run_alone(config)
    config._rootpath = ROOT  # pytest takes the folder after --report-dir for one of tests, and would root itself there
    config.addinivalue_line("filterwarnings", "ignore:Benchmark fixture was not used")  # --only accuracy, or a failure
    if not config.getoption("collectonly"):
        _claim_folder("report-dir", options.report_dir)
        if options.history:
            _claim_folder("history", options.history)
        _set_unless_given(config, "benchmark_json", options.report_dir / "benchmark.json")
    _set_unless_given(config, "benchmark_max_time", str(TIMING_SECONDS))
    _set_unless_given(config, "benchmark_min_rounds", TIMING_ROUNDS)
    _set_unless_given(config, "benchmark_quiet", True)  # its table would have four rows for each of ours
    command = shlex.join(["pytest", *config.invocation_params.args])
    config.stash[session_key] = Session(options, command)


def _run_alone(config: pytest.Config) -> None:
    """Collect the suite instead of the tests.

    Raises:
        pytest.UsageError: paths were given, pytest-xdist is asked for, or this is not the checkout's folder.
    """
    if getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None):
        raise pytest.UsageError("--benchmark runs one kernel at a time, so that timings hold: leave -n out")
    if not config.invocation_params.dir.is_relative_to(ROOT):
        raise pytest.UsageError(f"--benchmark runs from the checkout: cd {ROOT} first")
    given = [a for a in config.args if config.args_source == config.ArgsSource.ARGS]
    if any(Path(a.split("::")[0]).resolve() != SUITE for a in given):
        raise pytest.UsageError(
            f"--benchmark runs the suite alone: leave {shlex.join(given)} out, choose with --activation or -k"
        )
    config.args = given or [str(SUITE)]


def _claim_folder(option: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise pytest.UsageError(
            f"--{option} {folder}: can't be written ({error.strerror}); choose another folder"
        ) from error


def _set_unless_given(config: pytest.Config, name: str, value: object) -> None:
    """Another default for an option of pytest-benchmark; what the user gave stays."""
    flag = "--" + name.replace("_", "-")
    if not any(str(a).split("=")[0] == flag for a in config.invocation_params.args):
        setattr(config.option, name, value)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Suite | None:
    """The suite's file is collected as the suite."""
    if module_path == SUITE and session_key in parent.config.stash:
        return Suite.from_parent(parent, path=module_path)
    return None


def pytest_collection_finish(session: pytest.Session) -> None:
    """A run that -k leaves nothing of is a wrong call.

    Raises:
        pytest.UsageError: no kernel is left.
    """
    if session_key in session.config.stash and not session.items:
        raise pytest.UsageError("no kernel is left to measure: see their names with --benchmark --collect-only -q")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Before the first kernel: have compiled code at hand, so that nothing else runs while timing."""
    run = session.config.stash.get(session_key, None)
    if run is None or session.config.getoption("collectonly") or not session.items:
        return
    kernels = chosen_kernels(session.items)
    options = run.options
    run.selected = len(kernels)
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        print(flush=True)
        accuracy = options.only != "speed"
        sweeps = accuracy and options.depth == "exhaustive"
        prepare(kernels, accuracy=accuracy, sweeps=sweeps)
        run.hosts |= hosts_for(kernels, options.hosts)
        if accuracy:
            run.skipped += _left_out(kernels, options.depth)
        if sweeps:
            run.sweeps = _swept(run, kernels)
        if options.revision:
            run.race_revision(kernels)


def _left_out(chosen: list[Kernel], depth: str) -> list[Skipped]:
    """What of a depth is not done for some kernels, and why."""
    swept = obstacles(chosen) if depth == "exhaustive" else []
    searched = worst.shortened(chosen, depth)
    return [
        *(Skipped(what=f"the sweep of {k.id}", why=why) for k, why in swept),
        *(Skipped(what=f"most of the search for the worst input of {k.id}", why=why) for k, why in searched),
    ]


def _swept(run: Session, chosen: list[Kernel]) -> dict[str, Sweep]:
    """Sweep; where that is interrupted, say what becomes of what was found."""
    kernels = [isolated(k, run.hosts) for k in chosen]
    try:
        return sweep_all(kernels, cache_root() / "sweeps")
    except KeyboardInterrupt:
        print("\nsweep interrupted: what it found is kept; the same command goes on from there", flush=True)
        run.close()
        raise


def pytest_deselected(items: list[pytest.Item]) -> None:
    """What -k and its like left out is not measured, and the report says so."""
    run = items[0].config.stash.get(session_key, None) if items else None
    if run is not None:
        run.skipped.append(Skipped(what=kernels(len(items)), why="deselected on the command line"))
        run.deselected += [item.name for item in items]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Write the report, of what was measured so far where the run was interrupted."""
    run = session.config.stash.get(session_key, None)
    if run is None:
        return (yield)
    run.close()
    if run.results or session.exitstatus == pytest.ExitCode.TESTS_FAILED:
        _write_report(run)
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and run.report:
        session.exitstatus = run.exit_code or session.exitstatus
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Not saving anything")  # where nothing was timed, and nothing is amiss
        return (yield)


def _write_report(run: Session) -> None:
    run.report = run.finished()
    try:
        if run.options.history:
            unread = history.add(run.report, run.options.history)
            if unread:
                more = f"; and {len(unread) - 1:,} more" if len(unread) > 1 else ""
                run.report.skipped.append(Skipped(what="a file of the history", why=unread[0] + more))
        run.index = write(run.report, run.options.report_dir)
        if len(run.results) == run.selected:  # a run that is started again still needs what one cut short had found
            forget(run.sweeps)
        if not any(result.throughput for result in run.results):  # an earlier run's must not pass for this one's
            (run.options.report_dir / "benchmark.json").unlink(missing_ok=True)
    except (ReportError, history.HistoryError) as error:
        raise pytest.UsageError(str(error)) from error


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What will be measured, and what will not."""
    run = config.stash.get(session_key, None)
    if run is None:
        return []
    options = run.options
    lines = [f"halfulp: {kernels(len(options.chosen))}, depth {options.depth}, seed {options.seed}"]
    return lines + [f"skipped: {s.what}: {s.why}" for s in run.skipped]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of findings."""
    run = config.stash.get(session_key, None)
    if run is None or run.report is None:
        return
    terminalreporter.section("findings")
    terminalreporter.write_line(terminal.table(run.report))
    for line in terminal.headline(run.report):
        terminalreporter.write_line(line)
    if run.report.comparison:
        terminalreporter.section("against the baseline")
        for line in terminal.against(run.report):
            terminalreporter.write_line(line)
    if run.report.against:
        terminalreporter.section(f"against {run.report.against.revision}")
        for line in terminal.against_revision(run.report):
            terminalreporter.write_line(line)
    for line in ci.announce(run.report, os.environ):
        terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The path of the report, last of all."""
    run = config.stash.get(session_key, None)
    if run is not None and run.index is not None:
        print(f"report: {run.index}")
