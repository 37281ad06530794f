# SPDX-License-Identifier: MIT
"""The cache of compiled code: found again, never stale, and not needed. And what the code looks like."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import types

from kernels.cpu import compile as compiling
from kernels.cpu import gelu, loops
from kernels.cpu.define import Activation
from kernels.cpu.launch import cores
from kernels.cpu.storage import STORAGES
from kernels.registry import RunsWith

SLOPE = """
import numpy as np
from kernels.cpu import leaky_relu
print(leaky_relu(np.array([-8.0]), negative_slope=0.5)[0])
loop, = leaky_relu.forward.variants["stable"].compiled.values()
print(sum(loop.stats.cache_hits.values()))
"""


def start(root: Path, cache: Path) -> subprocess.Popen:
    environment = {**os.environ, "HALFULP_CACHE_DIR": str(cache), "PYTHONPATH": str(root)}
    return subprocess.Popen([sys.executable, "-c", SLOPE], cwd=root, env=environment, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen) -> tuple[float, int]:
    """What the kernel returned, and how many loops came from the cache."""
    value, hits = process.communicate(timeout=60)[0].split()
    return float(value), int(hits)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout of its own, to edit."""
    shutil.copytree(compiling.KERNELS, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_code_is_found_again_and_not_after_a_block_was_edited(copy):
    cache = copy / "cache"
    both = [start(copy, cache) for _ in range(2)]  # two processes may fill it at once
    assert [result(process)[0] for process in both] == [-4.0, -4.0]
    assert result(start(copy, cache)) == (-4.0, 1)
    blocks = copy / "kernels" / "cpu" / "blocks.py"
    text = blocks.read_text(encoding="utf-8")
    edited = text.replace("return T(parameter * x) if", "return T(parameter * x + 1) if")
    assert edited != text
    blocks.write_text(edited, encoding="utf-8")
    assert result(start(copy, cache)) == (-3.0, 0)


def test_the_hash_depends_on_every_file_its_name_and_numba(copy, monkeypatch):
    kernels = copy / "kernels"
    seen = {compiling.source_hash(kernels)}
    for change in (
        lambda: (kernels / "tables.py").write_text("# edited\n"),
        lambda: (kernels / "cpu" / "one.py").write_text("# new\n"),
        lambda: (kernels / "cpu" / "one.py").rename(kernels / "cpu" / "two.py"),
        lambda: monkeypatch.setattr(numba, "__version__", "another"),
    ):
        change()
        seen.add(compiling.source_hash(kernels))
    assert len(seen) == 5


def test_the_folder_is_where_it_is_asked_for_and_old_ones_go(tmp_path, monkeypatch):
    monkeypatch.setenv("HALFULP_CACHE_DIR", str(tmp_path))
    old, recent, foreign = (tmp_path / "numba" / name for name in ("0" * 16, "1" * 16, "mine"))
    for folder in (old, recent, foreign):
        folder.mkdir(parents=True)
    long_ago = time.time() - compiling.STALE_AFTER_S - 60
    for folder in (old, foreign):
        os.utime(folder, (long_ago, long_ago))
    folder = compiling.cache_folder.__wrapped__()
    assert folder == tmp_path / "numba" / compiling.source_hash(compiling.KERNELS)
    assert folder.is_dir()
    assert not old.exists()
    assert recent.exists()
    assert foreign.exists()


def test_the_folder_is_in_the_checkout_by_default(monkeypatch):
    monkeypatch.delenv("HALFULP_CACHE_DIR", raising=False)
    monkeypatch.setattr(compiling, "_remove_stale", lambda root: None)
    folder = compiling.cache_folder.__wrapped__()
    assert folder is None or folder.parent == compiling.KERNELS.parent / ".cache" / "numba"


def test_without_a_folder_it_works_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HALFULP_CACHE_DIR", str(tmp_path / "file"))
    assert compiling.cache_folder.__wrapped__() is None
    monkeypatch.setattr(compiling, "cache_folder", lambda: None)
    dispatcher = compiling.compile_loop(
        loops.total, "uncached", types.void(types.float64[:, ::1], types.float64[:, ::1]), {}
    )
    high, low = np.ones((3, 2)), np.zeros((3, 2))
    dispatcher(high, low)
    np.testing.assert_array_equal(high[0], [3, 3])


def test_numbas_own_setting_is_left_alone():
    before = numba.config.CACHE_DIR
    compiling.compile_loop(loops.total, "setting", types.void(types.float64[:, ::1], types.float64[:, ::1]), {})
    assert before == numba.config.CACHE_DIR


def code(activation: Activation, variant: str, dtype: str, monkeypatch) -> str:
    """LLVM's text of a forward kernel without the parts that unpack Python's arguments."""
    monkeypatch.setattr(compiling, "cache_folder", lambda: None)
    monkeypatch.setitem(activation.forward.variants[variant].compiled, (activation.forward.flat, dtype), None)
    loop = activation.forward._loop(variant, STORAGES[dtype], activation.forward.flat)
    (text,) = loop.inspect_llvm().values()
    return text


@pytest.mark.parametrize("variant", ["textbook", "stable"])
def test_float32_kernels_compute_in_float32(variant, monkeypatch):
    text = code(gelu, variant, "float32", monkeypatch)
    assert re.search(r"\bf(mul|add|div) float", text)
    assert not re.search(r"\bf(mul|add|sub|div|cmp \w+|ptrunc|pext) (float .* to )?double", text)
    assert "fma.f64" not in text


def test_nothing_is_contracted_or_reordered(monkeypatch):
    text = code(gelu, "stable", "float64", monkeypatch)
    assert not re.search(r"\bf(mul|add|sub|div) (fast|contract|reassoc|arcp|nnan|nsz)", text)


def test_it_says_for_which_processor_code_is_made(monkeypatch):
    monkeypatch.setattr(compiling.llvmlite.binding, "get_host_cpu_name", lambda: "z80")
    assert compiling.runs_with() == RunsWith(cores(), "LLVM's target z80")
    monkeypatch.setattr(numba.config, "CPU_NAME", "generic")
    assert compiling.runs_with().instruction_set == "LLVM's target generic"
