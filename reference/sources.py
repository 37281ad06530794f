# SPDX-License-Identifier: MIT
"""The source files that what is computed here could depend on, Python's own and installed libraries apart."""

import os
import site
import sys
import sysconfig


def loaded_sources(*own: str) -> list[str]:
    """The files named, and every file of a loaded module that is not Python's or installed; sorted paths."""
    paths = sysconfig.get_paths()  # not its prefix: a checkout may be somewhere below that
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")}
    folders = tuple(folder + os.sep for folder in folders | set(site.getsitepackages()))
    files = {str(m.__file__) for m in list(sys.modules.values()) if getattr(m, "__file__", None)}
    return sorted({*own, *(f for f in files if not f.startswith(folders))})
