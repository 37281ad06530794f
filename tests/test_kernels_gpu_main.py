# SPDX-License-Identifier: MIT
"""`python -m kernels.gpu compile`, as a user would run it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from kernels.gpu import __main__ as command
from kernels.gpu import build, nvrtc
from tests.gpu import needs_nvrtc


def test_it_prints_a_row_for_each_kernel(capsys):
    needs_nvrtc()
    assert command.main(["compile", "--arch", "sm_80", "--activation", "relu"]) == 0
    *rows, last = capsys.readouterr().out.splitlines()
    assert rows[0].split() == ["kernel", "registers", "spilled", "bytes", "PTX", "cubin", "bytes"]
    row = next(row for row in rows if row.startswith("relu-backward-bfloat16-fast"))
    assert "exact, 16 bytes at a time" in row
    assert all(int(row.split()[i]) >= least for i, least in ((1, 8), (2, 0), (-1, 1000)))
    assert len(rows) - 2 == 2 * (4 * 4 - 1)
    assert last.startswith("30 kernels for sm_80 by NVRTC ")
    assert last.endswith("none with spills or faults")


def test_a_kernel_with_faults_is_told_and_the_exit_code_is_1(capsys, monkeypatch):
    needs_nvrtc()
    entries = command.every_entry(["relu"])["relu-forward-float32-fast"]
    good = build.examined(entries, "sm_80")
    log = good.log.replace("0 bytes spill stores", "8 bytes spill stores")
    bad = nvrtc.Compiled(good.ptx.replace("ld.global", "ld.ftz.global"), good.cubin, log)
    monkeypatch.setattr(build, "examined", lambda entries, architecture: bad)
    monkeypatch.setattr(command, "every_entry", lambda names: {"relu-forward-float32-fast": entries})
    monkeypatch.setattr(command, "ProcessPoolExecutor", ThreadPoolExecutor)
    assert command.main(["compile", "--arch", "sm_80"]) == 1
    *_, row, last = capsys.readouterr().out.splitlines()
    assert row.split()[2] == "8"
    assert "flushes subnormals: ld.ftz.global" in row
    assert last.endswith("1 with spills or faults")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--activation", "swoosh"], "there is no swoosh; choose from "),
        (["--arch", "sm_1", "--activation", "relu"], "sm_1"),
    ],
)
def test_a_wrong_call_is_refused(arguments, said, capsys):
    needs_nvrtc()
    with pytest.raises(SystemExit) as ended:
        command.main(["compile", *arguments])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
