# SPDX-License-Identifier: MIT
"""Inputs of every kind: of the format, finite, not 0, and there where an oracle could go wrong."""

import numpy as np
import pytest
from mpmath import mpf

import reference
from reference.draw import Request, draw, factors
from reference.formats import FORMATS


def drawn(name="silu", direction="backward", dtype="float64", count=900, seed=0):
    activation, form = reference.own()[name], FORMATS[dtype]
    request = Request(activation, direction, form, activation.defaults, np.random.default_rng(seed))
    return draw(request, count), request


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", reference.own())
def test_they_are_finite_numbers_of_the_format_and_not_0(name, dtype):
    for direction in ("forward", "backward"):
        x, _ = drawn(name, direction, dtype, 130)
        assert x.dtype == FORMATS[dtype].dtype
        assert len(x) == 130
        assert np.isfinite(x).all()
        assert (x != 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_they_are_where_it_is_hard(dtype):
    x, request = drawn(dtype=dtype, count=4000)
    size, form = np.abs(x.astype(np.float64)), request.form
    root = float(mpf(request.activation.facts(beta=1.0).derivative_roots[0]))
    distance = np.abs(x.astype(np.float64) - root)
    assert (size < form.least_normal).sum() > 20
    assert (size > form.largest / 2).sum() > 2
    for k in range(2, form.precision - 2, 6):
        assert ((distance > 2.0 ** -(k + 4)) & (distance < 2.0 ** -(k - 4))).any()
    assert ((x < -85) & (x > -110)).sum() > 5


def test_factors_are_finite_and_of_all_sizes():
    _, request = drawn()
    dy = np.abs(factors(request, 1000).astype(np.float64))
    assert np.isfinite(dy).all()
    assert (dy != 0).all()
    assert (dy > 1e250).any()
    assert (dy < 1e-250).any()
