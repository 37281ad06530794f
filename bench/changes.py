# SPDX-License-Identifier: MIT
"""Where the rate of misrounded results changes: the mark that a change of formula leaves, though both sides be good.

A sorted sample is split where two windows, side by side, differ most; the change is located, and the two parts are
split again. A noisy bisection locates it: each new input is drawn from the posterior of the place of the change, given
all results so far. From afar a drift of the rate looks like a change; looked at closely nothing is left of it, and it
is dropped.

Inputs are ordinals. Evidence is in nats: the logarithm of a ratio of likelihoods. To locate what the sample has some
evidence for takes a few times as many evaluations as its windows hold, so that half of a search is enough for all.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

STRONG = 24.0  # nats: larger windows are not tried, which hold more of what else changes
WORTHWHILE = 12.0  # nats that the sample must have for a change before it is looked for
SMALLEST_WINDOW = 64  # results on each side of a split
STEPS = 8  # splits tried in the length of a window
RESOLUTION = 20.0  # nats expected of all results in the interval that a change is located to; fewer tell no more
SMALLEST_INTERVAL = 1 << 12  # ordinals
BATCH = 1.0  # nats expected of the results that are asked for at once
SMALLEST_BATCH = 256
CLOSE = 2.0**-8  # of the window of the split: from here a drift is no longer seen
ROUNDS = 8  # of a close look, at most
ROUND = 3.0  # nats expected of each
CONVINCING = 9.0  # nats: a close look ends here
DOUBTFUL = 4.0  # nats: if a close look ends with less, it was a drift
EFFORT = 150.0  # nats expected of all results for one change, at most
LEAST_SHARE = 0.1  # of the information expected: if results learned later tell less, there was no change
ATTEMPTS = 3  # at one change: noise may lead astray
OUTSIDE = 1e-3  # the posterior's mass beyond each end of the interval that a change is taken to be in
FORGOTTEN = 1e-12  # the mass beyond each end of the interval that is kept
SUSPICION = 0.1  # the prior's mass at each suspected place

Misrounded = Callable[[np.ndarray], np.ndarray]  # int64 ordinals -> bool, of each whether its result is misrounded


@dataclass(frozen=True)
class Rates:
    """How often results are misrounded below a change and above it; never 0 or 1."""

    below: float
    above: float

    @classmethod
    def of(cls, counts: np.ndarray) -> "Rates":
        """From how many are misrounded of how many, below and then above."""
        wrong_below, size_below, wrong_above, size_above = counts.tolist()
        return cls((wrong_below + 0.5) / (size_below + 1), (wrong_above + 0.5) / (size_above + 1))

    @property
    def information(self) -> float:
        """Nats that one result tells of its side, if either is as likely: the Jensen-Shannon divergence."""
        return float(evidence(self.below / 2, 0.5, self.above / 2, 0.5))

    def results_for(self, nats: float) -> int:
        """How many results are expected to tell so much."""
        return int(np.ceil(nats / self.information))

    @property
    def resolution(self) -> int:
        """In ordinals: to what interval a change can be located, and be it by trying all in it."""
        return max(SMALLEST_INTERVAL, self.results_for(RESOLUTION))


@dataclass(frozen=True)
class Change:
    """Somewhere from ``low`` to ``high``, ordinals, the rate of misrounded results changes."""

    low: int
    high: int
    rates: Rates


@dataclass(frozen=True)
class Split:
    """Two windows of a sorted sample, side by side: the places from ``first`` to ``middle`` and from there to ``last``."""

    evidence: float
    first: int
    middle: int
    last: int


def changes(ordinals: np.ndarray, wrong: np.ndarray, suspects: np.ndarray, locator: "Locator") -> Iterator[Change]:
    """The changes that a sorted sample gives evidence of, what has most evidence first; each is located.

    Args:
        ordinals, wrong: the sample, and of each whether its result is misrounded.
        suspects: sorted ordinals at which a change is more likely than elsewhere.
    """
    sums = np.concatenate([[0], np.cumsum(wrong)])
    waiting: list[tuple[float, int, int, Split]] = []

    def consider(start: int, end: int) -> None:
        split = best_split(sums, start, end)
        if split.evidence >= WORTHWHILE:
            heapq.heappush(waiting, (-rates(split).information, start, end, split))

    def rates(split: Split) -> Rates:
        below, middle, above = sums[[split.first, split.middle, split.last]]
        sizes = split.middle - split.first, split.last - split.middle
        return Rates.of(np.array([middle - below, sizes[0], above - middle, sizes[1]]))

    consider(0, len(ordinals))
    while waiting:
        _, start, end, split = heapq.heappop(waiting)
        window = slice(split.first, split.last)
        change = locator.locate(ordinals[window], wrong[window], rates(split), suspects)
        middle = split.middle
        if change:
            yield change
            middle = min(max(int(np.searchsorted(ordinals, change.low)), start + 1), end - 1)
        consider(start, middle)
        consider(middle, end)


def best_split(sums: np.ndarray, start: int, end: int) -> Split:
    """Between the places ``start`` and ``end`` of a sample, that with the most evidence; windows of many sizes are tried.

    ``sums[i]`` is how many of the first i results are misrounded.
    """
    best = Split(0.0, start, start, start)
    window = SMALLEST_WINDOW
    while True:
        middle = np.arange(start + SMALLEST_WINDOW, end - SMALLEST_WINDOW + 1, window // STEPS)
        if not len(middle):
            return best
        first, last = np.maximum(middle - window, start), np.minimum(middle + window, end)
        found = evidence(sums[middle] - sums[first], middle - first, sums[last] - sums[middle], last - middle)
        at = int(np.argmax(found))
        if found[at] > best.evidence:
            best = Split(float(found[at]), int(first[at]), int(middle[at]), int(last[at]))
        if best.evidence >= STRONG or window >= end - start:
            return best
        window *= 2


def evidence(wrong_below, size_below, wrong_above, size_above):
    """For two rates instead of one, of so many misrounded among so many results on each side; arrays or numbers."""
    apart = _log_likelihood(wrong_below, size_below) + _log_likelihood(wrong_above, size_above)
    return apart - _log_likelihood(wrong_below + wrong_above, size_below + size_above)


def _log_likelihood(wrong, size):
    """Of so many misrounded results, at the rate that makes it largest."""
    with np.errstate(divide="ignore", invalid="ignore"):  # 0·log 0 is 0
        right = size - wrong
        return np.nan_to_num(wrong * np.log(wrong / size)) + np.nan_to_num(right * np.log(right / size))


class Posterior:
    """Where in an interval the rate changes, given results there.

    A change at c has c - 1 on one side and c on the other. The prior is even, but for more mass at suspects.
    """

    def __init__(self, low: int, high: int, suspects: np.ndarray) -> None:
        self.low, self.high = low, high
        self.suspects, self.weight_of_suspect = suspects, SUSPICION * (high - low)
        self.ordinals = np.array([], np.int64)
        self.wrong = np.array([], bool)
        self.forgotten = np.zeros(4, np.int64)  # misrounded and all below, misrounded and all above

    def add(self, ordinals: np.ndarray, wrong: np.ndarray, rates: Rates) -> None:
        """Take more results into account, of ordinals that are new and distinct; the rates hold for all."""
        self.ordinals = np.concatenate([self.ordinals, ordinals])
        order = np.argsort(self.ordinals, kind="stable")
        self.ordinals, self.wrong = self.ordinals[order], np.concatenate([self.wrong, wrong])[order]
        for_above = np.where(self.wrong, np.log(rates.below / rates.above), np.log((1 - rates.below) / (1 - rates.above)))
        likelihood = np.concatenate([[0.0], np.cumsum(for_above)])
        self.edges = np.concatenate([[self.low], self.ordinals, [self.high]])
        prior = np.diff(self.edges).astype(float)
        inside = self.suspects[(self.suspects > self.low) & (self.suspects < self.high)]
        np.add.at(prior, np.searchsorted(self.ordinals, inside), self.weight_of_suspect)
        mass = prior * np.exp(likelihood - likelihood.max())
        self.up_to = np.cumsum(mass) / mass.sum()

    def interval(self, outside: float) -> tuple[int, int]:
        """Where the change is, but for so much of the mass beyond each end."""
        first, last = np.searchsorted(self.up_to[:-1], [outside, 1 - outside])
        return int(self.edges[first]), int(self.edges[last + 1])

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """New ordinals, as dense as the mass."""
        gaps = np.searchsorted(self.up_to[:-1], rng.random(size), side="right")
        low, high = self.edges[gaps], self.edges[gaps + 1]
        drawn = np.sort(rng.integers(low, np.maximum(high, low + 1)))
        new = (drawn > self.low) & (drawn < self.high) & (np.diff(drawn, prepend=self.low) > 0)
        known = np.append(self.ordinals, self.high)[np.searchsorted(self.ordinals, drawn)] == drawn
        return drawn[new & ~known]

    def forget(self) -> None:
        """Drop results that are so far off that they tell nothing any more."""
        self.low, self.high = self.interval(FORGOTTEN)
        below, above = self.ordinals <= self.low, self.ordinals >= self.high
        self.forgotten += self.wrong[below].sum(), below.sum(), self.wrong[above].sum(), above.sum()
        near = ~(below | above)
        self.ordinals, self.wrong = self.ordinals[near], self.wrong[near]


@dataclass
class Locator:
    """Locates changes by asking for more results."""

    misrounded: Misrounded
    rng: np.random.Generator

    def locate(self, ordinals: np.ndarray, wrong: np.ndarray, rates: Rates, suspects: np.ndarray) -> Change | None:
        """The change that two windows of a sample give evidence of; None where it was none, or could not be found."""
        for _ in range(ATTEMPTS):
            posterior = Posterior(int(ordinals[0]) - 1, int(ordinals[-1]) + 1, suspects)
            posterior.add(ordinals, wrong, rates)
            self._narrow(posterior, rates, max(CLOSE * (posterior.high - posterior.low), rates.resolution))
            counts = self.look_closely(*posterior.interval(OUTSIDE), rates)
            if counts is None:
                return None
            posterior.forgotten = counts
            learned = self._narrow(posterior, Rates.of(counts))
            if learned and self.look_closely(*posterior.interval(OUTSIDE), learned) is not None:
                return Change(*posterior.interval(OUTSIDE), learned)
        return None

    def _narrow(self, posterior: Posterior, rates: Rates, width: float = 0) -> Rates | None:
        """Ask for results until the interval is no wider; None where that takes too many.

        Without a width, it goes as far as can be, and learns the rates from the results that are forgotten.
        """
        most, asked, at_first = rates.results_for(EFFORT), 0, rates.information
        while asked < most:
            low, high = posterior.interval(OUTSIDE)
            if high - low <= (width or rates.resolution):
                return rates
            posterior.forget()
            if not width:
                rates = Rates.of(posterior.forgotten)
                if rates.information < LEAST_SHARE * at_first:
                    return None
            size = max(SMALLEST_BATCH, rates.results_for(BATCH))
            new = posterior.draw(self.rng, size)
            posterior.add(new, self.misrounded(new), rates)
            asked += size
        return None

    def look_closely(self, low: int, high: int, rates: Rates) -> np.ndarray | None:
        """Misrounded and all just below an interval, and just above; None where they differ hardly, or the other way."""
        reach = max(2 * (high - low), rates.resolution)
        size = rates.results_for(ROUND / 2)
        counts = np.zeros(4, np.int64)
        for _ in range(ROUNDS):
            below = np.unique(self.rng.integers(low - reach, low, size))
            above = np.unique(self.rng.integers(high, high + reach, size))
            counts += self.misrounded(below).sum(), len(below), self.misrounded(above).sum(), len(above)
            found = evidence(*counts)
            if found >= CONVINCING:
                break
        seen = Rates.of(counts)
        alike = (seen.below < seen.above) == (rates.below < rates.above)
        return counts if alike and found >= DOUBTFUL else None
