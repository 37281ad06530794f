# SPDX-License-Identifier: MIT
"""The libraries that a user's files import are told, wherever they import them; ours and the tests' are none."""

from dataclasses import replace
from importlib import metadata

import numpy as np

from bench.imports import imported, libraries
from bench.machine import ROOT
from tests.making import make_kernel
from tests.test_bench_run import NoStopwatch, a_session, relu

FILE = """
import os, mpmath.libmp as mp
from numba import njit
from halfulp import implementation
from .beside import one
import pytest


def late():
    import psutil
"""


def test_the_packages_of_import_statements_are_found_and_no_others(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    assert imported(path) == {"os", "mpmath", "numba", "halfulp", "pytest", "psutil"}


def test_what_is_no_source_imports_nothing(tmp_path):
    path = tmp_path / "mine.so"
    path.write_bytes(b"\x7fELF\0")
    assert imported(path) == imported(tmp_path / "none.py") == frozenset()


def test_what_is_installed_has_its_version_and_numpy_is_always_there(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    found = libraries([str(path), str(ROOT / "bench" / "machine.py"), str(ROOT / "halfulp.py")])
    assert found == {name: metadata.version(name) for name in ("mpmath", "numba", "numpy", "psutil")}
    assert libraries([]) == {"numpy": np.__version__}


def test_a_run_records_what_each_backend_rests_on_and_which_are_a_users_own():
    mine = replace(make_kernel(relu), backend="mine")
    session = a_session(kernels=[make_kernel(relu), mine])
    session.options = replace(session.options, hosts={mine.id: None})
    session.measure(make_kernel(relu), NoStopwatch())
    session.libraries["mine"] = {"torch": "2.9", "numpy": np.__version__}
    found = session.setup
    assert found.rests_on == {"test": [], "mine": ["numpy", "torch"]}
    assert found.machine.libraries["torch"] == "2.9"
    assert session.finished().users == found.users == ["mine"]
