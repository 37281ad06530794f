# SPDX-License-Identifier: MIT
"""What all checks of properties share: the kernel with what it is tried on, and how a verdict is counted."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.accuracy import Truth
from bench.calling import KernelError, StartError, arguments, call
from kernels.registry import Kernel
from reference.activation import Facts
from reference.formats import Format
from reports.schema import Property

FATAL = ("hung", "crashed", "changed_mode")  # kinds of failures that are no matter of a layout


@dataclass(frozen=True)
class Trial:
    """A forward or backward kernel, and what it is held against."""

    kernel: Kernel
    truth: Truth
    depth: str
    seed: int

    @property
    def forward(self) -> bool:
        return self.kernel.direction == "forward"

    @property
    def form(self) -> Format:
        return self.truth.form

    @functools.cached_property
    def facts(self) -> Facts:
        return self.truth.activation.facts(**self.kernel.parameters)

    @functools.cached_property
    def got(self) -> np.ndarray:
        """The results for all inputs of the truth.

        Raises:
            KernelError: the kernel broke the contract of the call.
        """
        return self.call(self.truth.inputs.values)

    def call(self, x: np.ndarray) -> np.ndarray:
        """f(x), or f'(x) with dy = 1.

        Raises:
            KernelError: the kernel broke the contract of the call.
        """
        return call(self.kernel, *arguments(self.kernel, x))

    def random(self, what: str) -> np.random.Generator:
        """A generator of one check's own."""
        return generator(self.kernel, what, self.seed)


def generator(kernel: Kernel, what: str, seed: int) -> np.random.Generator:
    """What one check of a kernel draws from, whatever else is checked and in what order."""
    return np.random.default_rng([seed, *what.encode(), *kernel.activation.encode(), *kernel.dtype.encode()])


def in_numbers(size: float) -> str:
    """A distance, for people."""
    return f"{size:,} representable number{'' if size == 1 else 's'}"


class Count:
    """What one check has found so far: places, violations, and the largest of these as the counter-example.

    Where violations have no size, the first is the counter-example. ``text`` says a size in words.
    """

    def __init__(self, text: Callable[[float], str] = in_numbers) -> None:
        self.text = text
        self.checked = 0
        self.count = 0
        self.largest: float = 0
        self.counter_example: str | None = None

    def see(self, wrong: np.ndarray, sentence: Callable[[int], str], sizes: np.ndarray | None = None) -> None:
        """Count places, of which those where ``wrong`` are violations; ``sentence`` says what is wrong at one."""
        places = np.flatnonzero(wrong)
        worst = int(places[0] if sizes is None else places[np.argmax(sizes[places])]) if len(places) else 0
        size = 0 if sizes is None or not len(places) else sizes[worst].item()
        self.add(wrong.size, len(places), lambda: sentence(worst), size)

    def add(self, checked: int, count: int = 0, sentence: Callable[[], str] = str, size: float = 0) -> None:
        """Count places and violations among them, the largest of which has a size and a sentence."""
        self.checked += checked
        self.count += count
        if count and (self.counter_example is None or size > self.largest):
            self.counter_example, self.largest = sentence(), size

    def property(self) -> Property:
        """The verdict."""
        if not self.checked:
            return not_checked("no input that could show it was among those tried")
        return Property(
            verdict="violated" if self.count else "holds",
            counter_example=self.counter_example,
            count=self.count,
            checked=self.checked,
            largest=self.text(self.largest) if self.largest else None,
            why=None,
        )


def not_checked(why: str) -> Property:
    """The verdict where nothing could be tried."""
    return Property(verdict="not checked", counter_example=None, count=0, checked=0, largest=None, why=why)


def settled(check: Callable[[], Property | None]) -> Property | None:
    """The verdict of a check; a call that breaks the contract violates what was to be checked.

    Raises:
        KernelError: as for `broken`.
    """
    try:
        return check()
    except KernelError as error:
        return broken(error)


def broken(error: KernelError) -> Property:
    """The verdict where a kernel broke the contract of a call.

    Raises:
        KernelError: that is more than a property lost, whatever was being checked.
    """
    refuse_if_fatal(error)
    tally = Count()
    tally.add(1, 1, lambda: broken_call(error))
    return tally.property()


def refuse_if_fatal(error: KernelError) -> None:
    """What a kernel does to the process that calls it fails the kernel, on whatever input and in whatever layout.

    Where there is no process, there is nothing to say of an input or a layout, either.

    Raises:
        KernelError: the error, where it is of that kind.
    """
    if error.failure.kind in FATAL or isinstance(error, StartError):
        raise error


def broken_call(error: KernelError) -> str:
    """What happened, for people."""
    return f"the call failed: {error}"
