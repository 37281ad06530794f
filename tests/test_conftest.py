# SPDX-License-Identifier: MIT
"""Which runs of pytest have a worker for each processor."""

from types import SimpleNamespace

import pytest

import conftest
from kernels.cpu.launch import cores

PLACES = pytest.Config.ArgsSource


def workers(places: PLACES = PLACES.TESTPATHS, **given: object) -> tuple[object, object]:
    """How many workers a run with these options has, and how they share the tests out."""
    plain = {"benchmark": False, "collectonly": False, "usepdb": False, "numprocesses": None, "dist": "no"}
    option = SimpleNamespace(**plain | given)
    conftest.pytest_cmdline_main(SimpleNamespace(option=option, args_source=places))
    return option.numprocesses, option.dist


def test_all_tests_run_on_all_processors():
    assert workers() == (cores(), "worksteal")


@pytest.mark.parametrize("given", [{"numprocesses": 0}, {"numprocesses": 3, "dist": "load"}])
def test_a_count_of_workers_that_is_given_stays(given):
    assert workers(**given) == (given["numprocesses"], given.get("dist", "no"))


@pytest.mark.parametrize("name", ["benchmark", "collectonly", "usepdb"])
def test_what_is_timed_or_looked_at_runs_in_one_process(name):
    assert workers(**{name: True}) == (None, "no")


def test_a_worker_starts_no_workers():
    option = SimpleNamespace(benchmark=False, collectonly=False, usepdb=False, numprocesses=None)
    worker = SimpleNamespace(option=option, args_source=PLACES.TESTPATHS, workerinput={})
    conftest.pytest_cmdline_main(worker)
    assert option.numprocesses is None


def test_a_few_tests_run_in_one_process():
    assert workers(PLACES.ARGS) == (None, "no")


def test_without_xdist_nothing_is_asked_of_it():
    option = SimpleNamespace(benchmark=False, collectonly=False, usepdb=False)
    conftest.pytest_cmdline_main(SimpleNamespace(option=option, args_source=PLACES.TESTPATHS))
    assert not hasattr(option, "numprocesses")
