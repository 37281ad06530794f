# SPDX-License-Identifier: MIT
"""Irrational constants at whatever precision mpmath has when they are asked for."""

import functools
from collections.abc import Callable

from mpmath import findroot, mp, mpf, workprec

GUARD_BITS = 20  # what the arithmetic inside a constant may lose


def per_precision(compute: Callable[[], mpf]) -> Callable[[], mpf]:
    """A constant computed once for each working precision, and good to its last bit there."""

    @functools.cache
    def at(precision: int) -> mpf:
        with workprec(precision + GUARD_BITS):
            return compute()

    @functools.wraps(compute)
    def constant() -> mpf:
        return at(mp.prec)

    return constant


ROOT_BITS = 400


def refined(function: Callable[[mpf], mpf], near: str) -> mpf:
    """The root of a function close to ``near``, to about 2^-ROOT_BITS."""
    with workprec(ROOT_BITS):
        return findroot(function, mpf(near))
