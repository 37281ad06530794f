# SPDX-License-Identifier: MIT
"""What a loop was compiled to: how wide its vectors are, and what it calls. A test holds that loops stay vectorised.

Code that comes from the cache can't be looked at any more, so what there is to say of it is kept beside it.
"""

import contextlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from numba.core.dispatcher import Dispatcher

WIDTHS = {"xmm": 128, "ymm": 256, "zmm": 512}  # the registers of x86-64, in bits
MOVES = ("vmov", "vbroadcast", "vpbroadcast", "vextract", "vinsert", "vzero", "mov")  # no arithmetic


@dataclass(frozen=True)
class Code:
    """Of a compiled loop.

    Attributes:
        vector_bits: of the widest registers that it calculates with.
        calls: the functions that it calls.
        streams: it has whole vectors written past the caches.
    """

    vector_bits: int
    calls: list[str]
    streams: bool


def read(text: str) -> Code:
    """What is to be said of an x86-64 assembly listing, as LLVM prints it: of its first function, the loop itself."""
    loop = re.split(r"^\.Lfunc_end0:", text, maxsplit=1, flags=re.MULTILINE)[0]
    widest, calls, named, streams = 0, [], {}, False
    for line in loop.splitlines():
        instruction, _, operands = line.strip().partition("\t")
        if address := re.fullmatch(r"\$([A-Za-z_]\w*), (%\w+)", operands):  # of a function, before it is called
            named[address[2]] = address[1]
        if instruction.startswith("call"):
            calls.append(named.get(operands.lstrip("*"), operands))
        streams |= instruction.startswith("vmovnt")
        packed = instruction.endswith(("ph", "ps", "pd")) or instruction.startswith("vp")
        if packed and not instruction.startswith(MOVES):
            widest = max([widest, *(WIDTHS[r] for r in re.findall(r"%([xyz]mm)\d", operands))])
    return Code(widest, sorted(set(calls)), streams)


def keep(folder: Path, name: str, compiled: Dispatcher) -> None:
    """Write down what a loop just compiled is like, in the folder of the cache that it is in."""
    (signature,) = compiled.signatures
    code = read(compiled.inspect_asm(signature))
    with contextlib.suppress(OSError):
        _place(folder, name).write_text(json.dumps(asdict(code)), encoding="utf-8")


def kept(folder: Path | None, name: str) -> Code:
    """What was written down of a loop.

    Raises:
        FileNotFoundError: it was not compiled into this folder.
    """
    if folder is None:
        raise FileNotFoundError("compiled code is not kept: set HALFULP_CACHE_DIR to a folder that can be written")
    return Code(**json.loads(_place(folder, name).read_text(encoding="utf-8")))


def _place(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
