# SPDX-License-Identifier: MIT
"""How loops write: in whole cache lines where memory sets the speed, and past the caches what these can't hold.

To write to a cache line, a processor first reads it, unless a store says that all of it is new (*non-temporal*): of
three streams of an elementwise function two are left. What is written so is not in a cache afterwards, hence only for
large arrays, of which little would be. Such stores want whole lines. Results go to a block in L1, and from there: a
short one, so that the arithmetic of the next goes on meanwhile.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.cpu.compile import VECTORS_AT_ONCE, block

LINE_BYTES = 64
BLOCK_LINES = 32  # 2 KiB
STREAMED_BYTES = 1 << 24  # of results in one thread
WHOLE = 16 * VECTORS_AT_ONCE  # elements of a pass through a vectorised loop: of float32 in 512 bits, or less


@intrinsic
def per_line(typing_context, array):
    """How many elements of an array a cache line has."""

    def generate(context, builder, signature, arguments):
        size = context.get_abi_sizeof(context.get_data_type(array.dtype))
        return context.get_constant(types.intp, LINE_BYTES // size)

    return types.intp(array), generate


@intrinsic
def address(typing_context, array):
    """Where an array's elements begin: unlike ``array.ctypes.data``, it counts no references."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(array)(context, builder, arguments[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.intp))

    return types.intp(array), generate


@block
def is_same(array, out):
    """Whether out is where an input is."""
    return address(out) == address(array)


@block
def fits(array, out):
    """Whether out is an input, or has nothing in common with it: of one half covered, results would be read."""
    apart = abs(address(out) - address(array))
    return (apart == 0) | (apart >= out.nbytes)  # `or` would be a branch, across which Numba counts references


@block
def first_stop(out, light, in_blocks):
    """Where the first block ends: where a cache line begins, if that matters, or with the array.

    NumPy's large arrays begin 16 bytes into a line. Vectors each written across two lines make a loop a quarter slower
    whose speed memory sets.
    """
    before = (-address(out) % LINE_BYTES) * per_line(out) // LINE_BYTES
    return min(out.size, before) if (light or in_blocks) and before else next_stop(out, 0, in_blocks)


@block
def next_stop(out, stop, in_blocks):
    """Where the next block ends, or what is whole, or the array."""
    left = out.size - stop
    whole = left if left < WHOLE else left // WHOLE * WHOLE
    return stop + (min(whole, BLOCK_LINES * per_line(out)) if in_blocks else whole)


@intrinsic
def block_buffer(typing_context, like):
    """A pointer to a block on the stack, for elements of an array's type, where a cache line begins."""

    def generate(context, builder, signature, arguments):
        with builder.goto_entry_block():
            memory = builder.alloca(ir.ArrayType(ir.IntType(8), BLOCK_LINES * LINE_BYTES))
        memory.align = LINE_BYTES
        return builder.bitcast(memory, context.get_value_type(signature.return_type))

    return types.CPointer(like.dtype)(like), generate


@intrinsic
def pointer(typing_context, array, start):
    """A pointer to an element of a contiguous array: unlike a slice, it counts no references."""

    def generate(context, builder, signature, arguments):
        return builder.gep(context.make_array(array)(context, builder, arguments[0]).data, [arguments[1]])

    return types.CPointer(array.dtype)(array, types.intp), generate


@intrinsic
def _stream_line(typing_context, source, target, start):
    """Copy a cache line past the caches: from source[start:] to target[start:], where one begins, too."""

    def generate(context, builder, signature, arguments):
        line = ir.VectorType(ir.IntType(8), LINE_BYTES).as_pointer()
        source, target = (builder.bitcast(builder.gep(p, [arguments[2]]), line) for p in arguments[:2])
        copy = builder.store(builder.load(source, align=LINE_BYTES), target, align=LINE_BYTES)
        copy.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        return context.get_dummy_value()

    return types.none(source, target, types.intp), generate


@block
def readable(source, size, buffer):
    """Where elements are read: where they are or, if too few for a vectorised loop, in a block, zeros behind them."""
    if size >= WHOLE:
        return source
    for i in range(WHOLE):
        buffer[i] = 0
    for i in range(size):
        buffer[i] = source[i]
    return buffer


@block
def empty(buffer, target, size, line, streams):
    """Copy what is in a block to its place, past the caches if that is lines of so many elements, and all of them."""
    if streams and size == BLOCK_LINES * line:
        for i in range(BLOCK_LINES):
            _stream_line(buffer, target, i * line)
    else:
        for i in range(size):
            target[i] = buffer[i]


@intrinsic
def _fence(typing_context):
    def generate(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.none(), generate


@block
def fence(streams):
    """What was streamed is seen by other threads from here on."""
    if streams:
        _fence()
