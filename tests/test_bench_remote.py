# SPDX-License-Identifier: MIT
"""Kernels in processes of their own: the same results, and whatever one does to its process, a verdict on it alone."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

import kernels
from bench import process, remote
from bench.affinity import CAN_LIMIT
from bench.calling import KernelError, answer, call
from bench.fenv import mode
from bench.flags import raised
from bench.machine import ROOT
from bench.properties import measure as properties_of
from bench.remote import Host, Remote, closing_all, hosts_for, isolated
from bench.speed import Setting
from bench.sweep import sweep
from bench.truths import truth
from kernels.registry import Kernel, registered
from reference.sources import loaded_sources
from tests.exactly import trial_of
from tests.hosting import kernels_of
from tests.sweeping import PLACES, encoded, make_small

MISBEHAVING = Path(__file__).with_name("misbehaving.py")
kernels.load()
SILU = next(k for k in registered() if k.id == "silu-forward-float32-numba-stable")
STABLE_RELU = next(k for k in registered() if k.id == "relu-forward-float32-numba-stable")
BACKWARD = next(k for k in registered() if k.id == "silu-backward-bfloat16-numba-stable")


@pytest.fixture(scope="module")
def host():
    found = Host()
    yield found
    found.close()


@pytest.fixture(scope="module")
def bad():
    """The misbehaving kernels by their variants, with one host for all."""
    with kernels_of(MISBEHAVING) as found:
        yield found


def there(kernel: Kernel, host: Host) -> Kernel:
    return isolated(kernel, {kernel.id: host})


X = np.linspace(-100, 100, 4096).astype(np.float32)
LARGEST = np.finfo(np.float32).max


@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[::-1], lambda a: a[3::7], lambda a: a.reshape(64, 64).T])
def test_results_and_layouts_are_the_same_there(host, view):
    x, out = view(X.copy()), view(np.full_like(X, np.nan))
    got = call(there(SILU, host), x, out=out)
    assert got is out
    assert np.array_equal(got, SILU(x))


def test_two_arrays_of_another_dtype_and_no_out(host):
    dy, x = (a.astype(np.dtype("bfloat16")) for a in (X[::-1], X))
    got = there(BACKWARD, host)(dy, x)
    assert np.array_equal(got.view(np.uint16), BACKWARD(dy, x).view(np.uint16))


def test_the_output_may_be_the_input(host):
    x = X.copy()
    assert answer(there(SILU, host), [x], x.shape, out=x) is x
    assert np.array_equal(x, SILU(X))


@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_empty_arrays_are_empty_there(shape):
    with closing_all({"": Host()}) as hosts:  # which has no memory yet
        for kernel, count in ((SILU, 1), (BACKWARD, 2)):
            empty = np.empty((4, *shape), np.dtype(kernel.dtype))[2]
            got = call(isolated(kernel, {kernel.id: hosts[""]}), *[empty] * count)
            assert (got.shape, got.dtype) == (shape, empty.dtype)


def test_what_a_buffer_holds_stays_while_other_arrays_come_and_go(host):
    kernel = there(SILU, host)
    x, out = kernel.function.buffers(1, X.size, X.dtype, 3)
    x[:] = X
    assert kernel(x, out=out) is out
    for _ in range(2):
        _, another = kernel.function.buffers(1, X.size, X.dtype, 3)
        kernel(X[::-1].copy(), out=np.empty_like(X))
        kernel(np.resize(X, 1 << 21), out=None)  # so much that the memory is made larger
        kernel(x, out=another)
        another[:] = 7
    assert np.array_equal(out, SILU(X))
    other = there(STABLE_RELU, host)
    other.function.buffers(1, X.size, X.dtype, 3)[1][:] = 7
    assert np.array_equal(out, SILU(X))


def test_a_sweep_finds_the_same_there(host, monkeypatch):
    make_small(monkeypatch, PLACES)
    activation = trial_of(lambda x: x, "silu", "forward", "float32").truth.activation
    (here,) = sweep([SILU], activation, None, lambda *_: None).values()
    (elsewhere,) = sweep([there(SILU, host)], activation, None, lambda *_: None).values()
    assert encoded(elsewhere) == encoded(here)
    assert host.reserved == 0


def test_properties_are_the_same_there(host):
    held_against = truth(SILU, "quick", 0)
    assert properties_of(there(SILU, host), held_against, "quick", 0) == properties_of(SILU, held_against, "quick", 0)


def test_flags_are_those_that_are_raised_there(host):
    trial = trial_of(lambda x: x, "silu", "forward", "float32")
    textbook = next(k for k in registered() if k.id == "silu-forward-float32-numba-textbook")
    object.__setattr__(trial, "kernel", there(textbook, host))
    assert raised(trial, np.float32([-100])) == {"overflow"}
    assert raised(trial, np.float32([1])) == set()


def test_durations_and_sources_come_from_there(host):
    function = there(SILU, host).function
    following = function.durations(Setting(1024, 1, "hot"))
    assert all(0 < following() < 1 for _ in range(100))
    found = function.sources(SILU.source)
    assert str(ROOT / "bench" / "host.py") in found
    assert __file__ in loaded_sources(SILU.source)
    assert __file__ not in found


def processors_of(host: Host) -> set[int]:
    """How many processors each thread of a host's process may use."""
    threads = psutil.Process(host.process.pid).threads()
    return {len(psutil.Process(thread.id).cpu_affinity()) for thread in threads}


@pytest.mark.skipif(not CAN_LIMIT, reason="processors can't be limited here")
def test_a_kernel_that_takes_no_threads_is_timed_where_there_are_as_many_processors(monkeypatch):
    monkeypatch.setattr(process, "cores", lambda: 2)
    numpy_silu = next(k for k in registered() if k.id == "silu-forward-float32-numpy-library")
    home = Host()
    kernel = there(numpy_silu, home)
    try:
        assert 0 < kernel.function.durations(Setting(1024, 1, "hot"))() < 1
        assert home.process is None
        assert processors_of(home.limited[1]) == {1}
        kernel.function.durations(Setting(1024, 2, "hot"))()
        assert processors_of(home) == {len(os.sched_getaffinity(0))}
        both = {home.process.pid, home.limited[1].process.pid}
        there(SILU, home).function.durations(Setting(1024, 1, "hot"))()
        assert {home.process.pid, home.limited[1].process.pid} == both
        assert list(home.limited) == [1]
    finally:
        home.close()
    assert not {p.pid for p in psutil.process_iter()} & both


def test_where_processors_can_not_be_limited_there_is_one_process(monkeypatch):
    monkeypatch.setattr(process, "CAN_LIMIT", False)
    home = Host()
    assert home.limited_to(1) is home


def test_what_a_device_computes_is_timed_where_all_else_is_asked(host):
    kernel = there(next(k for k in registered() if k.id == "silu-forward-float32-numpy-library"), host)
    assert 0 < kernel.function.durations(Setting(1024, 0, "hot"))() < 1
    assert host.limited == {}


def test_what_a_backend_runs_with_is_asked_there(host):
    assert there(SILU, host).runs_with() == SILU.runs_with()
    assert there(replace(SILU, runs_with=None), host).runs_with is None


@pytest.mark.parametrize(
    ("variant", "kind", "why"),
    [
        ("raises", "raised", "ValueError: not today"),
        ("asks-to-exit", "raised", "SystemExit: 2"),
        ("exits", "crashed", "the process exited with 3"),
        ("dereferences-null", "crashed", "the process was ended by SIGSEGV"),
        ("is-killed", "crashed", "the process was ended by SIGKILL"),
        ("exits-on-many", "crashed", "the process exited with 3"),
        ("sleeps-on-one-value", "hung", "did not return within"),
        ("hangs", "hung", "did not return within"),
        ("returns-float64", "wrong_dtype", "returned float64 for float32"),
        ("returns-text", "wrong_dtype", "returned str for float32"),
        ("returns-more", "wrong_shape", "returned shape (8,), not (4,)"),
        ("writes-to-its-input", "wrote_input", "wrote 0x0p+0 over an input"),
        ("takes-all-memory", "raised", "MemoryError"),
    ],
)
def test_what_it_does_to_its_process_is_a_verdict_and_costs_no_other(bad, variant, kind, why, monkeypatch):
    monkeypatch.setattr(remote, "CALL_LIMIT_S", 20.0 if kind != "hung" else 1.0)
    x = np.float32([0, 1, 2, 3])
    assert call(bad["good"], x).tolist() == [0, 1, 2, 3]
    with pytest.raises(KernelError) as error:
        call(bad[variant], x)
    assert (error.value.failure.kind, why in error.value.failure.message) == (kind, True)
    assert x.tolist() == [0, 1, 2, 3]
    assert call(bad["good"], x).tolist() == [0, 1, 2, 3]


def test_a_kernel_that_may_compile_something_has_its_own_limit_for_a_call(bad):
    slow = bad["sleeps-on-one-value"].function
    with pytest.raises(KernelError, match=r"did not return within 0.2 s"):
        Remote(slow.host, slow.name, limit_s=0.2)(np.float32([2]))
    assert there(replace(SILU, call_limit_s=600.0), Host()).function.limit_s == 600
    assert there(SILU, Host()).function.limit_s is None


@pytest.mark.skipif(mode() is None, reason="the mode can't be read here")
def test_a_changed_mode_is_told_and_set_right(bad):
    tiny = np.float32([1e-40, 2e-40])
    with pytest.raises(KernelError, match="changed_mode: left the floating-point mode changed: subnormals are flushed"):
        call(bad["flushes-to-zero"], tiny)
    assert call(bad["good"], tiny).tolist() == tiny.tolist()


def test_a_view_and_what_is_printed_harm_nobody(bad, capfd):
    x = np.float32([-1, 1])
    assert call(bad["returns-a-view"], x).tolist() == [-1, 1]
    assert call(bad["prints"], x).tolist() == [0, 1]
    assert capfd.readouterr() == ("", "")


def test_what_cost_a_process_is_not_called_again(bad):
    host = bad["exits"].function.host
    with pytest.raises(KernelError, match="exited with 3"):
        call(bad["exits"], X)
    call(bad["good"], X)
    process = host.process
    with pytest.raises(KernelError, match="exited with 3"):
        call(bad["exits"], X)
    assert host.process is process


def test_what_is_known_of_a_kernel_is_remembered_and_each_refusal_is_its_own(bad):
    kernel = bad["exits"]
    host = kernel.function.host
    errors = []
    for _ in range(3):
        with pytest.raises(KernelError, match="exited with 3") as error:
            isolated(kernel, {kernel.id: host})(X)
        errors.append(error.value)
    assert isolated(kernel, {kernel.id: host}).function is kernel.function
    assert len({id(e) for e in errors}) == 3
    assert len({id(e.failure) for e in errors[1:]} | {id(kernel.function.lost)}) == 3


def test_one_input_alone_is_named(bad):
    fresh = isolated(bad["is-killed"], {})
    fresh.function.lost = None
    with pytest.raises(KernelError) as error:
        call(fresh, np.float32([1.5]))
    assert error.value.failure.input == "0x1.8p+0"


@pytest.mark.parametrize(
    ("variant", "arrays", "named"),
    [
        ("dereferences-null-on-one-value", X, None),  # which X does not have
        ("dereferences-null-on-one-value", np.append(X, LARGEST), "0x1.fffffep+127"),
        ("dereferences-null-on-one-value", np.append(X, [LARGEST] * 5)[::-1].reshape(-1, 3), "0x1.fffffep+127"),
        ("sleeps-on-one-value", np.append(X, np.float32(2)), "0x1p+1"),
        ("exits-on-many", X, None),
    ],
)
def test_in_an_array_the_input_that_ends_the_call_is_named(bad, monkeypatch, variant, arrays, named):
    monkeypatch.setattr(remote, "CALL_LIMIT_S", 2.0 if "sleeps" in variant else 60.0)
    kernel = isolated(bad[variant], {})
    kernel.function.lost = None
    if named is None and "exits" not in variant:
        assert np.array_equal(call(kernel, arrays), np.maximum(arrays, 0))
        return
    with pytest.raises(KernelError) as error:
        call(kernel, arrays)
    assert error.value.failure.kind in ("crashed", "hung")
    assert error.value.failure.input == named
    with pytest.raises(KernelError) as again:  # and what is said of it stays, whatever it is called on
        call(kernel, np.float32([0.25]))
    assert again.value.failure.input == named


def test_the_input_is_looked_for_in_other_processes_and_none_is_left(bad):
    home = bad["good"].function.host
    call(bad["good"], X)
    kernel = isolated(bad["dereferences-null-on-one-value"], {})
    kernel.function.lost = None
    lost = home.process.pid
    before = {p.pid for p in psutil.Process().children()}
    with pytest.raises(KernelError):
        call(kernel, np.append(X, LARGEST))
    assert lost in before
    assert {p.pid for p in psutil.Process().children()} <= before - {lost}


def test_a_host_for_each_backend_and_each_file():
    some = [k for k in registered() if k.activation == "relu" and k.dtype == "float32" and k.direction == "forward"]
    mine = Host(["mine.py"])
    found = hosts_for(some, {some[0].id: mine, "of another kernel": Host()})
    assert found.keys() == {k.id for k in some}
    assert found[some[0].id] is mine
    others = {k.backend: found[k.id] for k in some[1:]}
    assert len(others) > 1
    assert len({id(host) for host in others.values()}) == len(others)
    assert all(found[k.id] is others[k.backend] and not found[k.id].places for k in some[1:])
    assert isinstance(isolated(some[0], found).function, Remote)
    assert isolated(some[0], {}) is some[0]


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("raise ValueError", "raised", "mine.py: ValueError (mine.py, line 1)"),
        ("import os; os._exit(3)", "crashed", "mine.py could not be imported: the process exited with 3"),
        ("import time; time.sleep(1000)", "hung", "mine.py could not be imported: did not return within 1.5 s"),
    ],
)
def test_a_process_that_can_not_be_started_is_a_verdict(tmp_path, monkeypatch, text, kind, why):
    monkeypatch.setattr(process, "START_LIMIT_S", 1.5 if kind == "hung" else 60.0)
    (tmp_path / "mine.py").write_text(text)
    broken = Host([str(tmp_path / "mine.py")])
    with pytest.raises(KernelError) as error:
        call(there(SILU, broken), X)
    assert (error.value.failure.kind, why in error.value.failure.message) == (kind, True)
    assert broken.process is None


def test_no_process_outlives_the_one_that_started_it():
    code = (
        "import os, kernels; kernels.load()\n"
        "from bench.remote import Host\n"
        "host = Host(); host.room(1); print(host.process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    with_it = [p for p in psutil.process_iter() if p.pid == pid]
    _, alive = psutil.wait_procs(with_it, timeout=10)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
