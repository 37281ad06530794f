// SPDX-License-Identifier: MIT
// Arithmetic in float for results of 16 bits, which have 11 digits at most.
//
// Nothing is corrected, and a polynomial is as long as an error of 2^-20 asks for. What needs care still is the range,
// as bfloat16 has float's: exponentials carry a power of two that keeps them among the normal numbers.
#pragma once
#include "blocks.cuh"

constexpr float UNIT = 48;            // exponentials of the forward direction are carried times 2^UNIT
constexpr float OVER = 0x1p-48f;      // 2^-UNIT
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

// (w, h) with w·h = e^z, for −GRADIENT_REACH ≤ z ≤ 80: h is e^(z/2)·2^9, or 0 at the reach, and w is 2^-18 of that.
//
// So for z ≤ 0 nothing overflows or becomes 0 too early in a gradient (dy·(w·f))·h, however large or small dy is.
inline Pair<float> exp_halves(float z) {
    const float h = short_exp(0.5f * z, 9);
    return {h * 0x1p-18f, h};
}

// The same of e^(−|x|), for any x.
inline Pair<float> falling_halves(float x) { return exp_halves(at_least(-fabs(x), -GRADIENT_REACH)); }

// x cut off on the left, where e^x is 0 in every 16-bit format, also if multiplied by x; NaN for NaN.
inline float within_short(float x) { return at_least(x, -REACH); }

// The same, cut off on the right too, where σ(x) is 1.
inline float within_sigmoid(float x) { return at_most(within_short(x), 40.0f); }
