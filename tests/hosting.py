# SPDX-License-Identifier: MIT
"""A user's file as the suite has it: its kernels are called in a process of their own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.process import Host
from bench.remote import closing_all, isolated
from bench.users import load
from kernels import registry
from kernels.registry import Kernel


@contextmanager
def kernels_of(file: Path) -> Iterator[dict[str, Kernel]]:
    """The kernels of a file by their variants, with one host for all; neither is left afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_kernels", dict(registry._kernels))
        patch.delitem(sys.modules, file.stem, raising=False)  # of other tests: it would register nothing more
        patch.setattr(sys, "path", list(sys.path))
        own = load([str(file)])[str(file)]
    with closing_all({"": Host([str(file)])}) as hosts:
        yield {k.variant: isolated(k, {k.id: hosts[""]}) for k in own}
