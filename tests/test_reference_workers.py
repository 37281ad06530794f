# SPDX-License-Identifier: MIT
"""Work is done in processes of its own, and is dropped when the one that waits is interrupted."""

import os
import time
from concurrent.futures import wait

import pytest

from reference.workers import worker_pool


def test_workers_are_other_processes():
    with worker_pool(1) as pool:
        assert pool.submit(os.getpid).result() != os.getpid()


def test_an_interruption_leaves_no_work():
    futures = []

    def interrupted():
        with worker_pool(1) as pool:
            futures.extend(pool.submit(time.sleep, 0.05) for _ in range(50))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    wait(futures, timeout=20)
    assert any(future.cancelled() for future in futures)
