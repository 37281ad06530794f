# SPDX-License-Identifier: MIT
"""The sources that results could depend on: this checkout's and the user's, not Python's and not what is installed."""

import importlib
import importlib.util
import sys
import sysconfig
from pathlib import Path

from reference.sources import loaded_sources

ROOT = Path(__file__).resolve().parent.parent


def test_this_checkouts_sources_count_and_pythons_own_do_not():
    sources = loaded_sources("mine.py", "other.py")
    assert {str(ROOT / "reference" / "sources.py"), __file__, "mine.py", "other.py"} <= set(sources)
    assert sources == sorted(set(sources))
    for module in ("numpy", "mpmath", "pytest", "json"):
        assert importlib.import_module(module).__file__ not in sources


def test_what_is_loaded_later_counts(tmp_path, monkeypatch):
    path = tmp_path / "helper_of_a_user.py"
    path.write_text("x = 1\n")
    assert str(path) not in loaded_sources()
    specification = importlib.util.spec_from_file_location("helper_of_a_user", path)
    monkeypatch.setitem(sys.modules, "helper_of_a_user", importlib.util.module_from_spec(specification))
    assert str(path) in loaded_sources()


def test_a_checkout_below_pythons_prefix_counts(monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(ROOT))
    monkeypatch.setattr(sys, "base_prefix", str(ROOT.parent))
    paths = sysconfig.get_paths() | {"data": str(ROOT.parent)}
    monkeypatch.setattr(sysconfig, "get_paths", lambda: paths)
    assert str(ROOT / "reference" / "sources.py") in loaded_sources()
