# SPDX-License-Identifier: MIT
"""Git repositories for tests."""

import subprocess
from pathlib import Path


def commit(folder: Path, branch: str = "main") -> str:
    """Commit all that is in a folder, which becomes a repository where it is none; returns the commit."""
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for arguments in (("init", "-q", "-b", branch), ("add", "-A"), (*author, "commit", "-q", "-m", "one")):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
    return told.stdout.strip()
