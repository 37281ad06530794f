# SPDX-License-Identifier: MIT
"""The one list of everything that can be measured."""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

VARIANTS = ("textbook", "stable", "fast", "rounded", "library")  # the order of every file and table


@dataclass(frozen=True)
class Claim:
    """The bound that a kernel's author states: a largest error in ulp, or "rounded" for correctly rounded.

    With ``outside_roots``, the bound is claimed only where |x - root| >= outside_roots for each root of the
    derivative; what happens inside is measured and shown all the same.
    """

    bound: float | Literal["rounded"]
    outside_roots: float = 0.0


@dataclass(frozen=True)
class RunsWith:
    """What a backend says that it runs with, asked where its kernels are called; None for what it does not tell."""

    threads: int | None  # at most
    instruction_set: str | None  # that it chose for this processor, in its own words
    clocks_mhz: tuple[int, int] | None = None  # the lowest and the highest of a device while it was timed


class ResultError(TypeError):
    """What a function returned is nothing that its results can be read from."""


@dataclass(frozen=True)
class Absent:
    """A backend, or a variant of one, that can't be measured here; ``why`` is a sentence that says what to do."""

    backend: str
    why: str
    variant: str | None = None

    @property
    def what(self) -> tuple[str, str]:
        """The option that names it, and its name there."""
        return ("variant", self.variant) if self.variant else ("backend", self.backend)


@dataclass(frozen=True)
class Lacks:
    """What a backend that is here has no kernels of: those of one of each of these, where any are named."""

    backend: str
    why: str
    variants: tuple[str, ...] = ()
    activations: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()

    def asked(self, filters: Mapping[str, Collection[str]]) -> str | None:
        """What of it filters leave in, where one of them names some of that, in the words of the options; else None."""
        own = {
            "backend": (self.backend,),
            "variant": self.variants,
            "activation": self.activations,
            "direction": self.directions,
            "dtype": self.dtypes,
        }
        both = {name: [v for v in own[name] if v in (filters.get(name) or own[name])] for name in own}
        left_out = any(own[name] and not both[name] for name in own)
        if left_out or not any(filters.get(name) and both[name] for name in own):
            return None
        return ", ".join(f"{name} {' '.join(values)}" for name, values in both.items() if values)


@dataclass(frozen=True)
class Kernel:
    """One (activation, direction, dtype, backend, variant): what a row of every table is about.

    ``function(*arrays, **parameters)`` takes x (forward) or dy and x (backward, backward_alpha), arrays of ``dtype``;
    where ``takes_out`` it accepts ``out=``, and where ``takes_threads`` it accepts ``threads=``. ``prepare``, where
    there is one, takes the same, and makes of it a function without arguments: what is timed in place of the call.
    Where it computes on a device, ``timer`` says how long a call takes there, in seconds, or None where that is not to
    count; and ``copy`` makes of two arrays, a source and a destination, what copies their likes there: the yardstick.
    """

    activation: str
    direction: str
    dtype: str
    backend: str
    variant: str
    function: Callable[..., Any] = field(repr=False)
    why: str = ""
    claim: Claim | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    takes: frozenset[str] | None = None  # which of the parameters its function takes; None: all, and none is built in
    takes_out: bool = True
    takes_threads: bool = True
    takes_result: bool = False  # a gradient of f(x) and not of x, made before and no part of what is timed
    uses_all: bool = False  # takes no threads, and works on all processors that its process may use
    spins: bool = False  # its threads go on spinning after a call: beside other work it is faster with one
    flushes_subnormals: bool = False
    portable: bool = False  # the same bits on every machine: it calls no function of a library
    device: Literal["cpu", "cuda"] = "cpu"  # where it computes; its function takes arrays of this machine all the same
    copies_arrays: bool = False  # it computes on contiguous copies, each made apart: their layout is never its own
    timer: Callable[[Callable[[], Any]], float | None] | None = field(default=None, repr=False)  # None: the clock
    copy: Callable[..., Callable[[], Any]] | None = field(default=None, repr=False)  # None: what NumPy's arrays allow
    call_limit_s: float | None = None  # a call may take so long, where it may compile something; None: as any other
    compile: Callable[[], None] | None = field(default=None, repr=False)  # makes the first call as fast as the next
    prepare: Callable[..., Callable[[], Any]] | None = field(default=None, repr=False)
    source: str | None = None  # the file that its code is in, so that results can be told to be of the same code
    runs_with: Callable[[], RunsWith] | None = field(default=None, repr=False)  # asked after a call
    is_compiled: Callable[[], bool] = field(default=lambda: False, repr=False)  # compiled code is in the cache

    @property
    def id(self) -> str:
        return f"{self.activation}-{self.direction}-{self.dtype}-{self.backend}-{self.variant}"

    def built_in(self, wanted: Mapping[str, float]) -> dict[str, float]:
        """Those of its parameters that are other than wanted, and that can't be given to it."""
        fixed = {} if self.takes is None else {n: v for n, v in self.parameters.items() if n not in self.takes}
        return {name: value for name, value in fixed.items() if value != wanted[name]}

    def __call__(self, *arrays: np.ndarray, out: np.ndarray | None = None, threads: int | None = None) -> np.ndarray:
        """Call it with its own parameters; ``out`` and ``threads`` are passed on where the function has them."""
        return self.function(*arrays, **self._options(out, threads))

    def timed(self, *arrays: np.ndarray, out: np.ndarray | None, threads: int | None) -> Callable[[], Any]:
        """What is timed: a call of it or, where it is another library's, the operation on arrays of that library."""
        if self.prepare:
            return self.prepare(*arrays, **self._options(out, threads))
        return functools.partial(self.function, *arrays, **self._options(out, threads))

    def _options(self, out: np.ndarray | None, threads: int | None) -> dict[str, Any]:
        options: dict[str, Any] = dict(self.parameters)
        if self.takes_out:
            options["out"] = out
        if self.takes_threads:
            options["threads"] = threads
        return options


_kernels: dict[str, Kernel] = {}


def register(kernel: Kernel) -> Kernel:
    """Add a kernel to the list.

    Raises:
        ValueError: a kernel of the same identity is there already.
    """
    if kernel.id in _kernels:
        raise ValueError(f"{kernel.id} is registered twice: give one of them another backend or variant")
    _kernels[kernel.id] = kernel
    return kernel


def registered() -> Iterator[Kernel]:
    """Every kernel registered so far, in the order of registration."""
    return iter(list(_kernels.values()))
