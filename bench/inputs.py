# SPDX-License-Identifier: MIT
"""What kernels are tried on. A class of inputs is one generator; all of them are merged into one set.

A generator takes the format, the activation's check points and a random generator with the depth's sample size, and
returns values of the format; duplicates do not matter.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from reference.activation import Activation
from reference.formats import FORMATS, Format

SAMPLES = {"quick": 1 << 10, "standard": 1 << 13, "exhaustive": 1 << 13}  # per random class of inputs
NEIGHBOURS = 16  # representable numbers on each side of a point of interest
PAYLOADS = (1, 2, 0x2A)


@dataclass(frozen=True)
class Inputs:
    """Distinct inputs in order of their bit patterns; ``normal`` are the places of draws from N(0, 1)."""

    values: np.ndarray
    normal: np.ndarray
    exhaustive: bool


@dataclass(frozen=True)
class Request:
    """What a generator is asked for."""

    form: Format
    check_points: tuple[float, ...]
    samples: int
    rng: np.random.Generator


Generator = Callable[[Request], np.ndarray]
GENERATORS: list[Generator] = []


def generator(function: Generator) -> Generator:
    """Add a class of inputs to the suite."""
    GENERATORS.append(function)
    return function


def make_inputs(activation: Activation, form: Format, depth: str, seed: int) -> Inputs:
    """The inputs for one activation and format: all of them in 16 bits, edges and samples in more."""
    rng = np.random.default_rng([seed, *activation.name.encode(), *form.name.encode()])
    samples = SAMPLES[depth]
    normal = as_format(rng.standard_normal(samples), form)
    if form.bits == 16:
        values = form.every_value()
    else:
        points = tuple(p.x for p in activation.check_points)
        request = Request(form, points, samples, rng)
        values = np.concatenate([normal, *(g(request) for g in GENERATORS)])
        values = form.from_patterns(np.unique(values.view(form.pattern)))
    places = np.searchsorted(values.view(form.pattern), normal.view(form.pattern))
    return Inputs(values, places, exhaustive=form.bits == 16)


def digest(*arrays: np.ndarray) -> str:
    """By which inputs can be told to be the same: samples may not be, on a machine with another C library."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def random_pairs(activation: Activation, form: Format, depth: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (dy, x), finite, x not 0 and no kink, for the check of dy * f'(x).

    Half of the x are beside check points and thresholds, and half of the dy are among the largest numbers: there f'(x)
    is subnormal or rounds to 0 while dy * f'(x) is an ordinary number.
    """
    rng = np.random.default_rng([seed, *activation.name.encode(), *b"dy", *form.name.encode()])
    quarter = SAMPLES[depth] // 4
    request = Request(form, tuple(p.x for p in activation.check_points), quarter, rng)
    hard = np.concatenate([check_points(request), thresholds_of_exp(request)])
    hard = rng.choice(hard.view(form.pattern), 2 * quarter).view(form.dtype)
    x = np.concatenate([uniform_ordinals(request), as_format(rng.normal(0, 4, quarter), form), hard])
    dy = [uniform_ordinals(request), _large(request), uniform_ordinals(request), _large(request)]
    with np.errstate(invalid="ignore"):
        keep = np.isfinite(x) & ~np.isin(x.astype(np.float64), (0.0, *activation.kinks))
    return np.concatenate(dy)[keep], x[keep]


def _large(request: Request) -> np.ndarray:
    """Among the largest eighth of the numbers of either sign."""
    end = request.form.infinity_pattern
    ordinals = request.rng.integers(end - end // 8, end, request.samples)
    return request.form.from_ordinals(request.rng.choice([-1, 1], request.samples) * ordinals)


def as_format(values: np.ndarray, form: Format) -> np.ndarray:
    """Round binary64 values to the format; what is too large becomes infinite."""
    with np.errstate(all="ignore"):
        return np.asarray(values, np.float64).astype(form.dtype)


def magnitudes(rng: np.random.Generator, low: float, high: float, size: int) -> np.ndarray:
    """Binary64 numbers from 2^low to 2^high, as many in each binade.

    They come of additions alone: exp2 has other last bits on other machines, where other inputs would be tried.
    """
    places = rng.uniform(low, high, size)
    binades = np.floor(places)
    return np.ldexp(1 + (places - binades), binades.astype(np.int64))


def around(points: np.ndarray, form: Format, count: int = NEIGHBOURS) -> np.ndarray:
    """Each point with ``count`` representable numbers on both sides, and the same with the other sign."""
    ordinals = form.ordinals(as_format(points, form))[:, None] + np.arange(-count, count + 1)
    ordinals = np.clip(ordinals.ravel(), -form.infinity_pattern, form.infinity_pattern)
    return form.from_ordinals(np.concatenate([ordinals, -ordinals]))


@generator
def special_values(request: Request) -> np.ndarray:
    """Both zeros, both infinities, and NaNs of either sign, quiet and signalling, with payloads."""
    form = request.form
    sign, infinity = 1 << (form.bits - 1), form.infinity_pattern
    quiet = 1 << (form.precision - 2)
    nans = [infinity | q | p for q in (0, quiet) for p in PAYLOADS] + [infinity | quiet]
    patterns = [0, infinity, *nans]
    return form.from_patterns(np.array(patterns + [p | sign for p in patterns], form.pattern))


@generator
def ends_of_range(request: Request) -> np.ndarray:
    """The least and the largest subnormal and normal numbers, and their neighbours."""
    form = request.form
    return around(np.array([0.0, form.least_normal, form.largest]), form)


@generator
def powers_of_two(request: Request) -> np.ndarray:
    """Every power of two with its two neighbours: where the ulp changes."""
    form = request.form
    exponents = np.arange(form.emin - form.precision + 1, form.emax + 1)
    return around(np.ldexp(1.0, exponents), form, count=1)


@generator
def round_numbers(request: Request) -> np.ndarray:
    """Whole numbers and halves up to 8, where pieces of a function are joined and tables are looked up."""
    return as_format(np.arange(-16, 17) / 2, request.form)


@generator
def thresholds_of_exp(request: Request) -> np.ndarray:
    """Where exp(x), exp(2x), exp(x/2) and exp(-x²/2) leave the range of any format, or become subnormal."""
    ends = [log(e) for f in FORMATS.values() for e in (f.largest, f.least_normal, f.least_subnormal)]
    points = [p for e in ends for p in (e, e / 2, 2 * e, sqrt(2 * abs(e)), sqrt(abs(e)))]
    return around(np.array(points), request.form)


@generator
def check_points(request: Request) -> np.ndarray:
    """What the activation's file names as points of trouble."""
    return around(np.array(request.check_points or (0.0,)), request.form)


@generator
def uniform_ordinals(request: Request) -> np.ndarray:
    """Finite numbers, each as likely as any other: all magnitudes alike."""
    end = request.form.infinity_pattern
    return request.form.from_ordinals(request.rng.integers(-end + 1, end, request.samples))


@generator
def wide_normal(request: Request) -> np.ndarray:
    """N(0, 10), activations that have not been normalised; N(0, 1) is always there."""
    return as_format(request.rng.normal(0, 10, request.samples), request.form)


@generator
def moderate(request: Request) -> np.ndarray:
    """Magnitudes from 2^-12 to 2^10, all binades alike: where every formula does its work."""
    rng, n = request.rng, request.samples
    return as_format(rng.choice([-1.0, 1.0], n) * magnitudes(rng, -12, 10, n), request.form)
