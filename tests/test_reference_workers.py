# SPDX-License-Identifier: MIT
"""Work is done in processes of its own, which take no more once the one that waits was interrupted."""

import os

import pytest

from reference.workers import worker_pool


def test_workers_are_other_processes():
    with worker_pool(1) as pool:
        assert pool.submit(os.getpid).result() != os.getpid()


def test_an_interruption_ends_the_work():
    pools = []

    def interrupted():
        with worker_pool(1) as pool:
            pools.append(pool)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(RuntimeError, match="shutdown"):
        pools[0].submit(os.getpid)
