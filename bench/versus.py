# SPDX-License-Identifier: MIT
"""``python -m bench versus``: how fast `fast` and `rounded` are beside the libraries, as ratios within one run.

Kernels take turns, A B A B: in each round every one of them is called again and again for a fiftieth of a second, on
buffers already touched, each backend in a process of its own. A ratio is taken within a round, and its median over the
rounds is what counts, so that a machine that others slow down does so to both sides.

A ratio is to what takes the same arguments. A gradient of the result f(x), made before, has less to do than ours, which
is of x: its speed is shown beside, as "of f(x)".
"""

import argparse
import functools
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from tabulate import tabulate

import kernels
import reference
from bench import speed
from bench.calling import KernelError
from bench.machine import commit, machine
from bench.options import in_order
from bench.reading import check_name
from bench.remote import BATCH_S, Host, closing_all, hosts_for, isolated
from bench.streaming import in_threads, stream_copy
from kernels.registry import Kernel, registered
from reference.formats import FORMATS
from reports.command import WRONG_USAGE

OWN, VARIANTS = "numba", ("fast", "rounded")
LIBRARIES = ("torch", "jax", "onnxruntime")
LINEAR = ("relu", "leaky_relu", "prelu")  # as fast as a copy: they are no part of the geometric means
ROUNDS = 15


@dataclass
class Contestant:
    """A kernel, or a copy: ``batch`` calls it for a while and gives the durations, of which each round keeps one."""

    name: str
    batch: Callable[[], Sequence[float]]
    takes_result: bool = False  # f(x), and not x: it is in no ratio
    rounds: list[float] = field(default_factory=list)  # the median of each, in seconds for a call

    def run(self) -> None:
        """One round."""
        self.rounds.append(statistics.median(self.batch()))

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)


def ratio(ours: Contestant, theirs: Contestant) -> float:
    """How many times as fast ours is: the median over the rounds."""
    return statistics.median(b / a for a, b in zip(ours.rounds, theirs.rounds, strict=True))


def add_command(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser(
        "versus",
        help="a table of speed: fast and rounded beside the libraries, interleaved",
        description="Time fast and rounded beside the libraries, in turn, and print the ratios.",
    )
    parser.add_argument("--activation", metavar="NAME[,NAME]", help="only these")
    parser.add_argument("--direction", default="both", metavar="forward|backward|both", help="default: both")
    parser.add_argument("--dtype", default="float32", metavar="DTYPE", help="default: float32")
    parser.add_argument("--elements", type=int, default=1 << 16, metavar="N", help="default: 65536, which are in L2")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"default: {ROUNDS}")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the table of each direction."""
    kernels.load()
    try:
        chosen = _chosen(options)
    except ValueError as error:
        print(f"versus: {error}", file=sys.stderr)
        return WRONG_USAGE
    setting = speed.Setting(options.elements, options.threads, "hot")
    print(_preamble(options, {k.backend for k in chosen}), flush=True)
    with closing_all(hosts_for(chosen, {})) as hosts:
        for direction in dict.fromkeys(k.direction for k in chosen):
            print(f"\n{direction}\n")
            print(_table([k for k in chosen if k.direction == direction], setting, options.rounds, hosts), flush=True)
    return 0


def _chosen(options: argparse.Namespace) -> list[Kernel]:
    """Ours, and what they are compared with.

    Raises:
        ValueError: a name does not exist, a number makes no sense, or nothing is left.
    """
    known = tuple(reference.activations())
    names = [n.strip() for n in (options.activation or ",".join(known)).split(",")]
    for name in names:
        check_name("activation", name, known)
    check_name("dtype", options.dtype, FORMATS)
    check_name("direction", options.direction, ("forward", "backward", "both"))
    for name in ("elements", "threads", "rounds"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name} {getattr(options, name)}: must be 1 or more")
    directions = ("forward", "backward") if options.direction == "both" else (options.direction,)
    return in_order(
        k
        for k in registered()
        if k.activation in names and k.direction in directions and k.dtype == options.dtype and _takes_part(k)
    )


def _takes_part(kernel: Kernel) -> bool:
    """Ours in the variants that are for speed, and theirs."""
    return kernel.variant in VARIANTS if kernel.backend == OWN else kernel.backend in LIBRARIES


def _preamble(options: argparse.Namespace, backends: Iterable[str]) -> str:
    """On what, and of what, the table is."""
    here, (revision, dirty) = machine(set(backends)), commit()
    versions = [f"{n} {v}" for n in ("numba", *LIBRARIES) if (v := here.libraries.get(n))]
    state = f"commit {revision[:12]}{' and changes' if dirty else ''}" if revision else "no commit"
    asked = f"{options.dtype}, {options.elements:,} elements, threads: {options.threads}"
    lines = [
        f"{asked}; medians of {options.rounds} rounds",
        f"{here.cpu}, {here.cores} cores, Python {here.python}, {', '.join(versions)}; {state}",
    ]
    return "\n".join(lines + [f"absent: {a.why}" for a in kernels.absent() if a.backend in LIBRARIES])


def _table(chosen: Sequence[Kernel], setting: speed.Setting, rounds: int, hosts: dict[str, Host]) -> str:
    rows, ratios = [], {variant: [] for variant in VARIANTS}
    for activation in dict.fromkeys(k.activation for k in chosen):
        field_ = [k for k in chosen if k.activation == activation]
        raced, copy, failed = _race(field_, setting, rounds, hosts)
        ours = {v: raced.get(f"{OWN}-{v}") for v in VARIANTS}
        theirs = [c for name, c in raced.items() if not name.startswith(f"{OWN}-")]
        best = min((c for c in theirs if not c.takes_result), key=lambda c: c.median, default=None)
        row = [activation]
        for variant, contestant in ours.items():
            row += _cells(contestant, best, copy, setting, field_[0])
            if contestant and best and activation not in LINEAR:
                ratios[variant].append(ratio(contestant, best))
        others = ", ".join(f"{c.name} {_rate(c, setting)}" for c in sorted(theirs, key=lambda c: c.median))
        rows.append([*row, others or "—", *(["; ".join(failed)] if failed else [])])
    head = ["", *(f"{v}\n{what}" for v in VARIANTS for what in ("G/s", "ratio", "% of copy")), "the others, G/s"]
    text = tabulate(rows, head, tablefmt="simple", disable_numparse=True, colalign=("left", *["right"] * 6, "left"))
    means = [f"{v} {statistics.geometric_mean(r):.2f} (of {len(r)})" for v, r in ratios.items() if r]
    note = f"geometric mean of the ratios, {', '.join(LINEAR)} left out: {', '.join(means)}" if means else ""
    return "\n".join([text, *filter(None, [note])])


def _cells(
    ours: Contestant | None, best: Contestant | None, copy: Contestant, setting: speed.Setting, kernel: Kernel
) -> list[str]:
    if ours is None:
        return ["—"] * 3
    arrays = speed.bytes_moved(kernel) / (2 * FORMATS[kernel.dtype].dtype.itemsize)  # of those that a copy moves
    beside = f"{ratio(ours, best):.2f}" if best else "—"
    return [_rate(ours, setting), beside, f"{100 * arrays * ratio(ours, copy):.0f}"]


def _rate(contestant: Contestant, setting: speed.Setting) -> str:
    return f"{setting.elements / contestant.median / 1e9:.2f}"


def _race(
    chosen: Sequence[Kernel], setting: speed.Setting, rounds: int, hosts: dict[str, Host]
) -> tuple[dict[str, Contestant], Contestant, list[str]]:
    """Kernels of one function, and a copy, in turn; and what failed."""
    copy = Contestant("copy", _copying(chosen[0].dtype, setting))
    running, failed = {"copy": copy}, []
    for kernel in chosen:
        name = f"{kernel.backend}-{kernel.variant}".removesuffix("-library") + " of f(x)" * kernel.takes_result
        batch = functools.partial(isolated(kernel, hosts).function.batch, setting)
        running[name] = Contestant(name, batch, kernel.takes_result)
    for turn in range(rounds + 1):
        for name, contestant in list(running.items()):
            try:
                contestant.run()
            except KernelError as error:
                failed.append(f"{name} {error}")
                del running[name]
            if turn == 0:  # what a first call compiles and touches
                contestant.rounds.clear()
    running.pop("copy")
    return running, copy, failed


def _copying(dtype: str, setting: speed.Setting) -> Callable[[], list[float]]:
    """Batches of copies of an array as large: by np.copyto in L2, by our streaming loop beyond."""
    (x,), (out,) = speed.buffers(dtype, setting), speed.buffers(dtype, setting)
    method = np.copyto if x.nbytes <= speed.CALL_BYTES["hot"] else stream_copy
    return functools.partial(speed.durations, in_threads(method, out, x, setting.threads), BATCH_S)
