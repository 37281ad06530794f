// SPDX-License-Identifier: MIT
// Functions that are x/2 + c·x² + … near 0, c > 0: where x/2 is a tie of the format, the next term decides, upwards.
//
// Ties are among the subnormals alone. Arithmetic that drops c·x² would round half of them wrong; here x/2 is raised by
// less than any other result would notice. Each takes the body's result y for all other x.
#pragma once
#include "blocks.cuh"

// For results in x's own type.
template <class T>
T half_raised(T x, T y) {
    x = at_most(at_least(x, T(-1)), T(1));
    const T quarter = by_type<T>(0x1p-87, 0x1p-1012);  // of the least number, times 2^64
    const T raised = copysign(fma(x, T(0x1p63), quarter) * T(0x1p-64), x);
    return fabs(x) < by_type<T>(0x1p-125, 0x1p-1021) ? raised : y;
}

// For x, and results, of a 16-bit format.
inline float half_raised_16_bit(float x, float y) {
    return fabs(x) < 0x1p-13f ? x * (x > 0 ? float(0.5 + 0x1p-14) : float(0.5 - 0x1p-14)) : y;
}
