# SPDX-License-Identifier: MIT
"""``python -m reference certify``: the fast oracle held against mpmath and against rigorous balls."""

import argparse
import sys

import reference
from reference.certify import BALLS, INPUTS, certify, cores

WRONG_USAGE = 4


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.exit(WRONG_USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; the exit code is 0 where all bounds hold, 1 where one is broken, 4 for wrong usage."""
    parser = _Parser(prog="python -m reference", description="The oracle: what the exact values are.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser("certify", help="hold the fast oracle against mpmath and against rigorous balls")
    command.add_argument(
        "--activation", type=_names, default=[*reference.own()], metavar="NAME[,NAME]", help="only these"
    )
    for option, default, meaning in (
        ("--inputs", INPUTS, "inputs for each function and arithmetic that mpmath decides"),
        ("--balls", BALLS, "how many of them are proved by balls too"),
        ("--seed", 0, "of what is drawn"),
        ("--jobs", cores(), "processes"),
    ):
        help_text = f"{meaning} (default: {default:,})"
        command.add_argument(option, type=_count, default=default, metavar="N", help=help_text)
    options = parser.parse_args(arguments)
    if not options.inputs or not options.jobs:
        parser.error("--inputs and --jobs must be at least 1")
    return certify(options.activation, options.inputs, min(options.balls, options.inputs), options.seed, options.jobs)


def _count(text: str) -> int:
    number = int(text.replace("_", "").replace(",", ""))
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in reference.own()]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"there is no {', '.join(map(repr, unknown)) or 'name'}; choose from {', '.join(reference.own())}"
        )
    return list(dict.fromkeys(names))


if __name__ == "__main__":
    sys.exit(main())
