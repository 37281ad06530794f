// SPDX-License-Identifier: MIT
// Arithmetic in float for results of 16 bits, which have 11 digits at most.
//
// Nothing is corrected, and a polynomial is as long as an error of 2^-20 asks for. What needs care still is the range,
// as bfloat16 has float's: exponentials carry a power of two that keeps them among the normal numbers.
#pragma once
#include "blocks.cuh"

constexpr float UNIT = 48;            // exponentials of the forward direction are carried times 2^UNIT
constexpr float OVER = 0x1p-48f;      // 2^-UNIT
constexpr float RAISED = 512;         // e^(z/2) times this is a normal number up to GRADIENT_REACH
constexpr float REACH = 110;          // e^−REACH is 0 in both formats, multiplied by what is no larger than REACH
constexpr float GRADIENT_REACH = 188; // from here on it is, multiplied by any finite number and by GRADIENT_REACH

// e^z·2^unit, where that is a normal number.
inline float short_exp(float z, float unit) {
    const float shift = exponent_shift<float>() + unit, shifted = fma(float(LOG2_E), z, shift);
    const float r = fma(shift - shifted, float(LN2.high), z);
    return fma(r, polynomial(r, EXP_SHORT), 1.0f) * two_to_shifted(shifted);
}

// e^z − 1 for −40 ≤ z ≤ 0: as (2^n − 1) + 2^n·(e^r − 1), in which nothing cancels.
inline float short_expm1(float z) {
    const float shift = exponent_shift<float>(), shifted = fma(float(LOG2_E), z, shift);
    const float r = fma(shift - shifted, float(LN2.high), z), power = two_to_shifted(shifted);
    return fma(power, r * polynomial(r, EXP_SHORT), power - 1);
}

// σ(z) for −REACH ≤ z ≤ 40: 2^−UNIT/(2^−UNIT + e^(−z)·2^−UNIT).
inline float short_sigmoid(float z) { return OVER / (OVER + short_exp(-z, -UNIT)); }

// log(1 + w)/w for 0 ≤ w ≤ 1.
inline float short_log1p(float w) { return polynomial(w, LOG1P_SHORT); }

// w = e^(z/2), and h, which is RAISED times that, for −GRADIENT_REACH ≤ z ≤ 80; at the reach both are 0.
inline Pair<float> root_of_exp(float z) {
    const float h = short_exp(0.5f * z, 9);
    return {h * (1 / RAISED), h};
}

// The same of z = −|x|, for any x.
inline Pair<float> falling_root(float x) { return root_of_exp(at_least(-fabs(x), -GRADIENT_REACH)); }

// dy·f·w/RAISED, for any finite dy, and an f that is not much larger than RAISED: of h, or beside it.
//
// Nothing overflows on the way that does not in the end, and nothing is 0 too early: the first product is exact for a
// dy of 16 bits, and of a tiny e^z, which is w·h/RAISED, dy is multiplied by one half, and then by the other.
inline float gradient(float dy, float f, float w) { return dy * (1 / RAISED) * f * w; }

// x cut off on the left, where e^x is 0 in every 16-bit format, also if multiplied by x; NaN for NaN.
inline float within_short(float x) { return at_least(x, -REACH); }

// The same, cut off on the right too, where σ(x) is 1.
inline float within_sigmoid(float x) { return at_most(within_short(x), 40.0f); }
