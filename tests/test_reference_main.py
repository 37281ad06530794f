# SPDX-License-Identifier: MIT
"""``python -m reference``: what it passes on, and what it refuses in one line."""

import pytest

from reference import __main__ as module
from reference.__main__ import main


def test_options_are_passed_on(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "certify", lambda *arguments: asked.append(arguments) or 1)
    assert (
        main(["certify", "--activation", "silu,gelu", "--inputs", "50", "--balls", "70", "--seed", "3", "--jobs", "1"])
        == 1
    )
    assert asked == [(["silu", "gelu"], 50, 50, 3, 1)]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["prove"],
        ["certify", "--activation", "swoosh"],
        ["certify", "--inputs", "0"],
        ["certify", "--inputs", "many"],
        ["certify", "--seed", "-1"],
    ],
)
def test_a_wrong_call_is_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 4
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
