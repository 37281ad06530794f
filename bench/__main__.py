# SPDX-License-Identifier: MIT
"""``python -m bench COMMAND``: what can be measured or asked outside `pytest --benchmark`.

A command is a module of this package with ``add_command(subparsers)``, which adds its parser and sets its ``run``, a
function of the parsed options that returns the exit code.
"""

import sys

from bench import explain, versus, worst
from bench.reading import shielded
from reports.command import Parser, run

COMMANDS = (explain, versus, worst)


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; the exit code of a wrong one is 4."""
    parser = Parser(prog="python -m bench", description="halfulp: activation functions, to the last bit.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_command(subparsers)
    options = parser.parse_args(shielded(sys.argv[1:] if arguments is None else arguments))
    return options.run(options)


if __name__ == "__main__":
    run(main)
