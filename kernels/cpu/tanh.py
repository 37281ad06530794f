# SPDX-License-Identifier: MIT
"""Tanh: (e^x − e^(−x))/(e^x + e^(−x)), with tanh′ = 1 − tanh².

`fast` and `rounded` reduce x as an exponential does, but by ½ln2, and take tanh itself of what remains. With
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
    at_most,
    by_type,
    fma,
    over_square,
    pair_of,
    pair_product,
    quick_polynomial,
    quick_quotient,
    round_product,
    two_sum,
    two_to,
)
from kernels.cpu.compile import block
from kernels.cpu.define import Activation
from kernels.cpu.scaling import beside_one, exp_parts, odd_product, odd_sum, scaled_pair, scaled_product
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
def reduced(a, most):
    """(r, rest, n) with tanh(a − n·½ln2) = r + rest, for a whole n ≤ most: r is exact, and rest at most 0.03 of it."""
    T = type(a)
    high, low = pair_of(a, (LN2[0] / 2, LN2[1] / 2))
    shift = T(by_type(a, 1.5 * 2.0**23, 1.5 * 2.0**52))
    n = at_most(fma(T(2 * LOG2_E), a - T(OFF_CENTRE), shift) - shift, T(most))
    r = fma(-n, high, a)  # a multiple of high's last place, as a is
    d = -n * low
    near = r + d
    square = near * near
    return r, fma(near * square, quick_polynomial(square, by_type(a, TANH_SINGLE, TANH_DOUBLE)), d), n


@block
def sum_of_tanh(t, n):
    """(y, rest, c, r) of tanh(artanh(t) + n·½ln2) = y + rest·r, where c·r·dt is what a small dt adds to it."""
    T = type(t)
    g = two_to(-n)
    less, more = T(1) - g, T(1) + g
    r = T(1) / fma(less, t, more)
    y = fma(more, t, less) * r
    # The remainder of this quotient: less − y has no error, and what 1 + g or the sums have lost is no part of it.
    c = fma(-y, less, T(1))
    return y, fma(t, c, fma(g, t - y, less - y)), c + g, r


@block
def within_tanh(x):
    """|x|, cut off where tanh rounds to 1."""
    return at_most(abs(x), type(x)(by_type(x, 9.2, 19.3)))


@tanh.forward.variant(
    "fast",
    why="the addition theorem, its quotient corrected by its remainder",
    max_ulp=1,
    max_ulp_16_bit=0.51,
)
def fast(x):
    r, rest, n = reduced(within_tanh(x), by_type(x, 24.0, 53.0))
    y, rest, _, r = sum_of_tanh(r + rest, n)
    return copysign(fma(rest, r, y), x)


@tanh.forward.variant("rounded", why="the same in binary64, t as high + low, rounded once")
def rounded(x):
    high, low, n = reduced(within_tanh(x), by_type(x, 24.0, 53.0))
    t = high + low
    y, rest, c, r = sum_of_tanh(t, n)
    return copysign(odd_sum(y, fma(low - (t - high), c, rest) * r), x)


@block
def derivative(x):
    """(f, df, n) of tanh′(x) = (f + df)·2^n."""
    T = type(x)
    r, rest, n = reduced(at_most(abs(x), T(by_type(x, 150.0, 800.0))), BOUND)
    # Of a t that is cut off, 1 + t and 1 − t have no error; the rest of it is apart.
    w = T(1.5) + (r + rest)
    t, u, v = w - T(1.5), w - T(0.5), T(2.5) - w
    dt = rest - (t - r)
    g = two_to(-at_most(n, T(by_type(x, 100.0, 1000.0))))
    d = fma(g, v, u)
    dd = fma(g, v, u - d) + fma(-g, dt, dt)
    m = u * v
    f, df = quick_quotient(m, fma(T(-2) * t, dt, fma(u, v, -m)), *pair_product(d, dd, d, dd))
    return f, df, T(2) - n


@tanh.backward.variant(
    "fast", why="the derivative as high + low, multiplied by dy before it is rounded", max_ulp=1, max_ulp_16_bit=0.51
)
def fast_backward(dy, x):
    return scaled_pair(dy, *derivative(x))


@tanh.backward.variant("rounded", why="the same in binary64, rounded once")
def rounded_backward(dy, x):
    return odd_product(dy, *derivative(x))
