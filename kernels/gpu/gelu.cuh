// SPDX-License-Identifier: MIT
// GELU: x·Φ(x), where Φ is the normal distribution; its derivative is Φ(x) + x·φ(x), φ the normal density.
//
// The left tail is the hard part: there Φ is tiny, and 1 + erf is a difference of nearly equal numbers. With y = |x|,
//     Φ(−y) = e^(−y²/2)·R(y),    GELU′(−y) = e^(−y²/2)·(R(y) − y/√(2π)),
// where R is smooth, and decays so slowly that one polynomial serves for all y. The right half follows from
// Φ(y) = 1 − Φ(−y) and GELU′(y) = 1 − GELU′(−y).
#pragma once
#include "exponential.cuh"
#include "halves.cuh"
#include "scaling.cuh"
#include "short.cuh"

constexpr double SQRT_HALF = 0x1.6a09e667f3bcdp-1;                                    // √½ = 0.7071067811865476
constexpr Constant DENSITY_AT_0 = {0x1.9884533d43651p-2, -0x1.cbc0d30ebfd15p-56};  // 1/√(2π) = 0.39894228…

// ½x·(1 + erf(x/√2)): it loses every digit in the left tail.
template <class T>
T forward_textbook(T x) {
    return T(0.5) * x * (T(1) + erf(x * T(SQRT_HALF)));
}

// Φ + x·φ with Φ = ½(1 + erf(x/√2)): it cancels in the left tail.
template <class T>
T backward_textbook(T dy, T x) {
    const T distribution = T(0.5) * (T(1) + erf(x * T(SQRT_HALF)));
    const T density = T(DENSITY_AT_0.high) * exp(T(-0.5) * x * x);
    return dy * (distribution + x * density);
}

// e^(−y²/2) as (m, n), from an exact y².
template <class T>
Two<T> exp_half_square(T y) {
    const auto [square, rest] = two_product(y, y);
    return exp_parts(T(-0.5) * square, T(-0.5) * rest);
}

// R(y) as high + low.
template <class T>
Pair<T> tail(T y) {
    const T s = (y - T(GELU_TAIL_CENTRE)) / (y + T(GELU_TAIL_CENTRE));
    return pair_quotient(pair_polynomial(s, GELU_TAIL), two_sum(y, T(1)));
}

// R(y) − y/√(2π) as high + low: near its root from a polynomial with the root divided out.
template <class T>
Pair<T> slope(T y) {
    const auto t = minus(y, T(0), GELU_SLOPE_ROOT);
    if (fabs(t.high) <= T(0.5)) return pair_product(t, pair_polynomial(t.high, GELU_SLOPE));
    return pair_sum(pair_product({-y, T(0)}, pair_of<T>(DENSITY_AT_0)), tail(y));
}

// The left tail as e^(−y²/2)·R(y), from an exact y².
template <class T>
T forward_stable(T x) {
    if (x > T(GELU_FAR)) return x;
    const T y = at_most(fabs(x), T(GELU_FAR));
    const auto [m, n] = exp_half_square(y);
    const T f = round_product(m, tail(y));
    return x < 0 ? scaled(-y * f, n) : round_product(x, two_sum(T(1), -scaled(f, n)));
}

// (v, e, u): a v near 1/(y + c), so short that e = 1 − v·(y + c) and u = 1 − 2c·v have no error.
//
// A smooth function of 1/(y + c) is then a polynomial in u, to which e times its derivative is added: the error of the
// division costs nothing.
template <class T>
Three<T> reciprocal(T y, T c) {
    const T v = trimmed(T(1) / (y + c));
    return {v, fma(-v, y, fma(-c, v, T(1))), fma(T(-2) * c, v, T(1))};
}

// base + table(u) + e·change(u) as high + low, where the table's constant is small beside the base.
template <class T, int terms, int changes>
Pair<T> smooth(T u, T e, T base, const double (&table)[terms], const double (&change)[changes]) {
    const T slope = polynomial<1>(u, table), high = fma(u, slope, base);
    return {high, fma(u, slope, base - high) + fma(e, polynomial(u, change), T(table[0]))};
}

// q and rest with e^(z + dz + l) = (1 + q + rest)·2^n, l of a table, changed with e.
template <class T, int terms, int changes>
Three<T> exp_with_tail(
    T z, T dz, T near, T u, T e, const double (&table)[terms], const double (&change)[changes]) {
    const auto [r, dr, n] = reduced(z, T(table[0]), near);
    const T inner = polynomial<2>(u, table), slope = fma(u, inner, T(table[1]));
    // 44 roundings leave more than 15 do: the last one's is put back.
    const T put_back = sizeof(T) == 8 ? fma(u, fma(u, inner, T(table[1]) - slope), dz) : dz;
    const auto [q, rest] = exp_terms_of_sum(r, fma(u, slope, dr + fma(e, polynomial(u, change), put_back)));
    return {q, rest, n};
}

// (h, s, t) with y·Φ(−y) = h·s·t for y = |x|, where s and t are powers of two, whose product can be too small.
//
// Φ(−y) = e^(−y²/2 + l)/(2(y + 1)) with −0.23 < l < 0.05, so l has more digits after the point than T at 1, and costs
// an addition within the exponential. Only h is rounded to T: what is before that is y·v, exact as p + dp, times
// 1 + q + rest, where rest is small, and so is its error.
template <class T>
Three<T> tail_product(T x) {
    const T y = at_most(fabs(x), by_type<T>(14.5, 39.0)), half = T(-0.5) * y;
    const auto [v, e, u] = reciprocal(y, T(1));
    const auto [z, dz] = two_product(half, y);
    // l is negative where it is large: so that r + dr is not too far from 0, n belongs to a smaller argument.
    const T near = fma(half, y, T(-0.09));
    const auto [q, rest, n] = sizeof(T) == 4
                                  ? exp_with_tail(z, dz, near, u, e, LOG_TAIL_SINGLE, TAIL_CHANGE_SINGLE)
                                  : exp_with_tail(z, dz, near, u, e, LOG_TAIL_DOUBLE, TAIL_CHANGE_DOUBLE);
    const auto [p, dp] = two_product(y, v);
    const T h = fma(p, q, p);
    const T whole = h + fma(p, rest, fma(p, q, p - h) + fma(dp, q, dp));
    return {whole, two_to(by_type<T>(63.0, 199.0) + n), by_type<T>(0x1p-64, 0x1p-200)};
}

// max(x, 0) − |x|·Φ(−|x|): on either side only the tail is computed, and nothing cancels.
template <class T>
T forward_fast(T x) {
    // For x > 0 the tail is at most half of x: an error of its last digit is one of the result's, or less.
    const auto [h, s, t] = tail_product(x);
    // Near 0 the result is x/2 + x²/√(2π) + …, and of the least number x/2 is a tie: so little less decides it.
    const T little = by_type<T>(0x1p-105, 0x1p-894);  // 2^-20 of the least number
    return copysign(fma(-t, fma(h, s, -little), at_least(x, -T(0))), x);
}

// (1/(y + c), (y − c)/(y + c)), c = SHORT_CENTRE, of which the tables of the 16-bit dtypes are functions.
inline Pair<float> reciprocal_16_bit(float y) {
    const float v = 1 / (y + float(SHORT_CENTRE));
    return {v, fma(float(-2 * SHORT_CENTRE), v, 1.0f)};
}

inline float forward_fast_16_bit(float x) {
    const float y = at_most(fabs(x), 14.5f);
    const auto [v, s] = reciprocal_16_bit(y);
    const float tail = y * v * polynomial(s, TAIL_SHORT) * short_exp(-0.5f * (y * y), UNIT);
    return half_raised_16_bit(x, fma(tail, -OVER, at_least(x, -0.0f)));
}

// factor·e^(−y²/2)·f(y) for a y that has an exact square, and a smooth f given as a polynomial in (y − 4)/(y + 4).
//
// What the error of the division has changed is taken back: `change` is −(y + 4)·f′(y).
template <int terms, int changes>
double near_product(double factor, double y, const double (&table)[terms], const double (&change)[changes]) {
    const auto [r, t, n] = exp_terms(-0.5 * y * y, 0.0);
    const double d = y + 4.0, v = 1.0 / d, s = fma(-8.0, v, 1.0);
    const double f = fma(fma(-v, d, 1.0), polynomial(s, change), polynomial(s, table));
    return (factor * two_to(n)) * fma(f, r + t, f);
}

// The same in double, not corrected: near enough at every input of float.
inline double forward_rounded(double x) {
    const double y = at_most(fabs(x), 15.0), tail = near_product(y, y, NEAR_TAIL, NEAR_TAIL_CHANGE);
    // Near 0 it is x/2 − x²/√(2π) + …, and of an x with few bits x/2 is a tie: so much less decides it.
    return at_least(x, -0.0) - (y < 0x1p-40 ? y * (0.5 - 0x1p-50) : tail);
}

// e^(−y²/2)·(R(y) − y/√(2π)), with the root divided out.
template <class T>
T backward_stable(T dy, T x) {
    const T y = at_most(fabs(x), T(GELU_FAR));
    const auto [m, n] = exp_half_square(y);
    return mirrored_product(dy, x, round_product(m, slope(y)), n);
}

// e^(−y²/2)·(y₀ − y)·H(y), exact at the root, without a branch: y₀ is the root, and H is smooth.
template <class T>
T backward_fast(T dy, T x) {
    const T y = at_most(fabs(x), by_type<T>(20.0, 64.0));
    const auto [square, square_low] = two_product(T(-0.5) * y, y);
    const auto [m, dm, n] = exp_pair(square, square_low);
    const auto [_, e, u] = reciprocal(y, T(2));
    const auto factor = sizeof(T) == 4 ? smooth(u, e, T(SLOPE_FACTOR_BASE), SLOPE_FACTOR_SINGLE, FACTOR_CHANGE_SINGLE)
                                       : smooth(u, e, T(SLOPE_FACTOR_BASE), SLOPE_FACTOR_DOUBLE, FACTOR_CHANGE_DOUBLE);
    const auto t = minus(y, T(0), GELU_SLOPE_ROOT);
    return mirrored_pair(dy, x, pair_product({m, dm}, pair_product({-t.high, -t.low}, factor)), n);
}

inline float backward_fast_16_bit(float dy, float x) {
    const float y = at_most(fabs(x), 19.39f);  // e^(−y²/2) is then 0 in `root_of_exp`
    const auto [_, s] = reciprocal_16_bit(y);
    const auto [w, h] = root_of_exp(-0.5f * (y * y));
    const auto [high, low] = pair_of<float>(GELU_SLOPE_ROOT);
    const float f = h * (((high - y) + low) * polynomial(s, SLOPE_SHORT));
    return gradient(dy, x < 0 ? f : fma(-f, w, RAISED), x < 0 ? w : 1.0f);
}

// The same in double, not corrected: near enough at every input of float.
inline double backward_rounded(double dy, double x) {
    const double y = at_most(fabs(x), 20.0);
    const double far = near_product((GELU_SLOPE_ROOT.high - y) + GELU_SLOPE_ROOT.low, y, NEAR_SLOPE, NEAR_SLOPE_CHANGE);
    // Near 0 it is ½ − y·√(2/π) + …, which for two inputs double can't tell from a tie: a little more decides it.
    const double f = y < 0x1p-22 ? fma(-2 * DENSITY_AT_0.high * (1 + 0x1p-27), y, 0.5) : far;
    return dy * (x < 0 ? f : 1.0 - f);
}
