# SPDX-License-Identifier: MIT
"""A wrong call gets one line that leads to the help, and exit code 4, also where a command is followed by nonsense."""

import pytest

from reports.command import WRONG_USAGE, Parser


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
