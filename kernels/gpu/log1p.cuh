// SPDX-License-Identifier: MIT
// log(1 + w) for 0 ≤ w ≤ 1 as high + low: softplus is made of it.
//
// With s = w/(2 + w) it is 2·artanh(s) = 2s·(1 + s²·A(s²)), where s ≤ 1/3: what is beside 2s is at most 4 % of it, so
// that only 2s needs more digits than T has. It gets them from the remainder of its division.
#pragma once
#include "blocks.cuh"

// (y, low) of log(1 + w) = (y + low)·2^n, given w = (p + dp)·2^n ≤ 1 with n ≤ 0, within 2^-28 (2^-57) beside w's error.
template <class T>
Pair<T> log1p_terms(T p, T dp, T n) {
    const T half = two_to(at_least(n, -by_type<T>(120.0, 1000.0))) * T(0.5);
    // 2s = w/(1 + w/2), and y is that over 2^n.
    const T d = fma(p, half, T(1)), r = T(1) / d, y = p * r;
    // p − y is exact: y lies between 2p/3 and p.
    const T remainder = fma(dp, fma(-y, half, T(1)), fma(-y, p * half, p - y));
    const T s = y * half, square = s * s;
    return {y, fma(remainder, r, y * (square * BY_TYPE(quick_polynomial, square, ARTANH)))};
}
