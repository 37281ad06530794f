// SPDX-License-Identifier: MIT
// Tanh: (e^x − e^(−x))/(e^x + e^(−x)), with tanh′ = 1 − tanh².
//
// `fast` and `rounded` reduce x as an exponential does, but by ½ln2, and take tanh itself of what remains. With
// |x| = r + n·½ln2, t = tanh(r) and g = 2^(−n), tanh(n·½ln2) is (1 − g)/(1 + g), and the addition theorem makes
//
//     tanh|x| = ((1 − g) + (1 + g)·t)/((1 + g) + (1 − g)·t),      tanh′(x) = 4g·(1 − t²)/((1 + g) + (1 − g)·t)².
//
// Of tanh all digits are t's where n is 0, so r is not centred: n is 0 up to |x| = 0.26, and beyond that |t| is no more
// than a third of the result until t is positive.
#pragma once
#include "exponential.cuh"
#include "scaling.cuh"
#include "short.cuh"

constexpr double SATURATED = 20.0;     // from here on tanh rounds to 1 in every dtype
constexpr double OFF_CENTRE = 0.0866;  // r is between −0.0867 and 0.26

// The definition: inf/inf for large |x|, and it cancels near 0.
template <class T>
T forward_textbook(T x) {
    return (exp(x) - exp(-x)) / (exp(x) + exp(-x));
}

// 1 − tanh²: cancels as soon as tanh is near ±1.
template <class T>
T backward_textbook(T dy, T x) {
    const T y = forward_textbook(x);
    return dy * (T(1) - y * y);
}

// t/(t + 2), t = e^(2|x|) − 1 from expm1, |x| clamped where tanh is 1.
template <class T>
T forward_stable(T x) {
    const T t = expm1(T(2) * at_most(fabs(x), T(SATURATED)));
    return copysign(t / (t + T(2)), x);
}

// 4w/(1 + w)² with w = e^(−2|x|): nothing cancels.
template <class T>
T backward_stable(T dy, T x) {
    const auto [m, n] = exp_parts(T(-2) * at_most(fabs(x), T(BOUND)), T(0));
    const auto square = over_square({T(4), T(0)}, two_sum(T(1), beside_one(m, n)));
    return scaled_product(dy, round_product(m, square), n);
}

// exponent_shift − n for the whole number n of steps of ½ln2 that a is reduced by.
template <class T>
T steps(T a) {
    return fma(T(-2 * LOG2_E), a - T(OFF_CENTRE), exponent_shift<T>());
}

// (r, d) with a = r + d + n·½ln2, for n as `steps` makes it: r is exact, d tiny.
template <class T>
Two<T> reduced_by_steps(T a, T shifted) {
    const auto [high, low] = pair_of<T>({LN2.high / 2, LN2.low / 2});
    const T n = exponent_shift<T>() - shifted;
    return {fma(-n, high, a), -n * low};  // r is a multiple of high's last place, as a is
}

// tanh(r) − r, for a small r, and with something to be added.
template <class T>
T cubic(T r, T added) {
    const T square = r * r;
    return fma(square * r, BY_TYPE(polynomial, square, TANH), added);
}

// The addition theorem, its quotient corrected by its remainder.
template <class T>
T forward_fast(T x) {
    const T a = at_most(fabs(x), by_type<T>(9.2, 19.3));  // beyond, tanh rounds to 1
    // So few steps that 1 − g has no error: where more were needed r is larger than 0.26, and the result nearly 1.
    const T shifted = at_least(steps(a), exponent_shift<T>() - by_type<T>(24.0, 53.0));
    const auto [r, d] = reduced_by_steps(a, shifted);
    // In float d is 2^-26 at most, where tanh is nearly 1, and can be left out.
    const T t = sizeof(T) == 4 ? cubic(r, r) : r + cubic(r + d, d);
    const T g = two_to_shifted(shifted), less = T(1) - g, more = T(1) + g;
    const T inverse = T(1) / fma(less, t, more), y = fma(more, t, less) * inverse;
    // What is left of the numerator: less − y has no error, and what 1 + g and the sums have lost is no part of it.
    const T rest = fma(t, fma(-y, less, T(1)), fma(g, t - y, less - y));
    return copysign(fma(rest, inverse, y), x);
}

inline float forward_fast_16_bit(float x) {
    const float t = short_expm1(-2 * at_most(fabs(x), 10.0f));
    return copysign(t / (-2 - t), x);
}

// The same in double, not corrected: near enough at every input of float.
inline double forward_rounded(double x) {
    const double a = at_most(fabs(x), 10.0), shifted = steps(a);
    const double r = reduced_by_steps(a, shifted).first, t = cubic(r, r);
    const double g = two_to_shifted(shifted), less = 1.0 - g, more = 1.0 + g;
    return copysign(fma(more, t, less) / fma(less, t, more), x);
}

// (f, df, shifted) of tanh′(x) = (f + df)·2^n, |f| ≤ 1, n ≤ 0 and n + exponent_shift = shifted.
template <class T>
Three<T> derivative(T x) {
    const T a = at_most(fabs(x), by_type<T>(99.0, 731.0));  // beyond, tanh′ is 0, whatever it is multiplied by
    const T shifted = steps(a), shift = exponent_shift<T>();
    const auto [r, left] = reduced_by_steps(a, shifted);
    const T rest = cubic(r + left, left);
    // Of a t that is cut off, 1 + t and 1 − t have no error; what is cut off is apart.
    const T w = T(1.5) + (r + rest), t = w - T(1.5), u = w - T(0.5), v = T(2.5) - w, dt = rest - (t - r);
    const T g = two_to_shifted(at_least(shifted, shift - by_type<T>(126.0, 1022.0)));
    const T d = fma(g, v, u), dd = fma(g, v, u - d) + fma(-g, dt, dt);
    // tanh′ is (1 − t²)·4g/d²: of 4g, no more than ½ is left to be applied after dy.
    const T four_g = two_to_shifted(at_least(shifted + T(2), shift - T(1)));
    const T m = u * v, dm = fma(T(-2) * t, dt, fma(u, v, -m));
    const auto [f, df] = quick_quotient({m * four_g, dm * four_g}, pair_product(d, dd, d, dd));
    return {f, df, at_most(shifted + T(3), shift)};
}

// The derivative as high + low, multiplied by dy before it is rounded.
template <class T>
T backward_fast(T dy, T x) {
    return lowered(dy, derivative(x));
}

inline float backward_fast_16_bit(float dy, float x) {
    const auto [w, h] = root_of_exp(-2 * at_most(fabs(x), GRADIENT_REACH / 2));
    const float d = fma(w, w, 1.0f);
    return gradient(dy, h / (d * d), 4 * w);
}

// 4w/(1 + w)² in double, not corrected: near enough at every input of float.
inline double backward_rounded(double dy, double x) {
    const auto [r, t, n] = exp_terms(-2.0 * at_most(fabs(x), 99.0), 0.0);
    const double power = two_to(n), w = fma(power, r + t, power), d = 1.0 + w;
    return dy * (4.0 * w / (d * d));
}
