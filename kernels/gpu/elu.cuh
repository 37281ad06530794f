// SPDX-License-Identifier: MIT
// ELU: x for x > 0, else α·(e^x − 1), whose derivative is 1 or α·e^x (α at 0, the left one).
//
// For an α other than 1 the factor is carried as high + low until α is multiplied, in double.
#pragma once
#include "exponential.cuh"
#include "scaling.cuh"
#include "short.cuh"

// α·(e^x − 1) as printed: it cancels near 0.
template <class T>
T forward_textbook(T x, double alpha) {
    return x < 0 ? T(alpha) * (exp(x) - T(1)) : x;
}

// Output + α, to save an exponential: it cancels far left, 0 too early.
template <class T>
T backward_textbook(T dy, T x, double alpha) {
    return x < 0 ? dy * (forward_textbook(x, alpha) + T(alpha)) : dy;
}

// expm1 keeps the digits near 0.
template <class T>
T forward_stable(T x, double alpha) {
    return x > 0 ? x : times(alpha, expm1(x));
}

// e^x − 1 as (2^n − 1) + 2^n·(e^r − 1), without a branch.
template <class T>
T forward_fast(T x, double alpha) {
    const T z = at_least(-fabs(x), T(-40));  // from here on it is −1
    if (alpha == 1) return x >= 0 ? x : quick_expm1(z);
    const auto [e, de] = expm1_left(z);
    const T y = T(fma(alpha, double(e), alpha * double(de)));
    return x > 0 ? x : copysign(y, alpha >= 0 ? x : T(1));
}

inline float forward_fast_16_bit(float x, double alpha) {
    if (alpha != 1) return forward_fast(x, alpha);
    return x >= 0 ? x : short_expm1(at_least(-fabs(x), -40.0f));
}

// The same in double.
inline double forward_rounded(double x, double alpha) {
    if (alpha == 1) return x >= 0 ? x : quick_expm1(at_least(-fabs(x), -40.0));
    const auto [e, de] = expm1_left(at_least(-fabs(x), -600.0));
    // α can be a tie of the format: then it matters whether −α is reached.
    const auto [y, dy] = pair_product(alpha, 0.0, e, is_infinite(x) && x < 0 ? 0.0 : de);
    return x > 0 ? x : copysign(odd_sum(y, dy), alpha >= 0 ? x : 1.0);
}

// α·e^x itself, both carried as m·2^n until dy is multiplied.
template <class T>
T backward_stable(T dy, T x, double alpha) {
    if (x > 0) return dy;
    const auto [m, n] = exp_parts(-fabs(x), T(0));
    const auto [a, k] = significand_and_exponent(alpha);
    return T(scaled_product(double(dy), times(a, double(m)), double(n) + k));
}

// e^x as (high + low)·2^n, without a branch.
template <class T>
T backward_fast(T dy, T x, double alpha) {
    // From here on it is 0, whatever dy is and, in the second case, α.
    const T z = at_least(-fabs(x), alpha == 1 ? by_type<T>(-250.0, -2000.0) : T(-3000));
    const auto [m, dm, n] = exp_pair(z, T(0));
    if (alpha == 1) return x > 0 ? dy : scaled_pair(dy, {m, dm}, n);
    const auto [a, k] = significand_and_exponent(alpha);  // α may be out of float's range: in double
    const T y = T(scaled_pair(double(dy), pair_product(a, 0.0, double(m), double(dm)), double(n) + k));
    return x > 0 ? dy : y;
}

inline float backward_fast_16_bit(float dy, float x, double alpha) {
    if (alpha != 1) return backward_fast(dy, x, alpha);
    const auto [w, h] = falling_root(x);
    return x > 0 ? dy : gradient(dy, h, w);
}

// The same in double.
inline double backward_rounded(double dy, double x, double alpha) {
    if (alpha == 1) return x > 0 ? dy : dy * quick_exp(at_least(-fabs(x), -600.0));
    const auto [m, dm, n] = exp_pair(at_least(-fabs(x), -2000.0), 0.0);
    const auto [a, k] = significand_and_exponent(alpha);
    const auto [f, df] = pair_product(a, 0.0, m, dm);
    // At 700 any dy but 0 is infinite, in what it is rounded to.
    return x > 0 ? dy : odd_product(dy, f, df, at_most(n + k, 700.0));
}
