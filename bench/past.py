# SPDX-License-Identifier: MIT
"""What files were at a revision of the repository that they are in."""

import importlib.util
import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from bench.git import GitError, git, line


class PastError(Exception):
    """It can't be told; the message is one line, and says what to do."""


@dataclass
class Past:
    """Repositories at a revision, each unpacked into a folder when it is first asked for."""

    revision: str
    folder: Path
    commits: dict[Path, str] = field(default_factory=dict)  # by the top of a repository
    unpacked: dict[Path, Path] = field(default_factory=dict)

    def of(self, path: Path) -> Path | None:
        """A file or folder as it was; None where there was none.

        Raises:
            PastError: it is in no repository, or in one without that revision.
        """
        path = path.resolve()
        try:
            top = Path(line(path if path.is_dir() else path.parent, "rev-parse", "--show-toplevel"))
        except GitError as error:
            raise PastError(
                f"{path} is in no git repository that can be read ({error}): nothing is known of {self.revision}"
            ) from error
        if top not in self.unpacked:
            self._unpack(top)
        return self._below(top, path)

    def moved(self, path: str) -> str:
        """A folder in which Python looks for modules, as it was where that is known; else as it is."""
        found = Path(path).resolve()
        for top in self.unpacked:
            if found.is_relative_to(top):
                return str(self._below(top, found) or path)
        return path

    def _below(self, top: Path, path: Path) -> Path | None:
        there = self.unpacked[top] / path.relative_to(top)
        return there if there.exists() else None

    def _unpack(self, top: Path) -> None:
        try:
            commit = line(top, "rev-parse", "--verify", "--quiet", f"{self.revision}^{{commit}}")
        except GitError as error:
            raise PastError(
                f"{top} has no revision {self.revision}: name one that is there, or fetch it "
                "(a shallow clone has one only: git fetch --unshallow; fetch-depth: 0 of actions/checkout)"
            ) from error
        there = self.folder / f"revision-{len(self.unpacked)}"
        try:
            with tarfile.open(fileobj=io.BytesIO(git(top, "archive", commit))) as archive:
                archive.extractall(there, filter="data")
        except (GitError, tarfile.TarError, OSError) as error:
            raise PastError(f"{top} at {self.revision} can't be unpacked ({error}): choose another revision") from error
        self.commits[top], self.unpacked[top] = commit, there


def source(place: str) -> Path:
    """The file of what ``--kernels`` named: a file, or a module.

    Raises:
        PastError: a module does not tell it.
    """
    if Path(place).exists():
        return Path(place).resolve()
    try:
        spec = importlib.util.find_spec(place)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.has_location:
        raise PastError(f"the module {place} does not tell its file: name a file in its place")
    return Path(spec.origin).resolve()
