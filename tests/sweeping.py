# SPDX-License-Identifier: MIT
"""Sweeps in small: blocks, chunks and pieces a thousandth of their size, and only a few blocks of the inputs."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import reference
from bench import accuracy, sweep, sweep_chunk
from bench.accuracy import Truth
from bench.inputs import Inputs
from bench.sweep import Progress, Sweep
from bench.sweep_chunk import SINGLE, Target
from bench.truths import make_truth
from kernels.registry import Kernel
from tests.making import make_kernel

BLOCK, CHUNK, PIECE = 1 << 13, 1 << 11, 684  # the last piece of a chunk is shorter than the others
SIGN_BIT, INFINITY = 1 << 31, 0x7F80_0000


def pattern(x: float) -> int:
    """The bit pattern of a float32."""
    return int(np.float32(x).view(np.uint32))


def inputs(first: int, count: int) -> np.ndarray:
    """The float32 numbers from a bit pattern on."""
    return np.arange(first, first + count).astype(np.uint32).view(np.float32)


def block_of(x: float) -> int:
    """The first input of the block that holds x."""
    return pattern(x) // BLOCK * BLOCK


def make_small(patch: pytest.MonkeyPatch, blocks: Iterable[int] = ()) -> list[int]:
    """Shrink everything, and sweep these blocks only: their first inputs, which are returned."""
    for module in (sweep, sweep_chunk):
        patch.setattr(module, "CHUNK", CHUNK)
    patch.setattr(sweep_chunk, "PIECE", PIECE)
    patch.setattr(accuracy, "FINGERPRINT_BLOCK", BLOCK)
    patch.setattr(sweep, "BLOCK", BLOCK)
    patch.setattr(sweep, "BLOCKS", list(blocks))
    return sweep.BLOCKS


ROOT = block_of(-1.2784645)  # of the derivative of silu
PLACES = (0, ROOT - BLOCK, ROOT, ROOT + BLOCK, INFINITY)


@np.errstate(all="ignore")
def silu(x):
    """As a textbook has it: NaN at -inf, and 0 from -89 on."""
    return x / (1 + np.exp(-x))


@np.errstate(all="ignore")
def silu_in_float64(x):
    """Nearly always rounded correctly, but for -inf."""
    return silu(x.astype(np.float64)).astype(np.float32)


def wrong_silu(x):
    """A few results off, of the wrong sign, not a number, and against the slope."""
    got = silu(x)
    got[7::501] *= -1
    got[9::701] = np.nan
    got[11::801] = np.nextafter(got[11::801], np.float32(9))
    return got


def swept(*kernels: Kernel, folder: Path | None = None, progress: Progress = lambda *_: None) -> dict[str, Sweep]:
    """What is found of kernels of one function."""
    activation = reference.activations()[kernels[0].activation]
    return sweep.sweep(kernels, activation, folder, progress)


def swept_alone(function: Callable[..., Any], activation: str = "silu", **options: Any) -> Sweep:
    """What is found of one, made of a function of the inputs; see `make_kernel`."""
    (done,) = swept(make_kernel(function, activation, **options)).values()
    return done


def encoded(done: Sweep) -> tuple[bytes, str | None]:
    """All that was found, to the last bit."""
    return msgspec.json.encode(done.tally), done.fingerprint


def spoiling(kind: str, first: int) -> Kernel:
    """A kernel that is right but for the chunk that begins with an input."""

    def bad(x, out=None):
        here = pattern(x[0]) == first
        if here and kind == "raised":
            raise RuntimeError("out of luck")
        got = silu(x)
        if here and kind == "wrote_input":
            x[5] += 1
        if kind == "left_output":
            count = len(x) - here
            out[:count] = got[:count]
            return out
        return got[1:] if here and kind == "wrong_shape" else got

    return make_kernel(bad, "silu", variant="textbook", takes_out=kind == "left_output")


def target_of(name: str, direction: str = "forward", **parameters: float) -> Target:
    """What kernels of a function are held against, at its default parameters but for those given."""
    activation = reference.activations()[name]
    return Target(activation, direction, activation.defaults | parameters)


def truth_of(target: Target, x: np.ndarray) -> Truth:
    """The exact results, on the plain path."""
    chosen = Inputs(x, np.array([], np.intp), exhaustive=False)
    return make_truth(target.activation, target.direction, SINGLE, target.parameters, chosen)


def sprinkled(nearest: np.ndarray) -> np.ndarray:
    """Right results, with some of every wrong kind among them."""
    rng = np.random.default_rng(3)
    got = nearest.copy()
    worse = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3.4e38, -3.4e38, 1.0], np.float32)
    some = rng.choice(len(got), 60, replace=False)
    got[some[:40]] = np.resize(worse, 40)
    got[some[40:]] *= -1
    return got


SOURCE = "def silu(x):\n    return x\n"


def kernel_file(folder: Path) -> Path:
    """A file such as a user's kernels are in."""
    path = folder / "kernels_of_a_user.py"
    path.write_text(SOURCE)
    return path
