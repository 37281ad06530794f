# SPDX-License-Identifier: MIT
"""Deviations are the results again, whatever these are, and short where results are good."""

import numpy as np
import pytest

from bench.deviations import LONGEST, packed, unpacked
from reference.formats import FORMATS

every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)


def patterns(form, n: int = 100) -> np.ndarray:
    end = np.iinfo(form.pattern).max
    return np.random.default_rng(3).integers(0, end, n, form.pattern, endpoint=True)


@every_format
def test_what_was_packed_comes_back_to_the_bit(form):
    due, got = patterns(form), patterns(form)[::-1].copy()
    got[:2], due[:2] = (0, np.iinfo(form.pattern).max), (np.iinfo(form.pattern).max, 0)  # differences that wrap
    back = unpacked(packed(got, due), due)
    assert back.dtype == form.pattern
    assert back.tolist() == got.tolist()


@every_format
def test_good_results_are_short_and_one_that_is_off_is_not_lost(form):
    due = patterns(form, 20_000)
    got = due.copy()
    got[12_345] += form.pattern.type(1)
    assert len(packed(got, due)) < 250
    assert np.flatnonzero(unpacked(packed(got, due), due) != due).tolist() == [12_345]


def test_what_is_too_irregular_is_not_kept():
    form = FORMATS["float64"]
    assert packed(patterns(form, 2 * LONGEST), patterns(form, 2 * LONGEST)[::-1].copy()) is None


def test_results_of_other_inputs_are_not_taken_for_these():
    due = patterns(FORMATS["float32"])
    assert unpacked(packed(due, due), due[1:]) is None
