# SPDX-License-Identifier: MIT
"""``python -m reports COMMAND RESULTS.json``: write the report again from a results file, or print a table of it."""

import argparse
import sys
from pathlib import Path

from reports import markdown, wording
from reports.command import WRONG_USAGE, Parser
from reports.schema import ResultsError, load
from reports.write import ReportError, write


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; the exit code is 4 where a file, folder or name in it can't be used."""
    parser = Parser(prog="python -m reports", description="Reports from results that were measured earlier.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    render = commands.add_parser("render", help="write a report from a results.json")
    render.add_argument("--report-dir", type=Path, metavar="DIR", help="default: where RESULTS.json is")
    render.set_defaults(run=_render)
    table = commands.add_parser("table", help="print tables of a results.json in Markdown")
    table.add_argument("--activation", metavar="NAME[,NAME]", help="default: all that were measured")
    table.set_defaults(run=_table)
    for command in (render, table):
        command.add_argument("results", type=Path, metavar="RESULTS.json")
    options = parser.parse_args(arguments)
    try:
        print(options.run(options))
    except (ResultsError, ReportError) as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    return 0


def _render(options: argparse.Namespace) -> Path:
    return write(load(options.results), options.report_dir or options.results.parent)


def _table(options: argparse.Namespace) -> str:
    results = load(options.results)
    measured = list(dict.fromkeys(k.activation for k in results.kernels))
    chosen = measured if options.activation is None else options.activation.split(",")
    unknown = ", ".join(repr(name) for name in chosen if name not in measured)
    if unknown:
        known = wording.one_line(", ".join(measured), 400)
        raise ReportError(f"--activation: {options.results} has no {unknown}; choose from {known}")
    return markdown.tables(results, chosen)


if __name__ == "__main__":
    sys.exit(main())
