# SPDX-License-Identifier: MIT
"""``python -m reports COMMAND``: write reports again, print tables, compare with a baseline, accept a new one."""

import argparse
import sys
from pathlib import Path

from reports import markdown, terminal, wording
from reports.baselines import AcceptError, accept, default
from reports.command import WRONG_USAGE, Parser, run
from reports.gate import FEWER, MISSING, BaselineError, compare, exit_code
from reports.schema import ResultsError, load
from reports.write import ReportError, write

LATEST = Path(__file__).parent / "latest" / "results.json"


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; the exit code is 4 where a file, folder or name can't be used; else see `reports.gate`."""
    parser = Parser(prog="python -m reports", description="Reports from results that were measured earlier.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    render = commands.add_parser("render", help="write a report from a results.json")
    render.add_argument("--report-dir", type=Path, metavar="DIR", help="default: where RESULTS.json is")
    render.set_defaults(run=_render)
    table = commands.add_parser("table", help="print tables of a results.json in Markdown")
    table.add_argument("--activation", metavar="NAME[,NAME]", help="default: all that were measured")
    table.set_defaults(run=_table)
    compared = commands.add_parser("compare", help="print how a results.json differs from an earlier one")
    compared.add_argument("old", type=Path, metavar="OLD", help="the results or the baseline to compare with")
    compared.set_defaults(run=_compare)
    accepted = commands.add_parser("accept", help="make a results.json the new baseline")
    accepted.add_argument("--baseline", type=Path, metavar="FILE", help="default: reports/baselines/DEPTH.json")
    accepted.add_argument(FEWER, action="store_true", help="also where kernels of the baseline are not in it")
    accepted.set_defaults(run=_accept)
    for command in (render, table):
        command.add_argument("results", type=Path, metavar="RESULTS.json")
    compared.add_argument("results", type=Path, metavar="NEW", help="the results that are judged")
    accepted.add_argument(
        "results",
        type=Path,
        nargs="?",
        default=LATEST,
        metavar="RESULTS.json",
        help="default: reports/latest/results.json",
    )
    options = parser.parse_args(arguments)
    try:
        text, code = options.run(options)
    except (ResultsError, ReportError, BaselineError, AcceptError) as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    print(text)
    return code


def _render(options: argparse.Namespace) -> tuple[Path, int]:
    return write(load(options.results), options.report_dir or options.results.parent), 0


def _compare(options: argparse.Namespace) -> tuple[str, int]:
    """How they differ, and the exit code that a run with that baseline has; of two with nothing in common, 7."""
    results = load(options.results)
    results.comparison = compare(load(options.old), results, options.old, results=options.results)
    code = exit_code(results.comparison) or (0 if results.comparison.compared else MISSING)
    return "\n".join(terminal.against(results)), code


def _accept(options: argparse.Namespace) -> tuple[str, int]:
    results = load(options.results)
    return f"accepted: {accept(results, options.baseline or default(results), fewer=options.fewer)}", 0


def _table(options: argparse.Namespace) -> tuple[str, int]:
    results = load(options.results)
    measured = list(dict.fromkeys(k.activation for k in results.kernels))
    chosen = measured if options.activation is None else options.activation.split(",")
    unknown = ", ".join(repr(name) for name in chosen if name not in measured)
    if unknown:
        known = wording.one_line(", ".join(measured), 400)
        raise ReportError(f"--activation: {options.results} has no {unknown}; choose from {known}")
    return markdown.tables(results, chosen), 0


if __name__ == "__main__":
    run(main)
