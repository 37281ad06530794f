# SPDX-License-Identifier: MIT
"""The fast oracle: exact results by compiled double-double arithmetic, and by mpmath what that leaves undecided.

Each activation's file has its functions in `reference.pairs`; here they are looped over arrays and rounded.

The bound. A value v stands for y with |v − y| <= ε·|v|: ε = 2^-49 for float32 and narrower targets, 2^-95 for float64,
16u and 2048u² with u = 2^-53. From the errors stated in `reference.elementary` and `reference.pairs` follow, at most:

===============  ======  =====  ======================================================================================
                 coarse  fine   made of
===============  ======  =====  ======================================================================================
σ, softplus′     0.35u   23u²   w = e^z; 1 + w, and the quotient
σ′, tanh′        0.54u   31u²   sech2
tanh             1.0u    40u²   tanh
softplus         0.52u   46u²   w and log1p_ratio; a quotient by β, a product, a sum
ELU, SELU        0.85u   32u²   expm1; a product with α or λα
ELU′, SELU′      0.35u   16u²   w; the same
SiLU, GELU tanh  0.35u   25u²   σ; a product with x
SiLU′            1.0u    62u²   w, as a factor, up to 0.72 times in 1 + z + w (nearer than 1/2 to the root, expm1 0.22
                                times), up to once in (1 + w)²
GELU tanh′       1.0u    94u²   the same; a·c, of 11u², is up to 2.9 times the middle factor
GELU             1.5u    24u²   w and mills
GELU′            5.3u    64u²   w and mills, R being up to 4.4 times R − a/√(2π); nearer than 1/8 to the root, 0.42u
Mish             0.75u   50u²   w, 1 + 1/3 + 4/5 times on the left; 3.2 times in what is 2/3 of the sum, on the right
Mish′            1.3u    92u²   w, 1 + 8/5 times, and ω, of 0.4u; on the right 5.6 times, in what is 2/3 of the sum
===============  ======  =====  ======================================================================================

Where f′(x) + f′(−x) = 1, 1 − f′(−x) on the right is better than f′(−x). `python -m reference certify` holds the bound
against mpmath, and meets at most 2^-53.5 and 2^-102.5.

Near a line that a function clings to (σ to 1 far right, σ to 1/2 and silu to x/2 near 0) that would not do: no
precision tells on which side of 1 a value lies that differs from it by 2^-1000. There the distance δ of v from the line
is good to 2^-45 = 256u of itself, because no formula subtracts to get it: what is coarse above is a part of δ, and an
operation that costs v k·u² costs δ no more than about k·u (`reference.pairs`). It is narrowest for tanh just above 1/8,
where its 1.0u is 192u of δ. Of a distance below 2^-110 only the side counts: `pairs.plain` ends at 2^-200. All this is
certified too. (None of the functions meets a line of its own again elsewhere, on the same side of ±2, but SiLU′ for
β < 0.64; its distance from 1 is f′(−x), and as good as that.)

Where the interval around v holds a tie between two representable numbers, or a power of two where the ulp changes, and
at 0, infinities and NaN, mpmath answers (`reference.oracle`); how often is counted.

Closer to 0 than 2^-160, f(x) is taken as f(±2^-160) or, where f(0) = 0, as f(±2^-160)·x/±2^-160. Both this and the
true one differ from the tangent at 0 (or its height there) by less than β·2^-160 <= 2^-120, and are on the same side.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from mpmath import mp, mpf, workprec
from numba import types

from reference import kept, oracle
from reference.activation import Activation
from reference.compiled import block, compile_loop, is_cached
from reference.formats import Format
from reference.oracle import Exact
from reference.pairs import bits_of, fma, power_of_two, scale, times

EPSILON = {False: 2.0**-49, True: 2.0**-95}  # of the coarse arithmetic, and of the fine
OF_DISTANCE = 2.0**-45  # of the distance from a line
OF_PRODUCT = 2.0**-104  # what the multiplication by dy, or by a tiny x, adds
CLOSEST = 2.0**-160
MIDDLE = 2.0  # closer to 0 a function may cling to its lines there, and farther from it to those at infinity
PARAMETER_RANGE = 2.0**40  # parameters and their reciprocals: βx is then small wherever x is below CLOSEST
SLOPE_RANGE = 2.0**300  # the same of a slope, which may be 0 too: what it multiplies is between 2^-600 and 2^600
PRECISION = 200  # of the lines: more than a float64 and its tail
NOWHERE = (np.nan, 0.0)

FLOATS = types.Array(types.float64, 1, "C")
TABLE = types.Array(types.float64, 2, "C")
FLAGS = types.Array(types.boolean, 1, "C")
FORM = types.UniTuple(types.int64, 3)  # precision, emin, emax
INTEGERS = types.Array(types.int64, 1, "C")


@dataclass(frozen=True)
class Values:
    """y = (high + low ± bound)·2^exponent for an array of inputs."""

    high: np.ndarray  # float64
    low: np.ndarray  # float64
    exponent: np.ndarray  # float64, whole numbers
    bound: np.ndarray  # float64


def supports(activation: Activation, direction: str, parameters: Mapping[str, float]) -> bool:
    """Whether there is a fast oracle: not for a user's own activation, nor for parameters of extreme size."""
    largest = SLOPE_RANGE if activation.exact else PARAMETER_RANGE
    sane = all(1 / largest < abs(p) < largest or (activation.exact and not p) for p in parameters.values())
    return activation.fast_forward is not None and direction in ("forward", "backward") and sane


def exact(
    activation: Activation,
    direction: str,
    form: Format,
    x: np.ndarray,
    parameters: Mapping[str, float],
    dy: np.ndarray | None = None,
) -> Exact:
    """The same results as `reference.oracle.exact`, a thousand times sooner."""
    return answer(activation, direction, form, x, parameters, dy)[0]


def answer(
    activation: Activation,
    direction: str,
    form: Format,
    x: np.ndarray,
    parameters: Mapping[str, float],
    dy: np.ndarray | None = None,
) -> tuple[Exact, int]:
    """The results of `exact`, and how many of them at finite inputs other than 0 needed mpmath."""
    if not supports(activation, direction, parameters):
        return kept.exact(activation, direction, form, x, parameters, dy), len(x)
    if not len(x):
        return oracle.exact(activation, direction, form, x, parameters, dy), 0
    with np.errstate(invalid="ignore"):  # of signalling NaNs
        wide = x.astype(np.float64)
        ordinary = np.isfinite(wide) & (wide != 0)
    factor = None if dy is None else np.where(dy == 0, 1.0, dy.astype(np.float64))
    if dy is not None:
        ordinary &= dy != 0
    values = evaluate(activation, direction, form, np.where(ordinary, wide, 1.0), parameters, factor)
    result, unsure = settle(values, form)
    result.either_zero[:] = direction == "backward"
    result.either_zero[result.sign == 0] = True
    rest = np.flatnonzero(unsure | ~ordinary)
    if len(rest):
        slow = oracle.exact(activation, direction, form, x[rest], parameters, None if dy is None else dy[rest])
        for field in fields(Exact):
            getattr(result, field.name)[rest] = getattr(slow, field.name)
    return result, int((unsure & ordinary).sum())


def evaluate(
    activation: Activation,
    direction: str,
    form: Format,
    x: np.ndarray,
    parameters: Mapping[str, float],
    dy: np.ndarray | None = None,
) -> Values:
    """f(x), or dy·f′(x), for float64 arrays of numbers of the format, finite and not 0."""
    n = len(x)
    values = Values(*np.empty((4, n)))
    ordered = tuple(float(parameters[p.name]) for p in activation.parameters)
    lines = lines_of(activation, direction, tuple(sorted(parameters.items())))
    is_fine = form.precision > 24
    epsilon = 0.0 if activation.exact else EPSILON[is_fine]
    columns = (values.high, values.low, values.exponent, values.bound)
    evaluator(activation, direction, is_fine)(x, np.ones(n) if dy is None else dy, ordered, lines, epsilon, *columns)
    return values


def settle(values: Values, form: Format) -> tuple[Exact, np.ndarray]:
    """Round values to a format; the second result says where their bound leaves that open."""
    n = len(values.high)
    nearest, hi, lo = np.empty((3, n))
    sign, exponent, unsure = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, bool)
    columns = (values.high, values.low, values.exponent, values.bound)
    _settler()(*columns, (form.precision, form.emin, form.emax), nearest, sign, exponent, hi, lo, unsure)
    return Exact(
        nearest=nearest.astype(form.dtype),  # exact
        sign=sign.astype(np.int8),
        exponent=exponent.astype(np.int32),
        hi=hi,
        lo=lo,
        class_only=np.zeros(n, bool),
        either_zero=np.zeros(n, bool),
    ), unsure


# The lines that a function clings to.


@functools.cache
def lines_of(activation: Activation, direction: str, parameters: tuple[tuple[str, float], ...]) -> np.ndarray:
    """(constant, slope) of the lines near 0 on the left and right and far left and right; a NaN where there is none.

    Only a line whose constant or slope is a float64 can be met exactly. The fifth row says, with a 1, that f(0) = 0.
    """
    value = {name: mpf(v) for name, v in parameters}
    facts = activation.facts(**dict(parameters))
    with workprec(PRECISION):
        zero = activation.forward(mpf(0), **value)
        left = activation.derivative(mpf(0), **value)
        right = activation.right_derivative(mpf(0), **value) if activation.kinks else left
        limits = [mpf(v) for v in facts.limits]
        slopes = [mpf(v) for v in facts.derivative_limits]
        if direction == "forward":
            near = [_line(zero, slope) for slope in (left, right)]
            far = [
                _line(limit if mp.isfinite(limit) else mpf(0), slope)
                for limit, slope in zip(limits, slopes, strict=True)
            ]
        else:
            near, far = [_line(v, mpf(0)) for v in (left, right)], [_line(v, mpf(0)) for v in slopes]
    return np.array([*near, *far, (float(direction == "forward" and not zero), 0.0)])


def _line(constant: mpf, slope: mpf) -> tuple[float, float]:
    value = constant or slope
    if not value or mpf(float(value)) != value:
        return NOWHERE
    return (float(constant), 0.0) if constant else (0.0, float(slope))


@block
def line_at(x, lines):
    """Where the line is that the function may cling to at x; NaN where there is none, or it is no float64."""
    row = (0 if abs(x) < MIDDLE else 2) + (1 if x > 0 else 0)
    constant, slope = lines[row, 0], lines[row, 1]
    height = constant + slope * x
    exact_height = fma(slope, x, constant - height) == 0
    return height if exact_height else np.nan


# Loops over arrays. ``body`` and ``fine`` are put in their place when `evaluation` is compiled.


def body(*arguments):
    raise NotImplementedError("it runs only compiled: see evaluator")


fine = False


@block
def relative_bound(value, n, height, epsilon):
    """The bound on the error of value·2^n, relative to it, near a line of that height (NaN: near none)."""
    within = abs(n) < 900
    distance = (value[0] - height * power_of_two(-n if within else 0.0)) + value[1]
    near_line = OF_DISTANCE * abs(distance / value[0])
    return near_line if within and near_line < epsilon else epsilon


def evaluation(x, dy, parameters, lines, epsilon, high, low, exponent, bound):
    proportional = lines[4, 0] != 0
    for i in range(x.size):
        tiny = abs(x[i]) < CLOSEST
        at = np.copysign(CLOSEST, x[i]) if tiny else x[i]
        value, n = body(at, fine, *parameters)
        relative = relative_bound(value, n, line_at(at, lines), epsilon)
        if tiny and proportional:
            relative += of_product(value, epsilon)
            value, n = times(abs(x[i]), scale(value, 1 / CLOSEST), n)
        if dy[i] != 1.0:
            relative += of_product(value, epsilon)
            value, n = times(dy[i], value, n)
        high[i], low[i], exponent[i], bound[i] = value[0], value[1], n, relative * abs(value[0])


@functools.cache
def evaluator(activation: Activation, direction: str, is_fine: bool):
    """The compiled loop `evaluation` for one function and precision."""
    function = activation.fast_forward if direction == "forward" else activation.fast_derivative
    parameters = types.UniTuple(types.float64, len(activation.parameters))
    signature = types.void(FLOATS, FLOATS, parameters, TABLE, types.float64, *[FLOATS] * 4)
    return compile_loop(
        evaluation, _code_name(activation, direction, is_fine), signature, {"body": function, "fine": is_fine}
    )


def is_compiled(activation: Activation, direction: str, is_fine: bool) -> bool:
    """Whether the cache has the loop of one function and precision."""
    return is_cached(evaluation, _code_name(activation, direction, is_fine))


def _code_name(activation: Activation, direction: str, is_fine: bool) -> str:
    return f"{activation.name}_{direction}_{'fine' if is_fine else 'coarse'}"


@block
def of_product(value, epsilon):
    """What multiplying a value by a float64 adds to its bound; nothing for an exact one, or beside a power of two."""
    is_power = bits_of(value[0]) & 0x000F_FFFF_FFFF_FFFF == 0
    return 0.0 if epsilon == 0 or is_power else OF_PRODUCT


@block
def exponent_of(value):
    """floor(log2 |value|) of a normal number."""
    return (bits_of(value) >> 52 & 2047) - 1023


DEEPEST = -900  # exponents below which only it counts that something is there


@block
def settle_one(value, n, bound, form):
    """(RN(y), sign, E, hi, lo, unsure) of y = (value ± bound)·2^n: the columns of `Exact`, RN(y) as a float64."""
    precision, emin, emax = form
    if value[0] == 0:
        return 0.0, 0, emin, 0.0, 0.0, False
    sign = 1 if value[0] > 0 else -1
    power = exponent_of(value[0])
    unit = power_of_two(np.float64(1 - power)) * sign
    high, low = value[0] * 0.5 * unit, value[1] * 0.5 * unit  # 1 <= high < 2
    bound = bound * 0.5 * abs(unit)
    power += int(n)

    above, below = (high - 1) + low, (2 - high) - low  # from the powers of two around
    exponent = max(power - 1 if above < 0 else power, emin)
    at_power = (power > emin and abs(above) <= bound) or (power + 1 > emin and below <= bound)

    factor = power_of_two(np.float64(max(power - exponent + precision - 1, DEEPEST)))
    quotient = np.rint(high * factor)  # in units of the ulp
    rest, tail = high * factor - quotient, low * factor
    away = np.sign(rest) if rest != 0 else np.sign(tail)
    margin = (abs(rest) - 0.5) + tail * away
    odd = quotient % 2 == 1
    if margin > 0 or (margin == 0 and odd):
        quotient += away
    unsure = bound > 0 and (at_power or abs(margin) <= bound * factor)

    overflows = exponent > emax or (exponent == emax and quotient >= 2.0**precision)
    nearest = np.inf if overflows else np.ldexp(quotient, exponent - precision + 1)
    deep = power_of_two(np.float64(max(power - exponent, DEEPEST)))
    return sign * nearest, sign, exponent, sign * high * deep, sign * low * deep, unsure


def settling(high, low, exponent, bound, form, nearest, sign, target, hi, lo, unsure):
    for i in range(high.size):
        nearest[i], sign[i], target[i], hi[i], lo[i], unsure[i] = settle_one(
            (high[i], low[i]), exponent[i], bound[i], form
        )


@functools.cache
def _settler():
    columns = (FLOATS, INTEGERS, INTEGERS, FLOATS, FLOATS, FLAGS)
    return compile_loop(settling, "settling", types.void(*[FLOATS] * 4, FORM, *columns), {})
