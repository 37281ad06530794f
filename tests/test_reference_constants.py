# SPDX-License-Identifier: MIT
"""Constants at the precision of the moment."""

import mpmath
from mpmath import mp, mpf, workprec

from reference.constants import per_precision


def test_a_constant_is_good_to_the_last_bit_at_every_precision():
    root = per_precision(lambda: mpmath.sqrt(2) * mpmath.sqrt(2) * mpmath.sqrt(2))
    for precision in (10, 53, 200, 1000):
        with workprec(precision):
            rounded = +root()
        with workprec(precision + 100):
            assert abs(rounded - mpmath.sqrt(8)) <= mpf(2) ** (1 - precision)


def test_it_is_computed_once_for_each_precision():
    computed = []
    constant = per_precision(lambda: computed.append(mp.prec) or mpf(1))
    for precision in (60, 60, 90, 60):
        with workprec(precision):
            constant()
    assert len(computed) == 2
    assert computed[0] > 60
