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
import itertools
from collections.abc import Callable, Iterator, Sequence
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

    @property
    def rises(self) -> bool:
        return self.above > self.below


@dataclass(frozen=True)
class Change:
    """Somewhere from ``low`` to ``high``, ordinals, the rate of misrounded results changes."""

    low: int
    high: int
    rates: Rates


@dataclass(frozen=True)
class Results:
    """Which results are misrounded, of distinct ordinals in their order."""

    ordinals: np.ndarray  # int64
    wrong: np.ndarray  # bool

    @classmethod
    def merged(cls, parts: Sequence["Results"]) -> "Results":
        ordinals = np.concatenate([part.ordinals for part in parts])
        order = np.argsort(ordinals, kind="stable")
        new = order[np.diff(ordinals[order], prepend=ordinals[order[:1]] - 1) > 0]
        return cls(ordinals[new], np.concatenate([part.wrong for part in parts])[new])

    def part(self, first: int, last: int) -> "Results":
        return Results(self.ordinals[first:last], self.wrong[first:last])

    def halves(self, place: int) -> tuple["Results", "Results"]:
        """Those below an ordinal and the rest, neither of them empty."""
        middle = int(np.searchsorted(self.ordinals, place))
        middle = min(max(middle, SMALLEST_WINDOW // 2), len(self.ordinals) - SMALLEST_WINDOW // 2)
        return self.part(0, middle), self.part(middle, len(self.ordinals))


@dataclass(frozen=True)
class Split:
    """Two windows of results, side by side: from the place ``first`` to ``middle``, and from there to ``last``."""

    evidence: float
    first: int
    middle: int
    last: int
    rates: Rates


def changes(
    sample: Results, suspects: np.ndarray, misrounded: Misrounded, rng: np.random.Generator
) -> Iterator[Change]:
    """The changes that a sample gives evidence of, located; those first that take the fewest evaluations.

    Args:
        suspects: sorted ordinals at which a change is more likely than elsewhere.
    """
    waiting: list[tuple[float, int, Results, Split]] = []
    number = itertools.count()  # of two that take as many, the first comes first

    def consider(results: Results) -> None:
        split = best_split(results)
        if split:
            heapq.heappush(waiting, (-split.rates.information, next(number), results, split))

    consider(sample)
    while waiting:
        *_, results, split = heapq.heappop(waiting)
        locator = Locator(misrounded, rng, suspects)
        change = locator.locate(results.part(split.first, split.last), split.rates)
        if change:
            yield change
        for half in Results.merged([results, *locator.asked]).halves(locator.place):
            consider(half)


def best_split(results: Results) -> Split | None:
    """In the smallest windows with strong evidence, else in those with most; None where that is not worthwhile."""
    sums = np.concatenate([[0], np.cumsum(results.wrong)])
    size, window = len(results.ordinals), SMALLEST_WINDOW
    best, most = None, WORTHWHILE
    while most < STRONG and window < 2 * size:
        middle = np.arange(SMALLEST_WINDOW, size - SMALLEST_WINDOW + 1, window // STEPS)
        first, last = np.maximum(middle - window, 0), np.minimum(middle + window, size)
        counts = np.stack([sums[middle] - sums[first], middle - first, sums[last] - sums[middle], last - middle])
        found = evidence(*counts)
        at = int(np.argmax(found)) if len(found) else 0
        if len(found) and found[at] >= most:
            most = float(found[at])
            best = Split(most, int(first[at]), int(middle[at]), int(last[at]), Rates.of(counts[:, at]))
        window *= 2
    return best


def evidence(wrong_below, size_below, wrong_above, size_above):
    """For two rates instead of one, of so many misrounded among so many results on each side; arrays or numbers."""
    apart = _log_likelihood(wrong_below, size_below) + _log_likelihood(wrong_above, size_above)
    return apart - _log_likelihood(wrong_below + wrong_above, size_below + size_above)


def _log_likelihood(wrong, size):
    """Of so many misrounded results, at the rate that makes it largest."""
    with np.errstate(divide="ignore", invalid="ignore"):  # 0·log 0 is 0
        right = size - wrong
        return np.nan_to_num(wrong * np.log(wrong / size)) + np.nan_to_num(right * np.log(right / size))


class Locator:
    """Locates a change by asking for more results."""

    def __init__(self, misrounded: Misrounded, rng: np.random.Generator, suspects: np.ndarray) -> None:
        self.misrounded, self.rng, self.suspects = misrounded, rng, suspects
        self.asked: list[Results] = []
        self.place = 0  # where the change was found, or where it seemed to be

    def locate(self, results: Results, rates: Rates) -> Change | None:
        """The change that results give evidence of; None where it was none, or could not be found."""
        for _ in range(ATTEMPTS):
            posterior = Posterior(int(results.ordinals[0]) - 1, int(results.ordinals[-1]) + 1, self.suspects)
            posterior.add(results, rates)
            self._narrow(posterior, rates, max(CLOSE * (posterior.high - posterior.low), rates.resolution))
            interval = self._interval(posterior)
            counts = self.look_closely(*interval, rates)
            if counts is None:
                return None
            posterior.forgotten = counts
            learned = self._narrow(posterior, Rates.of(counts))
            interval = self._interval(posterior)
            if learned and self.look_closely(*interval, learned) is not None:
                return Change(*interval, learned)
        return None

    def _interval(self, posterior: "Posterior") -> tuple[int, int]:
        low, high = posterior.interval(OUTSIDE)
        self.place = (low + high) // 2
        return low, high

    def _narrow(self, posterior: "Posterior", rates: Rates, width: float = 0) -> Rates | None:
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
            posterior.add(self._ask(posterior.draw(self.rng, size)), rates)
            asked += size
        return None

    def look_closely(self, low: int, high: int, rates: Rates) -> np.ndarray | None:
        """Misrounded and all just below an interval and just above; None where they hardly differ, or otherwise."""
        reach = max(2 * (high - low), rates.resolution)
        size = rates.results_for(ROUND / 2)
        counts = np.zeros(4, np.int64)
        for _ in range(ROUNDS):
            below = self._ask(np.unique(self.rng.integers(low - reach, low, size))).wrong
            above = self._ask(np.unique(self.rng.integers(high, high + reach, size))).wrong
            counts += below.sum(), len(below), above.sum(), len(above)
            found = evidence(*counts)
            if found >= CONVINCING:
                break
        return counts if Rates.of(counts).rises == rates.rises and found >= DOUBTFUL else None

    def _ask(self, ordinals: np.ndarray) -> Results:
        results = Results(ordinals, self.misrounded(ordinals))
        self.asked.append(results)
        return results


class Posterior:
    """Where in an interval the rate changes, given results there.

    A change at c has c - 1 on one side and c on the other. The prior is even, but for more mass at suspects.
    """

    def __init__(self, low: int, high: int, suspects: np.ndarray) -> None:
        self.low, self.high = low, high
        self.suspects, self.weight_of_suspect = suspects, SUSPICION * (high - low)
        self.near = Results(np.array([], np.int64), np.array([], bool))
        self.forgotten = np.zeros(4, np.int64)  # misrounded and all below, misrounded and all above

    def add(self, results: Results, rates: Rates) -> None:
        """Take more results into account; the rates hold for all."""
        self.near = Results.merged([self.near, results])
        ordinals, wrong = self.near.ordinals, self.near.wrong
        for_above = np.log(rates.below / rates.above), np.log((1 - rates.below) / (1 - rates.above))
        likelihood = np.concatenate([[0.0], np.cumsum(np.where(wrong, *for_above))])
        self.edges = np.concatenate([[self.low], ordinals, [self.high]])
        prior = np.diff(self.edges).astype(float)
        inside = self.suspects[(self.suspects > self.low) & (self.suspects < self.high)]
        np.add.at(prior, np.searchsorted(ordinals, inside), self.weight_of_suspect)
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
        ordinals = self.near.ordinals
        new = (drawn > self.low) & (drawn < self.high) & (np.diff(drawn, prepend=self.low) > 0)
        known = np.append(ordinals, self.high)[np.searchsorted(ordinals, drawn)] == drawn
        return drawn[new & ~known]

    def forget(self) -> None:
        """Drop results that are so far off that they tell nothing any more."""
        self.low, self.high = self.interval(FORGOTTEN)
        ordinals, wrong = self.near.ordinals, self.near.wrong
        below, above = ordinals <= self.low, ordinals >= self.high
        self.forgotten += wrong[below].sum(), below.sum(), wrong[above].sum(), above.sum()
        self.near = Results(ordinals[~(below | above)], wrong[~(below | above)])
