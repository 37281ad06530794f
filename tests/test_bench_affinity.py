# SPDX-License-Identifier: MIT
"""What is started under a limit may use no more processors than that; this process stays as it was."""

import os
import subprocess
import sys

import pytest

from bench import affinity
from bench.affinity import CAN_LIMIT, limited

COUNT = "import os; print(len(os.sched_getaffinity(0)))"


def counted() -> int:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not CAN_LIMIT, reason="processors can't be limited here")
@pytest.mark.parametrize("processors", [1, None])
def test_a_process_started_meanwhile_may_use_so_many(processors):
    before = os.sched_getaffinity(0)
    with limited(processors):
        assert counted() == (processors or len(before))
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(not CAN_LIMIT, reason="processors can't be limited here")
def test_the_limit_ends_with_an_error_too():
    before = os.sched_getaffinity(0)
    with pytest.raises(OSError, match="not today"), limited(1):
        raise OSError("not today")
    assert os.sched_getaffinity(0) == before


def test_where_nothing_can_be_limited_nothing_is(monkeypatch):
    monkeypatch.setattr(affinity, "CAN_LIMIT", False)
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    with limited(1):
        within = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    assert within == before
