// SPDX-License-Identifier: MIT
// e^z without a call or a branch, to more digits than T has: `fast` and `rounded` are made of it.
//
// With n the whole number nearest to z/ln2 and r = z − n·ln2, e^z is (1 + r + t)·2^n, where t = e^r − 1 − r is less than
// 0.07. With ln2 in two parts, high in T's precision, z − n·high is exact (Cody and Waite 1980, §6).
#pragma once
#include "blocks.cuh"

// (r, dr, n) with z + dz = r + dr + n·ln2, |z| ≤ 1024, n the whole number nearest to z/ln2: r is exact.
template <class T>
Three<T> reduced(T z, T dz, T near) {
    const auto [high, low] = pair_of<T>(LN2);
    const T shift = by_type<T>(0x1.8p23, 0x1.8p52), n = fma(T(LOG2_E), near, shift) - shift;
    return {fma(-n, high, z), fma(-n, low, dz), n};
}

// (r, t, n) of e^(z + dz) = (1 + r + t)·2^n, |z| ≤ 1024 and |dz| ≤ 2^-14: r is exact, t within 2^-26 (2^-55).
template <class T>
Three<T> exp_terms(T z, T dz) {
    const auto [r, d, n] = reduced(z, dz, z);
    const T square = r * r, rest = BY_TYPE(quick_polynomial, r, EXP);
    return {r, fma(square, rest, fma(d, fma(square, rest, r), d)), n};
}

// (r, t, shifted) of e^(−z − dz) = (1 + r + t)·2^(unit − n) with n + exponent_shift = shifted, z and dz as above.
template <class T>
Three<T> falling_terms(T z, T dz, T unit) {
    const auto [high, low] = pair_of<T>(LN2);
    const T shift = exponent_shift<T>() + unit, shifted = fma(T(LOG2_E), z, shift), n = shifted - shift;
    const T r = fma(n, high, -z), d = fma(n, low, -dz), near = r + d;
    const T rest = sizeof(T) == 4 ? quick_polynomial(near, EXP_SINGLE_FINE) : quick_polynomial(near, EXP_DOUBLE);
    return {r, fma(near * near, rest, d), shifted};
}

// (q, t) with e^(r + dr) = 1 + q + t, |r + dr| ≤ 0.5, also of a dr not small beside r: t within 2^-27, or 2^-56.
template <class T>
Two<T> exp_terms_of_sum(T r, T dr) {
    const T q = r + dr, rest = BY_TYPE(polynomial, q, EXP_WIDE);
    return {q, fma(q * q, rest, dr - (q - r))};
}

// 1 + r + t as high + low.
template <class T>
Pair<T> one_and(T r, T t) {
    const T high = T(1) + (r + t);
    return {high, t - ((high - T(1)) - r)};  // high − 1 is exact, and so near to r that the difference is
}

// (high, low, n) of e^(z + dz) = (high + low)·2^n, with high in [0.7, 1.42], for z and dz as in `exp_terms`.
template <class T>
Three<T> exp_pair(T z, T dz) {
    const auto [r, t, n] = exp_terms(z, dz);
    const auto [high, low] = one_and(r, t);
    return {high, low, n};
}

// (high, low, shifted) of e^(z + dz) = (high + low)·2^n, n ≤ 0 and n + exponent_shift = shifted.
//
// n is 0 unless the exponential is so small that nothing of it is left beside 1: high + low may be added to that.
template <class T>
Three<T> exp_beside_one(T z, T dz) {
    const auto [ln2, rest] = pair_of<T>(LN2);
    const T shift = exponent_shift<T>(), least = by_type<T>(60.0, 120.0);
    const T shifted = fma(T(LOG2_E), z, shift), n = shifted - shift;
    const T r = fma(-n, ln2, z), d = fma(-n, rest, dz), near = r + d;
    const T bend = sizeof(T) == 4 ? polynomial(near, EXP_SINGLE_FINE) : polynomial(near, EXP_DOUBLE);
    const auto [high, low] = one_and(r, fma(near * near, bend, d));
    const T power = two_to_shifted(at_least(shifted, shift - least));
    return {high * power, low * power, at_most(shifted + least, shift)};
}

// (1 + r + t)·2^n − 1 as high + low, where the middle 2^n − 1 is 0 or outweighs r·2^n.
template <class T>
Pair<T> expm1_of(T r, T t, T n) {
    const T power = two_to(n), middle = power - T(1), part = power * r, high = middle + part;
    return {high, fma(power, t, part - (high - middle))};
}

// e^(z + dz) − 1 as high + low, for −110 ≤ z ≤ 80 (double: ±750) and dz as in `exp_terms`.
template <class T>
Pair<T> expm1_pair(T z, T dz) {
    const auto [r, t, n] = exp_terms(z, dz);
    return expm1_of(r, t, at_least(n, -by_type<T>(120.0, 1000.0)));
}

// (r, t, n) of e^z = (1 + r + t)·2^n for z ≤ 0, with t within 0.7 ulp of it where e^z is not small beside 1.
//
// t = r²/2 + r³·q: its first term is a product of two floats, and the second is less than a seventh of it.
template <class T>
Three<T> expm1_terms(T z) {
    const auto [r, d, n] = reduced(z, T(0), z);
    const T q = sizeof(T) == 4 ? quick_polynomial<1>(r, EXP_SINGLE_FINE) : quick_polynomial<1>(r, EXP_DOUBLE);
    return {r, fma(T(0.5) * r, r, fma(r * r * r, q, d)), n};
}

// e^z − 1 as high + low within a quarter of an ulp, for −80 ≤ z ≤ 0 (double: from −600 on).
template <class T>
Pair<T> expm1_left(T z) {
    const auto [r, t, n] = expm1_terms(z);
    const auto [high, low] = expm1_of(r, t, n);
    const T power = two_to(n);
    return {high, low + (power - ((power - T(1)) + T(1)))};  // far left 2^n − 1 loses digits, in the end all of 2^n
}

// e^z within 0.8 ulp, where 2^n is in range.
template <class T>
T quick_exp(T z) {
    const auto [r, t, n] = exp_terms(z, T(0));
    return (T(1) + (r + t)) * two_to(n);
}

// e^z − 1 within 0.9 ulp, for −40 ≤ z ≤ 0.
template <class T>
T quick_expm1(T z) {
    const auto [r, t, n] = expm1_terms(z);
    const T power = two_to(n);
    return fma(power, r + t, power - T(1));
}
