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


def faults(ptx: str, inputs: int | None = None) -> list[str]:
    """What an exact function must not have in its PTX, each by the first line that has it.

    Subnormals flushed, an approximation, a call, an operation that is not said to be rounded to nearest (an assembler
    may contract such a product with a sum), or elements that are loaded or stored only one by one.

    Args:
        inputs: so many first parameters are arrays to be read 16 bytes at a time, and a result is to be written so;
            None where elements may be taken one by one.
    """
    patterns = {
        "flushes subnormals": r"^.*\.ftz.*$",
        "is approximate": r"^.*\.approx.*$",
        "calls": r"^.*\bcall\b.*$",
        "may be contracted": r"^.*\b(?:add|sub|mul|mad|fma|div|sqrt)\.(?!rn|lo|hi|wide|s\d|u\d|b\d|cc)\S*f(?:32|64).*$",
    }
    found = [f"{what}: {m.group().strip()}" for what, p in patterns.items() if (m := re.search(p, ptx, re.MULTILINE))]
    if inputs is None:
        return found
    wide = packets(ptx)
    missing = [f"no load of 16 bytes from parameter {i}" for i in range(inputs) if i not in wide["ld"]]
    return found + missing + ([] if wide["st"] else ["no store of 16 bytes"])


def packets(ptx: str) -> dict[str, set[int]]:
    """From which arrays it loads 16 bytes at a time, and to which it stores: the numbers of its parameters."""
    wide = r"\.global\S*\.(?:v4\.[fub]32|v2\.[fub]64|v8\.[fub]16)\s[^[;]*\[(%\w+)"
    made_of = _pointers(ptx)
    return {
        kind: {n for register in re.findall(rf"\b{kind}{wide}", ptx) for n in made_of.get(register, ())}
        for kind in ("ld", "st")
    }


def _pointers(ptx: str) -> dict[str, set[int]]:
    """The numbers of the parameters that each register of 64 bits is computed of, other than by way of memory."""
    lines = re.findall(r"^\s*(?:@\S+\s+)?(\S+)\s+(%rd\d+), (.*);$", ptx, re.MULTILINE)
    found = {to: {int(n) for n in re.findall(r"_param_(\d+)\]", what)} for op, to, what in lines if "ld.param" in op}
    steps = [(to, re.findall(r"%rd\d+", what)) for op, to, what in lines if not op.startswith("ld.")]
    grown = True
    while grown:
        grown = False
        for to, registers in steps:
            have = found.setdefault(to, set())
            more = set().union(*(found.get(register, ()) for register in registers)) - have
            have |= more
            grown |= bool(more)
    return found
