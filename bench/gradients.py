# SPDX-License-Identifier: MIT
"""Gradient health: over which inputs the exact gradient, rounded to a dtype, is zero, subnormal or small."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from mpmath import mpf

from bench.calling import hexadecimal
from reference.activation import Activation
from reference.formats import Format
from reference.oracle import exact
from reports.schema import GradientHealth

SMALL = 2.0**-10
KINDS = ("zero", "subnormal", "small", "healthy")
GRID = 257  # looked at from end to end, equally many representable numbers apart


def gradient_health(activation: Activation, form: Format, parameters: Mapping[str, float]) -> list[GradientHealth]:
    """The intervals of finite inputs over which RN(f'(x)) is of each kind but "healthy", exact to the last bit.

    A grid that is dense around 0 and around the roots of f' finds where the kind changes; bisection over the
    representable numbers finds the border.
    """

    def kinds(ordinals: np.ndarray) -> np.ndarray:
        nearest = exact(activation, "backward", form, form.from_ordinals(ordinals), parameters).nearest
        size = np.abs(nearest.astype(np.float64))
        return np.digitize(size, [np.nextafter(0, 1), form.least_normal, SMALL])

    def borders(low: int, high: int, below: int, above: int) -> Iterator[tuple[int, int]]:
        """The first ordinal of each new kind in (low, high], and the kind."""
        if below == above:
            return
        if high - low == 1:
            yield high, above
            return
        middle = (low + high) // 2
        between = int(kinds(np.array([middle]))[0])
        yield from borders(low, middle, below, between)
        yield from borders(middle, high, between, above)

    grid = _grid(activation, form, parameters)
    seen = list(zip(grid.tolist(), kinds(grid).tolist(), strict=True))
    starts = [seen[0], *(b for (low, below), (high, above) in pairwise(seen) for b in borders(low, high, below, above))]
    ends = [start - 1 for start, _ in starts[1:]] + [int(grid[-1])]
    return [
        GradientHealth(
            dtype=form.name,
            kind=KINDS[kind],
            threshold=SMALL if KINDS[kind] == "small" else None,
            intervals=[_interval(form, start, end) for (start, k), end in zip(starts, ends, strict=True) if k == kind],
        )
        for kind in range(len(KINDS) - 1)
        if any(k == kind for _, k in starts)
    ]


def _grid(activation: Activation, form: Format, parameters: Mapping[str, float]) -> np.ndarray:
    end = form.infinity_pattern - 1
    roots = [float(mpf(r)) for r in activation.facts(**parameters).derivative_roots]
    centres = form.ordinals(np.array([0.0, *roots]).astype(form.dtype))
    steps = 2 ** np.arange(form.bits - 1)
    near = (centres[:, None] + np.concatenate([-steps, [0], steps])).ravel()
    even = np.linspace(-end, end, GRID).astype(np.int64)
    return np.unique(np.clip(np.concatenate([even, near]), -end, end))


def _interval(form: Format, start: int, end: int) -> tuple[str, str]:
    low, high = form.from_ordinals(np.array([start, end]))
    return hexadecimal(low), hexadecimal(high)
