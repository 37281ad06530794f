// SPDX-License-Identifier: MIT
// Numbers carried as f·2^n, and gradients dy·f·2^n: 2^n is applied last, and once.
//
// So nothing overflows or loses bits on the way to a result that is in range, however large or small dy is.
#pragma once
#include "blocks.cuh"

// e^(z + dz) as (m, n), standing for m·2^n, for z ≤ 0 and a small dz.
template <class T>
Two<T> exp_parts(T z, T dz) {
    const auto [high, low] = pair_of<T>(LN2);
    const T n = rint(T(LOG2_E) * (z > -T(BOUND) ? z : -T(BOUND)));
    return {exp(fma(-n, low, fma(-n, high, z)) + dz), n};
}

// f·2^n, rounded once, for |f| < 2^102 (double: 2^969): in one step or, where 2^n is too small for one, in two.
template <class T>
T scaled(T f, T n) {
    const T least = by_type<T>(-126.0, -1022.0);  // the exponent of the least normal number
    const bool deep = n < least;
    const T power = power_of_two(deep ? n - least : n);
    return f * power * (deep ? by_type<T>(0x1p-126, 0x1p-1022) : T(1));
}

// f·2^n for n ≤ 0, to be added to a number near 1: how small it is no longer matters below 2^-120.
template <class T>
T beside_one(T f, T n) {
    return f * two_to(at_least(n, T(-120)));
}

// (a, m) with a·2^m = dy·2^n, where a times a number of at most 4 neither overflows nor becomes subnormal.
template <class T>
Two<T> in_reach(T dy, T n) {
    const bool large = fabs(dy) > by_type<T>(0x1p40, 0x1p320);
    const T shrink = by_type<T>(0x1p-32, 0x1p-256);  // dy is then far from overflow
    return {dy * (large ? shrink : T(0x1p24)), n + (large ? by_type<T>(32.0, 256.0) : T(-24))};
}

// dy·f·2^n for |f| ≤ 4 and n ≤ 150 (double: 1047): neither dy·f nor f·2^n need be in range.
template <class T>
T scaled_product(T dy, T f, T n) {
    const auto [a, m] = in_reach(dy, n);
    return scaled(a * f, m);
}

// dy·(f + df)·2^n, rounded once, in the same range.
template <class T>
T scaled_pair(T dy, Pair<T> f, T n) {
    const auto [a, m] = in_reach(dy, n);
    return scaled(round_product(a, f), m);
}

// dy·f′(x), given f′(−|x|) = f·2^n, where f′(x) + f′(−x) = 1.
template <class T>
T mirrored_product(T dy, T x, T f, T n) {
    if (x < 0) return scaled_product(dy, f, n);
    return round_product(dy, two_sum(T(1), -scaled(f, n)));
}

// The same, rounded once, given f′(−|x|) = (f + df)·2^n.
template <class T>
T mirrored_pair(T dy, T x, Pair<T> f, T n) {
    if (x < 0) return scaled_pair(dy, f, n);
    const auto [high, low] = two_sum(T(1), -scaled(f.high, n));
    return round_product(dy, {high, low - scaled(f.low, n)});
}

// dy·(f + low)·2^n for |f| ≤ 1, n ≤ 0 and n + exponent_shift = shifted: rounded once, or again if subnormal.
//
// As 2^n can be too small, though the product is not, an n below the exponents of normal numbers is applied in three
// steps, of which the first brings no y of ordinary size near the subnormals.
template <class T>
T lowered(T dy, T f, T low, T shifted) {
    const bool deep = shifted < exponent_shift<T>() - by_type<T>(126.0, 1022.0);
    const T step = deep ? by_type<T>(0x1p-81, 0x1p-546) : T(1);
    const T y = fma(dy, f, dy * low) * step;
    return y * two_to_shifted(shifted + (deep ? by_type<T>(162.0, 1092.0) : T(0))) * step;
}

template <class T>
T lowered(T dy, Three<T> f) {
    return lowered(dy, f.first, f.second, f.third);
}

// ---- For `rounded`: in double, with results of a narrower format, so that nothing leaves double's range -------------

// high + low, for a low that is small beside high, as `to_odd` makes it.
inline double odd_sum(double high, double low) {
    const double sum = high + low;
    return to_odd(sum, low - (sum - high));
}

// parameter·x as `to_odd` makes it; 0 for a parameter of 0, also at an infinite x.
inline double odd_times(double parameter, double x) {
    const auto [high, low] = two_product(parameter, x);
    return parameter != 0 || x != x ? to_odd(high, low) : 0.0;
}

// dy·(f + df)·2^n, as `to_odd` makes it.
inline double odd_product(double dy, double f, double df, double n) {
    const auto [high, low] = pair_product(dy, 0.0, f, df);
    const double power = two_to(at_least(n, -1000.0));
    return odd_sum(high * power, low * power);
}

// The same as `lowered`, as `to_odd` makes it.
inline double odd_lowered(double dy, Three<double> f) {
    return odd_product(dy, f.first, f.second, f.third - exponent_shift<double>());
}
