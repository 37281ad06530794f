# SPDX-License-Identifier: MIT
"""Tanh: (e^x − e^(−x))/(e^x + e^(−x)), with tanh′ = 1 − tanh².

In float32 and float64 `fast`, and `rounded`, reduce x as an exponential does, but by ½ln2, and take tanh itself of what
remains. With
|x| = r + n·½ln2, t = tanh(r) and g = 2^(−n), tanh(n·½ln2) is (1 − g)/(1 + g), and the addition theorem makes

    tanh|x| = ((1 − g) + (1 + g)·t)/((1 + g) + (1 − g)·t),      tanh′(x) = 4g·(1 − t²)/((1 + g) + (1 − g)·t)².

Of tanh all digits are t's where n is 0, so r is not centred: n is 0 up to |x| = 0.26, and beyond that |t| is no more
than a third of the result until t is positive.
"""

from math import copysign, exp, expm1

from kernels.cpu.blocks import (
    BOUND,
    LN2,
    LOG2_E,
    at_least,
    at_most,
    by_type,
    exponent_shift,
    fma,
    over_square,
    pair_of,
    pair_product,
    polynomial,
    quick_quotient,
    round_product,
    two_sum,
    two_to,
    two_to_shifted,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.exponential import exp_terms
from kernels.cpu.scaling import beside_one, exp_parts, lowered, scaled_product
from kernels.cpu.short import GRADIENT_REACH, NOT_CORRECTED, gradient, root_of_exp, short_expm1
from kernels.tables import TANH_DOUBLE, TANH_SINGLE

tanh = Activation("tanh")

SATURATED = 20.0  # from here on tanh rounds to 1 in every dtype
OFF_CENTRE = 0.0866  # r is between −0.0867 and 0.26


@tanh.forward.variant("textbook", why="the definition: inf/inf for large |x|, and it cancels near 0")
def textbook(x):
    return (exp(x) - exp(-x)) / (exp(x) + exp(-x))


@tanh.backward.variant("textbook", why="1 − tanh²: cancels as soon as tanh is near ±1")
def textbook_backward(dy, x):
    y = textbook(x)
    return dy * (type(x)(1) - y * y)


@tanh.forward.variant("stable", why="t/(t + 2), t = e^(2|x|) − 1 from expm1, |x| clamped where tanh is 1", max_ulp=4)
def stable(x):
    T = type(x)
    t = expm1(T(2) * at_most(abs(x), T(SATURATED)))
    return copysign(t / (t + T(2)), x)


@tanh.backward.variant("stable", why="4w/(1 + w)² with w = e^(−2|x|): nothing cancels", max_ulp=4)
def stable_backward(dy, x):
    T = type(x)
    m, n = exp_parts(T(-2) * at_most(abs(x), T(BOUND)), T(0))
    f = round_product(m, *over_square(T(4), T(0), *two_sum(T(1), beside_one(m, n))))
    return scaled_product(dy, f, n)


@block
def steps(a):
    """`exponent_shift` − n for the whole number n of steps of ½ln2 that a is reduced by."""
    T = type(a)
    return fma(T(-2 * LOG2_E), a - T(OFF_CENTRE), exponent_shift(a))


@block
def reduced(a, shifted):
    """(r, d) with a = r + d + n·½ln2, for n as `steps` makes it: r is exact, d tiny."""
    high, low = pair_of(a, (LN2[0] / 2, LN2[1] / 2))
    n = exponent_shift(a) - shifted
    return fma(-n, high, a), -n * low  # r is a multiple of high's last place, as a is


@block
def cubic(r):
    """(c, p) of tanh(r) = r + c·p, for a small r."""
    square = r * r
    return square * r, polynomial(square, by_type(r, TANH_SINGLE, TANH_DOUBLE))


@block
def fast_16_bit(x):
    T = type(x)
    t = short_expm1(T(-2) * at_most(abs(x), T(10)))  # where tanh has long been 1
    return copysign(t / (T(-2) - t), x)


@tanh.forward.variant(
    "fast",
    why="the addition theorem, its quotient corrected by its remainder",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast(x):
    T = type(x)
    a = at_most(abs(x), T(by_type(x, 9.2, 19.3)))  # beyond, tanh rounds to 1
    # So few steps that 1 − g has no error: where more were needed r is larger than 0.26, and the result nearly 1.
    shifted = at_least(steps(a), exponent_shift(x) - T(by_type(x, 24.0, 53.0)))
    r, d = reduced(a, shifted)
    # In float32 d is 2^-26 at most, where tanh is nearly 1, and can be left out.
    t = fma(*cubic(r), r) if by_type(x, True, False) else r + fma(*cubic(r + d), d)
    g = two_to_shifted(shifted)
    less, more = T(1) - g, T(1) + g
    inverse = T(1) / fma(less, t, more)
    y = fma(more, t, less) * inverse
    # What is left of the numerator: less − y has no error, and what 1 + g and the sums have lost is no part of it.
    rest = fma(t, fma(-y, less, T(1)), fma(g, t - y, less - y))
    return copysign(fma(rest, inverse, y), x)


@tanh.forward.variant("rounded", why="the same in binary64, not corrected: near enough at every input of float32")
def rounded(x):
    # Within 3 ulp of binary64, as all 2^32 inputs show: none is so near to a tie that this decides it wrongly.
    a = at_most(abs(x), 10.0)
    shifted = steps(a)
    r, _ = reduced(a, shifted)
    t = fma(*cubic(r), r)
    g = two_to_shifted(shifted)
    less, more = 1.0 - g, 1.0 + g
    return copysign(fma(more, t, less) / fma(less, t, more), x)


@block
def derivative(x):
    """(f, df, shifted) of tanh′(x) = (f + df)·2^n, |f| ≤ 1, n ≤ 0 and n + `exponent_shift` = shifted."""
    T = type(x)
    a = at_most(abs(x), T(by_type(x, 99.0, 731.0)))  # beyond, tanh′ is 0, whatever it is multiplied by
    shifted = steps(a)
    r, d = reduced(a, shifted)
    rest = fma(*cubic(r + d), d)
    # Of a t that is cut off, 1 + t and 1 − t have no error; what is cut off is apart.
    w = T(1.5) + (r + rest)
    t, u, v = w - T(1.5), w - T(0.5), T(2.5) - w
    dt = rest - (t - r)
    shift = exponent_shift(x)
    g = two_to_shifted(at_least(shifted, shift - T(by_type(x, 126.0, 1022.0))))
    d = fma(g, v, u)
    dd = fma(g, v, u - d) + fma(-g, dt, dt)
    # tanh′ is (1 − t²)·4g/d²: of 4g, no more than ½ is left to be applied after dy.
    four_g = two_to_shifted(at_least(shifted + T(2), shift - T(1)))
    m = u * v
    dm = fma(T(-2) * t, dt, fma(u, v, -m))
    f, df = quick_quotient(m * four_g, dm * four_g, *pair_product(d, dd, d, dd))
    return f, df, at_most(shifted + T(3), shift)


@block
def fast_backward_16_bit(dy, x):
    T = type(x)
    w, h = root_of_exp(T(-2) * at_most(abs(x), T(GRADIENT_REACH / 2)))
    d = fma(w, w, T(1))
    return gradient(dy, h / (d * d), T(4) * w)


@tanh.backward.variant(
    "fast",
    why="the derivative as high + low, multiplied by dy before it is rounded",
    max_ulp=1,
    max_ulp_16_bit=0.51,
    body_16_bit=fast_backward_16_bit,
    why_16_bit=NOT_CORRECTED,
)
def fast_backward(dy, x):
    return lowered(dy, *derivative(x))


@tanh.backward.variant("rounded", why="4w/(1 + w)² in binary64, not corrected: near enough at every input of float32")
def rounded_backward(dy, x):
    r, t, n = exp_terms(-2.0 * at_most(abs(x), 99.0), 0.0)
    power = two_to(n)
    w = fma(power, r + t, power)
    d = 1.0 + w
    return dy * (4.0 * w / (d * d))
