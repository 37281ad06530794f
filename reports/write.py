# SPDX-License-Identifier: MIT
"""The report folder: everything in it is made from a `Results`, and can be made again from results.json."""

from pathlib import Path

from reports import markdown, pages, rows, schema
from reports.schema import Results


class ReportError(Exception):
    """A report can't be written; the message is one line, and says what to do."""


def write(results: Results, folder: Path) -> Path:
    """Write results.json, results.csv, summary.md and index.html with its pages; return the path of index.html.

    Raises:
        ReportError: the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        schema.save(results, folder / "results.json")
        rows.write_csv(results, folder / "results.csv")
        (folder / "summary.md").write_text(markdown.summary(results), encoding="utf-8")
        return pages.write(results, folder)
    except OSError as error:
        reason = error.strerror or error
        raise ReportError(
            f"{folder}: the report can't be written ({reason}); name another folder with --report-dir"
        ) from error
