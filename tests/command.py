# SPDX-License-Identifier: MIT
"""The command as a user gives it, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.machine import ROOT


@dataclass(frozen=True)
class Ran:
    """What came of it."""

    code: int
    out: str
    err: str
    folder: Path  # of the report

    @property
    def last_line(self) -> str:
        return self.out.rstrip().splitlines()[-1]


def benchmark(
    folder: Path, *arguments: str, kernels: Path | str | None = None, github: Mapping[str, str] | None = None
) -> Ran:
    """Run `pytest --benchmark` at depth quick.

    ``kernels`` is a file of a user's own; ``github`` what GitHub Actions sets: where it runs the tests, what they
    measure is none of its page's business. Nor is it pytest-xdist's, under which pytest-benchmark would time nothing.
    """
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--benchmark", "--depth", "quick"]
    if kernels:
        command += ["--kernels", str(kernels)]
    done = subprocess.run(
        [*command, "--report-dir", str(folder), *arguments],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "PYTEST_XDIST_"))}
        | dict(github or {}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr, folder)
