# SPDX-License-Identifier: MIT
"""The four floating-point formats: their sizes, their bit patterns, and their numbers in order.

An *ordinal* counts the representable numbers from zero: 0 for both zeros, 1 for the least subnormal, -1 for its
negative, and one more for each step away from zero. Infinity is the ordinal after the largest finite number.
"""

from dataclasses import dataclass

import ml_dtypes  # noqa: F401  (importing it makes "bfloat16" a dtype that NumPy knows by name)
import numpy as np


@dataclass(frozen=True)
class Format:
    """A binary interchange format of IEEE 754 (or bfloat16, which follows the same rules).

    ``precision`` counts the significand's bits with the hidden one; ``emax`` is the exponent of the largest finite
    number written as 1.f * 2^e, and ``emin`` that of the least normal one.
    """

    name: str
    bits: int
    precision: int
    emax: int

    @property
    def emin(self) -> int:
        return 1 - self.emax

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.name)

    @property
    def pattern(self) -> np.dtype:
        """The unsigned integer that holds one bit pattern."""
        return np.dtype(f"u{self.bits // 8}")

    @property
    def infinity_pattern(self) -> int:
        """The bit pattern of +inf; less one, that of the largest finite number."""
        return (2 * self.emax + 1) << (self.precision - 1)

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2.0 - 2.0 ** (1 - self.precision)) * 2.0**self.emax

    @property
    def least_normal(self) -> float:
        return 2.0**self.emin

    @property
    def least_subnormal(self) -> float:
        return 2.0 ** (self.emin - self.precision + 1)

    def ordinals(self, values: np.ndarray) -> np.ndarray:
        """Values of this format (no NaN) -> int64 ordinals."""
        patterns = np.ascontiguousarray(values, self.dtype).view(self.pattern)
        magnitude = (patterns & self.pattern.type((1 << (self.bits - 1)) - 1)).astype(np.int64)
        return np.where(patterns >> self.pattern.type(self.bits - 1), -magnitude, magnitude)

    def from_ordinals(self, ordinals: np.ndarray) -> np.ndarray:
        """Int64 ordinals, at most that of infinity in magnitude -> values of this format."""
        ordinals = np.asarray(ordinals, np.int64)
        sign = (ordinals < 0).astype(self.pattern) << self.pattern.type(self.bits - 1)
        return (np.abs(ordinals).astype(self.pattern) | sign).view(self.dtype)

    def from_patterns(self, patterns: np.ndarray) -> np.ndarray:
        return np.asarray(patterns, self.pattern).view(self.dtype)

    def every_value(self) -> np.ndarray:
        """All 2^bits values in order of their bit patterns; for the 16-bit formats only."""
        if self.bits > 16:
            raise ValueError(f"{self.name} has 2^{self.bits} values: too many for one array")
        return np.arange(1 << self.bits, dtype=self.pattern).view(self.dtype)


FORMATS = {
    f.name: f
    for f in (
        Format("float16", bits=16, precision=11, emax=15),
        Format("bfloat16", bits=16, precision=8, emax=127),
        Format("float32", bits=32, precision=24, emax=127),
        Format("float64", bits=64, precision=53, emax=1023),
    )
}
