# SPDX-License-Identifier: MIT
"""The CUDA C++ text of kernels: an activation's file, and an entry point for each kernel made of its bodies.

A body is a function of its activation's file named by direction and variant, as ``forward_fast``, on one element; with
``_16_bit`` after it that of the 16-bit dtypes, where these have one of their own. Parameters come to it as doubles. An
entry point for the parameters' defaults has them as constants, and one is for any. A sum has two entry points: of what
each block of threads has, and of the total.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kernels import tables

FOLDER = Path(__file__).resolve().parent

# How a dtype is named in CUDA C++, and the type that its arithmetic is in.
TYPES = {
    "float16": ("float16", "float"),
    "bfloat16": ("bfloat16", "float"),
    "float32": ("float", "float"),
    "float64": ("double", "double"),
}


@dataclass(frozen=True)
class Entry:
    """A kernel's entry point: for the defaults of its parameters, for any, or for an α by channel."""

    activation: str
    direction: str
    dtype: str
    variant: str
    parameters: tuple[tuple[str, float], ...]  # of the activation, with their defaults
    own_16_bit: bool = False  # its body for the 16-bit dtypes is another
    takes: Literal["defaults", "any", "channels"] = "defaults"

    @property
    def name(self) -> str:
        """The name of the function in the compiled code."""
        suffix = "" if self.takes == "defaults" else f"_{self.takes}"
        return f"{self.activation}_{self.direction}_{self.dtype}_{self.variant}{suffix}"

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of all that it is made of: a sum has a second function."""
        return (self.name, f"{self.name}_total") if self.direction == "backward_alpha" else (self.name,)

    @property
    def inputs(self) -> list[str]:
        """The arrays that it reads, its first parameters."""
        return ["x"] if self.direction == "forward" else ["dy", "x"]

    @property
    def text(self) -> str:
        """The definition of these functions."""
        return self._sum() if self.direction == "backward_alpha" else self._elementwise()

    def _elementwise(self) -> str:
        memory, narrow = TYPES[self.dtype]
        arithmetic = "double" if self.variant == "rounded" else narrow
        inputs = self.inputs
        names = [name for name, _ in self.parameters]
        arguments = [f"const {memory}* {name}" for name in inputs] + [f"{memory}* out", "Size size"]
        element = [f"{arithmetic} {name}" for name in inputs]
        if self.takes == "defaults":
            given = [value.hex() for _, value in self.parameters]
            bodies = f"Everywhere{{{self._body(element, inputs + given)}}}"
        elif self.takes == "any":
            arguments += [f"double {name}" for name in names]
            bodies = f"Everywhere{{{self._body(element, inputs + names)}}}"
        else:
            arguments += [f"const {memory}* by_channel", "Size channels", "Size inner"]
            body = self._body([*element, *[f"double {name}" for name in names]], inputs + names)
            bodies = f"PerChannel{{{body}, by_channel, channels, inner}}"
        call = f"elementwise<{arithmetic}>({bodies}, size, out, {', '.join(inputs)});"
        return _function(self.name, arguments, call)

    def _body(self, formal: list[str], actual: list[str]) -> str:
        suffix = "_16_bit" if self.own_16_bit and self.dtype in ("float16", "bfloat16") else ""
        name = f"{self.direction}_{self.variant}{suffix}"
        return f"[=]({', '.join(formal)}) {{ return {name}({', '.join(actual)}); }}"

    def _sum(self) -> str:
        memory, arithmetic = TYPES[self.dtype]
        body = f"{self.direction}_{self.variant}<{arithmetic}>"
        inputs = [f"const {memory}* dy", f"const {memory}* x"]
        shape = ["Size rows", "Size channels", "Size inner"]
        layout, exactly = "Layout{rows, channels, inner}", str(self.variant == "rounded").lower()
        partial = f"partial_sums<{arithmetic}>(dy, x, partial, {layout}, lanes);"
        total = f"total_sums<{exactly}>(dy, x, partial, out, {layout}, blocks);"
        return _function(self.name, [*inputs, f"{body}* partial", *shape, "Size lanes"], partial) + _function(
            self.functions[1], [*inputs, f"const {body}* partial", f"{memory}* out", *shape, "Size blocks"], total
        )


def _function(name: str, arguments: list[str], call: str) -> str:
    return f'extern "C" __global__ void {name}({", ".join(arguments)}) {{\n    {call}\n}}\n'


def unit(entries: Iterable[Entry], *, host: bool = False) -> str:
    """The whole text to compile for kernels of one activation; it includes `headers` by name.

    Args:
        host: for a host's compiler, which needs what the device has.
    """
    entries = list(entries)
    (activation,) = {entry.activation for entry in entries}
    includes = ["host.cuh" if host else "device.cuh", f"{activation}.cuh", "loops.cuh"]
    lines = [f'#include "{name}"' for name in includes]
    return "\n".join([*lines, "", *[entry.text for entry in entries]])


def files() -> list[Path]:
    """Every file of CUDA C++ that kernels are made of."""
    return sorted(FOLDER.glob("*.cuh"))


@functools.cache
def headers() -> dict[str, str]:
    """Every text that can be included, by its name: those files, and the coefficients."""
    return {path.name: path.read_text() for path in files()} | {"tables.cuh": _tables()}


def _tables() -> str:
    """kernels/tables.py for CUDA C++: the coefficients that CPU and GPU share. A pair is a Constant."""
    lines = ["#pragma once", "struct Constant {", "    double high, low;", "};"]
    for name, value in vars(tables).items():
        if isinstance(value, float):
            lines.append(f"constexpr double {name} = {value.hex()};")
        elif isinstance(value, tuple):
            declared = f"Constant {name}" if len(value) == 2 else f"double {name}[]"
            lines.append(f"constexpr {declared} = {{{', '.join(number.hex() for number in value)}}};")
    return "\n".join(lines) + "\n"
