# SPDX-License-Identifier: MIT
"""log(1 + w) for 0 ≤ w ≤ 1, for any float type T, as high + low: softplus is made of it.

With s = w/(2 + w) it is 2·artanh(s) = 2s·(1 + s²·A(s²)), where s ≤ 1/3: what is beside 2s is at most 4 % of it, so that
only 2s needs more digits than T has. It gets them from the remainder of its division.
"""

from kernels.cpu.blocks import at_least, by_type, fma, quick_polynomial, two_to
from kernels.cpu.compile import block
from kernels.tables import ARTANH_DOUBLE, ARTANH_SINGLE


@block
def log1p_terms(p, dp, n):
    """(y, low) of log(1 + w) = (y + low)·2^n, given w = (p + dp)·2^n ≤ 1 with n ≤ 0.

    Beside the error of w it is within 2^-28 (2^-57).
    """
    T = type(p)
    half = two_to(at_least(n, -T(by_type(p, 120.0, 1000.0)))) * T(0.5)
    # 2s = w/(1 + w/2), and y is that over 2^n.
    d = fma(p, half, T(1))
    r = T(1) / d
    y = p * r
    remainder = fma(dp, fma(-y, half, T(1)), fma(-y, p * half, p - y))  # p − y is exact: y lies between 2p/3 and p
    s = y * half
    square = s * s
    return y, fma(remainder, r, y * (square * quick_polynomial(square, by_type(p, ARTANH_SINGLE, ARTANH_DOUBLE))))
