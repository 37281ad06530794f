# SPDX-License-Identifier: MIT
"""``python -m bench explain silu float32 -0x1.6p+6``: one input, its exact result, and what every kernel answers."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from mpmath import mp
from tabulate import tabulate

import kernels
import reference
from bench import users
from bench.calling import hexadecimal
from bench.options import in_order
from bench.point import COPIES, Point, Reply, ask, make_point
from bench.reading import check_name, read_number
from bench.remote import closing_all, hosts_for, isolated
from bench.run import blank
from kernels.registry import Kernel, registered
from reference.activation import Activation
from reference.formats import FORMATS, Format
from reports import wording
from reports.command import WRONG_USAGE

DIRECTIONS = ("forward", "backward")
SUMMED = "backward_alpha"
HEAD = ("kernel", "answer", "error\n(ulp)", "distance\n(numbers)", "mismatch", "inside\nf(x ± 1 ulp)", "claim", "note")
ALIGNED = ("left", "left", "right", "right", "left", "left", "left", "left")


def add_command(subparsers: argparse._SubParsersAction) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser(
        "explain",
        help="one input: its exact result, its rounding, the conditioning, and what every kernel answers",
        description="Explain one input. backward_alpha, a sum over all elements, is not explained.",
    )
    parser.add_argument("activation", metavar="ACTIVATION")
    parser.add_argument("dtype", metavar="DTYPE")
    parser.add_argument("x", metavar="X", help="decimal, hexadecimal (-0x1.6p+6), bits:0xc2b00000, inf, -inf or nan")
    parser.add_argument("--direction", default="both", metavar="forward|backward|both", help="default: both")
    parser.add_argument("--dy", metavar="NUMBER", help="the factor of the gradient (default: 1)")
    for name in _parameter_names():
        flags = dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}"))
        parser.add_argument(*flags, dest=name, metavar="NUMBER", help="parameter of the activation")
    for name in ("backend", "variant"):
        parser.add_argument(f"--{name}", metavar="NAME[,NAME]", help=f"only kernels of this {name}")
    parser.add_argument(
        "--kernels",
        action="append",
        default=[],
        metavar="FILE.py|MODULE",
        help="explain implementations of your own as well; may be given again",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the explanation."""
    kernels.load()
    try:
        with closing_all(users.hosted(options.kernels)) as hosts:
            asked = list(_asked(options))
            hosts |= hosts_for((k for _, _, chosen in asked for k in chosen), hosts)
            none = _none(options.kernels)
            blocks = [_block(point, note, [isolated(k, hosts) for k in chosen], none) for point, note, chosen in asked]
    except (ValueError, users.LoadError) as error:
        print(f"explain: {error}", file=sys.stderr)
        return WRONG_USAGE
    print("\n\n".join(blocks))
    return 0


def _parameter_names() -> list[str]:
    return sorted({p.name for a in reference.activations().values() for p in a.parameters})


# What is asked.


def _asked(options: argparse.Namespace) -> Iterator[tuple[Point, str, list[Kernel]]]:
    """For each direction the point, what to say of the number taken for x, and the kernels.

    Raises:
        ValueError: a name does not exist, or a number is none.
    """
    check_name("activation", options.activation, reference.activations())
    check_name("dtype", options.dtype, FORMATS)
    directions = _directions(options)
    activation, form = reference.activations()[options.activation], FORMATS[options.dtype]
    parameters = _parameters(options, activation)
    x, same = read_number(options.x, form)
    dy = None if options.dy is None else read_number(options.dy, form)[0]
    if dy is not None and not np.isfinite(dy):
        raise ValueError(f"--dy {options.dy}: must be finite in {form.name}")
    note = "" if same else f": the number of {form.name} nearest to {options.x.strip()}"
    for direction in directions:
        point = make_point(activation, direction, form, x, parameters, dy)
        yield point, note, _chosen(options, direction)


def _directions(options: argparse.Namespace) -> tuple[str, ...]:
    if options.direction == SUMMED:
        raise ValueError(f"{SUMMED} is a sum over all elements, and not explained by one; choose forward or backward")
    check_name("direction", options.direction, (*DIRECTIONS, "both"))
    if options.direction == "forward" and options.dy is not None:
        raise ValueError("--dy is a factor of the gradient: leave it out, or choose --direction backward")
    return DIRECTIONS if options.direction == "both" else (options.direction,)


def _parameters(options: argparse.Namespace, activation: Activation) -> Mapping[str, float]:
    given = {name: getattr(options, name) for name in _parameter_names() if getattr(options, name) is not None}
    for name in given:
        check_name(f"parameter of {activation.name}", name, activation.defaults)
    exactly = FORMATS["float64"]
    parameters = activation.defaults | {name: float(read_number(text, exactly)[0]) for name, text in given.items()}
    activation.check(parameters)
    return parameters


def _chosen(options: argparse.Namespace, direction: str) -> list[Kernel]:
    wanted = (options.activation, direction, options.dtype)
    found = [k for k in in_order(registered()) if (k.activation, k.direction, k.dtype) == wanted]
    for name in ("backend", "variant"):
        given = getattr(options, name)
        names = given.split(",") if given is not None else []
        for each in names:
            check_name(f"{name} of {'-'.join(wanted)}", each, dict.fromkeys(getattr(k, name) for k in found))
        found = [k for k in found if not names or getattr(k, name) in names]
    return found


# What is said.


def _none(places: Iterable[str]) -> str:
    """That there is no kernel, of whatever ``--kernels`` named either."""
    *others, last = ["ours", "a library", *places]
    return f"no kernel of {', '.join(others)} or {last} is registered for this"


def _block(point: Point, note: str, chosen: Iterable[Kernel], none: str) -> str:
    """All that is said of one direction; ``none`` stands where no kernel is chosen."""
    facts = list(_facts(point, note))
    width = max(len(name) for name, _ in facts)
    lines = [f"  {name:<{width}}  {text}" for name, text in facts]
    rows = [_row(kernel, ask(kernel, point)) for kernel in chosen]
    return "\n".join([_title(point), *lines, "", _table(rows) if rows else none])


def _title(point: Point) -> str:
    truth = point.truth
    values = "".join(f", {name} = {value!r}" for name, value in point.parameters.items())
    dy = f", dy = {hexadecimal(point.dy[0])}" if point.multiplied else ""
    return f"{truth.activation.name} {truth.direction}, {truth.form.name}{values}{dy}"


def _facts(point: Point, note: str) -> Iterator[tuple[str, str]]:
    form, y = point.truth.form, _name_of_y(point)
    yield "x", _shown(point.x, form) + note
    yield y, point.decimal()
    nearest = point.exact.nearest[0]
    if point.only_class:
        yield "", "of a result just the class is judged here"
        return
    yield f"RN({y})", _shown(nearest, form)
    yield "", _place(point)
    if point.truth.right is not None:
        yield "or", f"{_shown(point.truth.right.nearest[0], form)}: at a kink the right derivative will do as well"
    yield "condition", _condition(point)
    yield y.replace("(x)", "(x ± 1 ulp)"), _reach(point)


def _name_of_y(point: Point) -> str:
    if point.dy is None:
        return "f(x)"
    return "dy·f′(x)" if point.multiplied else "f′(x)"


def _shown(value: np.generic, form: Format) -> str:
    """A number in hexadecimal, in as few decimal digits as tell it from all others, by its place and its bits."""
    bits = f"bits {int(np.array([value]).view(form.pattern)[0]):#0{form.bits // 4 + 2}x}"
    if not np.isfinite(value):
        return f"{hexadecimal(value)}, {bits}"
    ordinal = int(form.ordinals(np.array([value]))[0])
    return f"{hexadecimal(value)} = {shortest(value, form)}, ordinal {ordinal}, {bits}"


def shortest(value: np.generic, form: Format) -> str:
    """The decimal numeral with the fewest digits that reads back as the same number of the format."""
    texts = (f"{float(value):.{digits}g}" for digits in range(1, 18))
    return next(text for text in texts if read_number(text, form)[0] == value)


def _place(point: Point) -> str:
    """Where the exact result lies between two numbers of the format."""
    form, exact, nearest = point.truth.form, point.exact, point.exact.nearest
    if np.isinf(nearest[0]):
        return "beyond the largest number by half an ulp or more"
    ulp = f"1 ulp = 2^{int(exact.exponent[0]) - form.precision + 1}"
    error = point.rounding_error()
    if not error:
        vanished = exact.sign[0] and not nearest[0]
        return f"{'far smaller than the least number' if vanished else 'exactly'}; {ulp}"
    with np.errstate(under="ignore"):
        scaled = np.ldexp(float(nearest[0]), -int(exact.exponent[0]))
    above = (scaled - exact.hi[0]) - exact.lo[0] > 0
    other = form.from_ordinals(form.ordinals(nearest) + (-1 if above else 1))[0]
    midpoint = f"{0.5 - error:.4g} ulp from the midpoint" if error < 0.5 else "the midpoint"
    side = f"{'above' if above else 'below'} {_name_of_y(point)}"
    return f"{error:.4g} ulp {side}, which is {midpoint} to {hexadecimal(other)}; {ulp}"


def _condition(point: Point) -> str:
    number = point.condition_number()
    if number is None:
        return f"undefined, since {_name_of_y(point)} is 0"
    text = mp.nstr(number, 4).removesuffix(".0")
    return f"{text}: a small relative change of x is {text} times as large in {_name_of_y(point)}"


def _reach(point: Point) -> str:
    """What the function rounds to at the neighbours of x, and how many numbers that spans."""
    form, reach = point.truth.form, point.truth.reach
    three = ", ".join(hexadecimal(value) for value in point.beside)
    ends = np.concatenate([reach.low, reach.high]).astype(form.dtype)
    low, high = form.ordinals(ends)
    span = int(high) - int(low) + 1
    spanned = f"{wording.count(span) if span < 1e6 else wording.short(span)} numbers" if span > 1 else "1 number"
    lowest = (
        f", with its minimum {hexadecimal(ends[0])}" if reach.low[0] < point.beside.astype(np.float64).min() else ""
    )
    return f"{three}{lowest}: {spanned} inside"


def _table(rows: list[list[str]]) -> str:
    """The answers; without the column of notes where there is nothing to note."""
    columns = max(map(len, rows))
    text = tabulate(rows, HEAD[:columns], tablefmt="simple", colalign=ALIGNED[:columns], disable_numparse=True)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _row(kernel: Kernel, reply: Reply) -> list[str]:
    name = f"{kernel.backend}-{kernel.variant}"
    claim = wording.claim(blank(kernel))
    if reply.only_for:
        return [name, f"only for {wording.parameters(reply.only_for)}", *[wording.MISSING] * 4, claim]
    if reply.failure:
        return [name, wording.one_line(wording.failure(reply.failure), 80), *[wording.MISSING] * 4, claim]
    it = reply.answer
    row = [
        name,
        hexadecimal(it.got),
        wording.ulp(it.error_ulp),
        wording.MISSING if it.distance is None else wording.grouped(it.distance),
        it.mismatch or "none",
        {True: "yes", False: "no", None: wording.MISSING}[it.inside],
        claim,
    ]
    return row + ([_lanes(reply)] if reply.other else [])


def _lanes(reply: Reply) -> str:
    """How answers to copies of the input in one array differ from the answer to the input alone."""
    other = reply.other
    what = other.mismatch or f"{wording.ulp(other.error_ulp)} ulp"
    return (
        f"{len(reply.differing)} of {COPIES} copies in one array, the first at {reply.differing[0]}, "
        f"get {hexadecimal(other.got)} ({what})"
    )
