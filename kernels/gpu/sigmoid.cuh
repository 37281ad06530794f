// SPDX-License-Identifier: MIT
// Sigmoid: σ(x) = 1/(1 + e^(−x)), with σ′(x) = σ(x)·(1 − σ(x)).
#pragma once
#include "logistic.cuh"
#include "short.cuh"

// The formula as printed: e^(−x) overflows, so far left it is 0 too early.
template <class T>
T forward_textbook(T x) {
    return T(1) / (T(1) + exp(-x));
}

// σ·(1 − σ) as printed: far right σ rounds to 1, and 1 − σ to 0.
template <class T>
T backward_textbook(T dy, T x) {
    const T s = forward_textbook(x);
    return dy * (s * (T(1) - s));
}

// The variants below use w = e^(−|x|) ≤ 1, which cannot overflow:
//   σ(x) = 1/(1 + w) for x ≥ 0 and w/(1 + w) for x < 0,   σ′(x) = w/(1 + w)².

template <class T>
T forward_stable(T x) {
    const T w = exp(-fabs(x));
    return (x < 0 ? w : T(1)) / (T(1) + w);
}

// w/(1 + w)²: no difference of nearly equal numbers.
template <class T>
T backward_stable(T dy, T x) {
    const auto [m, n] = exp_parts(-fabs(x), T(0));
    const auto square = over_square({T(1), T(0)}, two_sum(T(1), beside_one(m, n)));
    return scaled_product(dy, round_product(m, square), n);
}

// 1/(1 + e^(−x)) with its denominator as high + low, without a branch.
template <class T>
T forward_fast(T x) {
    const auto [y, rest, r, t] = scaled_sigmoid(within_logistic(x), T(0));
    return fma(rest, r, y) * t;
}

inline float forward_fast_16_bit(float x) { return short_sigmoid(within_sigmoid(x)); }

// The same in double, not corrected: near enough at every input of float.
inline double forward_rounded(double x) { return rounded_sigmoid(at_most(at_least(x, -300.0), 80.0), 0.0); }

// (f, low, shifted) of σ′(x) = (f + low)·2^n with n + exponent_shift = shifted.
//
// With s = (y + low)·g = σ(−|x|) it is s·(1 − s) = (v − g·v²)·g, v = y + low, where y² is exact.
template <class T>
Three<T> derivative(T x) {
    const auto [y, rest, g, shifted] = falling_share(at_most(fabs(x), by_type<T>(199.0, 1464.0)), T(0));
    const T square = y * y, f = fma(-g, square, y), lost = fma(-g, square, y - f);
    const T low = fma(rest, fma(-g, fma(T(2), y, rest), T(1)), lost);
    const T half = larger(g, T(0.5));  // f may be more than 1, and dy near overflow
    return {f * half, low * half, at_most(shifted + T(1), exponent_shift<T>())};
}

// w/(1 + w)² as high + low, multiplied by dy before it is rounded.
template <class T>
T backward_fast(T dy, T x) {
    return lowered(dy, derivative(x));
}

inline float backward_fast_16_bit(float dy, float x) {
    const auto [w, h] = falling_root(x);
    const float d = fma(w, w, 1.0f);
    return gradient(dy, h / (d * d), w);
}

// σ·(1 − σ) in double, at −|x|: near enough at every input of float.
inline double backward_rounded(double dy, double x) {
    const double s = near_sigmoid(at_least(-fabs(x), -300.0), 0.0);
    return dy * (s * (1.0 - s));
}
