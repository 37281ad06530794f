# SPDX-License-Identifier: MIT
"""What the commands ``python -m reports`` and ``python -m bench`` share.

A wrong call gets one line and exit code 4; where nobody reads what is printed any more, they end without a word.
"""

import argparse
import os
import sys
from collections.abc import Callable
from typing import NoReturn

WRONG_USAGE = 4
UNREAD = 128 + 13  # as a shell tells of a tool that SIGPIPE, which not every system has, has ended


class Parser(argparse.ArgumentParser):
    """A parser of a command line, or of what follows the name of a command."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, and exit."""
        self.exit(WRONG_USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def run(main: Callable[[], int]) -> NoReturn:
    """Run a command and exit with the code that it returns, or quietly where what reads its output has gone.

    SIGPIPE itself must not end it: a process for a kernel's calls that dies closes a pipe as well.
    """
    try:
        try:
            code = main()
        finally:
            sys.stdout.flush()  # here, so that it does not fail at the very end
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to be written goes nowhere
        code = UNREAD
    sys.exit(code)
