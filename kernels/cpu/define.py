# SPDX-License-Identifier: MIT
"""What a kernel file uses: an ``Activation``, and the decorator that makes kernels of a body.

    silu = Activation("silu", beta=1.0)

    @silu.forward.variant("textbook", why="the formula as it is printed")
    def textbook(x, beta):
        T = type(x)
        return x / (T(1) + exp(-T(beta * x)))

A body is arithmetic on one element. It is written once and compiled for float32, which serves the 16-bit dtypes too,
and for float64; parameters come to it as float64, so that a float given is exactly that number. Compile options,
layout and storage are none of its business. Each variant of each direction becomes a registered kernel in every dtype,
compiled when it is first called.
"""

import functools
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.np.numpy_support import from_dtype

from kernels.cpu import launch, loops
from kernels.cpu.compile import block, compile_loop
from kernels.cpu.storage import BY_DTYPE, STORAGES, Storage
from kernels.registry import Claim, Kernel, register


class Activation:
    """An activation that can be called, with its parameters' defaults; ``learned`` may be an array, one per channel."""

    def __init__(self, name: str, *, learned: str | None = None, **parameters: float) -> None:
        self.name = name
        self.learned = learned
        self.parameters = parameters
        self.forward = Forward(self)
        self.backward = Backward(self)
        if learned:
            self.backward_alpha = BackwardAlpha(self)

    def __call__(self, x: np.ndarray, *, variant: str = "stable", out=None, threads=None, **parameters) -> np.ndarray:
        """f(x), an array of x's shape and dtype, in ``out`` where given."""
        return self.forward(x, variant=variant, out=out, threads=threads, **parameters)

    def __repr__(self) -> str:
        return f"<kernels.cpu.{self.name}>"

    def values(self, given: dict[str, Any], x: np.ndarray) -> tuple[float | np.ndarray, ...]:
        """The parameters in their order: floats, or an array for a learned one.

        Raises:
            TypeError: a parameter that there is not, or not a number.
            ValueError: an α per channel that does not fit x.
        """
        for name in given.keys() - self.parameters.keys():
            has = ", ".join(self.parameters) or "none"
            raise TypeError(f"{self.name} has no parameter {name!r}; its parameters: {has}")
        return tuple(self._value(name, given.get(name, default), x) for name, default in self.parameters.items())

    def _value(self, name: str, value: Any, x: np.ndarray) -> float | np.ndarray:
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        if isinstance(value, numbers.Real | np.floating) or type(value) in _SCALARS:
            return float(value)
        if name != self.learned or not isinstance(value, np.ndarray):
            array = " or an array with one number per channel" if name == self.learned else ""
            raise TypeError(f"{self.name}: {name} must be a number{array}, not {type(value).__name__}")
        if value.dtype != x.dtype:
            raise TypeError(f"{self.name}: {name} is {value.dtype} but x is {x.dtype}: convert it with .astype(x.dtype)")
        if x.ndim < 2 or value.shape != x.shape[1:2]:
            raise ValueError(
                f"{self.name}: {name} of shape {value.shape} needs one number for each channel, which is axis 1 of x; "
                f"x has shape {x.shape}"
            )
        return value


_SCALARS = {s.dtype.type for s in STORAGES.values()}


@dataclass(frozen=True)
class Variant:
    """A body, and how it is compiled for one storage."""

    body: Dispatcher
    prefix: str  # of the names of compiled code
    in_blocks: bool = True

    @functools.cache  # noqa: B019 - variants live as long as the module that defines them
    def loop(self, loop: Callable[..., None], storage: Storage, arrays: str) -> Dispatcher:
        """``loop`` with this body; ``arrays`` is its signature in a notation of one word an argument."""
        parts = {"body": self.body, "load": storage.load, "store": storage.store}
        name = f"{self.prefix}_{storage.name}_{loop.__name__}"
        return compile_loop(loop, name, _signature(arrays, storage), parts)


def _signature(words: str, storage: Storage) -> Any:
    """Types of a loop's arguments: "x" and "x2" arrays of the dtype, "sum" of sums, "n" a count, "p3" 3 parameters."""
    element = from_dtype(storage.memory)
    known = {"x": element[::1], "x2": element[:, ::1], "sum": types.float64[:, ::1], "n": types.intp}
    return types.void(*[known[w] if w in known else types.UniTuple(types.float64, int(w[1:])) for w in words.split()])


class Direction:
    """One direction of an activation: its variants, and what calls share."""

    name: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]]
    takes_out: ClassVar[bool] = True

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self.variants: dict[str, Variant] = {}

    def variant(
        self, variant: str, *, why: str, max_ulp: float | None = None, outside_roots: float = 0.0, in_blocks: bool = True
    ) -> Callable[[Callable[..., Any]], Dispatcher]:
        """Decorate a body: it becomes a kernel in every dtype, with the bound that it claims."""
        claim = None if max_ulp is None else Claim(max_ulp, outside_roots)

        def define(body: Callable[..., Any]) -> Dispatcher:
            compiled = body if isinstance(body, Dispatcher) else block(body)
            prefix = f"{self.activation.name}_{self.name}_{variant}"
            self.variants[variant] = Variant(compiled, prefix, in_blocks)
            for storage in STORAGES.values():
                self._register(variant, storage, why, claim)
            return compiled

        return define

    def _register(self, variant: str, storage: Storage, why: str, claim: Claim | None) -> None:
        register(
            Kernel(
                activation=self.activation.name,
                direction=self.name,
                dtype=storage.name,
                backend="numba",
                variant=variant,
                function=functools.partial(self, variant=variant),
                why=why,
                claim=claim,
                parameters=self.activation.parameters,
                takes_out=self.takes_out,
                compile=functools.partial(self.compile, variant, storage),
            )
        )

    def compile(self, variant: str, storage: Storage) -> None:
        """Compile one kernel, or load it from the cache."""
        raise NotImplementedError

    def _check(
        self, arrays: tuple[np.ndarray, ...], variant: str, out: np.ndarray | None, threads: int | None
    ) -> tuple[Variant, Storage]:
        """The variant and storage that a call is about.

        Raises:
            TypeError: something is not an array, or of the wrong dtype.
            ValueError: an unknown variant, a shape that does not fit, or no possible count of threads.
        """
        x, name = arrays[-1], self.activation.name
        if not isinstance(x, np.ndarray):
            raise TypeError(f"{name}: x must be a numpy array, not {type(x).__name__}")
        storage = BY_DTYPE.get(x.dtype)
        if storage is None:
            raise TypeError(f"{name}: x is {x.dtype}, which is not supported: convert it to {', '.join(STORAGES)}")
        others = [*zip(self.inputs, arrays[:-1], strict=False)] + ([] if out is None else [("out", out)])
        for label, array in others:
            if not isinstance(array, np.ndarray) or array.dtype != x.dtype:
                got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise TypeError(f"{name}: {label} must be a numpy array of x's dtype, {x.dtype}, not {got}")
            if array.shape != x.shape:
                raise ValueError(f"{name}: {label} has shape {array.shape} but x has {x.shape}: they must be equal")
        if out is not None and not out.flags.writeable:
            raise ValueError(f"{name}: out is read-only: pass an array that can be written")
        if threads is not None and threads < 1:
            raise ValueError(f"{name}: threads is {threads}: pass at least 1, or None for a choice by size")
        try:
            return self.variants[variant], storage
        except KeyError:
            has = ", ".join(self.variants)
            raise ValueError(f"{name} {self.name} has no variant {variant!r}; its variants: {has}") from None


class Elementwise(Direction):
    """A direction whose result has an element for each element of x."""

    flat: ClassVar[Callable[..., None]]
    channels: ClassVar[Callable[..., None]]

    def compile(self, variant: str, storage: Storage) -> None:
        self._flat_loop(self.variants[variant], storage)

    def _flat_loop(self, variant: Variant, storage: Storage) -> Dispatcher:
        return variant.loop(self.flat, storage, "x " * (len(self.inputs) + 1) + f"p{len(self.activation.parameters)}")

    def _run(self, arrays, variant, out, threads, parameters) -> np.ndarray:
        chosen, storage = self._check(arrays, variant, out, threads)
        values = self.activation.values(parameters, arrays[-1])
        if not values or not isinstance(values[0], np.ndarray):
            return launch.elementwise(self._flat_loop(chosen, storage), arrays, out, storage.view, threads, values)
        loop = chosen.loop(self.channels, storage, "x2 " * (len(self.inputs) + 1) + "x n")
        return launch.by_channel(loop, arrays, out, storage.view, threads, values[0])


class Forward(Elementwise):
    name, inputs = "forward", ("x",)
    flat, channels = staticmethod(loops.forward), staticmethod(loops.forward_channels)

    def __call__(self, x: np.ndarray, *, variant: str = "stable", out=None, threads=None, **parameters) -> np.ndarray:
        """f(x), an array of x's shape and dtype, in ``out`` where given."""
        return self._run((x,), variant, out, threads, parameters)


class Backward(Elementwise):
    name, inputs = "backward", ("dy", "x")
    flat, channels = staticmethod(loops.backward), staticmethod(loops.backward_channels)

    def __call__(
        self, dy: np.ndarray, x: np.ndarray, *, variant: str = "stable", out=None, threads=None, **parameters
    ) -> np.ndarray:
        """dy·f′(x), an array of x's shape and dtype, in ``out`` where given."""
        return self._run((dy, x), variant, out, threads, parameters)


class BackwardAlpha(Direction):
    """The gradient with respect to a learned α, Σ dy·∂f/∂α: a body takes a sum (high, low) one element further."""

    name, inputs, takes_out = "backward_alpha", ("dy", "x"), False

    def __call__(
        self, dy: np.ndarray, x: np.ndarray, *, variant: str = "stable", threads=None, **parameters
    ) -> np.ndarray:
        """The sum over x, 0-d; for an α per channel, one for each channel."""
        chosen, storage = self._check((dy, x), variant, None, threads)
        (alpha,) = self.activation.values(parameters, x)
        per_channel = isinstance(alpha, np.ndarray)
        channels, inner = (x.shape[1], int(np.prod(x.shape[2:]))) if per_channel else (1, launch.SUM_BLOCK)
        sums = launch.channel_sums(
            *self._loops(chosen, storage), dy, x, channels, inner, storage.view, threads, chosen.in_blocks
        )
        with np.errstate(over="ignore"):
            return (sums if per_channel else sums[0]).astype(x.dtype).reshape(alpha.shape if per_channel else ())

    def compile(self, variant: str, storage: Storage) -> None:
        self._loops(self.variants[variant], storage)

    def _loops(self, variant: Variant, storage: Storage) -> tuple[Dispatcher, Dispatcher]:
        return variant.loop(loops.channel_sums, storage, "x x sum sum n n n"), _total()


@functools.cache
def _total() -> Dispatcher:
    return compile_loop(loops.total, "total", types.void(types.float64[:, ::1], types.float64[:, ::1]), {})
