# SPDX-License-Identifier: MIT
"""What the commands ``python -m reports`` and ``python -m bench`` share: a wrong call gets one line and exit code 4."""

import argparse
from typing import NoReturn

WRONG_USAGE = 4


class Parser(argparse.ArgumentParser):
    """A parser of a command line, or of what follows the name of a command."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, and exit."""
        self.exit(WRONG_USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")
