# SPDX-License-Identifier: MIT
"""The same bits, wherever an element stands: whatever the array's length, offset and strides, the threads that share
it, what lies beside the element, and however often it is asked; and with ``out`` for the input itself.

A mix of inputs is given once as one contiguous array, and then again in many other ways. Every NaN counts as the same.
For a backward kernel dy is drawn at random. A layout that a kernel refuses is a violation.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.accuracy import canonical_patterns, format_of
from bench.calling import KernelError, answer, call, hexadecimal
from bench.inputs import SAMPLES, as_format
from bench.spans import CACHE_LINE
from bench.trials import Count, Trial, broken, broken_call, generator, not_checked, refuse_if_fatal
from bench.ulp import distance
from kernels.cpu.launch import cores
from kernels.registry import Kernel
from reports.schema import Property

Arrays = tuple[np.ndarray, ...]

LONGEST = 65  # of the short arrays
OFFSETS = 18
LINE = 32  # elements in a row of a matrix; every array of a Base is a whole number of these
MANY_CORES = 8  # from here on not every number of threads is tried
LOST = ("offset", "stride", "in place")  # what is not seen of a kernel that is given copies of the arrays
FILLER = -1  # in place of an element's number: a neighbour, whose result does not matter


@dataclass(frozen=True)
class Base:
    """A kernel with a mix of inputs, and their results from one call on contiguous arrays."""

    kernel: Kernel
    arrays: Arrays
    results: np.ndarray
    depth: str
    random: np.random.Generator

    @functools.cached_property
    def bits(self) -> np.ndarray:
        return canonical_patterns(self.results, format_of(self.kernel))

    @property
    def is_sum(self) -> bool:
        return self.kernel.direction == "backward_alpha"

    @property
    def size(self) -> int:
        return len(self.arrays[-1])

    def numbers(self, elements: np.ndarray) -> np.ndarray:
        """Which of the results are due for these elements, given by their numbers, in the shape of the results."""
        return np.zeros((), int) if self.is_sum else elements

    def copies(self, part: slice = slice(None)) -> Arrays:
        """The same elements, or some of them, in new contiguous arrays."""
        return tuple(a[part].copy() for a in self.arrays)


@dataclass(frozen=True)
class Variation:
    """Elements of the base, given in another way."""

    what: str  # finishes "0x1p+0 ..."
    arrays: Arrays
    numbers: np.ndarray  # for each result, which of the base's it should be, or FILLER
    out: np.ndarray | None = None
    threads: int | None = None
    in_place: bool = False
    without_out: bool = False


def lengths(base: Base) -> Iterator[Variation]:
    """Parts of 1 to 65 elements, several of each length: vector loops leave the last few to other code."""
    for n in range(1, LONGEST + 1):
        for start in base.random.integers(0, base.size - n, SAMPLES[base.depth] >> 8):
            part = slice(start, start + n)
            yield Variation(f"in an array of length {n}", base.copies(part), np.arange(base.size)[part])


def offsets(base: Base) -> Iterator[Variation]:
    """Inside larger buffers, at every offset from a cache line, each array at another one."""
    for k in range(OFFSETS):
        arrays = tuple(_shifted(a, (k + 5 * i) % OFFSETS) for i, a in enumerate(base.arrays))
        out = _shifted(np.empty_like(base.arrays[-1]), OFFSETS - 1 - k)
        yield Variation(f"at offset {k} in a buffer", arrays, np.arange(base.size), out)


def _shifted(array: np.ndarray, by: int) -> np.ndarray:
    wide = np.empty((len(array) + OFFSETS) * array.itemsize + CACHE_LINE, np.uint8)
    start = -wide.ctypes.data % CACHE_LINE
    buffer = wide[start : start + (len(array) + OFFSETS) * array.itemsize].view(array.dtype)
    buffer[:] = np.nan
    buffer[by : by + len(array)] = array
    return buffer[by : by + len(array)]


def _spread(array: np.ndarray) -> np.ndarray:
    buffer = np.full(2 * len(array), np.nan, array.dtype)
    buffer[::2] = array
    return buffer[::2]


def _cut(array: np.ndarray) -> np.ndarray:
    rows = array.reshape(-1, LINE)
    buffer = np.full((len(rows), LINE + 1), np.nan, array.dtype)
    buffer[:, :LINE] = rows
    return buffer[:, :LINE]


STRIDES: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # the elements stay in their logical order
    "with step 2": _spread,
    "with step -1": lambda array: array[::-1].copy()[::-1],
    "in a transposed matrix": lambda array: array.reshape(LINE, -1).T.copy().T,
    "in a matrix without its last column": _cut,
}


def strides(base: Base) -> Iterator[Variation]:
    """Views that are not contiguous: the inputs alone, and then ``out`` too."""
    for what, view in STRIDES.items():
        arrays = tuple(view(a) for a in base.arrays)
        numbers = base.numbers(np.arange(base.size).reshape(arrays[-1].shape))
        yield Variation(what, arrays, numbers)
        if base.kernel.takes_out and not base.is_sum:
            yield Variation(f"{what}, out too", arrays, numbers, out=view(np.empty_like(base.arrays[-1])))


def shared_size(depth: str) -> int:
    """Elements of an array that threads share unevenly."""
    return SAMPLES[depth] * 64 + LINE


def threads(base: Base) -> Iterator[Variation]:
    """A large array, shared by any number of threads; and by as many as the kernel chooses."""
    size, most = shared_size(base.depth), max(2, cores())
    counts = range(1, most + 1) if most <= MANY_CORES else sorted({1, 2, 3, MANY_CORES, most // 2, most})
    arrays = tuple(np.resize(a, size) for a in base.arrays)
    numbers = base.numbers(np.arange(size) % base.size)
    for count in (None, *counts):
        what = "with the default threads" if count is None else f"with {count} thread{'s' if count > 1 else ''}"
        yield Variation(f"{what} on {size:,} elements", arrays, numbers, threads=count)


def neighbours(base: Base) -> Iterator[Variation]:
    """Every other element is one and the same value: ordinary, huge, tiny, infinite or NaN."""
    form = format_of(base.kernel)
    ends = (np.inf, -np.inf, form.largest, -form.largest, form.least_subnormal)
    for value in (1.0, 0.0, np.nan, *ends):
        for side in (0, 1):
            arrays = tuple(np.full(2 * base.size, value, a.dtype) for a in base.arrays)
            for wide, narrow in zip(arrays, base.arrays, strict=True):
                wide[side::2] = narrow
            numbers = np.full(2 * base.size, FILLER)
            numbers[side::2] = np.arange(base.size)
            yield Variation(f"between neighbours of {value:.3g}", arrays, numbers)


def repeats(base: Base) -> Iterator[Variation]:
    """The same call once more, and again; and where the kernel can make the output, without ``out``."""
    numbers = base.numbers(np.arange(base.size))
    for count in ("second", "third"):
        yield Variation(f"in a {count} call", base.copies(), numbers)
    if base.kernel.takes_out:
        yield Variation("without out=", base.copies(), numbers, without_out=True)


def in_place(base: Base) -> Iterator[Variation]:
    """The result is written over an input: over any one of them, in arrays long and short."""
    for n in (base.size, LONGEST - 4):
        for i in range(len(base.arrays)):
            arrays = base.copies(slice(n))
            name = "x" if i == len(base.arrays) - 1 else "dy"
            yield Variation(f"with out={name}", arrays, np.arange(n), out=arrays[i], in_place=True)


def layouts(trial: Trial) -> dict[str, Property]:
    """The verdicts on a forward or backward kernel.

    Raises:
        KernelError: it hung, or spoiled its process.
    """
    kernel = trial.kernel
    checks = {"length": lengths, "offset": offsets, "stride": strides, "neighbours": neighbours, "repeatable": repeats}
    if kernel.takes_threads:
        checks["threads"] = threads
    if kernel.takes_out:
        checks["in place"] = in_place
    return _verdicts(kernel, _mix(trial), trial.depth, trial.seed, checks)


def layouts_of_sum(kernel: Kernel, depth: str, seed: int) -> dict[str, Property]:
    """The verdicts on a kernel that sums over its elements, in one array that threads share.

    Raises:
        KernelError: it hung, or spoiled its process.
    """
    checks = {"stride": strides, "repeatable": repeats}
    if kernel.takes_threads:
        checks["threads"] = threads
    normal = generator(kernel, "sum", seed).standard_normal((2, shared_size(depth)))
    arrays = tuple(as_format(a, format_of(kernel)) for a in normal)
    return _verdicts(kernel, arrays, depth, seed, checks)


def _mix(trial: Trial) -> Arrays:
    """Ordinary numbers, check points, special values, and some of the inputs on which accuracy is measured."""
    random, size = trial.random("layouts"), 2 * SAMPLES[trial.depth] + LINE
    points = [p.x for p in trial.truth.activation.check_points]
    given = as_format(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, *points]), trial.form)
    normal = as_format(random.normal(0, 4, size // 2), trial.form)
    others = random.choice(trial.truth.inputs.values.view(trial.form.pattern), size - size // 2 - len(given))
    x = random.permutation(np.concatenate([given, normal, trial.form.from_patterns(others)]).view(trial.form.pattern))
    x = trial.form.from_patterns(x)
    return (x,) if trial.forward else (as_format(random.standard_normal(size), trial.form), x)


def _verdicts(
    kernel: Kernel, arrays: Arrays, depth: str, seed: int, checks: dict[str, Callable[[Base], Iterator[Variation]]]
) -> dict[str, Property]:
    try:
        shape = () if kernel.direction == "backward_alpha" else arrays[-1].shape
        results = np.atleast_1d(call(kernel, *arrays, shape=shape))
    except KernelError as error:
        return dict.fromkeys(checks, broken(error))
    base = Base(kernel, arrays, results, depth, generator(kernel, "lengths", seed))
    lost = LOST if kernel.copies_arrays else ()
    copied = not_checked("it is given contiguous copies of the arrays on the GPU, each made apart")
    return {name: copied if name in lost else _verdict(base, tried(base)) for name, tried in checks.items()}


def _verdict(base: Base, variations: Iterator[Variation]) -> Property:
    tally = Count()
    for variation in variations:
        try:
            got = _call(base.kernel, variation)
        except KernelError as error:
            refuse_if_fatal(error)
            if not variation.without_out:  # a kernel may want an out
                tally.add(1, 1, lambda v=variation, e=error: f"{v.what}: {broken_call(e)}")
            continue
        _compare(tally, base, variation, got)
    return tally.property()


def _call(kernel: Kernel, variation: Variation) -> np.ndarray:
    shape = variation.numbers.shape
    if variation.in_place:
        return answer(kernel, variation.arrays, shape, variation.out, variation.threads)
    if variation.without_out:
        kernel = replace(kernel, takes_out=False)
    return call(kernel, *variation.arrays, shape=shape, out=variation.out, threads=variation.threads)


def _compare(tally: Count, base: Base, variation: Variation, got: np.ndarray) -> None:
    form, got = format_of(base.kernel), np.ascontiguousarray(got).reshape(-1)
    numbers = variation.numbers.reshape(-1)
    judged = np.flatnonzero(numbers != FILLER)
    got, due = got[judged], numbers[judged]
    wrong = canonical_patterns(got, form) != base.bits[due]
    if not wrong.any():
        tally.add(len(judged))
        return
    expected = base.results[due]
    number = wrong & ~np.isnan(got) & ~np.isnan(expected)
    ours, theirs = (form.ordinals(np.where(number, v, form.dtype.type(0))) for v in (got, expected))

    def sentence(i: int) -> str:
        place = "the sum" if base.is_sum else f"element {judged[i]}, {_inputs(base, due[i])}"
        one, other = hexadecimal(got[i]), hexadecimal(expected[i])
        return f"{place}: {one} {variation.what}, {other} in one contiguous array of {base.size:,}"

    tally.see(wrong, sentence, distance(ours, theirs))


def _inputs(base: Base, element: int) -> str:
    names = ("x",) if len(base.arrays) == 1 else ("dy", "x")
    return ", ".join(f"{n} = {hexadecimal(a[element])}" for n, a in zip(names, base.arrays, strict=True))
