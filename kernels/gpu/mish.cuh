// SPDX-License-Identifier: MIT
// Mish: x·tanh(log(1 + e^x)).
//
// tanh(log(1 + e)) = ((1 + e)² − 1)/((1 + e)² + 1) = (e² + 2e)/(e² + 2e + 2) makes it a rational function of x and
// e = e^x, and its derivative e·ω/δ², where δ = e² + 2e + 2 and ω = 4(x + 1) + e(4x + 6) + 4e² + e³.
#pragma once
#include "exponential.cuh"
#include "roots.cuh"
#include "scaling.cuh"
#include "short.cuh"

// mish′ is 0.6 + 0.64·x − 0.048·x² − …, whose first two terms here are a tie of float: it is below.
constexpr double TIE = -0x1.4p-27;

// With c = e^x₀ at the root of ω, in s = e^(x − x₀) − 1: what ω has beside 4(x − x₀)(1 + e^x).
constexpr double OMEGA[] = {
    0.0,
    0x1.31ac354e2a079p+0,  // c(4x₀ + 6) + 8c² + 3c³ = 1.194033938963939
    0x1.cf1d5480ba0e5p-2,  // 4c² + 3c³ = 0.4522603229111282
    0x1.c9f40193f744cp-6,  // c³ = 0.027951242009170136
};

// x·tanh(log(1 + e^x)) as printed: log(1 + e^x) is 0 far left.
template <class T>
T forward_textbook(T x) {
    return x * tanh(log(T(1) + exp(x)));
}

// The product rule on the printed formula.
template <class T>
T backward_textbook(T dy, T x) {
    const T y = tanh(log(T(1) + exp(x)));
    return dy * (y + x * (T(1) - y * y) * (T(1) / (T(1) + exp(-x))));
}

// A quotient of polynomials in e^(−|x|): positive terms, no overflow.
template <class T>
T forward_stable(T given) {
    const T x = at_least(given, -T(BOUND));
    const auto [m, n] = exp_parts(-fabs(x), T(0));
    const T w = beside_one(m, n);
    if (x < 0) {
        const auto a = two_sum(T(2), w), b = pair_product({w, T(0)}, a);
        return scaled(x * round_product(m, pair_quotient(a, pair_sum(b, {T(2), T(0)}))), n);
    }
    const T a = T(1) + T(2) * w;
    return x * (a / fma(T(2) * w, w, a));
}

// (f, df, shifted) of h/(2 + h) = (f + df)·2^n, h = e² + 2e, for x as `within` leaves it; n is as in `lowered`.
template <class T>
Three<T> ratio(T x) {
    const auto [e, de, shifted] = exp_beside_one(x, T(0));
    const T two_e = e + e, two_de = de + de, h = fma(e, e, two_e);
    const T dh = fma(two_de, e, fma(e, e, two_e - h) + two_de);
    const auto [d, dd] = positive_sum(T(2), h);
    const auto [f, df] = quick_quotient<T>({h, dh}, {d, dd + dh});
    return {f, df, shifted};
}

// x cut off where the result is 0 or x in every dtype; NaN for NaN.
template <class T>
T within(T x) {
    return at_most(at_least(x, by_type<T>(-115.0, -760.0)), by_type<T>(12.0, 24.0));
}

// x·e(e + 2)/(e(e + 2) + 2), its factor as high + low.
template <class T>
T forward_fast(T x) {
    const T inside = within(x);
    const auto [f, df, shifted] = ratio(inside);
    return x > inside ? x : copysign(round_product(inside, {f, df}) * two_to_shifted(shifted), x);
}

inline float forward_fast_16_bit(float x) {
    const float left = within_short(x), big = short_exp(at_most(left, 12.0f), UNIT);  // e^x times 2^UNIT
    const float e = big * OVER;
    return left * (big * (e + 2) / fma(e, e + 2, 2.0f) * OVER);
}

// The same in double, not corrected: near enough at every input of float.
inline double forward_rounded(double x) {
    const double inside = at_most(at_least(x, -115.0), 12.0);
    const auto [r, t, n] = exp_terms(inside, 0.0);
    const double e = (1.0 + (r + t)) * two_to(n), h = fma(e, e, e + e);
    return x > inside ? x : inside * h / (h + 2.0);
}

// e·ω/δ² with the root divided out of ω; in e^(−x) on the right.
template <class T>
T backward_stable(T dy, T given) {
    const T x = at_most(at_least(given, -T(BOUND)), T(BOUND));
    const auto [m, n] = exp_parts(-fabs(x), T(0));
    const T w = beside_one(m, n);
    const auto a = two_sum(T(1), w), b = pair_product(a, a);
    if (x < 0) {
        // ω(x) − ω(x₀), with t = x − x₀ and s = e^t − 1, is 4t(1 + e^x) + OMEGA(s): two terms of one sign.
        const auto t = minus(x, T(0), MISH_ROOT), linear = pair_product({T(4) * t.high, T(4) * t.low}, a);
        const auto omega = pair_sum(linear, {polynomial(expm1(t.high), OMEGA), T(0)});
        return scaled_product(dy, round_product(m, over_square(omega, pair_sum(b, {T(1), T(0)}))), n);
    }
    // Numerator and denominator times w⁴: all terms are positive, and none overflows.
    const T y = T(4) * x, numerator = fma(w, fma(w, fma(w, y + T(4), y + T(6)), T(4)), T(1));
    return round_product(dy, over_square({numerator, T(0)}, pair_sum(b, two_product(w, w))));
}

// (f, df, shifted) of the derivative e·ω/δ² = (f + df)·2^n, as `lowered` takes it.
template <class T>
Three<T> derivative(T given) {
    const T x = at_most(at_least(given, -by_type<T>(210.0, 1500.0)), by_type<T>(12.0, 24.0));
    const auto [e, de, shifted] = exp_beside_one(x, T(0));
    // With d = 1 + e: δ = d² + 1 and ω = 4(x + 1)·d + e·(δ + 2e). Both d − 1 and a − 1 are exact.
    const T d = T(1) + e, dd = (e - (d - T(1))) + de;
    const auto [square, square_low] = pair_product(d, dd, d, dd);
    const T delta = T(1) + square, rest = square_low + (T(1) - (delta - square)), b = fma(T(2), e, delta);
    const auto cubes = pair_product(e, de, b, fma(T(2), e, delta - b) + fma(T(2), de, rest));
    const T a = T(1) + x;
    const auto linear = pair_product(T(4) * a, T(4) * (x - (a - T(1))), d, dd);
    const auto k = beside_root(x, pair_sum(linear, cubes), MISH_ROOT, MISH_SLOPE, MISH_SINGLE, MISH_DOUBLE);
    const auto [f, df] = quick_quotient(pair_product({e, de}, k), pair_product(delta, rest, delta, rest));
    return {f, df, shifted};
}

// The derivative as high + low; beside its root divided by x − x₀.
template <class T>
T backward_fast(T dy, T x) {
    return lowered(dy, derivative(x));
}

inline float backward_fast_16_bit(float dy, float given) {
    const float x = at_most(at_least(given, -GRADIENT_REACH), 12.0f);
    const auto [w, h] = root_of_exp(x);
    const float e = w * w, d = 1 + e, delta = fma(d, d, 1.0f);
    const float sum = fma(4 * (1 + x), d, e * fma(2.0f, e, delta));
    const float f = short_root(x, sum, MISH_ROOT, MISH_SLOPE, MISH_SINGLE) / (delta * delta);
    return gradient(dy, (x < 0 ? h : w * h) * f, x < 0 ? w : 1.0f);
}

// The same in double, not corrected: near enough at every input of float.
inline double backward_rounded(double dy, double given) {
    const double x = at_most(at_least(given, -210.0), 12.0);
    const auto [r, t, n] = exp_terms(x, 0.0);
    const double power = two_to(n), e = fma(power, r + t, power), d = 1.0 + e, delta = fma(d, d, 1.0);
    const double sum = fma(4.0 * (1.0 + x), d, e * fma(2.0, e, delta));
    const double f = e * near_root(x, sum, MISH_ROOT, MISH_SLOPE, MISH_DOUBLE) / (delta * delta);
    return dy * (x == TIE ? f - 0x1p-53 : f);
}
