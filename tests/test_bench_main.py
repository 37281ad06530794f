# SPDX-License-Identifier: MIT
"""``python -m bench``: a command line as a user types it."""

import subprocess
import sys

import pytest

from bench.__main__ import main
from bench.machine import ROOT


@pytest.mark.parametrize("arguments", [[], ["sing"], ["explain"], ["explain", "silu", "float32", "1", "--colour"]])
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    said = capsys.readouterr()
    assert exit_.value.code == 4
    assert said.out == ""
    assert said.err.count("\n") == 1


def test_a_negative_hexadecimal_number_is_no_option():
    command = [sys.executable, "-m", "bench", "explain", "relu", "float32", "-0x1.6p+6", "--dy", "-0x1p3"]
    done = subprocess.run([*command, "--variant", "stable"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("relu forward, float32\n")
    assert "\nrelu backward, float32, dy = -0x1p+3\n" in done.stdout
