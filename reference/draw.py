# SPDX-License-Identifier: MIT
"""Inputs of every kind, drawn at random, for certifying the fast oracle.

They are finite numbers of a format, and not 0. The suite's own inputs (`bench.inputs`) are another matter: there each
class is a set that a kernel is held against; here only the places matter where the oracle itself could go wrong.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from reference import fast
from reference.activation import Activation
from reference.formats import Format

TAIL_GRID = np.exp2(np.linspace(-8, 60, 1 << 14))  # fine enough to find where a result is subnormal


@dataclass(frozen=True)
class Request:
    """What inputs are drawn for."""

    activation: Activation
    direction: str
    form: Format
    parameters: Mapping[str, float]
    rng: np.random.Generator


def draw(request: Request, count: int) -> np.ndarray:
    """So many inputs, an equal share of each kind, in the format's dtype."""
    shares = np.full(len(KINDS), count // len(KINDS))
    shares[: count % len(KINDS)] += 1
    return np.concatenate([kind(request, int(n)) for kind, n in zip(KINDS, shares, strict=True)])


def every_magnitude(request: Request, count: int) -> np.ndarray:
    """Each number of the format as likely as any other."""
    end = request.form.infinity_pattern
    return _of_ordinals(request.form, request.rng.integers(-end + 1, end, count))


def beside_check_points(request: Request, count: int) -> np.ndarray:
    return _beside([p.x for p in request.activation.check_points] or [0.0], request, count)


def beside_seams(request: Request, count: int) -> np.ndarray:
    """Where the oracle changes its ways, and the ends of the format: from 0 on through the subnormals."""
    positive = [fast.CLOSEST, fast.MIDDLE, request.form.largest]
    return _beside([0.0, *positive, *(-p for p in positive)], request, count)


def beside_roots(request: Request, count: int) -> np.ndarray:
    """At every distance 2^-k from a root of the derivative, and from its mirror image, where f′ = 1."""
    roots = [float(r) for r in request.activation.facts(**request.parameters).derivative_roots]
    return _beside(roots + [-r for r in roots] or [1.0], request, count)


def moderate(request: Request, count: int) -> np.ndarray:
    """Magnitudes from 2^-12 to 2^10, uniform in the logarithm."""
    return _rounded(request, _signs(request, count) * np.exp2(request.rng.uniform(-12, 10, count)))


def normal(request: Request, count: int) -> np.ndarray:
    return _rounded(request, request.rng.normal(0, 1, count))


def wide_normal(request: Request, count: int) -> np.ndarray:
    return _rounded(request, request.rng.normal(0, 10, count))


def subnormal_tails(request: Request, count: int) -> np.ndarray:
    """Where the result is subnormal in the format, far from 0; other numbers where there is no such place."""
    ends = _tails(request.activation, request.direction, request.form, tuple(request.parameters.items()))
    if not ends:
        return moderate(request, count)
    low, high = np.array(ends)[request.rng.integers(0, len(ends), count)].T
    return _rounded(request, low + (high - low) * request.rng.uniform(0, 1, count))


@functools.cache
def _tails(
    activation: Activation, direction: str, form: Format, parameters: tuple[tuple[str, float], ...]
) -> list[tuple[float, float]]:
    """The ends of the intervals, left and right, where the result is subnormal."""
    ends = []
    for side in (-1.0, 1.0):
        with np.errstate(over="ignore"):
            x = (side * TAIL_GRID).astype(form.dtype).astype(np.float64)
        x = x[np.isfinite(x)]
        size = magnitude(fast.evaluate(activation, direction, form, x, dict(parameters)))
        inside = x[(size < form.emin) & (size > form.emin - form.precision - 1)]
        ends += [(inside[0], inside[-1])] if len(inside) else []
    return ends


KINDS: tuple[Callable[[Request, int], np.ndarray], ...] = (
    every_magnitude,
    beside_check_points,
    beside_seams,
    beside_roots,
    moderate,
    normal,
    wide_normal,
    subnormal_tails,
)


def factors(request: Request, count: int) -> np.ndarray:
    """dy: half of it of every magnitude, half among the largest eighth, where a subnormal f′ becomes ordinary."""
    end = request.form.infinity_pattern
    low = np.where(request.rng.integers(0, 2, count), 1, end - end // 8)
    return _of_ordinals(request.form, _signs(request, count).astype(np.int64) * request.rng.integers(low, end))


def magnitude(values: fast.Values) -> np.ndarray:
    """log2 |v|; -inf where v is 0."""
    with np.errstate(divide="ignore"):
        return np.log2(np.abs(values.high)) + values.exponent


def _beside(points: list[float], request: Request, count: int) -> np.ndarray:
    """As many numbers 2^k places away from one of the points, on either side, for every k."""
    form = request.form
    with np.errstate(over="ignore"):
        ordinals = form.ordinals(np.array(points, np.float64).astype(form.dtype))
    offsets = np.exp2(request.rng.uniform(0, form.precision, count)).astype(np.int64) - 1
    return _of_ordinals(form, request.rng.choice(ordinals, count) + _signs(request, count).astype(np.int64) * offsets)


def _signs(request: Request, count: int) -> np.ndarray:
    return request.rng.choice([-1.0, 1.0], count)


def _rounded(request: Request, values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return _of_ordinals(request.form, request.form.ordinals(values.astype(request.form.dtype)))


def _of_ordinals(form: Format, ordinals: np.ndarray) -> np.ndarray:
    """Numbers of the format; the least one for 0, and the largest for what is beyond it."""
    end = form.infinity_pattern - 1
    return form.from_ordinals(np.where(ordinals == 0, 1, np.clip(ordinals, -end, end)))
