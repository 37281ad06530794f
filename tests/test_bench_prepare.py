# SPDX-License-Identifier: MIT
"""What has to be ready before anything is timed is made in workers, once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from bench import prepare as module
from bench import truths
from bench.inputs import Inputs
from bench.prepare import by_id, compile_kernel, prepare
from bench.truths import Oracle
from kernels import registry
from reference.store import Store
from tests.making import make_kernel


@pytest.fixture
def compiled(monkeypatch):
    """Names of the kernels compiled; workers are threads here, so that this can be seen."""
    names = []
    monkeypatch.setattr(module, "worker_pool", ThreadPoolExecutor)
    monkeypatch.setattr(registry, "_kernels", {})
    return names


def registered(compiled, variant, *, is_compiled=False):
    kernel = make_kernel(lambda x: x, variant=variant)
    kernel = replace(kernel, compile=lambda: compiled.append(variant), is_compiled=lambda: is_compiled)
    return registry.register(kernel)


def test_what_is_not_compiled_is_compiled(compiled, tmp_path):
    kernels = [registered(compiled, "textbook"), registered(compiled, "stable", is_compiled=True)]
    prepare([*kernels, make_kernel(lambda x: x, variant="library")], Oracle(Store(tmp_path)), [])
    assert compiled == ["textbook"]


def test_exact_values_are_answered_and_progress_is_shown(compiled, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(truths, "make_inputs", lambda *_: Inputs(np.float32([1, 2]), np.arange(2), exhaustive=False))
    oracle, kernel = Oracle(Store(tmp_path)), make_kernel(lambda x: x)
    prepare([kernel], oracle, oracle.missing([kernel], "quick", 0))
    assert oracle.missing([kernel], "quick", 0) == []
    assert "preparing" in capsys.readouterr().err


def test_with_everything_at_hand_no_worker_is_started(compiled, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "worker_pool", lambda *_: pytest.fail("a worker was started"))
    prepare([registered(compiled, "stable", is_compiled=True)], Oracle(Store(tmp_path)), [])
    assert capsys.readouterr().err == ""


def test_a_kernel_that_does_not_compile_costs_no_other(compiled, tmp_path):
    kernel = registered(compiled, "stable")
    broken = replace(kernel, compile=lambda: 1 / 0)
    registry._kernels[kernel.id] = broken
    prepare([broken, registered(compiled, "textbook")], Oracle(Store(tmp_path)), [])
    assert compiled == ["textbook"]


def test_a_worker_finds_the_kernel_by_its_name(compiled):
    registered(compiled, "textbook")
    kernel = registered(compiled, "stable")
    compile_kernel(kernel.id)
    assert compiled == ["stable"]
    assert by_id([kernel]) == {kernel.id: kernel}
