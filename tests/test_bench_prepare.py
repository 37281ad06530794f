# SPDX-License-Identifier: MIT
"""What has to be ready before anything is timed is made in workers, once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bench import prepare as module
from bench.prepare import compile_kernel, prepare
from kernels import registry
from reference import fast
from tests.making import make_kernel

DTYPES = ("float16", "float32", "float64")


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


def test_what_is_not_compiled_is_compiled(compiled):
    kernels = [registered(compiled, "textbook"), registered(compiled, "stable", is_compiled=True)]
    prepare([*kernels, make_kernel(lambda x: x, variant="library")], accuracy=False)
    assert compiled == ["textbook"]


def test_the_oracle_is_compiled_once_for_kernels_of_one_function(compiled, monkeypatch, capsys):
    made = []
    monkeypatch.setattr(module, "compile_oracle", lambda *what: made.append(what))
    monkeypatch.setattr(fast, "is_compiled", lambda activation, direction, is_fine: activation.name == "tanh")
    kernels = [make_kernel(lambda x: x, name, dtype=dtype) for name in ("silu", "tanh") for dtype in DTYPES]
    prepare([*kernels, make_kernel(lambda dy, x: x, "prelu", "backward_alpha")], accuracy=True)
    assert made == [("silu", "forward", False), ("silu", "forward", True)]
    assert "preparing" in capsys.readouterr().err
    prepare(kernels, accuracy=False)
    assert len(made) == 2


def test_what_sweeps_need_is_compiled_where_they_are_due(compiled, monkeypatch):
    made = []
    monkeypatch.setattr(module, "compile_sweep", lambda *what: made.append(what))
    monkeypatch.setattr(module, "is_known", lambda activation, direction: activation.name == "tanh")
    monkeypatch.setattr(fast, "is_compiled", lambda *what: True)
    kernels = [make_kernel(lambda x: x, name, dtype=dtype) for name in ("silu", "tanh") for dtype in DTYPES]
    prepare(kernels, accuracy=True)
    assert made == []
    prepare(kernels, accuracy=True, sweeps=True)
    assert made == [("silu", "forward")]


def test_with_everything_at_hand_no_worker_is_started(compiled, monkeypatch, capsys):
    monkeypatch.setattr(module, "worker_pool", lambda *_: pytest.fail("a worker was started"))
    prepare([registered(compiled, "stable", is_compiled=True)], accuracy=False)
    assert capsys.readouterr().err == ""


def test_a_kernel_that_does_not_compile_costs_no_other(compiled):
    kernel = registered(compiled, "stable")
    broken = replace(kernel, compile=lambda: 1 / 0)
    registry._kernels[kernel.id] = broken
    prepare([broken, registered(compiled, "textbook")], accuracy=False)
    assert compiled == ["textbook"]


def test_a_worker_finds_the_kernel_by_its_name(compiled):
    registered(compiled, "textbook")
    kernel = registered(compiled, "stable")
    compile_kernel(kernel.id)
    assert compiled == ["stable"]
