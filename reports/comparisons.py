# SPDX-License-Identifier: MIT
"""The part of the schema that tells how a run compares: with a baseline, with another revision, with earlier runs."""

from typing import Literal

import msgspec

SpeedVerdict = Literal["same", "faster", "slower", "ambiguous", "not measured"]


class Record(msgspec.Struct, kw_only=True):
    """A JSON object; reading fails with the path of the first field that is missing or of another type."""


class Difference(Record):
    """What differs from a baseline, of one kernel."""

    kernel: str  # its id
    what: str  # the figure or verdict, in a word or two
    judged: Literal["regression", "missing", "better", "changed", "new", "elsewhere"]
    text: str  # what it is, what it was, and an input that shows it; for "elsewhere", what else explains it


class Comparison(Record):
    """With an earlier run's results."""

    baseline: str  # the path that was given
    started: str
    commit: str | None
    compared: int  # kernels that both have
    differences: list[Difference]
    left_out: int = 0  # kernels of the baseline that the new run's filters, or -k, leave out
    accept: str = "python -m reports accept"  # the command that makes the new results the baseline

    def judged(self, *verdicts: str) -> list[Difference]:
        """The differences with one of these verdicts."""
        return [d for d in self.differences if d.judged in verdicts]


class SpeedChange(Record):
    """How long a kernel takes beside what it took at another revision, in the same run, in one setting."""

    kernel: str  # its id
    setting: str  # as "65536-hot-1t"
    verdict: SpeedVerdict
    ratio: float | None  # of the times: above 1 where it is slower
    low: float | None  # of the interval of the ratio
    high: float | None
    why: str | None  # for "not measured", and for what two rounds do not agree on
    is_due: bool  # both have the kernel, or only the other revision: where it was not measured, that is no pass


class Against(Record):
    """With another revision's kernels, timed in turn."""

    revision: str  # as it was given
    commit: str
    blocks: int  # of processes, in the first round
    seconds: float  # that all of it took
    can_tell: bool  # whether the control, the other revision against itself, found no difference
    control: list[SpeedChange]  # the differences that it found, and what it can't decide: all but "same"
    changes: list[SpeedChange]

    def judged(self, *verdicts: str) -> list[SpeedChange]:
        """The changes with one of these verdicts."""
        return [c for c in self.changes if c.verdict in verdicts]


class Figures(Record):
    max_ulp: float | None
    percent_of_copy: float | None  # arrays in cache, one thread or a GPU


class Earlier(Record):
    """The figures of an earlier run on the same machine, for the trend."""

    started: str
    commit: str | None
    kernels: dict[str, Figures]  # by id
