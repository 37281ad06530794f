# SPDX-License-Identifier: MIT
"""What was found: the schema of results, and everything that is made from them for people to read."""

from reports.schema import Results, ResultsError
from reports.write import ReportError, write

__all__ = ["ReportError", "Results", "ResultsError", "write"]
