# SPDX-License-Identifier: MIT
"""Makes kernels/tables.py, the coefficients that every kernel shares: ``python -m kernels.coefficients --write``.

A polynomial is the Chebyshev interpolant, computed at 250 bits, then written in powers of its variable and rounded to
binary64. The error stated beside it is measured with the rounded coefficients. Needs nothing but mpmath.
"""

import argparse
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mpmath import atanh, cos, diff, erfc, exp, findroot, log, mp, mpf, pi, sqrt, tanh, workprec

BITS = 250
PER_LINE = 4  # coefficients
TABLES = Path(__file__).with_name("tables.py")
FAR = 64  # e^(−FAR²/2) is zero in every dtype, whatever finite number it is multiplied by
EXP_REACH = mpf("1.01")  # the nearest whole number to z/ln2 is rounded from a product that is
SILU = "(k/u − 1)/u of k = 1 − a·σ(a) in u = a₀ − a for |u| ≤ 5/16; a₀, its root, is SILU_ROOT"
ROOT_WINDOW = mpf(1) / 8  # beside the root of a derivative: outside of it no digits are lost that are needed
CENTRE = 5  # of GELU_TAIL: the choice that needs the lowest degree
SLOPE_FACTOR_BASE = 0.50439453125  # H(2), to 11 bits
SHORT_CENTRE = 3  # of the fits for 11 digits: no other needs a lower degree


@dataclass(frozen=True)
class Fit:
    """A polynomial of ``degree`` for f on [low, high]; ``text`` says in the table what it is.

    ``base`` is left out of the constant: a short number that is added last, so that what is rounded is small.
    """

    name: str
    text: str
    f: Callable[[mpf], mpf]
    low: mpf
    high: mpf
    degree: int
    base: float = 0.0
    absolute: bool = False

    def coefficients(self) -> list[float]:
        """In powers of the variable, the constant first."""
        n = self.degree + 1
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        angles = [pi * (2 * k + 1) / (2 * n) for k in range(n)]
        values = [self.f(middle + half * cos(a)) for a in angles]
        series = [2 * sum(v * cos(j * a) for v, a in zip(values, angles, strict=True)) / n for j in range(n)]
        series[0] /= 2
        constant, *others = _powers(series, -middle / half, 1 / half)
        return [float(constant - self.base), *map(float, others)]

    def error(self, coefficients: list[float]) -> mpf:
        """The largest error at 4 points for each node, and at both ends."""
        points = 4 * self.degree
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return max(self.error_at(middle + half * cos(pi * k / points), coefficients) for k in range(points + 1))

    def error_at(self, x: mpf, coefficients: list[float]) -> mpf:
        """The error at one point: relative, unless the fit is of a function with a root, or one to be added."""
        exact = self.f(x)
        error = _value(coefficients, x) + self.base - exact
        return abs(error if self.absolute else error / exact)


def _value(coefficients: list[float], x: mpf) -> mpf:
    return functools.reduce(lambda value, c: value * x + c, reversed(coefficients), mpf(0))


def _powers(series: list[mpf], shift: mpf, scale: mpf) -> list[mpf]:
    """Σ series[j]·T_j(shift + scale·x) in powers of x, by Clenshaw's recurrence on polynomials."""
    n = len(series)
    ahead, after = [mpf(0)] * n, [mpf(0)] * n
    for c in reversed(series[1:]):
        ahead, after = _step(ahead, after, 2 * shift, 2 * scale, c), ahead
    return _step(ahead, after, shift, scale, series[0])


def _step(ahead: list[mpf], after: list[mpf], shift: mpf, scale: mpf, c: mpf) -> list[mpf]:
    """(shift + scale·x)·ahead − after + c."""
    moved = [mpf(0), *ahead[:-1]]
    result = [shift * a + scale * m - b for a, m, b in zip(ahead, moved, after, strict=True)]
    result[0] += c
    return result


def tail(y: mpf) -> mpf:
    """R(y) = e^(y²/2)·Φ(−y): the Mills ratio over √(2π)."""
    return erfc(y / sqrt(2)) * exp(y * y / 2) / 2


def slope(y: mpf) -> mpf:
    """G(y) = R(y) − y/√(2π): GELU′(−y) is e^(−y²/2)·G(y)."""
    return tail(y) - y / sqrt(2 * pi)


def rest_of_exp(r: mpf) -> mpf:
    """(e^r − 1 − r)/r²: e^r beside its first two terms."""
    return (exp(r) - 1 - r) / r**2 if abs(r) > mpf(2) ** -60 else mpf(1) / 2


def mean_slope_of_exp(r: mpf) -> mpf:
    """(e^r − 1)/r."""
    return (exp(r) - 1) / r if abs(r) > mpf(2) ** -60 else mpf(1)


def mean_slope_of_log(w: mpf) -> mpf:
    """log(1 + w)/w."""
    return log(1 + w) / w if abs(w) > mpf(2) ** -60 else mpf(1)


def rest_of_artanh(v: mpf) -> mpf:
    """(artanh(s)/s − 1)/s² of v = s²: artanh(s) beside its first term."""
    if v < mpf(2) ** -60:
        return mpf(1) / 3 + v / 5
    s = sqrt(v)
    return (atanh(s) / s - 1) / v


def rest_of_tanh(s: mpf) -> mpf:
    """(tanh(r)/r − 1)/r² for r² = s: tanh beside its first term."""
    r = sqrt(s)
    return (tanh(r) / r - 1) / s if s > mpf(2) ** -60 else -mpf(1) / 3


def silu_root() -> mpf:
    """The root −z₀ > 0 of 1 − a·σ(a): SiLU′(−a) is σ(−a) times that."""
    return findroot(lambda a: 1 + exp(-a) - a, mpf("1.2785"))


def silu_bend(u: mpf) -> mpf:
    """(k/u − 1)/u of k = 1 − a·σ(a), a = a₀ − u: its slope at the root is 1."""
    a = silu_root() - u
    if abs(u) < mpf(2) ** -60:
        return -a * exp(-a) / (1 + exp(-a)) ** 2 / 2
    return ((1 - a / (1 + exp(-a))) / u - 1) / u


def gelu_tanh_sum(x: mpf) -> mpf:
    """1 + e^v + x·v′, v = A·(x + 0.044715·x³), A = 2·√(2/π): what is 0 in the derivative of GELU-tanh."""
    a, cube = 2 * sqrt(2 / pi), mpf("0.044715") * x**3
    return 1 + exp(a * (x + cube)) + a * (x + 3 * cube)


def mish_sum(x: mpf) -> mpf:
    """ω = 4(x + 1) + e(4x + 6) + 4e² + e³, e = e^x: what is 0 in the derivative of Mish."""
    e = exp(x)
    return 4 * (x + 1) + e * (4 * x + 6) + 4 * e**2 + e**3


@dataclass(frozen=True)
class Root:
    """A root of k near ``near``: in tables its place x₀ and slope k′(x₀), as pairs, and fits of the rest."""

    name: str
    text: str
    k: Callable[[mpf], mpf]
    near: str

    def place(self) -> mpf:
        return findroot(self.k, mpf(self.near))

    def fits(self) -> list[Fit]:
        """Of the polynomial p in k(x₀ + t) = t·(k′(x₀) + t·p(t))."""
        root = self.place()
        slope, curvature = diff(self.k, root), diff(self.k, root, 2) / 2

        def rest(t: mpf) -> mpf:
            return (self.k(root + t) / t - slope) / t if abs(t) > mpf(2) ** -60 else curvature

        text = f"p(t) in k(x₀ + t) = t·(k′(x₀) + t·p(t)) for |t| ≤ 1/8, {self.text}"
        degrees = (("SINGLE", 4), ("DOUBLE", 9))
        return [Fit(f"{self.name}_{type_}", text, rest, -ROOT_WINDOW, ROOT_WINDOW, n) for type_, n in degrees]

    def constants(self) -> str:
        """The text of its place and slope."""
        root = self.place()
        return (
            f"# The root of {self.text}, x₀ = {mp.nstr(root, 30)},\n# and k′(x₀), as high and low parts:\n"
            f"{self.name}_ROOT = {pair_text(root)}\n{self.name}_SLOPE = {pair_text(diff(self.k, root))}\n"
        )


ROOTS = (
    Root("GELU_TANH", "k = 1 + e^v + x·v′ of GELU-tanh", gelu_tanh_sum, "-0.7525"),
    Root("MISH", "k = ω of Mish", mish_sum, "-1.1924"),
)


def fits() -> list[Fit]:
    """Every polynomial of the tables."""
    root = slope_root()

    def tail_of(s: mpf) -> mpf:
        y = CENTRE * (1 + s) / (1 - s)
        return (y + 1) * tail(y)

    def slope_of(t: mpf) -> mpf:
        if abs(t) < mpf(2) ** -60:  # the quotient is 0/0; its value there is G′
            return root * tail(root) - sqrt(2 / pi)
        return slope(root + t) / t

    half = mpf(1) / 2
    step = EXP_REACH * log(2) / 2
    reach = mpf(5) / 16
    ninth = mpf("1.000001") / 9  # s = 1/3 is rounded
    return [
        Fit("EXP_SINGLE", "(e^r − 1 − r)/r² for |r| ≤ 1.01·ln2/2", rest_of_exp, -step, step, 4),
        Fit("EXP_SINGLE_FINE", "the same, where half a digit more is needed", rest_of_exp, -step, step, 5),
        Fit("EXP_DOUBLE", "(e^r − 1 − r)/r² for |r| ≤ 1.01·ln2/2", rest_of_exp, -step, step, 10),
        Fit("ARTANH_SINGLE", "(artanh(s)/s − 1)/s² in s² for |s| ≤ 1/3", rest_of_artanh, mpf(0), ninth, 4),
        Fit("ARTANH_DOUBLE", "(artanh(s)/s − 1)/s² in s² for |s| ≤ 1/3", rest_of_artanh, mpf(0), ninth, 10),
        Fit("EXP_WIDE_SINGLE", "(e^r − 1 − r)/r² for |r| ≤ 0.5", rest_of_exp, -half, half, 5),
        Fit("EXP_WIDE_DOUBLE", "(e^r − 1 − r)/r² for |r| ≤ 0.5", rest_of_exp, -half, half, 12),
        Fit("TANH_SINGLE", "(tanh(r)/r − 1)/r² in r² for |r| ≤ 0.2605", rest_of_tanh, mpf(0), mpf("0.2605") ** 2, 2),
        Fit("TANH_DOUBLE", "(tanh(r)/r − 1)/r² in r² for |r| ≤ 0.2605", rest_of_tanh, mpf(0), mpf("0.2605") ** 2, 7),
        Fit("SILU_SINGLE", SILU, silu_bend, -reach, reach, 4),
        Fit("SILU_DOUBLE", SILU, silu_bend, -reach, reach, 11),
        Fit(
            "GELU_TAIL",
            f"(y + 1)·R(y), R(y) = e^(y²/2)·Φ(−y), in s = (y − {CENTRE})/(y + {CENTRE}) for y in [0, {FAR}]",
            tail_of,
            mpf(-1),
            mpf(FAR - CENTRE) / (FAR + CENTRE),
            24,
        ),
        Fit(
            "GELU_SLOPE",
            "(R(y) − y/√(2π))/t in t = y − y₀ for |t| ≤ 1/2; y₀ is GELU_SLOPE_ROOT",
            slope_of,
            -half,
            half,
            16,
        ),
        *tail_fits(),
        *slope_fits(),
        *(fit for root in ROOTS for fit in root.fits()),
        *short_fits(),
    ]


def of_y(f: Callable[[mpf], mpf], centre: int) -> Callable[[mpf], mpf]:
    """f(y) as a function of s = (y − centre)/(y + centre)."""
    return lambda s: f(centre * (1 + s) / (1 - s))


def far(y: float, centre: int) -> mpf:
    """s of the largest y."""
    return (mpf(y) - centre) / (mpf(y) + centre)


def tail_fits() -> list[Fit]:
    """What R(y) is made of in `fast` and `rounded`, each with its change by e if v = 1/(y + c) grows to v·(1 + e)."""

    def log_of(y: mpf) -> mpf:
        return log(2 * (y + 1) * tail(y))

    def change_of_log(y: mpf) -> mpf:
        return (y + 1) * (1 / sqrt(2 * pi) / tail(y) - y)

    def change_of_tail(y: mpf) -> mpf:
        return (y + 4) * (1 / sqrt(2 * pi) - y * tail(y))

    fits, low = [], mpf(-1)
    for kind, reach, degree, less in (("SINGLE", 14.5, 15, 3), ("DOUBLE", 39, 44, 6)):
        where = f"in s = (y − 1)/(y + 1) for y in [0, {reach}]"
        end = far(reach, 1)
        log_text, text = f"l = ln 2(y + 1)R(y) {where}", f"−(y + 1)·R′(y)/R(y) {where}"
        fits.append(Fit(f"LOG_TAIL_{kind}", log_text, of_y(log_of, 1), low, end, degree, absolute=True))
        fits.append(Fit(f"TAIL_CHANGE_{kind}", text, of_y(change_of_log, 1), low, end, less, absolute=True))
    where, end = "in s = (y − 4)/(y + 4) for y in [0, 15]", far(15, 4)
    fits.append(Fit("NEAR_TAIL", f"R(y) {where}", of_y(tail, 4), low, end, 20))
    text = f"−(y + 4)·R′(y) {where}"
    return [*fits, Fit("NEAR_TAIL_CHANGE", text, of_y(change_of_tail, 4), low, end, 2, absolute=True)]


def slope_fits() -> list[Fit]:
    """H(y) = (R(y) − y/√(2π))/(y₀ − y), and its change."""
    root = slope_root()

    def factor(y: mpf) -> mpf:
        return slope(y) / (root - y)

    def change(y: mpf) -> mpf:  # G = (y₀ − y)·H, and so H′ = (G′ + H)/(y₀ − y), where G′ = y·R − √(2/π)
        return (y * tail(y) - sqrt(2 / pi) + factor(y)) / (y - root)

    fits, low = [], mpf(-1)
    for kind, reach, degree, less in (("SINGLE", 20, 10, 3), ("DOUBLE", 64, 30, 6)):
        where, end = f"in s = (y − 2)/(y + 2) for y in [0, {reach}]", far(reach, 2)
        text = f"H(y) − SLOPE_FACTOR_BASE, H(y) = (R(y) − y/√(2π))/(y₀ − y), {where}"
        fits.append(Fit(f"SLOPE_FACTOR_{kind}", text, of_y(factor, 2), low, end, degree, base=SLOPE_FACTOR_BASE))
        text = f"−(y + 2)·H′(y) {where}"
        moved = of_y(lambda y: (y + 2) * change(y), 2)
        fits.append(Fit(f"FACTOR_CHANGE_{kind}", text, moved, low, end, less, absolute=True))
    where, end = "in s = (y − 4)/(y + 4) for y in [0, 20]", far(20, 4)
    fits.append(Fit("NEAR_SLOPE", f"H(y) {where}", of_y(factor, 4), low, end, 19))
    text, moved = f"−(y + 4)·H′(y) {where}", of_y(lambda y: (y + 4) * change(y), 4)
    return [*fits, Fit("NEAR_SLOPE_CHANGE", text, moved, low, end, 2, absolute=True)]


def short_fits() -> list[Fit]:
    """For results of 11 digits, from float32 arithmetic: with errors of 2^-20 or less."""
    step, root = EXP_REACH * log(2) / 2, slope_root()

    def tail_times_reach(y: mpf) -> mpf:
        return (y + SHORT_CENTRE) * tail(y)

    def slope_factor(y: mpf) -> mpf:
        return slope(y) / (root - y)

    def where(reach: float) -> str:
        return f"in s = (y − {SHORT_CENTRE})/(y + {SHORT_CENTRE}) for y in [0, {reach}]"

    low, tails, slopes = mpf(-1), far(14.5, SHORT_CENTRE), far(19.5, SHORT_CENTRE)
    tail_text = f"(y + {SHORT_CENTRE})·R(y) {where(14.5)}"
    slope_text = f"H(y) = (R(y) − y/√(2π))/(y₀ − y) {where(19.5)}"
    return [
        Fit("EXP_SHORT", "(e^r − 1)/r for |r| ≤ 1.01·ln2/2", mean_slope_of_exp, -step, step, 4),
        Fit("LOG1P_SHORT", "log(1 + w)/w for w in [0, 1]", mean_slope_of_log, mpf(0), mpf("1.00001"), 7),
        Fit("SILU_SHORT", SILU.replace("5/16", "1/8"), silu_bend, -ROOT_WINDOW, ROOT_WINDOW, 2),
        Fit("TAIL_SHORT", tail_text, of_y(tail_times_reach, SHORT_CENTRE), low, tails, 8),
        Fit("SLOPE_SHORT", slope_text, of_y(slope_factor, SHORT_CENTRE), low, slopes, 7),
    ]


def slope_root() -> mpf:
    return findroot(slope, mpf("0.75179"))


def pair(value: mpf) -> tuple[float, float]:
    """The value to about 107 bits, as the sum of two floats."""
    high = float(value)
    return high, float(value - high)


def pair_text(value: mpf) -> str:
    high, low = pair(value)
    return f'(float.fromhex("{high.hex()}"), float.fromhex("{low.hex()}"))'


def _table(name: str, coefficients: list[float]) -> str:
    """A tuple of floats as the text of a few lines."""
    words = [c.hex() for c in coefficients]
    rows = "".join(f"    {' '.join(words[i : i + PER_LINE])}\n" for i in range(0, len(words), PER_LINE))
    return f'{name} = numbers("""\n{rows}""")\n'


def tables() -> str:
    """The text of kernels/tables.py."""
    with workprec(BITS):
        parts = [
            "# SPDX-License-Identifier: MIT\n"
            '"""Coefficients, the constant first. Made by: python -m kernels.coefficients --write"""\n\n\n'
            "def numbers(text: str) -> tuple[float, ...]:\n"
            '    """Hexadecimal floats, with space between them."""\n'
            "    return tuple(map(float.fromhex, text.split()))\n\n\n"
            f"GELU_FAR = {FAR}.0  # e^(−y²/2) is zero from here on, whatever it is multiplied by\n"
            f"GELU_TAIL_CENTRE = {CENTRE}.0\n"
            f"SLOPE_FACTOR_BASE = {SLOPE_FACTOR_BASE}\n"
            f"SHORT_CENTRE = {SHORT_CENTRE}.0\n\n"
            f"# The root of R(y) − y/√(2π), y₀ = {mp.nstr(slope_root(), 40)}, as high and low part;\n"
            "# −y₀ is the root of GELU′.\n"
            f"GELU_SLOPE_ROOT = {pair_text(slope_root())}\n\n"
            f"# The root of 1 + e^(−a) − a, a₀ = {mp.nstr(silu_root(), 40)}; −a₀ is the root of SiLU′.\n"
            f"SILU_ROOT = {pair_text(silu_root())}\n",
            f"ROOT_WINDOW = {float(ROOT_WINDOW)}  # for |x − x₀| less than this the polynomials of a root are made\n",
            *(root.constants() for root in ROOTS),
        ]
        for fit in fits():
            coefficients = fit.coefficients()
            error = mp.nstr(log(fit.error(coefficients), 2), 4)
            kind = "absolute" if fit.absolute else "relative"
            parts.append(
                f"# {fit.text}:\n# degree {fit.degree}, {kind} error 2^{error}.\n{_table(fit.name, coefficients)}"
            )
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m kernels.coefficients", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write kernels/tables.py instead of printing it")
    if parser.parse_args().write:
        TABLES.write_text(tables(), encoding="utf-8")
    else:
        print(tables(), end="")


if __name__ == "__main__":
    main()
