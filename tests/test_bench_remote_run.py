# SPDX-License-Identifier: MIT
"""A whole run of kernels that break what holds them: a verdict for each, in bounded time, and no process is left."""

import time
from pathlib import Path

import psutil

from reports import schema
from tests.command import benchmark

MISBEHAVING = Path(__file__).with_name("misbehaving.py")


def test_the_run_ends_with_a_verdict_on_each_and_leaves_no_process(tmp_path):
    own = tmp_path / "misbehaving_here.py"
    own.write_text(MISBEHAVING.read_text())
    ran = benchmark(tmp_path / "report", "--backend", "bad", "-k", "not sleeps and not hangs", kernels=own)
    assert ran.code == 1, ran.out + ran.err
    found = {k.variant: k.failure.kind if k.failure else k.verdict for k in load_results(ran.folder)}
    assert found == {
        "good": "not refuted",
        "prints": "not refuted",
        "returns-a-view": "broken",
        "raises": "raised",
        "asks-to-exit": "raised",
        "exits": "crashed",
        "dereferences-null": "crashed",
        "is-killed": "crashed",
        "dereferences-null-on-one-value": "crashed",
        "exits-on-many": "crashed",
        "returns-float64": "wrong_dtype",
        "returns-text": "wrong_dtype",
        "returns-more": "wrong_shape",
        "writes-to-its-input": "wrote_input",
        "flushes-to-zero": "changed_mode",
        "takes-all-memory": "raised",
    }
    named = {k.variant: k.failure.input for k in load_results(ran.folder) if k.failure and k.failure.kind == "crashed"}
    assert named.pop("dereferences-null-on-one-value") == "0x1.fffffep+127"
    assert not any(named.values())  # others crash at each input, or at none alone
    timed = {k.variant for k in load_results(ran.folder) if k.throughput}
    assert timed == {"good", "prints", "returns-a-view"}
    assert not processes_of(own)


def test_a_run_in_which_kernels_hang_ends_soon_after_their_limits(tmp_path):
    hurry = "\nfrom bench import culprit, remote\nremote.CALL_LIMIT_S = culprit.SEARCH_S = 3.0\n"  # of the run, too
    own = tmp_path / "hanging.py"
    own.write_text(MISBEHAVING.read_text() + hurry)
    begin = time.monotonic()
    ran = benchmark(tmp_path / "report", "--backend", "bad", "-k", "sleeps or hangs or good", kernels=own)
    assert time.monotonic() - begin < 120
    assert ran.code == 1, ran.out + ran.err
    found = {k.variant: k.failure.kind if k.failure else k.verdict for k in load_results(ran.folder)}
    assert found == {"good": "not refuted", "hangs": "hung", "sleeps-on-one-value": "hung"}
    assert not processes_of(own)


def processes_of(file: Path) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if str(file) in (p.info["cmdline"] or ())]


def load_results(folder: Path) -> list[schema.KernelResult]:
    return schema.load(folder / "results.json").kernels
