# SPDX-License-Identifier: MIT
"""Formulas for a browser: LaTeX to MathML."""

from html import escape, unescape
from xml.etree.ElementTree import tostring

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element
from markupsafe import Markup

# The library has no common base class for what it raises on LaTeX that it can't read.
UNREADABLE = tuple(e for e in vars(exceptions).values() if isinstance(e, type) and issubclass(e, Exception))
ATTRIBUTES_LEFT_OUT = {"href"}


def mathml(latex: str) -> Markup:
    """``latex`` as a displayed formula; as it was written where it can't be read."""
    try:
        root = convert_to_element(latex, display="block")
    except UNREADABLE:
        return Markup(f"<code>{escape(latex)}</code>")
    # The converter leaves entities in the text for a reader that resolves them, and does not escape the rest: with
    # the text plain, the serializer can escape all of it.
    for element in root.iter():
        element.text = unescape(element.text) if element.text else None
        for name in ATTRIBUTES_LEFT_OUT & set(element.attrib):
            del element.attrib[name]
    return Markup(tostring(root, encoding="unicode"))
