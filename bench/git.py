# SPDX-License-Identifier: MIT
"""What git says of a folder."""

import subprocess
from pathlib import Path


class GitError(Exception):
    """It says nothing; the message is one line, and says why."""


def git(folder: Path, *arguments: str) -> bytes:
    """What a command of git prints.

    Raises:
        GitError: it failed, or can't be run.
    """
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git can't be run ({getattr(error, 'strerror', None) or error}): install it") from error
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())  # its advice may take several lines
        raise GitError(said or f"git {arguments[0]} ended with {done.returncode}")
    return done.stdout


def line(folder: Path, *arguments: str) -> str:
    """The same, where it is one line.

    Raises:
        GitError: as for `git`.
    """
    return git(folder, *arguments).decode().strip()
