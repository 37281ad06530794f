# SPDX-License-Identifier: MIT
"""Correct rounding by Ziv's loop: raise the precision until the error can no longer change the answer.

A value is computed at two precisions, 32 bits apart. Their difference is the error of the lower one; it is taken as the
error of the higher one, whose true error is about 2^-32 of that, and never as less than 2^10 units in its last place.
Where that interval holds a midpoint between two representable numbers, or a power of two (where the ulp changes), or
where the value is 0 and may just have cancelled, the precision is multiplied by 16. What is still undecided at 6,400
bits is exact: no activation at binary64 inputs comes so near without being there.

One case needs a thought instead of precision: near 0 and far from it, f comes nearer to a power of two, or to a
midpoint, than any precision can tell (sigmoid(1e308); 1/2 + x/4 at x = -1e-300; ELU far left, for an α that is a
midpoint). There the side is read off the same branch of the curve at 2^-64, or at the last power of two at which 1,024
bits can see the difference.

Source: A. Ziv, Fast evaluation of elementary mathematical functions with correctly rounded last bit, ACM TOMS 17(3),
1991, section 3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ldexp

from mpmath import mp, mpf

from reference.formats import Format

FIRST_PRECISION = 80  # with STEP_BITS more, enough for the bits of hi + lo
STEP_BITS = 32
GUARD_BITS = 10
LAST_PRECISION = 6400
NEAR, FAR = mpf(2) ** -64, mpf(16)
SETTLED_BITS = 1024  # f has settled where it differs from its limit by less than these bits can tell
LEAST_EXPONENT, LAST_EXPONENT = -64, 1023  # of the powers of two among which that place is sought
LARGEST_EXPONENT = 1 << 30  # of what fits in no format anyway; it keeps exp(1e38) within an int32

Point = tuple[mpf, ...]  # (x,), or (x, dy)


@dataclass(frozen=True, slots=True)
class Rounded:
    """An exact real y against a format.

    ``ordinal`` is that of RN(y), round to nearest, ties to even; ``exponent`` is E = max(floor(log2 |y|), emin), whence
    ulp = 2^(E - p + 1); ``hi + lo`` is y / 2^E to 2^-80 or less, and on the right side of a power of two; ``sign`` is
    that of y, 0 where y is 0.
    """

    ordinal: int
    sign: int
    exponent: int
    hi: float
    lo: float


def round_all(
    function: Callable[..., mpf], points: Sequence[Point], limits: tuple[mpf, mpf], form: Format
) -> list[Rounded]:
    """Round ``function`` at every point correctly to a format.

    Args:
        function: of x, or of x and dy and then proportional to dy; valid at whatever precision mpmath has.
        points: finite.
        limits: of function(x) at -inf and +inf.
        form: the format to round to.
    """
    side = _Side(function, limits)
    results: dict[int, Rounded] = {}
    undecided = list(range(len(points)))
    precision = max(FIRST_PRECISION, 2 * form.precision + 40)
    while undecided:
        rough = _values(function, [points[i] for i in undecided], precision)
        fine = _values(function, [points[i] for i in undecided], precision + STEP_BITS)
        for i, first, second in zip(undecided, rough, fine, strict=True):
            rounded = _decide(first, second, precision, form, side, points[i])
            if rounded is not None:
                results[i] = rounded
        undecided = [i for i in undecided if i not in results]
        precision = min(16 * precision, LAST_PRECISION)
    return [results[i] for i in range(len(points))]


def _values(function: Callable[..., mpf], points: Sequence[Point], precision: int) -> list[mpf]:
    with mp.workprec(precision):
        return [mpf(function(*point)) for point in points]


def _decide(
    rough: mpf, fine: mpf, precision: int, form: Format, side: Callable[[mpf, Point], int | None], point: Point
) -> Rounded | None:
    """RN of the value computed twice, or None where its error leaves that open."""
    negative, man, exp, bits = fine._mpf_
    if not man:
        return Rounded(0, 0, form.emin, 0.0, 0.0) if precision >= LAST_PRECISION else None
    bits, pad = precision + STEP_BITS, precision + STEP_BITS - bits
    man, exp = man << pad, exp - pad  # in units of 2^exp the significand has all its bits
    error = 0 if precision >= LAST_PRECISION else max(1 << GUARD_BITS, _gap(rough, man, exp, bits))

    power = exp + bits - 1  # 2^power <= |y|
    sticky = 0  # -1, +1: |y| is a power of two, or a midpoint, less or plus something too small to be seen
    one = 1 << (bits - 1)
    above, below = man - one, 2 * one - man
    if error and min(above, below) <= error:
        power += below < above
        # Only where both precisions are at that power, each to 2^GUARD_BITS units of its own last place: what
        # cancellation leaves can be a power of two that means nothing.
        agreed = min(above, below) <= 1 << GUARD_BITS and error <= 1 << GUARD_BITS + STEP_BITS
        beside = side(mp.ldexp(1, power), point) if agreed else None
        if beside is None:
            return None
        man, exp, sticky, error = one, power - bits + 1, beside, 0
        power -= sticky < 0
    exponent = max(power, form.emin)
    if not error and not sticky and _is_midpoint(man, exponent - form.precision + 1 - exp):
        sticky = side(mp.ldexp(man, exp), point) or 0
    return _round(-1 if negative else 1, man, exp, bits, exponent, sticky, error, form)


def _is_midpoint(man: int, shift: int) -> bool:
    """Whether man is halfway between two multiples of 2^shift."""
    return shift > 0 and man & ((1 << shift) - 1) == 1 << (shift - 1)


def _gap(rough: mpf, man: int, exp: int, bits: int) -> int:
    """|rough - man * 2^exp| in units of 2^exp, rounded up; man itself where they have nothing in common."""
    _, rough_man, rough_exp, rough_bits = rough._mpf_
    if not rough_man or abs(rough_exp + rough_bits - exp - bits) > 1:
        return man
    shift = rough_exp - exp
    return abs((rough_man << shift if shift >= 0 else rough_man >> -shift) - man) + 1


def _round(
    sign: int, man: int, exp: int, bits: int, exponent: int, sticky: int, error: int, form: Format
) -> Rounded | None:
    """Round (man ± error) * 2^exp, of magnitude below 2^(exponent + 1), to nearest even; None where ± error matters."""
    shift = exponent - form.precision + 1 - exp
    if shift > bits + 1:  # less than a quarter of the least subnormal
        quotient, past_half, undecided = 0, False, False
    else:
        quotient = man >> shift
        from_half = man - (quotient << shift) - (1 << (shift - 1))
        past_half = (from_half or sticky or (1 if quotient & 1 else -1)) > 0
        undecided = error and abs(from_half) <= error
    if undecided:
        return None
    ordinal = (exponent - form.emin << form.precision - 1) + int(quotient) + past_half
    top, rest = int(man >> (bits - 53)), int((man >> (bits - 106)) & ((1 << 53) - 1))
    scale = max(exp + bits - exponent, -2000)  # y / 2^E is 0 in binary64 from there on
    return Rounded(
        ordinal=sign * min(ordinal, form.infinity_pattern),
        sign=sign,
        exponent=int(min(exponent, LARGEST_EXPONENT)),
        hi=sign * ldexp(float(top), int(scale) - 53),
        lo=sign * ldexp(rest + sticky / 2, int(scale) - 106),
    )


class _Side:
    """On which side of a height |y| lies, for inputs near 0 and far from it, where no precision can tell."""

    def __init__(self, function: Callable[..., mpf], limits: tuple[mpf, mpf]) -> None:
        self.function = function
        self.limits = limits
        self.near: dict[bool, tuple[mpf, bool]] = {}
        self.far: dict[tuple[bool, mpf], tuple[mpf, int] | None] = {}

    def __call__(self, height: mpf, point: Point) -> int | None:
        """-1, 0 or +1 as |y| is less than, equal to or greater than ``height``; None where precision can tell."""
        x = point[0]
        if not x:
            return 0
        with mp.workprec(LAST_PRECISION):
            size = abs(x)
            height /= abs(point[1]) if len(point) > 1 else 1
            if size <= NEAR:
                value, proportional = self._beside_zero(x > 0, len(point) > 1)
                return _compare(value / NEAR, height / size) if proportional else _compare(value, height)
            if abs(self.limits[x > 0]) == mp.inf:
                height /= size
            found = self._far_out(x > 0, height, len(point) > 1)
        return found[1] if found and (size >= FAR or size > found[0]) else None

    def _beside_zero(self, right: bool, with_dy: bool) -> tuple[mpf, bool]:
        """|f(±NEAR)|, and whether f is like a multiple of x there, else like a constant (f(0) does not tell that)."""
        if right not in self.near:
            value, half = (abs(self._at(x if right else -x, with_dy)) for x in (NEAR, NEAR / 2))
            self.near[right] = value, bool(half < 0.75 * value)
        return self.near[right]

    def _far_out(self, right: bool, height: mpf, with_dy: bool) -> tuple[mpf, int] | None:
        """Where |f|, or |f/x| if that is what has a limit, is last seen to differ from it, and to which side.

        How far out that is depends on f's parameters. None where ``height`` is not the limit but only met on the way,
        or f is never seen to differ from it.
        """
        key = right, height
        if key not in self.far:
            proportional = abs(self.limits[right]) == mp.inf

            def side(exponent: int) -> int:
                x = mpf(2) ** exponent
                with mp.workprec(SETTLED_BITS):
                    value = abs(self._at(x if right else -x, with_dy)) / (x if proportional else 1)
                seen = abs(value - height) > height * mpf(2) ** (2 * GUARD_BITS - SETTLED_BITS)
                return _compare(value, height) if seen else 0

            low, high = LEAST_EXPONENT, LAST_EXPONENT
            met = side(low) and not side(high)
            while met and high - low > 1:  # a difference is seen at low, and none at high
                middle = (low + high) // 2
                low, high = (middle, high) if side(middle) else (low, middle)
            self.far[key] = (mpf(2) ** low, side(low)) if met else None
        return self.far[key]

    def _at(self, x: mpf, with_dy: bool) -> mpf:
        return self.function(x, mpf(1)) if with_dy else self.function(x)


def _compare(a: mpf, b: mpf) -> int:
    return int(a > b) - int(a < b)
