# SPDX-License-Identifier: MIT
"""What the processes have in common that answer this one."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import Pipe

import psutil
import pytest

from bench.machine import ROOT
from bench.serving import serve


def test_requests_are_answered_in_order_until_the_other_side_has_gone():
    ours, theirs = Pipe()
    for number in (3, 4):
        ours.send((number,))
    answers = iter(range(100))
    received = []

    def answer(request):
        received.append(request)
        if len(received) == 2:
            assert ours.recv() == ("done", 0)
            ours.close()
        return "done", next(answers)

    serve(theirs, answer)
    assert received == [(3,), (4,)]


def test_after_a_crash_nothing_is_answered():
    ours, theirs = Pipe()
    ours.send(1), ours.send(2)
    serve(theirs, lambda request: ("crashed", request))
    assert ours.recv() == ("crashed", 1)
    assert not ours.poll()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:os.fork:RuntimeWarning")
def test_what_is_forked_has_no_part_in_the_connection():
    code = (
        "import os, sys; from bench.serving import connected\n"
        "connection = connected(sys.argv[1])\n"
        "child = os.fork()\n"
        "if not child: os._exit(int(connection.closed))\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    _, theirs = Pipe()
    done = subprocess.run(
        [sys.executable, "-c", code, str(theirs.fileno())], cwd=ROOT, pass_fds=[theirs.fileno()], check=False
    )
    assert done.returncode == 1


def test_what_is_printed_goes_nowhere_and_an_interruption_ends_nothing():
    code = (
        "import os, signal; from bench.serving import quiet\n"
        "quiet(); print('out', flush=True); os.write(2, b'error')\n"
        "os.kill(os.getpid(), signal.SIGINT); os._exit(5)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (5, b"", b"")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process that its parent has died")
def test_it_ends_with_the_one_that_started_it():
    child = "from bench.serving import quiet; import os, time\nprint(os.getpid(), flush=True)\nquiet(); time.sleep(60)"
    parent = (
        f"import subprocess, sys, time\nchild = subprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())
        wait_until_quiet(pid)
        process.send_signal(signal.SIGKILL)
    left = [psutil.Process(pid)] if psutil.pid_exists(pid) else []
    assert not psutil.wait_procs(left, timeout=10)[1]


def wait_until_quiet(pid: int) -> None:
    """Until its output goes nowhere: the death of its parent is then told to it, or about to be."""
    while os.readlink(f"/proc/{pid}/fd/1") != os.devnull:
        time.sleep(0.01)
    time.sleep(0.2)
