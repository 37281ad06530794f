# SPDX-License-Identifier: MIT
"""A wrong call gets one line that leads to the help, and exit code 4, also where a command is followed by nonsense."""

import os
import subprocess
import sys

import pytest

from bench.machine import ROOT
from reports.command import UNREAD, WRONG_USAGE, Parser
from reports.schema import save
from tests.report_results import results


@pytest.mark.parametrize("arguments", [[], ["go"], ["go", "1", "2"], ["go", "1", "--colour"], ["come"]])
def test_wrong_usage(arguments, capsys):
    parser = Parser(prog="python -m example")
    parser.add_subparsers(required=True, dest="command").add_parser("go").add_argument("number")
    with pytest.raises(SystemExit) as exit_:
        parser.parse_args(arguments)
    said = capsys.readouterr()
    assert exit_.value.code == WRONG_USAGE == 4
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "--help" in said.err


def unread(arguments):
    """How Python ends whose output nobody reads, and what it says of that."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as output:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("printed", ["1", "'much' * 10**6"])
def test_a_command_whose_output_nobody_reads_ends_quietly(printed):
    code = f"from reports.command import run; run(lambda: print({printed}) or 3)"
    assert unread(["-c", code]) == (UNREAD, "")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == 3


def test_so_do_the_commands_there_are(tmp_path):
    save(results(), tmp_path / "results.json")
    assert unread(["-m", "reports", "table", str(tmp_path / "results.json")]) == (UNREAD, "")
    explain = ["explain", "relu", "float32", "1", "--direction", "forward", "--backend", "numpy"]
    assert unread(["-m", "bench", *explain]) == (UNREAD, "")
