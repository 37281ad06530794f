# SPDX-License-Identifier: MIT
"""What is measured: a package for each backend of ours, and the registry of all kernels."""

import importlib
import pkgutil


def load() -> None:
    """Import every backend, which registers its kernels."""
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            importlib.import_module(f"{__name__}.{module.name}")
