# SPDX-License-Identifier: MIT
"""How the numbers of each dtype lie in memory, and how they are brought into arithmetic and back.

Compiled code sees the 16-bit dtypes as uint16. ``load`` makes a float32 of one, which is exact, and ``store`` rounds a
float32 to nearest even; for float32 and float64 both do nothing. A NaN stays a NaN either way.
"""

import math
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from kernels.cpu.compile import block

_HALF, _FLOAT, _I16 = ir.HalfType(), ir.FloatType(), ir.IntType(16)


@intrinsic
def _half_to_float(typing_context, bits):
    def generate(context, builder, signature, arguments):
        return builder.fpext(builder.bitcast(arguments[0], _HALF), _FLOAT)

    return types.float32(types.uint16), generate


@intrinsic
def _float_to_half(typing_context, value):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(builder.fptrunc(arguments[0], _HALF), _I16)

    return types.uint16(types.float32), generate


@intrinsic
def _round_to_odd(typing_context, value):
    """A float64 as a float32 that no later rounding to 22 bits or fewer can tell from it.

    Cut off, with the last bit set where anything was lost (Boldo and Melquiond 2008, "Emulation of FMA and correctly
    rounded sums: proved algorithms using rounding to odd", IEEE Trans. Comput. 57). Exact for float32's normal numbers.
    """

    def generate(context, builder, signature, arguments):
        word = ir.IntType(64)
        bits = builder.bitcast(arguments[0], word)
        lost = word((1 << 29) - 1)
        # Adding the lost bits' largest value carries into the last bit kept where any is set; "or" keeps it there.
        sticky = builder.or_(builder.add(builder.and_(bits, lost), lost), bits)
        cut = builder.and_(sticky, word(~((1 << 29) - 1) & (1 << 64) - 1))
        return builder.fptrunc(builder.bitcast(cut, ir.DoubleType()), _FLOAT)

    return types.float32(types.float64), generate


@intrinsic
def _bits_to_float(typing_context, bits):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], _FLOAT)

    return types.float32(types.uint32), generate


@intrinsic
def _float_to_bits(typing_context, value):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.uint32(types.float32), generate


@block
def load_float16(bits):
    return _half_to_float(bits)


@block
def store_float16(value):
    return _float_to_half(value)


@block
def load_bfloat16(bits):
    return _bits_to_float(np.uint32(np.uint32(bits) << np.uint32(16)))


@block
def store_bfloat16(value):
    bits = _float_to_bits(value)
    # Half of the last place kept is added; where nothing is left below it this was a tie, and goes to the even one.
    # The payload of a NaN could carry away, or be cut off to leave an infinity: it gets the quiet bit instead.
    up = np.uint32(bits + np.uint32(0x8000))
    nearest = np.uint32(up & np.uint32(0xFFFE_0000)) if np.uint32(up & np.uint32(0xFFFF)) == 0 else up
    quiet = np.uint32(bits | np.uint32(0x0040_0000))
    return np.uint16((quiet if value != value else nearest) >> np.uint32(16))


@block
def unchanged(value):
    return value


@block
def binary64(value):
    return np.float64(value)


@block
def load_float16_wide(bits):
    return np.float64(load_float16(bits))


@block
def store_float16_wide(value):
    return store_float16(_round_to_odd(value))


@block
def load_bfloat16_wide(bits):
    return np.float64(load_bfloat16(bits))


@block
def store_bfloat16_wide(value):
    # Subnormals of bfloat16 are subnormal float32, too, which have no bits to spare: they are rounded here.
    shift = 1.5 * 2.0 ** (52 - 133)  # its last place is bfloat16's least number
    rounded = math.copysign((value + shift) - shift, value)
    return store_bfloat16(_round_to_odd(rounded if abs(value) < 2.0**-126 else value))


@block
def store_float32_wide(value):
    return np.float32(value)


@dataclass(frozen=True)
class Storage:
    """A dtype of arrays: what it is in memory, and how compiled code reads and writes it.

    ``wide`` are ``load`` and ``store`` for a body that computes in float64: its result is rounded once.
    """

    name: str
    dtype: np.dtype
    memory: np.dtype  # what compiled code takes the elements for
    load: Dispatcher = unchanged
    store: Dispatcher = unchanged
    wide: tuple[Dispatcher, Dispatcher] = (unchanged, unchanged)

    def array(self, dimensions: int) -> types.Array:
        """The type of a contiguous array of it in compiled code."""
        return types.Array(from_dtype(self.memory), dimensions, "C")

    def view(self, array: np.ndarray) -> np.ndarray:
        """The same elements as compiled code takes them."""
        return array if self.memory == self.dtype else array.view(self.memory)


_UINT16 = np.dtype(np.uint16)
STORAGES = {
    s.name: s
    for s in (
        Storage(
            "float16",
            np.dtype(np.float16),
            _UINT16,
            load_float16,
            store_float16,
            (load_float16_wide, store_float16_wide),
        ),
        Storage(
            "bfloat16",
            np.dtype(ml_dtypes.bfloat16),
            _UINT16,
            load_bfloat16,
            store_bfloat16,
            (load_bfloat16_wide, store_bfloat16_wide),
        ),
        Storage("float32", np.dtype(np.float32), np.dtype(np.float32), wide=(binary64, store_float32_wide)),
        Storage("float64", np.dtype(np.float64), np.dtype(np.float64)),
    )
}
BY_DTYPE = {s.dtype: s for s in STORAGES.values()}
