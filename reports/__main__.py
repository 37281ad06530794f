# SPDX-License-Identifier: MIT
"""``python -m reports render RESULTS.json``: write the report again from a results file."""

import sys
from pathlib import Path

from reports.command import WRONG_USAGE, Parser
from reports.schema import ResultsError, load
from reports.write import ReportError, write


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; the exit code is 4 where a file or folder named in it can't be used."""
    parser = Parser(prog="python -m reports", description="Reports from results that were measured earlier.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    render = commands.add_parser("render", help="write a report from a results.json")
    render.add_argument("results", type=Path, metavar="RESULTS.json")
    render.add_argument("--report-dir", type=Path, metavar="DIR", help="default: where RESULTS.json is")
    options = parser.parse_args(arguments)
    try:
        print(write(load(options.results), options.report_dir or options.results.parent))
    except (ResultsError, ReportError) as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
