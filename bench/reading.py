# SPDX-License-Identifier: MIT
"""What a user types: names that have to exist, and numbers, exactly."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, log2

import numpy as np
from mpmath import mpf

from reference.formats import Format
from reference.ziv import round_all

# Up to so many digits as Python reads as an integer at any setting.
DECIMAL = re.compile(r"([+-]?)(\d{0,300})\.?(\d{0,300})(?:e([+-]?\d{1,9}))?", re.ASCII | re.IGNORECASE)
HEXADECIMAL = re.compile(r"([+-]?)0x([\da-f]{0,300})\.?([\da-f]{0,300})(?:p([+-]?\d{1,9}))?", re.ASCII | re.IGNORECASE)
WORDS = ("inf", "+inf", "-inf", "nan")
BITS = "bits:"
FAR_OUT = 1200.0  # no format has a number beyond 2^±1200, and a power of ten could fill the memory


def check_name(what: str, name: str, existing: Collection[str]) -> None:
    """Refuse a name that does not exist.

    Raises:
        ValueError: it lists those that do.
    """
    if name not in existing:
        raise ValueError(f"there is no {what} {name!r}; choose from {', '.join(existing) or 'none'}")


@dataclass(frozen=True)
class Numeral:
    """A number as it is written: ±significand · base^exponent."""

    negative: bool
    significand: int
    base: int
    exponent: int

    @staticmethod
    def read(text: str) -> "Numeral | None":
        """A decimal numeral or a hexadecimal float; None where it is neither."""
        for pattern, radix, base, per_digit in ((DECIMAL, 10, 10, 1), (HEXADECIMAL, 16, 2, 4)):
            match = pattern.fullmatch(text)
            if match and match[2] + match[3]:
                exponent = int(match[4] or 0) - per_digit * len(match[3])
                return Numeral(match[1] == "-", int(match[2] + match[3], radix), base, exponent)
        return None

    def nearest(self, form: Format) -> tuple[int, bool]:
        """The ordinal of the number of a format that is nearest in magnitude, and whether it is the same."""
        if not self.significand:
            return 0, True
        size = self.significand.bit_length() + self.exponent * log2(self.base)
        if abs(size) > FAR_OUT:
            return (form.infinity_pattern if size > 0 else 0), False
        exact = Fraction(self.significand) * Fraction(self.base) ** self.exponent
        quotient = round_all(lambda _: mpf(exact.numerator) / exact.denominator, [(mpf(1),)], (mpf(0), mpf(0)), form)
        ordinal = quotient[0].ordinal
        value = float(form.from_ordinals(np.array([ordinal]))[0])
        return ordinal, isfinite(value) and Fraction(value) == exact


def is_number(text: str) -> bool:
    """Whether it reads as a number, which may begin like an option: -0x1p+3, -inf."""
    return text.lower() in WORDS or Numeral.read(text) is not None


def read_number(text: str, form: Format) -> tuple[np.generic, bool]:
    """The number of the format that is nearest to the one written, and whether it is that very number.

    Raises:
        ValueError: it is no number, or no bit pattern of the format.
    """
    text = text.strip()
    if text.lower().startswith(BITS):
        return _from_bits(text[len(BITS) :], form), True
    if text.lower() in WORDS:
        return form.dtype.type(text), True
    numeral = Numeral.read(text)
    if numeral is None:
        raise ValueError(
            f"{text!r} is no number: write it in decimal, as a hexadecimal float (-0x1.6p+6), in bits "
            "(bits:0xc2b00000), or as inf, -inf or nan"
        )
    ordinal, same = numeral.nearest(form)
    size = form.from_ordinals(np.array([ordinal]))[0]
    return (-size if numeral.negative else size), same


def _from_bits(text: str, form: Format) -> np.generic:
    try:
        pattern = int(text, 0)
    except ValueError as error:
        raise ValueError(f"{BITS}{text} is no bit pattern: write it like {BITS}{form.infinity_pattern:#x}") from error
    if not 0 <= pattern < 1 << form.bits:
        raise ValueError(f"{BITS}{text} does not fit into the {form.bits} bits of {form.name}")
    return form.from_patterns(np.array([pattern]))[0]


def shielded(arguments: Sequence[str]) -> list[str]:
    """A command line in which argparse takes no negative number for an option: a space before it makes it a word."""
    return [f" {a}" if a.startswith("-") and is_number(a) else a for a in arguments]
