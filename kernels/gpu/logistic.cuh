// SPDX-License-Identifier: MIT
// σ(z) = 1/(1 + e^(−z)): what sigmoid, softplus, SiLU and GELU-tanh have in common.
//
// With e^(−z) = (1 + r + t)/g, g a power of two, it is g/(1 + g + r + t): one division, in which nothing overflows. Its
// quotient is corrected by its own remainder, so that but for the last digit nothing is rounded. g is n's power of two
// wherever that is a normal number; where results are smaller still, they are brought down when all else is done.
#pragma once
#include "exponential.cuh"
#include "scaling.cuh"

constexpr double SIGMOID_NEAREST_TO_TIE = -0x1.250c02p-10;

// z cut off where σ(z) is 0 or 1 in every dtype, also if multiplied by z; NaN for NaN.
template <class T>
T within_logistic(T z) {
    return at_most(at_least(z, by_type<T>(-110.0, -760.0)), by_type<T>(40.0, 80.0));
}

// The order in which a power of two and a are taken, times a short y, from a remainder.
//
// A power below `least`, times y, has more digits than the remainder has before a is taken, too. In double, where the
// other errors are larger than in float, that would show.
template <class T>
Two<T> in_order(T power, T a, double least) {
    if (sizeof(T) == 8 && power < T(least)) return {a, power};
    return {power, a};
}

// (y, rest, r) of f/(1 + g + a + b) = y + rest·r, for powers of two f and g, 1 + a + b as `falling_terms` has it.
//
// The denominator is only rounded to divide by it. Of a y with fewer bits the products are then subtracted from f one
// by one, the largest first, which leaves remainders without error, or with one far below the result's last digit.
template <class T>
Three<T> quotient(T f, T g, T a, T b) {
    const T more = larger(g, T(1)), less = smaller(g, T(1));
    const T r = T(1) / ((more + a) + (less + b)), y = shortened(f * r);
    const auto [p, q] = in_order(less, a, 0x1p-12);
    return {y, fma(-y, b, fma(-y, q, fma(-y, p, fma(-y, more, f)))), r};
}

// (y, rest, r, t) of σ(z + dz) = (y + rest·r)·t, y normal, for z as `within_logistic` leaves it and a small dz.
template <class T>
Four<T> scaled_sigmoid(T z, T dz) {
    const auto [a, b, shifted] = falling_terms(z, dz, by_type<T>(48.0, 100.0));
    const T s = two_to_shifted(shifted), t = by_type<T>(0x1p-48, 0x1p-100);
    const auto [y, rest, r] = quotient(s, s * t, a, b);
    return {y, rest, r, t};
}

// f·σ(z + dz) in the range of `scaled_sigmoid`, |f| ≤ 2^10: rounded once, and again if it is subnormal.
//
// Near 0, where f is to be like z, that is f/2 + c·f² with c > 0. Where f/2 is a tie, all of them subnormal, the next
// term decides, upwards: a number far below half of the least one stands in for it.
template <class T>
T times_sigmoid(T f, T z, T dz) {
    const auto [y, rest, r, t] = scaled_sigmoid(z, dz);
    return copysign(fma(f, y, fma(f, rest * r, by_type<T>(0x1p-125, 0x1p-1022))) * t, f);
}

// z cut off where σ(z) is 0 or 1 also if multiplied by any finite number, or by z.
template <class T>
T within_products(T z) {
    return at_most(at_least(z, by_type<T>(-199.0, -1464.0)), by_type<T>(40.0, 80.0));
}

// (z, dz) with z + dz = βx, z as `within_products` leaves it.
template <class T>
Two<T> of_beta(double beta, T x) {
    if (beta == 1) return {within_products(x), T(0)};
    const double reach = 1500.0 / fabs(beta);  // beyond, βx might overflow
    const double wide = at_most(at_least(double(x), -reach), reach);
    const T product = T(times(beta, wide)), z = within_products(product);
    return {z, z == product && beta != 0 ? T(fma(beta, wide, -double(z))) : T(0)};
}

// (y, low, shifted) of σ(z + dz) = (y + low)·2^n ≤ 2^n with n ≤ 0 and n + exponent_shift = shifted.
template <class T>
Three<T> sigmoid_terms(T z, T dz) {
    const auto [a, b, shifted] = falling_terms(z, dz, T(0));
    const T shift = exponent_shift<T>();
    const T g = two_to_shifted(at_least(shifted, shift - by_type<T>(126.0, 1022.0)));
    const auto [y, rest, r] = quotient(larger(g, T(0.5)), g, a, b);
    return {y, rest * r, at_most(shifted + T(1), shift)};
}

// (y, low, g, shifted) of σ(−a − da) = (y + low)·2^n for a ≥ 0, with g = 2^n where that is normal; y² is exact.
template <class T>
Four<T> falling_share(T a, T da) {
    const auto [r, t, shifted] = falling_terms(-a, -da, T(0));
    const T g = two_to_shifted(at_least(shifted, exponent_shift<T>() - by_type<T>(126.0, 1022.0)));
    const T inverse = T(1) / ((T(1) + r) + (g + t)), y = halved(inverse);
    const auto [p, q] = in_order(g, r, 0x1p-26);
    return {y, fma(-y, t, fma(-y, q, fma(-y, p, T(1) - y))) * inverse, g, shifted};
}

// ---- For `rounded`: in double, each operation rounded, and near enough for that at every input of float --------------

// σ(z + dz) within 3 ulp of double, for −300 ≤ z ≤ 80.
inline double near_sigmoid(double z, double dz) {
    const auto [r, t, shifted] = falling_terms(z, dz, 0.0);
    const double g = two_to_shifted(shifted);
    return g / ((g + r) + (1.0 + t));
}

// y for a function of z that is ½ + slope·z − c·z³ + … near 0, but for |z| < 2^-15 one that also decides ties.
//
// ½ + slope·z is a tie for a z of few bits, and the cubic term, far below double's last digit, decides it. It is seen if
// the slope is a little less: by 2^-29, which is less than any other sum is away from a tie.
inline double resolved(double z, double slope, double y) {
    return fabs(z) < 0x1p-15 ? fma(z, slope - 0x1p-29, 0.5) : y;
}

// A double that rounds to a narrower format as σ(z + dz) does, for a z of float and dz = 0; z ≥ −300.
inline double rounded_sigmoid(double z, double dz) {
    // The one float whose σ double can't tell from a tie: it is above, by a quarter of double's last digit.
    const double above = z == SIGMOID_NEAREST_TO_TIE && dz == 0 ? 0x1p-54 : 0.0;
    return resolved(z, 0.25, near_sigmoid(z, dz) + above);
}
