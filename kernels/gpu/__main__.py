# SPDX-License-Identifier: MIT
"""`python -m kernels.gpu compile`: what every kernel is compiled to, for an architecture. Needs NVRTC, and no GPU."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from tabulate import tabulate
from tqdm import tqdm

from kernels.cpu.launch import cores
from kernels.cpu.storage import STORAGES
from kernels.gpu import ACTIVATIONS, build, checks, nvrtc
from kernels.gpu.source import Entry

HEADERS = ("kernel", "registers", "spilled bytes", "PTX", "cubin bytes")


@dataclass(frozen=True)
class Row:
    """A kernel as it was compiled."""

    name: str
    registers: int
    spilled_bytes: int
    faults: list[str]
    checked: bool  # whether its PTX has to be exact
    size: int

    @property
    def cells(self) -> tuple[object, ...]:
        """As `HEADERS` names them."""
        found = "; ".join(self.faults) or ("exact, 16 bytes at a time" if self.checked else "not checked")
        return self.name, self.registers, self.spilled_bytes, found, self.size


def every_entry(names: Sequence[str] = ()) -> dict[str, tuple[Entry, ...]]:
    """The entry points of every kernel, by its name, of these activations or of all."""
    return {
        f"{a.name}-{d.name}-{dtype}-{variant}": d.entries(variant, dtype)
        for a in ACTIVATIONS.values()
        if not names or a.name in names
        for d in a.directions
        for dtype in STORAGES
        for variant, chosen in d.cpu.variants.items()
        if not (chosen.wide and dtype == "float64")
    }


def faults(entry: Entry, ptx: Mapping[str, str]) -> list[str]:
    """What is amiss in the PTX of a kernel, of what all functions have, by their names.

    A sum's threads take elements one by one, neighbours neighbouring ones.
    """
    inputs = None if entry.direction == "backward_alpha" else len(entry.inputs)
    return [fault for name in entry.functions for fault in checks.faults(ptx[name], inputs)]


def compiled(name: str, entries: tuple[Entry, ...], architecture: str) -> Row:
    """Compile one kernel, for itself as it is loaded."""
    result = build.examined(entries, architecture)
    functions, needs = checks.functions(result), checks.resources(result)
    checked = entries[0].variant in checks.EXACT
    return Row(
        name,
        max(r.registers for r in needs.values()),
        sum(r.spilled_bytes for r in needs.values()),
        [f for entry in entries for f in faults(entry, functions)] if checked else [],
        checked,
        len(result.cubin),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each kernel; returns 1 where one spills or its PTX is amiss."""
    parser = argparse.ArgumentParser(prog="python -m kernels.gpu", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("compile", help="compile every kernel, and look at what comes out")
    command.add_argument("--arch", default="sm_90", metavar="sm_NN", help="the architecture (default: sm_90)")
    command.add_argument("--activation", default="", metavar="NAME[,NAME]", help="only kernels of these")
    options = parser.parse_args(arguments)
    names = [name for name in options.activation.split(",") if name]
    unknown = [name for name in names if name not in ACTIVATIONS]
    if unknown:
        parser.error(f"--activation: there is no {', '.join(unknown)}; choose from {', '.join(ACTIVATIONS)}")
    kernels = every_entry(names)
    try:
        version = nvrtc.version()
        with ProcessPoolExecutor(cores(), get_context("spawn")) as pool:
            pending = [pool.submit(compiled, *kernel, options.arch) for kernel in kernels.items()]
            rows = [p.result() for p in tqdm(pending, unit="kernel", disable=not sys.stderr.isatty())]
    except (FileNotFoundError, nvrtc.CompileError) as error:
        parser.error(str(error))
    print(tabulate([row.cells for row in rows], HEADERS))
    bad = [row for row in rows if row.faults or row.spilled_bytes]
    print(f"{len(rows)} kernels for {options.arch} by NVRTC {version}: {len(bad) or 'none'} with spills or faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
