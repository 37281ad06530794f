# SPDX-License-Identifier: MIT
"""The columns that people see, once: the terminal, summary.md and the table of index.html each take some of them."""

from collections.abc import Callable
from dataclasses import dataclass

from reports import wording
from reports.rows import Setting, extremes, settings, timing
from reports.schema import KernelResult, Results, Throughput


@dataclass(frozen=True)
class Column:
    field: str  # its name in results.csv, whose value it sorts by
    title: str  # a line break parts what is measured from where
    tip: str
    show: Callable[[KernelResult], str]
    numeric: bool = True


IDENTITY = ("activation", "direction", "dtype", "backend", "variant")


def findings(results: Results) -> list[Column]:
    """What was found of a kernel, its identity apart: the verdict, accuracy, safety, speed; not what was left out."""
    accuracy = _ACCURACY if any(kernel.accuracy for kernel in results.kernels) else []
    laws = [_PROPERTIES] if any(kernel.properties for kernel in results.kernels) else []
    speed = [column for at in extremes(results) for column in _speed(at)] if settings(results) else []
    return [_VERDICT, *accuracy, *laws, *speed]


def brief(results: Results) -> list[Column]:
    """The findings that fit on a line of a terminal."""
    left_out = {"max_ulp_normal", "misrounded", "outside_conditioning", "properties_violated"}
    left_out |= {f"{at.key}_ns_per_element" for at in extremes(results) if at.cache == "cold"}
    return [column for column in findings(results) if column.field not in left_out]


def _errs(kernel: KernelResult) -> bool:
    return kernel.accuracy is not None and kernel.accuracy.max_ulp != 0


def _of_accuracy(name: str, word: Callable[..., str]) -> Callable[[KernelResult], str]:
    return lambda kernel: word(kernel.accuracy and getattr(kernel.accuracy, name))


def _speed(at: Setting) -> list[Column]:
    def of_timing(number: Callable[[Throughput], float]) -> Callable[[KernelResult], str]:
        def show(kernel: KernelResult) -> str:
            measured = timing(kernel, *at)
            return wording.short(measured and number(measured))

        return show

    return [
        Column(
            f"{at.key}_ns_per_element",
            f"ns/element\n{at.title}",
            f"Nanoseconds for one element, median; {at.meaning}.",
            of_timing(lambda t: t.ns_per_element.median),
        ),
        Column(
            f"{at.key}_percent_of_copy",
            f"% of copy\n{at.title}",
            f"Bytes moved in a second, as a share of what a plain copy of the same size moves; {at.meaning}.",
            of_timing(lambda t: t.percent_of_copy),
        ),
    ]


_ACCURACY = [
    Column(
        "evaluated", "inputs tried", "How many inputs, and whether these are all that the dtype has.", wording.coverage
    ),
    Column(
        "max_ulp",
        "max ulp",
        "The largest error over all inputs tried, in units in the last place; up to 0.5, no float is closer.",
        _of_accuracy("max_ulp", wording.ulp),
    ),
    Column(
        "worst_input",
        "at input",
        "The input of that error, as a hexadecimal float: exact.",
        lambda kernel: (_errs(kernel) and kernel.accuracy.worst_input) or wording.MISSING,
        numeric=False,
    ),
    Column(
        "max_ulp_normal",
        "max ulp\nN(0, 1)",
        "The largest error over inputs drawn from N(0, 1), such as networks see.",
        _of_accuracy("max_ulp_normal", wording.ulp),
    ),
    Column(
        "misrounded",
        "misrounded",
        "For how many inputs the result is not the nearest number of the dtype.",
        _of_accuracy("misrounded", wording.count),
    ),
    Column(
        "outside_conditioning",
        "outside\nf(x ± 1 ulp)",
        "How many results are outside what f takes, rounded, between the neighbours of x. An error inside of it is one "
        "that a change of x by one last place makes too.",
        _of_accuracy("outside_conditioning", wording.count),
    ),
    Column(
        "mismatches",
        "mismatches",
        "For how many inputs the class is wrong: a NaN, an infinity, a zero or a sign where another was due; "
        "gradients also with random dy.",
        wording.mismatches,
    ),
]

_VERDICT = Column(
    "verdict",
    "claim",
    "What became of the bound that the author claims: it holds (every input was tried), is not refuted (inputs were "
    "sampled), or is broken.",
    wording.verdict,
    numeric=False,
)

_PROPERTIES = Column(
    "properties_violated",
    "properties\nviolated",
    "The laws that the function obeys and these results do not, such as that it never falls; no part of the claim.",
    wording.violated,
    numeric=False,
)
