# SPDX-License-Identifier: MIT
"""How the numbers of each dtype lie in memory, and how they are brought into arithmetic and back.

Compiled code sees the 16-bit dtypes as uint16. ``load`` makes a float32 of one, which is exact, and ``store`` rounds a
float32 to nearest even; for float32 and float64 both do nothing. A NaN stays a NaN either way.
"""

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
    # Adding just under half of the last place kept, and its parity, carries exactly where nearest even rounds up.
    # The payload of a NaN could carry away, or be cut off to leave an infinity: it gets the quiet bit instead.
    nearest = np.uint32(bits + np.uint32(0x7FFF) + np.uint32((bits >> np.uint32(16)) & np.uint32(1)))
    quiet = np.uint32(bits | np.uint32(0x0040_0000))
    return np.uint16((quiet if value != value else nearest) >> np.uint32(16))


@block
def unchanged(value):
    return value


@dataclass(frozen=True)
class Storage:
    """A dtype of arrays: what it is in memory, and how compiled code reads and writes it."""

    name: str
    dtype: np.dtype
    memory: np.dtype  # what compiled code takes the elements for
    load: Dispatcher = unchanged
    store: Dispatcher = unchanged

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
        Storage("float16", np.dtype(np.float16), _UINT16, load_float16, store_float16),
        Storage("bfloat16", np.dtype(ml_dtypes.bfloat16), _UINT16, load_bfloat16, store_bfloat16),
        Storage("float32", np.dtype(np.float32), np.dtype(np.float32)),
        Storage("float64", np.dtype(np.float64), np.dtype(np.float64)),
    )
}
BY_DTYPE = {s.dtype: s for s in STORAGES.values()}
