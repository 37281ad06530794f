# SPDX-License-Identifier: MIT
"""mpmath as the oracle of functions that no fast one knows, such as a user's own: what it computed once is kept.

The results of a function in a format are in one file, input by input, so that another depth, the neighbours of inputs
and another kernel of the function find what they share. The file is named by a hash of all that results could depend
on: the sources of the function and of what is loaded beside it, those of this package, the versions of mpmath and of
Python, and the parameters. It has a block for each time that something was computed, written whole; from one that is
damaged or cut on, nothing is believed. Nor is any of it where a sample computed anew is not the same to the last bit,
since a function may depend on more than its sources. Where the source is in no file, results are kept only as long as
this process.
"""

import contextlib
import functools
import hashlib
import inspect
import itertools
import os
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import fields
from importlib import metadata
from pathlib import Path

import mpmath
import numpy as np

from reference import oracle
from reference.activation import Activation
from reference.compiled import OWN, cache_root, remove_stale, sources_digest
from reference.formats import Format
from reference.oracle import Exact, limits_of, one_at_a_time
from reference.sources import loaded_sources

AT_ONCE = 1 << 13  # inputs, before what was found is written: a run that is interrupted loses no more
SAMPLE = 16  # results of a file that are computed anew
STORES = 4  # functions and formats at a time in memory
COUNT_BYTES, DIGEST_BYTES = 8, 32  # what a block begins with: of how many inputs it is, and SHA-256 over its data

Parameters = tuple[tuple[str, float], ...]


@one_at_a_time
def exact(
    activation: Activation,
    direction: str,
    form: Format,
    x: np.ndarray,
    parameters: Mapping[str, float],
    dy: np.ndarray | None = None,
) -> Exact:
    """The results of `reference.oracle.exact`, each of which is computed once."""
    of = (activation, direction, form, tuple(sorted(parameters.items())))
    inputs = (x,) if dy is None else (x, dy)
    return _store(*of, len(inputs), cache_root()).of(*inputs)


class Store:
    """Exact results by their inputs: x, or x and dy.

    Args:
        path: of the file that has them; None keeps them in memory alone.
        form: of inputs and results.
        inputs: how many arrays of them there are.
        compute: the results for arrays of inputs.
    """

    def __init__(self, path: Path | None, form: Format, inputs: int, compute: Callable[..., Exact]) -> None:
        self.path, self.form, self.compute = path, form, compute
        self.nothing = [np.empty(0, form.dtype)] * inputs
        self.results = compute(*self.nothing)  # with room for more behind them
        self.count = 0
        self.places: dict[Hashable, int] = {}
        if path is not None:
            self._read(path)

    def of(self, *inputs: np.ndarray) -> Exact:
        """The results for inputs; those that are not there are computed, and kept."""
        keys = self._keys(inputs)
        missing = np.array(list({key: at for at, key in enumerate(keys) if key not in self.places}.values()), np.intp)
        for first in range(0, len(missing), AT_ONCE):
            some = [array[missing[first : first + AT_ONCE]] for array in inputs]
            found = self.compute(*some)
            self._take(some, found)
            self._write(some, found)
        return self.results[np.array([self.places[key] for key in keys], np.intp)]

    def _keys(self, inputs: Sequence[np.ndarray]) -> list[Hashable]:
        """One for each element: its bits, since -0 is not 0."""
        patterns = [np.ascontiguousarray(array).view(self.form.pattern).tolist() for array in inputs]
        return list(zip(*patterns, strict=True))

    def _take(self, inputs: Sequence[np.ndarray], results: Exact) -> None:
        first, self.count = self.count, self.count + len(results)
        if self.count > len(self.results):
            self.results = Exact.concatenate([self.results, self.results, results])
        for field in fields(Exact):
            getattr(self.results, field.name)[first : self.count] = getattr(results, field.name)
        self.places.update({key: at for at, key in enumerate(self._keys(inputs), first)})

    def _write(self, inputs: Sequence[np.ndarray], results: Exact) -> None:
        """Add a block; a folder that can't be written costs a later run time, and nothing else."""
        if self.path is None:
            return
        data = b"".join([*(array.tobytes() for array in inputs), *_bytes(results)])
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as file:
                file.write(len(results).to_bytes(COUNT_BYTES, "little") + hashlib.sha256(data).digest() + data)

    def _read(self, path: Path) -> None:
        """Take what the file has, and cut off what is not sound: more will be written behind."""
        with contextlib.suppress(OSError):
            whole = path.read_bytes()
            blocks, sound = self._blocks(whole)
            columns = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
            inputs, results = columns[: len(self.nothing)], columns[len(self.nothing) :]
            if blocks and self._is_computed_now(inputs, Exact(*results)):
                self._take(inputs, Exact(*results))
            elif blocks:
                sound = 0
            if sound < len(whole):
                os.truncate(path, sound)

    def _blocks(self, whole: bytes) -> tuple[list[list[np.ndarray]], int]:
        """The columns of each block, inputs first, and how many bytes these blocks are."""
        dtypes = [column.dtype for column in (*self.nothing, *(getattr(self.results, f.name) for f in fields(Exact)))]
        width, blocks, end = sum(dtype.itemsize for dtype in dtypes), [], 0
        while True:
            begin = end + COUNT_BYTES + DIGEST_BYTES
            count = int.from_bytes(whole[end : end + COUNT_BYTES], "little")
            data = whole[begin : begin + count * width]
            if not count or hashlib.sha256(data).digest() != whole[begin - DIGEST_BYTES : begin]:
                return blocks, end
            offsets = itertools.accumulate((count * dtype.itemsize for dtype in dtypes), initial=0)
            blocks.append([np.frombuffer(data, dtype, count, at) for dtype, at in zip(dtypes, offsets, strict=False)])
            end = begin + len(data)

    def _is_computed_now(self, inputs: Sequence[np.ndarray], results: Exact) -> bool:
        """Whether some of the results are, to the last bit."""
        some = np.linspace(0, len(results) - 1, min(len(results), SAMPLE)).astype(np.intp)
        return _bytes(results[some]) == _bytes(self.compute(*(array[some] for array in inputs)))


def _bytes(results: Exact) -> list[bytes]:
    return [getattr(results, field.name).tobytes() for field in fields(Exact)]


@functools.lru_cache(STORES)
def _store(
    activation: Activation, direction: str, form: Format, parameters: Parameters, inputs: int, root: Path
) -> Store:
    folder, key = root / "exact", _key(activation, direction, form, parameters, inputs)
    remove_stale(folder)
    path = folder / f"{activation.name}-{direction}-{form.name}-{key[:24]}" if key else None
    if path is not None:
        with contextlib.suppress(OSError):
            os.utime(path)  # in use: not stale

    def compute(x: np.ndarray, dy: np.ndarray | None = None) -> Exact:
        return oracle.exact(activation, direction, form, x, dict(parameters), dy)

    return Store(path, form, inputs, compute)


def _key(activation: Activation, direction: str, form: Format, parameters: Parameters, inputs: int) -> str | None:
    """A hash of all that the results could depend on; None where the function's source is in no file."""
    functions = [inspect.unwrap(f) for f in (activation.forward, activation.derivative)]
    try:
        own = [inspect.getsourcefile(function) for function in functions]
        places = [(f.__module__, f.__qualname__, f.__code__.co_firstlineno) for f in functions]
    except (TypeError, AttributeError):  # it is no function of Python's
        return None
    if not all(path and Path(path).is_file() for path in own):
        return None
    exactly = [(name, float(value).hex()) for name, value in parameters]
    limits = [str(limit) for limit in limits_of(activation, direction, dict(parameters))]
    what = (activation.name, direction, form.name, inputs, exactly, limits, activation.kinks, places)
    digest = hashlib.sha256(repr((what, _versions(), sources_digest(OWN))).encode())
    ours = tuple(str(OWN.parent / package) + os.sep for package in ("bench", "kernels", "reports"))
    for path in loaded_sources(*own):
        if not path.startswith(ours):  # nothing exact comes from there
            with contextlib.suppress(OSError):
                digest.update(path.encode() + b"\0" + Path(path).read_bytes())
    return digest.hexdigest()


def _versions() -> tuple[str, ...]:
    """Of Python, of mpmath, and of what mpmath computes with."""
    found = [sys.version, mpmath.__version__, mpmath.libmp.BACKEND]
    with contextlib.suppress(metadata.PackageNotFoundError):
        found.append(metadata.version("gmpy2"))
    return tuple(found)
