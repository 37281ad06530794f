# SPDX-License-Identifier: MIT
"""Gives pytest the option --benchmark and those that go with it, and has the tests run on all processors."""

import pytest

from kernels.cpu.launch import cores

pytest_plugins = ["bench.plugin"]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Where all tests are to run and pytest-xdist is installed, a worker for each processor; ``-n 0`` has none.

    A worker starts with a share of the files in their order, and takes tests from another when it is done: most of
    what tests of a file share, such as kernels compiled, is then made once.
    """
    if hasattr(config, "workerinput"):  # a worker itself
        return
    option = config.option
    whole = config.args_source == pytest.Config.ArgsSource.TESTPATHS and not (option.benchmark or option.collectonly)
    if whole and getattr(option, "numprocesses", 0) is None and not option.usepdb:
        option.numprocesses, option.dist = cores(), "worksteal"
