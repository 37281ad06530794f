# SPDX-License-Identifier: MIT
"""Which libraries a user's kernels rest on: another version of one of them may be why their results are others."""

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from bench.machine import ROOT

OURS = ("bench", "kernels", "reference", "reports", "halfulp.py")  # of the checkout, and no file of a user's
NO_MATTER = {"halfulp", "pytest", "pytest-benchmark"}  # which compute nothing
ALWAYS = "numpy"  # whose arrays they get: what is written between these is its arithmetic


def libraries(sources: Iterable[str]) -> dict[str, str]:
    """The versions of the installed libraries that Python files import, by name; not of those that these import."""
    own = [Path(path) for path in sources if not _is_ours(Path(path))]
    packages = {ALWAYS, *(package for path in own for package in imported(path))}
    names = {name for package in packages for name in _installed().get(package, ())}
    return {name: metadata.version(name) for name in sorted(names - NO_MATTER)}


@functools.cache
def _installed() -> Mapping[str, list[str]]:
    """What is installed, by the package that Python imports; asked for each kernel, and slow to find."""
    return metadata.packages_distributions()


def _is_ours(path: Path) -> bool:
    path = path.resolve()
    return path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in OURS


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """The packages that a file names in its import statements, wherever these stand."""
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # of no use as a source, such as a compiled module
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
