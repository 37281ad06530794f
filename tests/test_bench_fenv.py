# SPDX-License-Identifier: MIT
"""Flags and modes of floating point are read and set as they are."""

import contextlib
import ctypes
import platform

import mpmath
import numpy as np
import pytest

from bench import fenv
from bench.fenv import Mode, kept, mode, raised, said, set_mode, unavailable

readable = pytest.mark.skipif(unavailable() is not None, reason="flags can't be read here")
has_mode = pytest.mark.skipif(mode() is None, reason="the mode can't be read here")
TOWARDS_ZERO, DIVIDE_BY_ZERO = 0xC00, 0x04  # FE_TOWARDZERO and FE_DIVBYZERO of <fenv.h> on x86-64


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
        set_mode(before._replace(flushes=fenv.FLUSHES))
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
    assert library.fegetround() == 0  # of the x87, which it sets too


def test_what_changed_is_said():
    before = Mode(0, 0, fenv.MASKS, 0x37F)
    assert said(before, before._replace(flushes=fenv.FLUSHES)) == "subnormals are flushed to zero"
    assert said(before, before._replace(rounds=fenv.ROUNDS)) == "results are not rounded to nearest"
    assert said(before, before._replace(masks=0)) == "exceptions are trapped"
    assert said(before, before._replace(x87=0x27F)) == "long doubles are computed in another way"
    assert said(before, before._replace(flushes=fenv.FLUSHES, rounds=fenv.ROUNDS)).count(" and ") == 1


def test_where_it_can_not_be_read_it_is_none(monkeypatch):
    monkeypatch.setattr(fenv, "_has_mode", lambda: False)
    assert mode() is None
    set_mode(None)
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    assert "s390x" in unavailable()


@has_mode
def test_what_a_block_does_to_the_state_is_undone_and_a_changed_mode_told():
    before, precision = (mode(), np.geterr()), mpmath.mp.prec
    with kept() as state:
        np.seterr(all="raise")
        mpmath.mp.prec = 10
    assert state.changed is None
    with contextlib.suppress(ZeroDivisionError), kept() as state:
        set_mode(before[0]._replace(flushes=fenv.FLUSHES))
        raise ZeroDivisionError
    assert state.changed == "left the floating-point mode changed: subnormals are flushed to zero"
    assert ((mode(), np.geterr()), mpmath.mp.prec) == (before, precision)


@has_mode
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "feenableexcept"), reason="nothing can be trapped here")
def test_exceptions_that_are_trapped_are_a_change_of_the_mode():
    with kept() as state:
        ctypes.CDLL("libm.so.6").feenableexcept(DIVIDE_BY_ZERO)
    assert state.changed == "left the floating-point mode changed: exceptions are trapped"
    with np.errstate(divide="ignore"):  # which would end this process
        assert np.isinf([np.ones(1, dtype) / np.zeros(1, dtype) for dtype in (np.float32, np.longdouble)]).all()
