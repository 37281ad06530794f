# SPDX-License-Identifier: MIT
"""Flags and modes of floating point are read and set as they are."""

import ctypes
import platform

import numpy as np
import pytest

from bench import fenv
from bench.fenv import Mode, mode, raised, said, set_mode, unavailable

readable = pytest.mark.skipif(unavailable() is not None, reason="flags can't be read here")
has_mode = pytest.mark.skipif(mode() is None, reason="the mode can't be read here")
TOWARDS_ZERO = 0xC00  # FE_TOWARDZERO of <fenv.h> on x86-64


@readable
@pytest.mark.parametrize(
    ("function", "flags"),
    [
        (lambda: np.exp(np.float32([1000])), {"overflow"}),
        (lambda: np.float32([0]) / np.float32([0]), {"invalid"}),
        (lambda: np.float32([1]) / np.float32([0]), {"divide by zero"}),
        (lambda: np.float32([1]) + np.float32([2]), set()),
        (lambda: [np.exp(np.float32([1000])), np.sqrt(np.float32([4]))], {"overflow"}),  # the second clears the flags
    ],
)
def test_a_flag_that_is_raised_is_told(function, flags):
    assert raised(function) == flags


@has_mode
def test_a_mode_that_is_changed_is_seen_and_set_right():
    before, library = mode(), ctypes.CDLL("libm.so.6")
    tiny = np.float32([2.0**-126])
    try:
        set_mode(Mode(fenv.FLUSHES, before.rounds))
        assert (tiny * np.float32(0.5)).tolist() == [0]
        assert mode() != before
    finally:
        set_mode(before)
    assert mode() == before
    assert (tiny * np.float32(0.5)).tolist() == [2.0**-127]
    try:
        library.fesetround(TOWARDS_ZERO)
        assert mode().rounds != before.rounds
    finally:
        set_mode(before)
    assert library.fegetround() in (0, TOWARDS_ZERO)  # of the x87, which it sets too
    library.fesetround(0)


def test_what_changed_is_said():
    before = Mode(0, 0)
    assert said(before, Mode(fenv.FLUSHES, 0)) == "subnormals are flushed to zero"
    assert said(before, Mode(0, fenv.ROUNDS)) == "results are not rounded to nearest"
    assert said(before, Mode(fenv.FLUSHES, fenv.ROUNDS)).count(" and ") == 1


def test_where_it_can_not_be_read_it_is_none(monkeypatch):
    monkeypatch.setattr(fenv, "_has_mode", lambda: False)
    assert mode() is None
    set_mode(None)
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    assert "s390x" in unavailable()
