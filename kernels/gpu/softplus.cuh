// SPDX-License-Identifier: MIT
// Softplus: log(1 + e^(βx))/β, whose derivative is σ(βx), for β > 0.
//
// It is max(x, 0) + log(1 + w)/β with w = e^(−|βx|) ≤ 1, which cannot overflow.
#pragma once
#include "log1p.cuh"
#include "logistic.cuh"
#include "short.cuh"

// The one float whose result double can't tell from a tie: it is above, by a fiftieth of double's last digit.
constexpr double NEAREST_TO_TIE = 0x1.d483ap-12;

// The definition: e^x overflows on the right, and 1 + e^x is 1 far left.
template <class T>
T forward_textbook(T x, double beta) {
    return log(T(1) + exp(T(beta * x))) / T(beta);
}

// e^z/(1 + e^z): inf/inf on the right.
template <class T>
T backward_textbook(T dy, T x, double beta) {
    const T e = exp(T(beta * x));
    return dy * (e / (T(1) + e));
}

// max(x, 0) + log1p(e^(−|βx|))/β: no threshold, no overflow.
template <class T>
T forward_stable(T x, double beta) {
    const auto [z, a, da] = argument(beta, x);
    const auto [m, n] = exp_parts(a, da);
    return (z > 0 ? x : T(0)) + T(log1p(scaled(m, n)) / beta);
}

// σ(βx) in e^(−|βx|), carried as m·2^n until dy is multiplied.
template <class T>
T backward_stable(T dy, T x, double beta) {
    const auto [z, a, da] = argument(beta, x);
    const auto [m, n] = exp_parts(a, da);
    const T d = T(1) + beside_one(m, n);
    return z < 0 ? scaled_product(dy, m / d, n) : dy / d;
}

// (y, low, n) of log(1 + w) = (y + low)·2^n, where w = e^(a + da), a ≤ 0.
template <class T>
Three<T> excess(T a, T da) {
    const auto [p, dp, n] = exp_pair(a, da);
    const auto [y, low] = log1p_terms(p, dp, n);
    return {y, low, n};
}

// (z, f, df, n) with z = βx and log(1 + w)/β = (f + df)·2^n.
template <class T>
Four<T> per_beta(double beta, T x) {
    const auto [z, dz] = of_beta(beta, x);
    const auto [y, low, n] = excess(-fabs(z), z > 0 ? -dz : dz);
    const double inverse = 1.0 / beta;
    const auto f = pair_product({y, low}, pair_of<T>({inverse, fma(-inverse, beta, 1.0) * inverse}));
    return {z, f.high, f.low, n};
}

// e^(−|z|) and its logarithm as high + low, without a branch for β = 1.
template <class T>
T forward_fast(T x, double beta) {
    if (beta == 1) {
        const T z = within_logistic(x);
        const auto [y, low, n] = excess(-fabs(z), T(0));
        // All times 2^32: that of the least results is normal, too.
        const T unit = by_type<T>(0x1p32, 0x1p100), power = two_to(n + by_type<T>(32.0, 100.0));
        const auto [high, rest] = positive_sum(at_least(z, T(0)) * unit, y * power);
        return x > z ? x : (high + fma(low, power, rest)) * by_type<T>(0x1p-32, 0x1p-100);
    }
    const auto [z, f, df, n] = per_beta(beta, x);
    const T inside = at_most(at_least(x, T(0)), by_type<T>(0x1p100, 0x1p1000));  // beyond, it is x
    const auto [high, rest] = positive_sum(inside, scaled(f, n));
    const T y = z > 0 ? high + (rest + scaled(df, n)) : scaled(f + df, n);
    return x > inside && z > 0 ? x : y;
}

inline float forward_fast_16_bit(float x, double beta) {
    if (beta != 1) return forward_fast(x, beta);
    const float w = short_exp(at_least(-fabs(x), -REACH), UNIT);
    return fma(w * short_log1p(w * OVER), OVER, at_least(x, 0.0f));
}

// The same in double, not corrected: near enough at every input of float.
inline double forward_rounded(double x, double beta) {
    if (beta == 1) {
        const double z = at_least(within_logistic(x), -200.0);
        const auto [r, t, n] = exp_terms(-fabs(z), 0.0);
        const double power = two_to(n), w = fma(power, r + t, power), s = w / (2.0 + w);
        const double square = s * s, twice = s + s;
        const double y = at_least(z, 0.0) + fma(twice * square, quick_polynomial(square, ARTANH_DOUBLE), twice);
        return x > z ? x : y + (x == NEAREST_TO_TIE ? 0x1p-53 : 0.0);
    }
    const auto [z, f, df, n] = per_beta(beta, x);
    const double power = two_to(at_least(n, -1000.0)), inside = at_most(at_least(x, 0.0), 0x1p200);
    const auto [high, rest] = positive_sum(inside, f * power);
    const double y = odd_sum(high, fma(df, power, rest));
    return x > inside && z > 0 ? x : y;
}

// 1/(1 + e^(−z)) as high + low, multiplied by dy before it is rounded.
template <class T>
T backward_fast(T dy, T x, double beta) {
    const auto [z, dz] = of_beta(beta, x);
    return lowered(dy, sigmoid_terms(z, dz));
}

inline float backward_fast_16_bit(float dy, float x, double beta) {
    if (beta != 1) return backward_fast(dy, x, beta);
    const auto [w, h] = falling_root(x);
    const float share = (x < 0 ? h : RAISED) / fma(w, w, 1.0f);
    return gradient(dy, share, x < 0 ? w : 1.0f);
}

// The same in double, not corrected: near enough at every input of float.
inline double backward_rounded(double dy, double x, double beta) {
    const auto [z, dz] = of_beta(beta, x);
    return dy * rounded_sigmoid(at_least(z, -300.0), dz);
}
