# SPDX-License-Identifier: MIT
"""LaTeX becomes MathML that a browser can read, whoever wrote it."""

from xml.etree.ElementTree import fromstring

import pytest

from reports.formulas import mathml


def test_makes_well_formed_mathml():
    root = fromstring(mathml(r"\begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}"))
    assert root.tag.endswith("math")
    assert "≤" in "".join(root.itertext())


@pytest.mark.parametrize("latex", [r"\text{<script>alert(1)</script>}", r"x < y & z", "<b>"])
def test_escapes_what_is_in_it(latex):
    text = mathml(latex)
    fromstring(text)
    assert "<script" not in text
    assert "<b>" not in text


@pytest.mark.parametrize("latex", ["", "{", r"\left( x", "x_", r"\begin{cases} <b>"])
def test_shows_unreadable_latex_as_it_is(latex):
    assert mathml(latex).startswith("<code>")
    assert "<b>" not in mathml(latex)


def test_links_nowhere():
    assert "javascript" not in mathml(r"\href{javascript:alert(1)}{x}")
