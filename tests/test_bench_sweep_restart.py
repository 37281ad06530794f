# SPDX-License-Identifier: MIT
"""A sweep that is cut off goes on where it was, and ends with the same results, while nothing has changed."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

from bench import sweep
from bench.sweep import forget, sweep_all
from tests.making import make_kernel
from tests.sweeping import (
    BLOCK,
    CHUNK,
    PLACES,
    encoded,
    kernel_file,
    make_small,
    pattern,
    silu,
    spoiling,
    swept,
    swept_alone,
    wrong_silu,
)

CHUNKS = BLOCK // CHUNK  # of a block


@pytest.fixture
def source(tmp_path) -> Path:
    return kernel_file(tmp_path)


@pytest.fixture
def blocks(monkeypatch) -> list[int]:
    return make_small(monkeypatch, PLACES)


class Counted:
    """A kernel of a file that notes the first input of each call."""

    def __init__(self, source, function=wrong_silu) -> None:
        self.firsts: list[int] = []
        self.function = function
        self.kernel = replace(make_kernel(self.call, "silu"), source=str(source))

    def call(self, x):
        if pattern(x[1]) == pattern(x[0]) + 1:  # the first call is of all kinds of inputs, to have late imports done
            self.firsts.append(pattern(x[0]))
        return self.function(x)


def interrupted(folder, kernel, after: int) -> None:
    """Sweep until so many chunks are counted."""
    counted = []

    def progress(count, now):
        counted.append(count)
        if sum(counted) >= after * CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(kernel, folder=folder, progress=progress)


def files(folder):
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_it_goes_on_where_it_was(tmp_path, source, blocks, cut):
    folder = tmp_path / "sweeps"
    interrupted(folder, Counted(source).kernel, after=3 * CHUNKS + 1)
    (file,) = files(folder)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - cut])
    believed = 3 if cut < 2 else 2  # the last byte is just a line's end
    again, counted = Counted(source), {True: 0, False: 0}

    def progress(count, now):
        counted[now] += count

    (done,) = swept(again.kernel, folder=folder, progress=progress).values()
    assert again.firsts == [b + c for b in blocks[believed:] for c in range(0, BLOCK, CHUNK)]
    assert counted == {False: BLOCK * believed, True: BLOCK * (len(blocks) - believed)}
    assert encoded(done) == encoded(swept_alone(wrong_silu))
    assert done.tally.steps > 0
    forget({done.kernel.id: done})
    assert files(folder) == []


def test_a_block_that_was_not_finished_is_not_kept(tmp_path, source, blocks):
    interrupted(tmp_path / "sweeps", Counted(source).kernel, after=CHUNKS - 1)
    assert files(tmp_path / "sweeps") == []


def test_a_kernel_that_is_done_waits_for_one_that_is_not(tmp_path, source, blocks):
    """What is kept of one kernel is not asked of it again while another begins."""
    folder = tmp_path / "sweeps"
    first = Counted(source)
    interrupted(folder, first.kernel, after=2 * CHUNKS + 1)
    first, second = Counted(source), Counted(source, silu)
    other = replace(second.kernel, variant="textbook")
    found = swept(first.kernel, other, folder=folder)
    assert first.firsts[0] == blocks[2]
    assert len(second.firsts) == CHUNKS * len(blocks)
    assert encoded(found[first.kernel.id]) == encoded(swept_alone(wrong_silu))
    assert encoded(found[other.id]) == encoded(swept_alone(silu))


def test_another_text_of_the_source_begins_anew(tmp_path, source, blocks):
    folder = tmp_path / "sweeps"
    interrupted(folder, Counted(source).kernel, after=2 * CHUNKS + 1)
    source.write_text("silu = 2\n")
    again = Counted(source)
    swept(again.kernel, folder=folder)
    assert len(again.firsts) == CHUNKS * len(blocks)


def test_what_a_kernel_imports_only_when_it_is_called_counts(tmp_path, source, blocks, monkeypatch):
    helper = tmp_path / "imported_late.py"
    monkeypatch.syspath_prepend(tmp_path)

    def importing(x):
        import imported_late

        return wrong_silu(x) * np.float32(imported_late.FACTOR)

    calls = []
    for text in ("FACTOR = 1\n", "FACTOR = 2\n"):  # the second time as a new process would
        helper.write_text(text)
        monkeypatch.delitem(sys.modules, "imported_late", raising=False)
        importlib.invalidate_caches()
        counted = Counted(source, importing)
        if text.endswith("1\n"):
            interrupted(tmp_path / "sweeps", counted.kernel, after=2 * CHUNKS + 1)
        else:
            swept(counted.kernel, folder=tmp_path / "sweeps")
        calls.append(len(counted.firsts))
    assert calls[1] == CHUNKS * len(blocks)


def test_nothing_is_kept_of_a_kernel_that_imports_something_on_the_way(tmp_path, source, blocks, monkeypatch):
    (tmp_path / "imported_midway.py").write_text("FACTOR = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "imported_midway", raising=False)

    def importing(x):
        if pattern(x[0]) == blocks[2]:
            import imported_midway

            return wrong_silu(x) * np.float32(imported_midway.FACTOR)
        return wrong_silu(x)

    interrupted(tmp_path / "sweeps", Counted(source, importing).kernel, after=4 * CHUNKS)
    again = Counted(source)
    monkeypatch.delitem(sys.modules, "imported_midway")
    swept(again.kernel, folder=tmp_path / "sweeps")
    assert again.firsts[0] in blocks[1:3]  # what waits to be judged when it is imported is not kept, either


def test_a_kernel_that_fails_keeps_what_it_had(tmp_path, source, blocks):
    folder = tmp_path / "sweeps"
    bad = replace(Counted(source).kernel, function=spoiling("raised", blocks[1] + CHUNK).function)
    (done,) = swept(bad, folder=folder).values()
    assert done.error
    again = Counted(source)
    swept(again.kernel, folder=folder)
    assert again.firsts[0] == blocks[1]


def test_the_time_left_is_told_by_what_is_done_now(tmp_path, source, blocks, monkeypatch):
    bars = []

    class Bar(tqdm):
        def __init__(self, **options):
            super().__init__(**options)
            bars.append(self)

    monkeypatch.setattr(sweep, "tqdm", Bar)
    interrupted(tmp_path / "sweeps", Counted(source).kernel, after=3 * CHUNKS)
    sweep_all([Counted(source).kernel], tmp_path / "sweeps")
    assert (bars[0].initial, bars[0].n) == (3 * BLOCK, BLOCK * len(blocks))
