# SPDX-License-Identifier: MIT
"""What is measured: a package for each backend of ours, and the registry of all kernels."""

import importlib
import pkgutil
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernels.registry import Absent, Lacks


def load() -> list[ModuleType]:
    """Import every backend's package, which registers its kernels."""
    return [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__) if m.ispkg]


def lacking() -> list["Lacks"]:
    """What is not measured of a backend that is here, and why."""
    return [it for package in load() if hasattr(package, "lacking") for it in package.lacking()]


def absent() -> list["Absent"]:
    """What can't be measured here, and why."""
    return [missing for package in load() if hasattr(package, "absent") for missing in package.absent()]
