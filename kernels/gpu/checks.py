# SPDX-License-Identifier: MIT
"""What compiled kernels are like: what their PTX must not hold, and what ptxas says of registers and spills."""

import re
from dataclasses import dataclass

from kernels.gpu.nvrtc import Compiled

EXACT = ("fast", "rounded")  # variants of which each operation is an IEEE one: their bits are those of the CPU


@dataclass(frozen=True)
class Resources:
    """What a thread of a kernel needs."""

    registers: int
    spilled_bytes: int  # stores and loads
    stack_bytes: int


def functions(compiled: Compiled) -> dict[str, str]:
    """The PTX of each function that can be launched, by its name."""
    found = re.findall(r"\.entry (\w+)\((.*?)^\}", compiled.ptx, re.DOTALL | re.MULTILINE)
    return dict(found)


def resources(compiled: Compiled) -> dict[str, Resources]:
    """What ptxas says of each function, by its name."""
    parts = re.split(r"Compiling entry function '(\w+)'", compiled.log)[1:]
    return {name: _resources(said) for name, said in zip(parts[::2], parts[1::2], strict=True)}


def _resources(said: str) -> Resources:
    def number(pattern: str) -> int:
        return sum(map(int, re.findall(pattern, said)))

    return Resources(
        number(r"Used (\d+) registers"),
        number(r"(\d+) bytes spill (?:stores|loads)"),
        number(r"(\d+) bytes stack frame"),
    )


def faults(ptx: str) -> list[str]:
    """What an exact function must not have in its PTX, each by the first line that has it.

    Subnormals flushed, an approximation, a call, an operation that is not said to be rounded to nearest (an assembler
    may contract such a product with a sum), or elements that are loaded or stored only one by one.
    """
    patterns = {
        "flushes subnormals": r"^.*\.ftz.*$",
        "is approximate": r"^.*\.approx.*$",
        "calls": r"^.*\bcall\b.*$",
        "may be contracted": r"^.*\b(?:add|sub|mul|mad|fma|div|sqrt)\.(?!rn|lo|hi|wide|s\d|u\d|b\d|cc)\S*f(?:32|64).*$",
    }
    found = [f"{what}: {m.group().strip()}" for what, p in patterns.items() if (m := re.search(p, ptx, re.MULTILINE))]
    return found + [f"no {kind} of 16 bytes" for kind, is_there in packets(ptx).items() if not is_there]


def packets(ptx: str) -> dict[str, bool]:
    """Whether it loads and stores 16 bytes at a time."""
    wide = r"\.global\S*\.(?:v4\.[fub]32|v2\.[fub]64|v8\.[fub]16)"
    return {kind: re.search(rf"\b{name}{wide}", ptx) is not None for kind, name in (("load", "ld"), ("store", "st"))}
