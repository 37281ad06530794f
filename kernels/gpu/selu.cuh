// SPDX-License-Identifier: MIT
// SELU: λx for x > 0, else λα·(e^x − 1), with the λ and α that keep mean 0 and variance 1.
//
// Its derivative is λ or λα·e^x (λα at the kink, the left one).
#pragma once
#include "exponential.cuh"
#include "scaling.cuh"
#include "short.cuh"

constexpr double PRINTED_LAMBDA = 1.0507, PRINTED_ALPHA = 1.6733;  // as the paper's text prints them

// The solutions of the fixed-point equations, rounded to double, and what they lose by it.
constexpr double LAMBDA = 0x1.0cfabd6a91132p+0;                                      // λ = 1.0507009873554805
constexpr Constant LAMBDA_ALPHA = {0x1.c212cc640f031p+0, 0x1.05161b045a1f1p-56};     // λα = 1.7580993408473769
constexpr double EXCESS = 0x1.9f57ad5222646p-5;                                      // λ − 1, to more digits than λ has

// λα·(e^x − 1), five printed digits of λ and α: it cancels near 0.
template <class T>
T forward_textbook(T x) {
    return T(PRINTED_LAMBDA) * (x < 0 ? T(PRINTED_ALPHA) * (exp(x) - T(1)) : x);
}

// Output + λα, five printed digits: it cancels far left, 0 too early.
template <class T>
T backward_textbook(T dy, T x) {
    return dy * (x < 0 ? forward_textbook(x) + T(PRINTED_LAMBDA) * T(PRINTED_ALPHA) : T(PRINTED_LAMBDA));
}

// expm1 keeps the digits near 0; λ and α to full precision.
template <class T>
T forward_stable(T x) {
    return x > 0 ? T(LAMBDA) * x : T(LAMBDA_ALPHA.high) * expm1(x);
}

// λα and e^x − 1 as high + low, without a branch.
template <class T>
T forward_fast(T x) {
    const T right = at_least(x, T(-40));  // from here on the left is −λα
    const auto [r, t, n] = expm1_terms(at_most(right, T(0)));
    const auto [e, de] = expm1_of(r, t, n);
    const auto [c, dc] = pair_of<T>(LAMBDA_ALPHA);
    // λx is x + (λ − 1)·x: rounded once, and λ − 1 is exact enough.
    return x >= 0 ? fma(right, T(EXCESS), right) : fma(c, e, fma(c, de, dc * e));
}

inline float forward_fast_16_bit(float x) {
    const float right = at_least(x, -40.0f), e = short_expm1(at_most(right, 0.0f));
    return x >= 0 ? float(LAMBDA) * right : float(LAMBDA_ALPHA.high) * e;
}

// The same in double.
inline double forward_rounded(double x) {
    const double e = quick_expm1(at_least(-fabs(x), -40.0));
    return x >= 0 ? fma(x, EXCESS, x) : fma(LAMBDA_ALPHA.high, e, LAMBDA_ALPHA.low * e);
}

// λα·e^x itself, e^x carried as m·2^n until dy is multiplied.
template <class T>
T backward_stable(T dy, T x) {
    if (x > 0) return T(LAMBDA) * dy;
    const auto [m, n] = exp_parts(-fabs(x), T(0));
    return scaled_product(dy, T(LAMBDA_ALPHA.high) * m, n);
}

// λα and e^x as high + low, without a branch.
template <class T>
T backward_fast(T dy, T x) {
    const auto [m, dm, n] = exp_pair(at_least(-fabs(x), by_type<T>(-250.0, -2000.0)), T(0));
    const auto f = pair_product(pair_of<T>(LAMBDA_ALPHA), {m, dm});
    return x > 0 ? fma(dy, T(EXCESS), dy) : scaled_pair(dy, f, n);
}

inline float backward_fast_16_bit(float dy, float x) {
    const auto [w, h] = falling_root(x);
    return gradient(dy, x > 0 ? RAISED : h, x > 0 ? float(LAMBDA) : float(LAMBDA_ALPHA.high) * w);
}

// The same in double.
inline double backward_rounded(double dy, double x) {
    const auto [r, t, n] = exp_terms(at_least(-fabs(x), -600.0), 0.0);
    const double m = 1.0 + (r + t);
    const double left = dy * fma(LAMBDA_ALPHA.high, m, LAMBDA_ALPHA.low * m) * two_to(n);
    return x > 0 ? fma(dy, EXCESS, dy) : left;
}
