# SPDX-License-Identifier: MIT
"""The tables are what the script makes, and the script makes what it says."""

import sys

import pytest
from mpmath import exp, mpf, workprec

from kernels import coefficients, tables


def test_the_tables_are_what_the_script_makes():
    assert coefficients.TABLES.read_text(encoding="utf-8") == coefficients.tables(), "run the command in that file"


def test_a_polynomial_is_recovered():
    with workprec(coefficients.BITS):
        fit = coefficients.Fit("P", "", lambda x: 1 - 2 * x + x**3 / 2, mpf(1), mpf(4), 3)
        assert fit.coefficients() == pytest.approx([1, -2, 0, 0.5], abs=1e-60)


def test_the_error_is_measured():
    with workprec(coefficients.BITS):
        fit = coefficients.Fit("E", "", exp, mpf(-1), mpf(1), 5)
        good = fit.error(fit.coefficients())
        assert mpf(2) ** -15 < good < mpf(2) ** -12
        worse = [c * 1.25 for c in fit.coefficients()]
        assert abs(fit.error(worse) - mpf("0.25")) < mpf("0.001")


def test_the_tables_are_accurate_between_the_nodes():
    with workprec(coefficients.BITS):
        for fit in coefficients.fits():
            table = getattr(tables, fit.name)
            steps = [fit.low + (fit.high - fit.low) * (2 * i + 1) / 202 for i in range(101)]
            error = fit.error(list(table))
            assert max(fit.error_at(x, list(table)) for x in steps) < 1.1 * error


def test_a_pair_holds_twice_the_digits():
    with workprec(coefficients.BITS):
        root = coefficients.slope_root()
        high, low = tables.GELU_SLOPE_ROOT
        assert (high, low) == coefficients.pair(root)
        assert abs(mpf(high) + mpf(low) - root) < mpf(2) ** -106


def test_it_prints_unless_told_to_write(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(coefficients, "TABLES", tmp_path / "tables.py")
    monkeypatch.setattr(sys, "argv", ["coefficients"])
    coefficients.main()
    printed = capsys.readouterr().out
    assert not coefficients.TABLES.exists()
    monkeypatch.setattr(sys, "argv", ["coefficients", "--write"])
    coefficients.main()
    assert coefficients.TABLES.read_text(encoding="utf-8") == printed
