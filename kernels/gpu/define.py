# SPDX-License-Identifier: MIT
"""The activations on the device: the same directions and variants as on the CPU, made of the bodies in the .cuh files.

A variant means the same here as there, so its name, why it exists, its bound and the parameters' defaults are told
once, in kernels/cpu/. ``textbook`` and ``stable`` call CUDA's math library, which costs ``stable`` some of its bound
(claims.py); ``fast`` and ``rounded`` have the CPU's bits.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import kernels.cpu
from kernels.gpu import claims, device, launch
from kernels.gpu.arrays import adopted, contiguous, is_array, place, taken
from kernels.gpu.source import Entry
from kernels.gpu.transfer import on_device
from kernels.parameters import Parameters
from kernels.registry import Kernel, registered

SUM_BYTES = {"textbook": 8, "other": 24}  # what sums.cuh keeps of each block of threads


class Activation:
    """An activation that can be called on arrays of the device."""

    def __init__(self, cpu: kernels.cpu.Activation) -> None:
        self.name = cpu.name
        self.learned = cpu.learned
        self.parameters = cpu.parameters
        self.defaults = cpu.defaults
        self.forward = Elementwise(self, cpu.forward)
        self.backward = Elementwise(self, cpu.backward)
        self.directions = [self.forward, self.backward]
        if cpu.learned:
            self.backward_alpha = Sum(self, cpu.backward_alpha)
            self.directions.append(self.backward_alpha)

    def __call__(self, x: Any, **options: Any) -> Any:
        """f(x): see ``Elementwise.__call__``."""
        return self.forward(x, **options)

    def __repr__(self) -> str:
        return f"<kernels.gpu.{self.name}>"

    def values(self, given: dict[str, Any], x: Any) -> tuple[Any, ...]:
        """The parameters in their order: see ``Parameters.values``; an α per channel as x, of any library."""
        if not given:
            return self.defaults
        if is_array(given.get(self.learned)):
            given = given | {self.learned: adopted(given[self.learned], f"{self.name}: {self.learned}")}
        parameters = Parameters(self.name, self.parameters, self.learned, device.cupy().ndarray)
        return parameters.values(given, x)


@dataclass
class Direction:
    """One direction of an activation."""

    activation: Activation
    cpu: kernels.cpu.Direction  # its counterpart, which says what variants there are
    functions: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)  # ready to be launched

    @property
    def name(self) -> str:
        return self.cpu.name

    def entry(self, variant: str, dtype: str, takes: str = "defaults") -> Entry:
        """The entry point of one kernel."""
        chosen = self.cpu.variants[variant]
        parameters = tuple(zip(self.activation.parameters, self.activation.defaults, strict=True))
        own_16_bit = chosen.body_16_bit is not chosen.body
        return Entry(self.activation.name, self.name, dtype, variant, parameters, own_16_bit, takes)

    def entries(self, variant: str, dtype: str) -> tuple[Entry, ...]:
        """All entry points of one kernel."""
        return (self.entry(variant, dtype),)

    def _function(self, variant: str, dtype: str, takes: str = "defaults", suffix: str = "") -> Any:
        key = variant, dtype, takes, suffix, device.cupy().cuda.runtime.getDevice()
        if key not in self.functions:
            module = device.load(self.entries(variant, dtype))
            self.functions[key] = module.get_function(self.entry(variant, dtype, takes).name + suffix)
        return self.functions[key]

    def _check(self, arrays: tuple[Any, ...], variant: str, out: Any | None) -> tuple[list[Any], Any | None]:
        """The arrays as CuPy's.

        Raises:
            TypeError: something is no array on the device, or of the wrong dtype.
            ValueError: an unknown variant, or a shape that does not fit.
        """
        name = self.activation.name
        if variant not in self.cpu.variants:
            has = ", ".join(self.cpu.variants)
            raise ValueError(f"{name} {self.name} has no variant {variant!r}; its variants: {has}")
        labels = [f"{name}: {label}" for label in ("dy", "x")[-len(arrays) :]]
        found = [taken(a, label) for a, label in zip(arrays, labels, strict=True)]
        x, target = found[-1], None if out is None else taken(out, f"{name}: out")
        for array, label in ((found[0], labels[0]), (target, f"{name}: out")):
            if array is not None and array.dtype != x.dtype:
                raise TypeError(f"{label} is {array.dtype} but x is {x.dtype}: they must be equal")
            if array is not None and array.shape != x.shape:
                raise ValueError(f"{label} has shape {array.shape} but x has {x.shape}: they must be equal")
        if self.cpu.variants[variant].wide and x.dtype == np.float64:
            raise TypeError(f"{name}: {variant!r} is for the dtypes narrower than float64: take another variant")
        return found, target


class Elementwise(Direction):
    """A direction whose result has an element for each element of x."""

    def entries(self, variant: str, dtype: str) -> tuple[Entry, ...]:
        takes = ["defaults"] + ["any"] * bool(self.activation.parameters) + ["channels"] * bool(self.activation.learned)
        return tuple(self.entry(variant, dtype, kind) for kind in takes)

    def __call__(self, *arrays: Any, variant: str = "stable", out: Any | None = None, **parameters: Any) -> Any:
        """f(x), or dy·f′(x) of dy and x: a CuPy array of x's shape and dtype, or ``out`` where that is given.

        It is computed on the device that x is on, on CuPy's current stream there; where a PyTorch tensor is among the
        arrays, on PyTorch's.

        Args:
            arrays: CuPy arrays, or what shares its memory by DLPack or ``__cuda_array_interface__``; of any strides.
            out: where to write; may be one of the arrays.

        Raises:
            TypeError, ValueError: as for a kernel of the CPU, or something is no array on the device, or on another.
            RuntimeError: CuPy or a device is missing.
        """
        if len(arrays) != (1 if self.name == "forward" else 2):
            raise TypeError(f"{self.activation.name} {self.name} takes {'x' if self.name == 'forward' else 'dy and x'}")
        with place(*reversed(arrays), out, parameters.get(self.activation.learned)):
            found, target = self._check(arrays, variant, out)
            result = self._computed(found, target, variant, self.activation.values(parameters, found[-1]))
        return result if out is None else out

    def _computed(self, arrays: list[Any], out: Any | None, variant: str, values: tuple[Any, ...]) -> Any:
        x = arrays[-1]
        if values and isinstance(values[0], device.cupy().ndarray):
            function = self._function(variant, x.dtype.name, "channels")
            alpha = contiguous(values[0])
            after = (alpha.data.ptr, *launch.channels_of(x))
            return launch.elementwise(function, arrays, out, after, alpha)
        usual = values == self.activation.defaults
        function = self._function(variant, x.dtype.name, "defaults" if usual else "any")
        return launch.elementwise(function, arrays, out, () if usual else values)


class Sum(Direction):
    """The gradient with respect to a learned α, Σ dy·∂f/∂α."""

    def __call__(self, dy: Any, x: Any, *, variant: str = "stable", **parameters: Any) -> Any:
        """The sum over x, of shape (); for an α per channel one for each, of α's shape. See ``Elementwise``."""
        with place(x, dy, parameters.get(self.activation.learned)):
            (dy, x), _ = self._check((dy, x), variant, None)
            (alpha,) = self.activation.values(parameters, x)
            if isinstance(alpha, device.cupy().ndarray):
                channels, inner = launch.channels_of(x)
                shape, sums = alpha.shape, launch.Sums(x.shape[0], channels, inner)
            else:
                shape, sums = (), launch.Sums(1, 1, x.size)
            size = SUM_BYTES.get(variant, SUM_BYTES["other"])
            functions = [self._function(variant, x.dtype.name, suffix=suffix) for suffix in ("", "_total")]
            return launch.channel_sums(*functions, dy, x, sums, size, shape)


def kernels_of(activations: dict[str, Activation]) -> Iterator[Kernel]:
    """The kernels: the counterpart of each of the CPU's, with the same claim but where CUDA's library counts."""
    for kernel in list(registered()):
        if kernel.backend == "numba":
            direction = getattr(activations[kernel.activation], kernel.direction)
            told = {"backend": "cupy", "claim": claims.of_device(kernel), "source": __file__}
            ours = replace(kernel, **told, compile=None, is_compiled=lambda: False)
            yield on_device(ours, functools.partial(direction, variant=kernel.variant))
