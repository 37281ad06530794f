# SPDX-License-Identifier: MIT
"""The search for a kernel's worst input, what it starts from, and ``python -m bench worst``, which extends that.

The file of worst inputs has what was found before, of any kernel: a change of formula or an argument near a rounding
boundary troubles others as well. A run only reads it.
"""

import argparse
import csv
import functools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tabulate import tabulate

import kernels
import reference
from bench.accuracy import exact_decimal, near_roots
from bench.calling import KernelError, arguments, call, hexadecimal
from bench.inputs import digest
from bench.options import in_order
from bench.reading import check_name
from bench.remote import closing_all, hosts_for, isolated
from bench.search import TOLERATED, Found, search
from bench.ulp import NO_MISMATCH, Judgement, judge
from kernels.registry import Kernel, registered
from reference import fast
from reference.formats import FORMATS
from reference.oracle import at_kinks
from reports import wording
from reports.command import WRONG_USAGE
from reports.schema import MISMATCH_KINDS, Accuracy, Example, Safety, Search

DATA = Path(__file__).with_name("worst_inputs.csv")
EVALUATIONS = {"quick": 1 << 13, "standard": 1 << 17, "exhaustive": 1 << 24}  # by depth, for each kernel
BY_MPMATH = {"quick": 1 << 12, "standard": 1 << 14, "exhaustive": 1 << 17}  # where mpmath alone knows the function


class Entry(NamedTuple):
    """A line of the file: a function and dtype, an input, and the kernel whose error was largest there."""

    activation: str
    direction: str
    dtype: str
    input: str
    kernel: str
    ulp: str


class DataError(Exception):
    """The file of worst inputs can't be read; the message is one line, and says what to do."""


@functools.cache
def known(path: Path = DATA) -> tuple[Entry, ...]:
    """The worst inputs found before.

    Raises:
        DataError: the file is missing or damaged.
    """
    again = "restore it with git, or remove its lines and run `python -m bench worst --extend`"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *lines = csv.reader(file)
        entries = tuple(Entry(*line) for line in lines)
        for entry in entries:
            float.fromhex(entry.input), float(entry.ulp)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror}); {again}") from error
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: damaged ({error}); {again}") from error
    if tuple(header) != Entry._fields:
        raise DataError(f"{path}: its first line is not {','.join(Entry._fields)}; {again}")
    return entries


def searchable(kernel: Kernel) -> bool:
    """Whether a worst input can be searched for: where the dtype is wide, and each input has a result."""
    return kernel.dtype in ("float32", "float64") and kernel.direction in ("forward", "backward")


def evaluations(kernel: Kernel, depth: str) -> int:
    """How many a search takes in a run: fewer where only mpmath knows the function."""
    return (EVALUATIONS if _is_fast(kernel) else BY_MPMATH)[depth]


def shortened(kernels: Iterable[Kernel], depth: str) -> list[tuple[Kernel, str]]:
    """The kernels whose search takes fewer evaluations than others', and why."""
    return [
        (k, f"{evaluations(k, depth):,} of {EVALUATIONS[depth]:,} evaluations: only mpmath knows {k.activation}")
        for k in kernels
        if searchable(k) and not _is_fast(k)
    ]


def _is_fast(kernel: Kernel) -> bool:
    return fast.supports(reference.activations()[kernel.activation], kernel.direction, kernel.parameters)


class Errors:
    """A kernel's errors in ulp as a function of its inputs, NaN where there is none or its claim says nothing.

    Results met on the way that are misrounded or of the wrong class are counted; of each kind the first is kept.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.activation, self.form = reference.activations()[kernel.activation], FORMATS[kernel.dtype]
        self.misrounded = self.mismatches = 0
        self.examples: dict[str, tuple[np.generic, np.generic]] = {}  # an input and the result there, by kind

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The errors at inputs of the kernel's dtype.

        Raises:
            KernelError: the kernel broke the contract of a call.
        """
        got, judgement = self.judged(x)
        # At a kink two results are right, and only samples are held against both.
        kink = at_kinks(self.activation, self.kernel.direction, x)
        self.misrounded += int((judgement.misrounded & ~kink).sum())
        self._note(x, got, np.where(kink, NO_MISMATCH, judgement.mismatch))
        outside = kink | near_roots(self.kernel, self.activation, x)
        return np.where(outside, np.nan, judgement.error_ulp)

    def judged(self, x: np.ndarray) -> tuple[np.ndarray, Judgement]:
        """The results at inputs, and what is said of them."""
        got = call(self.kernel, *arguments(self.kernel, x))
        exact = fast.exact(self.activation, self.kernel.direction, self.form, x, self.kernel.parameters)
        return got, judge(got, exact, self.form)

    def _note(self, x: np.ndarray, got: np.ndarray, mismatch: np.ndarray) -> None:
        wrong = np.flatnonzero(mismatch != NO_MISMATCH)
        self.mismatches += len(wrong)
        for kind, at in zip(*np.unique(mismatch[wrong], return_index=True), strict=True):
            self.examples.setdefault(MISMATCH_KINDS[kind], (x[wrong[at]], got[wrong[at]]))


def look(kernel: Kernel, evaluations: int, seed: int) -> tuple[Found, Errors]:
    """Search for the worst input of a kernel, starting from check points and from what was found before.

    Raises:
        KernelError: the kernel broke the contract of a call.
        DataError: the file of worst inputs can't be read.
    """
    errors = Errors(kernel)
    return search(errors, errors.form, budget=evaluations, seed=seed, starts=starts(kernel)), errors


def starts(kernel: Kernel) -> list[float]:
    """The inputs that the search for a kernel's worst input starts from.

    Raises:
        DataError: the file of worst inputs can't be read.
    """
    function = kernel.activation, kernel.direction, kernel.dtype
    before = [float.fromhex(entry.input) for entry in known() if entry[:3] == function]
    return [*before, *(point.x for point in reference.activations()[kernel.activation].check_points)]


def include(kernel: Kernel, evaluations: int, seed: int, accuracy: Accuracy, safety: Safety) -> None:
    """Search, and note what was found beside the samples; where it is more, the largest error is that of the search.

    Raises:
        KernelError: the kernel broke the contract of a call.
        DataError: the file of worst inputs can't be read.
    """
    found, errors = look(kernel, evaluations, seed)
    worst = None if found.worst_input is None else hexadecimal(found.worst_input)
    accuracy.search = Search(
        evaluations=found.evaluations,
        max_ulp=found.max_ulp,
        worst_input=worst,
        misrounded=errors.misrounded,
        mismatches=errors.mismatches,
        starts=digest(np.float64(starts(kernel))),
    )
    shown = {example.kind for example in safety.examples}
    for kind, (x, got) in errors.examples.items():
        if kind not in shown:
            want = exact_decimal(kernel, errors.activation, float(x))
            safety.examples.append(Example(input=hexadecimal(x), got=hexadecimal(got), want=want, kind=kind))
    if found.max_ulp is None:
        return
    if kernel.claim and kernel.claim.outside_roots:  # where alone errors were looked at
        accuracy.max_ulp_outside_roots = max(accuracy.max_ulp_outside_roots or 0.0, found.max_ulp)
    if found.max_ulp > (accuracy.max_ulp or 0.0):
        got, judgement = errors.judged(np.array([found.worst_input]))
        accuracy.max_ulp, accuracy.worst_input, accuracy.worst_got = found.max_ulp, worst, hexadecimal(got[0])
        accuracy.worst_exact = exact_decimal(kernel, errors.activation, float(found.worst_input))
        both = accuracy.max_distance, judgement.largest_distance()
        accuracy.max_distance = max(both, key=lambda text: abs(int(text)))


# The command.


def add_command(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser(
        "worst",
        help="search for worst inputs, and keep them for later runs to start from",
        description="Search for the worst inputs of kernels in float32 and float64.",
    )
    parser.add_argument(
        "--extend", action="store_true", help=f"write what is new to {DATA.name}, instead of showing it"
    )
    for name in ("activation", "dtype", "variant"):
        parser.add_argument(f"--{name}", metavar="NAME[,NAME]", help=f"only kernels of this {name}")
    parser.add_argument("--evaluations", type=int, default=1 << 20, metavar="N", help="for each kernel (default: 2^20)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn (default: 0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Search, and show or write what was found."""
    kernels.load()
    try:
        before = known()
        chosen = _chosen(options)
        with closing_all(hosts_for(chosen, {})) as hosts:
            found = [entry for kernel in chosen for entry in _entry(isolated(kernel, hosts), options)]
        largest = {entry[:4]: entry for entry in sorted(found, key=lambda entry: float(entry.ulp))}
        new = [entry for place, entry in largest.items() if place not in {other[:4] for other in before}]
    except (ValueError, DataError) as error:
        print(f"worst: {error}", file=sys.stderr)
        return WRONG_USAGE
    print(tabulate(new, Entry._fields) if new else "nothing that is not known already")
    if options.extend and new:
        write(sorted({*before, *new}))
        print(f"written: {DATA}")
    return 0


def write(entries: Iterable[Entry], path: Path = DATA) -> None:
    """Write the file of worst inputs whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([Entry._fields, *entries])
    part.replace(path)


def _chosen(options: argparse.Namespace) -> list[Kernel]:
    """The kernels that are asked for.

    Raises:
        ValueError: a name does not exist, or a number makes no sense.
    """
    if options.evaluations < 1 or options.seed < 0:
        raise ValueError("--evaluations must be 1 or more, and --seed 0 or more")
    known_kernels = [k for k in in_order(registered()) if searchable(k)]
    for name in ("activation", "dtype", "variant"):
        if getattr(options, name) is not None:
            wanted = [n.strip() for n in getattr(options, name).split(",")]
            for one in wanted:
                check_name(name, one, dict.fromkeys(getattr(k, name) for k in known_kernels))
            known_kernels = [k for k in known_kernels if getattr(k, name) in wanted]
    return known_kernels


def _entry(kernel: Kernel, options: argparse.Namespace) -> list[Entry]:
    """What a search of one kernel found that is misrounded; a kernel that fails has none, and costs no other's."""
    try:
        found, _ = look(kernel, options.evaluations, options.seed)
    except KernelError as error:
        print(f"worst: {kernel.id}: {wording.one_line(str(error))}", file=sys.stderr)
        return []
    if (found.max_ulp or 0.0) <= TOLERATED:
        return []
    worst = hexadecimal(found.worst_input)
    return [Entry(kernel.activation, kernel.direction, kernel.dtype, worst, kernel.id, f"{found.max_ulp:.6g}")]
