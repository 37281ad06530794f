# SPDX-License-Identifier: MIT
"""A process for calls: it ends with all that it has started, and its memory is where there is room."""

import contextlib
import errno
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

import kernels
from bench import process, spans
from bench.calling import KernelError, StartError, call
from bench.fenv import mode
from bench.process import Host
from bench.remote import isolated
from kernels.registry import registered
from tests.hosting import kernels_of

LINGERING = Path(__file__).with_name("lingering.py")
X = np.linspace(-2, 2, 4096).astype(np.float32)
RELU = np.maximum(X, 0)
kernels.load()
OURS = next(k for k in registered() if k.id == "relu-forward-float32-numba-stable")


@pytest.fixture(scope="module")
def lingering():
    """The kernels of that file by their variants, with one host for all."""
    with kernels_of(LINGERING) as found:
        yield found


@pytest.fixture
def ours():
    """A kernel of ours in a host of its own."""
    home = Host()
    yield isolated(OURS, {OURS.id: home})
    home.close()


def test_what_a_kernel_has_forked_is_ended_with_its_process_and_delays_no_verdict(lingering):
    kernel = lingering["forks-and-exits"]
    host = kernel.function.host
    host.start()
    begin = time.monotonic()
    with pytest.raises(KernelError, match="the process exited with 9"):
        call(kernel, X[:1])
    assert time.monotonic() - begin < 30  # and not the limit of a call
    host.close()
    left = [p for p in psutil.process_iter(["cmdline"]) if str(LINGERING) in (p.info["cmdline"] or ())]
    assert not psutil.wait_procs(left, timeout=10)[1]  # they were killed, but may not have gone yet


def test_what_a_kernel_has_started_in_a_session_of_its_own_is_ended_as_well(lingering):
    kernel = lingering["starts-another-session"]
    assert np.array_equal(call(kernel, X), RELU)
    host = kernel.function.host
    (started,) = [p for p in psutil.Process(host.process.pid).children() if "time.sleep(1000)" in " ".join(p.cmdline())]
    host.close()
    assert not psutil.wait_procs([started], timeout=10)[1]


@pytest.mark.skipif(mode() is None, reason="the mode can't be read here")
def test_a_process_in_which_the_mode_was_changed_is_used_no_more(lingering):
    """Its threads may have been made in the meantime, and have that mode."""
    before = call(lingering["returns-its-pid"], X[:1])
    with pytest.raises(KernelError, match="changed_mode: left the floating-point mode changed"):
        call(lingering["rounds-upwards"], X)
    assert call(lingering["returns-its-pid"], X[:1]) != before


def test_a_copy_of_the_process_answers_nobody(lingering):
    kernel = lingering["forks-and-returns-twice"]
    for _ in range(3):
        assert np.array_equal(call(kernel, X), RELU)
    copies = psutil.Process(kernel.function.host.process.pid).children()
    assert len(copies) == 3
    end = time.monotonic() + 10
    while any(c.status() != psutil.STATUS_ZOMBIE for c in copies) and time.monotonic() < end:
        time.sleep(0.01)
    assert {c.status() for c in copies} == {psutil.STATUS_ZOMBIE}  # ended, as it has nobody to answer


def test_a_question_that_was_given_up_is_not_answered_later(ours, monkeypatch):
    call(ours, X)
    host = ours.function.host
    pid, poll = host.process.pid, host.connection.poll

    def interrupted(timeout=0.0):
        poll(timeout)
        raise KeyboardInterrupt

    monkeypatch.setattr(host.connection, "poll", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ours(X[:3].copy())
    assert not psutil.pid_exists(pid)
    assert np.array_equal(call(ours, X), RELU)


def test_where_its_memory_is_full_a_new_process_has_it_elsewhere(ours, monkeypatch):
    first, *_, out = ours.function.buffers(1, X.size, X.dtype, 3)
    host = ours.function.host
    full, grow = host.memory.file, spans._grow

    def grown(file, size):
        if file == full and host.folder is not None:
            raise OSError(errno.ENOSPC, "No space left on device")
        grow(file, size)

    first[:] = X
    host.folder = host.folder or Path("somewhere")
    monkeypatch.setattr(spans, "_grow", grown)
    wide = np.resize(X, 3 * spans.GROWTH)
    assert np.array_equal(call(ours, wide), np.maximum(wide, 0))
    assert host.folder is None
    assert ours(first, out=out) is out
    assert np.array_equal(out, RELU)
    again, *_, result = ours.function.buffers(1, X.size, X.dtype, 3)
    again[:] = X
    assert np.array_equal(call(ours, again, out=result), RELU)


def test_where_there_is_room_nowhere_the_message_says_what_to_do(ours, monkeypatch):
    def full(file, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spans, "_grow", full)
    with pytest.raises(StartError, match=r"raised: no room for .* bytes of arrays in .*--shm-size=1g"):
        call(ours, X)


def test_where_no_process_can_be_started_that_is_an_error_of_no_kernel_and_nothing_is_left_open(ours, monkeypatch):
    def fails(*_, **__):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    files = psutil.Process().num_fds()
    for module, name in ((subprocess, "Popen"), (tempfile, "TemporaryFile"), (socket, "socketpair")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, fails)
            with pytest.raises(StartError, match=r"Resource .*: see how much memory is free"):
                call(ours, X)
        assert psutil.Process().num_fds() == files
    assert np.array_equal(call(ours, X), RELU)


def test_a_start_that_hung_is_not_tried_again(monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text("import time; time.sleep(1000)")
    host = Host([str(tmp_path / "mine.py")])
    monkeypatch.setattr(process, "START_LIMIT_S", 0.5)
    errors = []
    for _ in range(2):
        with pytest.raises(StartError, match=r"mine\.py could not be imported: did not return within 0\.5 s") as error:
            host.start()
        errors.append(error.value)
        monkeypatch.setattr(subprocess, "Popen", None)  # which would raise another error
    assert errors[0] is not errors[1]
    assert errors[0].failure is not errors[1].failure


def test_a_start_that_hung_once_and_then_came_up_is_no_reason_not_to_start_again(monkeypatch):
    host, reply = Host(), Host._reply
    late = [KernelError("hung", "did not return within 60 s")]

    def replied(self, limit_s):
        if late:
            raise late.pop()
        return reply(self, limit_s)

    monkeypatch.setattr(Host, "_reply", replied)
    with contextlib.closing(host):
        host.start()
        host.close()
        host.start()
        assert host.process.poll() is None


def test_where_a_process_ends_before_it_answers_it_is_said_what_may_tell_why(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StartError, match=r"exited with 1; `python -c 'import kernels; kernels.load\(\)'` may tell why"):
        Host().start()


def test_what_is_given_back_is_there_for_others(ours):
    host = ours.function.host
    silu = next(k for k in registered() if k.id == "silu-forward-float32-numba-stable")
    other = isolated(silu, {silu.id: host})
    for kernel in (ours, other, ours):
        kernel.function.buffers(1, X.size, X.dtype, 3)
    assert host.reserved == 2 * 4 * X.nbytes
    ours.function.give_back()
    assert host.reserved == 0
    other.function.buffers(1, X.size, X.dtype, 3)
    assert host.regions == {other.id: 0}
    host.close()  # as when it is lost
    assert host.reserved == 0


def test_how_a_process_ended_is_told():
    assert process._how_it_ended(3) == "the process exited with 3"
    assert process._how_it_ended(-11) == "the process was ended by SIGSEGV"
    assert process._how_it_ended(-9) == "the process was ended by SIGKILL, as where memory runs out"
    assert process._how_it_ended(-200) == "the process exited with -200"
