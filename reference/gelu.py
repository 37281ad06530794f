# SPDX-License-Identifier: MIT
"""GELU: x times the distribution function Φ of the standard normal."""

from mpmath import erfc, exp, extraprec, fmul, ldexp, mag, mp, mpf, pi, sqrt, workprec

from reference.activation import Activation, CheckPoint, Facts, valley
from reference.compiled import block
from reference.constants import per_precision, refined
from reference.elementary import (
    DENSITY_AT_ZERO,
    MILLS_END,
    MILLS_LEADING,
    MILLS_TERMS,
    TABLE_BITS,
    choose,
    from_root,
    gaussian,
    mills,
    mills_series,
    polynomial,
    reflect,
    split,
)
from reference.pairs import add, multiply, multiply_float, negate, quadruple, times

# Where Φ(x) + xφ(x) = 0, and the value there.
ROOT = "-0.75179152469356445745790494677952403966447115"
MINIMUM = "-0.16997120747990366169386847098243392283285239"

half_root = per_precision(lambda: sqrt(mpf(1) / 2))
density_at_zero = per_precision(lambda: 1 / sqrt(2 * pi))


def density(x: mpf) -> mpf:
    """φ(x). The square is exact, since exp multiplies the relative error of its argument by the argument."""
    return density_at_zero() / exp(fmul(x, ldexp(x, -1), exact=True))


def distribution(x: mpf) -> mpf:
    """Φ(x), from erfc: 1 + erf would cancel for x < 0."""
    if x >= 0:
        return erfc(-x * half_root()) / 2
    size = mag(x)
    if 2 * size > mp.prec + 4:  # -φ(x)/x is too large by less than one part in x²; erfc would need ever more bits
        return -density(x) / x
    with extraprec(max(0, 2 * size)):  # the tail multiplies the relative error of erfc's argument by x²
        return erfc(-x * half_root()) / 2


def forward(x: mpf) -> mpf:
    return x * distribution(x)


def derivative(x: mpf) -> mpf:
    return distribution(x) + x * density(x)


with workprec(TABLE_BITS):  # (R(a) − a/√(2π))/t in t = a − root, for |t| <= 1/8
    SLOPE_ROOT = -refined(derivative, ROOT)
    ROOT_PARTS = quadruple(SLOPE_ROOT)
    _series = mills_series(SLOPE_ROOT, MILLS_TERMS)[1:]
    _series[0] -= 1 / sqrt(2 * pi)
    SLOPE_LEADING, SLOPE_REST = split(_series, MILLS_LEADING)


@block
def fast_forward(x, fine):
    """Φ(−a) = e^(−a²/2)·R(a), a = |x|, R the Mills ratio over √(2π)."""
    a = min(abs(x), MILLS_END)
    m, n = gaussian(a, fine)
    return times(x, *reflect(x > 0, multiply(m, mills(a, fine)), n))


@block
def fast_derivative(x, fine):
    """GELU′(−a) = e^(−a²/2)·(R(a) − a/√(2π)); near its root, the second factor is a series in the distance from it."""
    a = min(abs(x), MILLS_END)
    m, n = gaussian(a, fine)
    t = from_root((a, 0.0), ROOT_PARTS)
    slope = polynomial(t, SLOPE_LEADING, SLOPE_REST, fine)
    direct = add(mills(a, fine), negate(multiply_float(DENSITY_AT_ZERO, a)))
    return reflect(x > 0, multiply(m, choose(abs(t[0]) < 0.125, multiply(t, slope), direct)), n)


def facts() -> Facts:
    return valley(
        ROOT,
        MINIMUM,
        symmetry="f(x) - f(-x) = x",
        remarks=(
            "½x(1 + erf(x/√2)) is exact mathematics and bad arithmetic: in float32 it is 57 % off at x = −5.5, "
            "and −0 at x = −6, where GELU is −5.9195·10⁻⁹.",
            "The form with tanh is another function: it differs from this one by up to 4.74·10⁻⁴.",
        ),
    )


ACTIVATION = Activation(
    name="gelu",
    title="GELU",
    formula=r"x\,\Phi(x) = \tfrac{x}{2}\,\operatorname{erfc}\bigl(-x/\sqrt{2}\bigr)",
    derivative_formula=r"\Phi(x) + x\,\varphi(x)",
    sources=("Hendrycks, Gimpel: Gaussian Error Linear Units, arXiv:1606.08415, section 2",),
    forward=forward,
    derivative=derivative,
    fast_forward=fast_forward,
    fast_derivative=fast_derivative,
    facts=facts,
    check_points=(
        CheckPoint(0.0, "x/2 + x²/√(2π): a tie for odd subnormals"),
        CheckPoint(-0.7517915246935645, "minimum: the derivative has a root"),
        CheckPoint(-1.1932426932523, "fdlibm's erf and erfc change formula at 0.84375"),
        CheckPoint(-1.7677669529663689, "fdlibm's erf and erfc change formula at 1.25"),
        CheckPoint(-3.71875, "a bfloat16 gradient has had the wrong sign here"),
        CheckPoint(-4.04061017820884, "fdlibm's erf and erfc change formula at 1/0.35"),
        CheckPoint(-5.5, "1 + erf keeps one or two bits in float32"),
        CheckPoint(-5.723855, "rounds to -0 in float16 below this"),
        CheckPoint(-6.0, "1 + erf cancels completely in float32"),
        CheckPoint(-8.48528137423857, "fdlibm's erf is -1 below -6: 1 + erf cancels completely in float64"),
        CheckPoint(-13.146247, "subnormal in float32 below this"),
        CheckPoint(-13.56152, "rounds to -0 in bfloat16 below this"),
        CheckPoint(-14.356068, "rounds to -0 in float32 below this"),
        CheckPoint(-14.541349, "the gradient rounds to -0 in float32 below this"),
        CheckPoint(-38.58014, "rounds to -0 in float64 below this"),
        CheckPoint(-39.59797974644666, "fdlibm's erfc is 0 above 28"),
        CheckPoint(5.656854249492381, "erf is clamped at 4 in float32"),
        CheckPoint(21.657723, "vector lanes have been NaN here"),
        CheckPoint(-1.8446744073709552e19, "x² overflows in float32 below this"),
        CheckPoint(-1.3407807929942597e154, "x² overflows in float64 below this"),
    ),
)
