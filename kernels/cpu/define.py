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
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.core.typing.templates import Signature

from kernels.cpu import assembly, launch, loops, sums
from kernels.cpu.compile import block, cache_folder, compile_loop, is_cached, runs_with
from kernels.cpu.storage import BY_DTYPE, STORAGES, Storage
from kernels.parameters import Parameters
from kernels.registry import Claim, Kernel, register

OWN_ARITHMETIC = ("fast", "rounded")  # variants that call nothing of the C library, whose functions differ


class Activation:
    """An activation that can be called, with its parameters' defaults.

    Args:
        learned: the parameter that may be an array, one number per channel.
        light: with so little arithmetic that memory sets the speed.
    """

    def __init__(self, name: str, *, learned: str | None = None, light: bool = False, **parameters: float) -> None:
        self.name = name
        self.learned = learned
        self.light = light
        self.parameters = parameters
        self.defaults = tuple(map(float, parameters.values()))
        self._given = Parameters(name, parameters, learned)
        self.forward = Forward(self)
        self.backward = Backward(self)
        if learned:
            self.backward_alpha = BackwardAlpha(self)

    def __call__(self, x: np.ndarray, **options: Any) -> np.ndarray:
        """f(x): see ``Forward.__call__``."""
        return self.forward(x, **options)

    def __repr__(self) -> str:
        return f"<kernels.cpu.{self.name}>"

    def values(self, given: dict[str, Any], x: np.ndarray) -> tuple[float | np.ndarray, ...]:
        """The parameters in their order: see ``Parameters.values``."""
        return self._given.values(given, x) if given else self.defaults


@dataclass
class Variant:
    """A body, and what has been compiled with it: one loop for each storage and layout."""

    body: Dispatcher
    body_16_bit: Dispatcher  # of the dtypes that float32 arithmetic serves
    in_blocks: bool
    in_lanes: bool
    wide: bool  # it computes in float64, whatever the dtype
    compiled: dict[tuple[Callable[..., None], str], Dispatcher] = field(default_factory=dict)


class Direction:
    """One direction of an activation: its variants, and what calls share."""

    name: ClassVar[str]
    flat: ClassVar[Callable[..., None]]  # the loop of its kernels
    takes_out: ClassVar[bool] = True

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self.variants: dict[str, Variant] = {}

    def variant(
        self,
        variant: str,
        *,
        why: str,
        max_ulp: float | None = None,
        max_ulp_16_bit: float | None = None,
        body_16_bit: Dispatcher | None = None,
        why_16_bit: str | None = None,
        outside_roots: float = 0.0,
        in_blocks: bool = True,
        in_lanes: bool = False,
    ) -> Callable[[Callable[..., Any]], Dispatcher]:
        """Decorate a body: it becomes a kernel in every dtype, with the bound that it claims.

        The body of "rounded" computes in float64, and its results are rounded once: it is a kernel of the dtypes
        narrower than that, and claims to be correctly rounded. What ends in ``_16_bit`` is that of the 16-bit dtypes,
        where it is another. ``in_blocks`` is for sums: without it there is one
        running sum, from the first element on. With ``in_lanes`` a sum is vectorised, and its body gives one term.
        """
        wide = variant == "rounded"

        def define(body: Callable[..., Any]) -> Dispatcher:
            compilable = body if isinstance(body, Dispatcher) else block(body)
            self.variants[variant] = Variant(compilable, body_16_bit or compilable, in_blocks, in_lanes, wide)
            for storage in STORAGES.values():
                bound = max_ulp_16_bit if max_ulp_16_bit and storage.dtype.itemsize == 2 else max_ulp
                bound = "rounded" if wide else bound
                if not (wide and storage.dtype == np.float64):
                    said = why_16_bit if why_16_bit and storage.dtype.itemsize == 2 else why
                    self._register(variant, storage, said, None if bound is None else Claim(bound, outside_roots))
            return compilable

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
                portable=variant in OWN_ARITHMETIC,
                source=__file__,
                compile=functools.partial(self.compile, variant, storage),
                is_compiled=functools.partial(self.is_compiled, variant, storage),
                runs_with=runs_with,
            )
        )

    def compile(self, variant: str, storage: Storage) -> None:
        """Compile one kernel, or load it from the cache."""
        self._loop(variant, storage, self._main(variant))

    def _main(self, variant: str) -> Callable[..., None]:
        """The loop of a variant, for parameters that are numbers."""
        return self.flat

    def _loop(self, variant: str, storage: Storage, loop: Callable[..., None]) -> Dispatcher:
        chosen = self.variants[variant]
        compiled = chosen.compiled.get((loop, storage.name))
        if compiled is None:
            name = self._code_name(variant, storage, loop)
            load, store = storage.wide if chosen.wide else (storage.load, storage.store)
            body = chosen.body_16_bit if storage.dtype.itemsize == 2 else chosen.body
            of_all = {"defaults": self.activation.defaults, "light": self.activation.light}
            parts = {"body": body, "load": load, "store": store, **of_all}
            compiled = compile_loop(loop, name, self._signature(loop, storage), parts)
            chosen.compiled[loop, storage.name] = compiled
        return compiled

    def is_compiled(self, variant: str, storage: Storage) -> bool:
        """Whether the cache has one kernel's code, so that `compile` takes milliseconds."""
        return is_cached(self._code_name(variant, storage, self._main(variant)))

    def code(self, variant: str, storage: Storage) -> assembly.Code:
        """What the machine code of one kernel is like.

        Raises:
            FileNotFoundError: compiled code is not kept, since there is no place to write to.
        """
        self.compile(variant, storage)
        return assembly.kept(cache_folder(), self._code_name(variant, storage, self._main(variant)))

    def _code_name(self, variant: str, storage: Storage, loop: Callable[..., None]) -> str:
        return f"{self.activation.name}_{self.name}_{storage.name}_{variant}_{loop.__name__}"

    def _signature(self, loop: Callable[..., None], storage: Storage) -> Signature:
        raise NotImplementedError

    def _check(
        self, arrays: tuple[np.ndarray, ...], variant: str, out: np.ndarray | None, threads: int | None
    ) -> Storage:
        """The storage that a call is about.

        Raises:
            TypeError: something is not an array, or of the wrong dtype.
            ValueError: an unknown variant, a shape that does not fit, or no possible count of threads.
        """
        x, name = arrays[-1], self.activation.name
        if not isinstance(x, np.ndarray):
            raise TypeError(f"{name}: x must be a numpy array, not {type(x).__name__}")
        storage = BY_DTYPE.get(x.dtype)
        if storage is None:
            raise TypeError(f"{name}: x is {x.dtype}: convert it to one of {', '.join(STORAGES)}")
        if len(arrays) > 1:
            _check_like(x, arrays[0], f"{name}: dy")
        if out is not None:
            _check_like(x, out, f"{name}: out")
            if not out.flags.writeable:
                raise ValueError(f"{name}: out is read-only: pass an array that can be written")
        if threads is not None and not (isinstance(threads, int | numbers.Integral) and threads >= 1):
            raise ValueError(f"{name}: threads is {threads!r}: pass 1 or more, or None for a choice by size")
        if variant not in self.variants:
            has = ", ".join(self.variants)
            raise ValueError(f"{name} {self.name} has no variant {variant!r}; its variants: {has}")
        if self.variants[variant].wide and storage.dtype == np.float64:
            raise TypeError(f"{name}: {variant!r} is for the dtypes narrower than float64: take another variant")
        return storage


def _check_like(x: np.ndarray, array: np.ndarray, label: str) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != x.dtype:
        got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{label} must be a numpy array of x's dtype, {x.dtype}, not {got}")
    if array.shape != x.shape:
        raise ValueError(f"{label} has shape {array.shape} but x has {x.shape}: they must be equal")


class Elementwise(Direction):
    """A direction whose result has an element for each element of x."""

    arrays: ClassVar[int]  # that it takes
    channels: ClassVar[Callable[..., None]]  # the loop with an α per channel

    def __init__(self, activation: Activation) -> None:
        super().__init__(activation)
        # What the usual call needs, kept from an earlier one: finding it takes as long as 10,000 elements.
        self._ready: dict[tuple[str, np.dtype], tuple[launch.Loop, launch.Loop]] = {}

    def _signature(self, loop: Callable[..., None], storage: Storage) -> Signature:
        if loop is self.flat:
            parameters = types.UniTuple(types.float64, len(self.activation.parameters))
            return types.boolean(*[storage.array(1)] * (self.arrays + 1), parameters)
        return types.void(*[storage.array(2)] * (self.arrays + 1), storage.array(1), types.intp)

    def _run(
        self,
        arrays: tuple[np.ndarray, ...],
        variant: str,
        out: np.ndarray | None,
        threads: int | None,
        parameters: dict[str, Any],
    ) -> np.ndarray:
        x = arrays[-1]
        result = launch.small_like(x) if out is None else out
        ready = launch.is_simple(arrays, result, threads) and self._ready.get((variant, result.dtype))
        if ready:
            values = self.activation.values(parameters, x) if parameters else self.activation.defaults
            if not (values and isinstance(values[0], np.ndarray)):
                flat, shaped = ready
                loop = flat if result.ndim == 1 else shaped
                if loop(*arrays, result, values):  # not where it covers an input in part
                    return result
        storage = self._check(arrays, variant, out, threads)
        values = self.activation.values(parameters, x)
        if values and isinstance(values[0], np.ndarray):
            loop = self._loop(variant, storage, self.channels)
            return launch.by_channel(loop, arrays, out, storage.view, threads, values[0])
        loop = self._loop(variant, storage, self.flat)
        self._ready[variant, x.dtype] = launch.ready(loop, None if storage.memory == x.dtype else storage.memory)
        return launch.elementwise(loop, arrays, out, storage.view, threads, values)


class Forward(Elementwise):
    name, arrays = "forward", 1
    flat, channels = staticmethod(loops.forward), staticmethod(loops.forward_channels)

    def __call__(
        self,
        x: np.ndarray,
        *,
        variant: str = "stable",
        out: np.ndarray | None = None,
        threads: int | None = None,
        **parameters: Any,
    ) -> np.ndarray:
        """f(x), an array of x's shape and dtype, in ``out`` where given."""
        return self._run((x,), variant, out, threads, parameters)


class Backward(Elementwise):
    name, arrays = "backward", 2
    flat, channels = staticmethod(loops.backward), staticmethod(loops.backward_channels)

    def __call__(
        self,
        dy: np.ndarray,
        x: np.ndarray,
        *,
        variant: str = "stable",
        out: np.ndarray | None = None,
        threads: int | None = None,
        **parameters: Any,
    ) -> np.ndarray:
        """dy·f′(x), an array of x's shape and dtype, in ``out`` where given."""
        return self._run((dy, x), variant, out, threads, parameters)


class BackwardAlpha(Direction):
    """The gradient with respect to a learned α, Σ dy·∂f/∂α.

    A body takes a sum (high, low) one element further or, ``in_lanes``, gives the element's term.
    """

    name, takes_out = "backward_alpha", False
    flat = staticmethod(loops.channel_sums)

    def __call__(
        self,
        dy: np.ndarray,
        x: np.ndarray,
        *,
        variant: str = "stable",
        threads: int | None = None,
        **parameters: Any,
    ) -> np.ndarray:
        """The sum over x, of shape (); for an α per channel one for each, of α's shape."""
        storage = self._check((dy, x), variant, None, threads)
        (alpha,) = self.activation.values(parameters, x)
        if isinstance(alpha, np.ndarray):
            shape, inner = alpha.shape, math.prod(x.shape[2:])
        else:
            shape, inner = (), launch.SUM_BLOCK
        chosen = self.variants[variant]
        layout = launch.SumLayout(math.prod(shape), inner, chosen.in_blocks)
        loop = self._loop(variant, storage, self._main(variant))
        if not chosen.in_lanes:
            total = launch.channel_sums(loop, _total(), dy, x, layout, storage.view, threads)
            with np.errstate(over="ignore", invalid="ignore"):
                return total.astype(x.dtype).reshape(shape)
        high, low, size = launch.lane_sums(loop, _total(), dy, x, layout, storage.view, threads)
        if not chosen.wide:
            with np.errstate(over="ignore", invalid="ignore"):
                return (high + low).astype(x.dtype).reshape(shape)
        grid = (x.shape[0], x.shape[1], inner) if shape else (1, 1, x.size)
        return sums.rounded(high, low, size, dy.reshape(grid), x.reshape(grid)).reshape(shape)

    def compile(self, variant: str, storage: Storage) -> None:
        """Compile one kernel, and what adds up its partial sums."""
        super().compile(variant, storage)
        _total()

    def _main(self, variant: str) -> Callable[..., None]:
        return loops.lane_sums if self.variants[variant].in_lanes else self.flat

    def _signature(self, loop: Callable[..., None], storage: Storage) -> Signature:
        sums = (_SUMS, _SUMS) if loop is self.flat else (_LANES, _LANES, _LANES)
        return types.void(*[storage.array(1)] * 2, *sums, types.intp, types.intp, types.intp)


_SUMS = types.Array(types.float64, 2, "C")
_LANES = types.Array(types.float64, 3, "C")


@functools.cache
def _total() -> Dispatcher:
    return compile_loop(loops.total, "total", types.void(_SUMS, _SUMS), {})
