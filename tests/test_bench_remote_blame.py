# SPDX-License-Identifier: MIT
"""Who is blamed when a process is lost, or time: the kernel that did it, and not the one that it happened to."""

from pathlib import Path

import numpy as np
import pytest

import kernels
from bench import remote
from bench.calling import KernelError, call
from bench.process import Host
from bench.remote import closing_all, isolated
from kernels.registry import registered
from tests.hosting import kernels_of

LINGERING = Path(__file__).with_name("lingering.py")
X = np.linspace(-100, 100, 4096).astype(np.float32)
kernels.load()
SILU, RELU = (next(k for k in registered() if k.id == f"{n}-forward-float32-numba-stable") for n in ("silu", "relu"))


@pytest.fixture
def lingering():
    """The kernels that leave something behind, by their variants, with one host for all."""
    with kernels_of(LINGERING) as found:
        yield found


def test_who_falls_into_what_another_left_is_not_blamed(lingering):
    guilty, innocent = lingering["spoils-its-process"], lingering["falls-into-what-was-spoilt"]
    home = innocent.function.host
    call(guilty, X)
    assert np.array_equal(call(innocent, X), np.maximum(X, 0))
    assert innocent.function.lost is None
    assert guilty.function.host is not home
    call(guilty, X)
    process = home.process
    assert np.array_equal(call(innocent, X), np.maximum(X, 0))
    assert home.process is process
    home.close()
    assert guilty.function.host.process is None


def test_who_loses_a_process_that_called_no_other_is_spared_once(lingering):
    kernel = lingering["exits-every-other-time"]
    kernel.function.host.close()
    for _ in range(2):
        assert np.array_equal(call(kernel, X), np.maximum(X, 0))
    with pytest.raises(KernelError, match="the process exited with 4"):
        call(kernel, X)


def test_all_calls_of_a_kernel_together_have_a_limit(monkeypatch):
    with closing_all({"": Host()}) as hosts:
        kernel = isolated(SILU, {SILU.id: hosts[""]})
        monkeypatch.setattr(remote, "CALLS", 0)
        monkeypatch.setattr(remote, "ELEMENT_S", 60.0 / X.size)
        call(kernel, X)
        assert kernel.function.lost is None
        monkeypatch.setattr(remote, "ELEMENT_S", 0.0)
        call(kernel, X)
        with pytest.raises(KernelError, match="hung: its calls took longer than 0 s together") as error:
            call(kernel, X)
        assert error.value.failure.input is None
        assert np.array_equal(call(isolated(RELU, {RELU.id: hosts[""]}), X), np.maximum(X, 0))
