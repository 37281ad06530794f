// SPDX-License-Identifier: MIT
// How the numbers of each dtype lie in memory, and how they are brought into arithmetic and back.
//
// `load<T>` is exact, and `store<S>` rounds a float to nearest even, or a double once. A NaN stays a NaN either way.
#pragma once
#include "blocks.cuh"

using Bits16 = unsigned short;
using Size = unsigned long long;

struct float16 {
    Bits16 bits;
};

struct bfloat16 {
    Bits16 bits;
};

template <class T>
T load(float x) {
    return T(x);
}

template <class T>
T load(double x) {
    return T(x);
}

template <class T>
T load(float16 x) {
    return T(float_of_half(x.bits));
}

template <class T>
T load(bfloat16 x) {
    return T(from_bits(Word<float>(x.bits) << 16));
}

// A double as a float that no later rounding to 22 bits or fewer can tell from it.
//
// Cut off, with the last bit set where anything was lost (see `to_odd`). Exact for float's normal numbers.
inline float round_to_odd(double x) {
    const Word<double> word = bits_of(x), lost = (1ull << 29) - 1;
    // Adding the lost bits' largest value carries into the last bit kept where any is set; "or" keeps it there.
    return float(from_bits((((word & lost) + lost) | word) & ~lost));
}

template <class S>
struct Stored;

template <>
struct Stored<float> {
    static float of(float x) { return x; }
    static float of(double x) { return float(x); }
};

template <>
struct Stored<double> {
    static double of(double x) { return x; }
};

template <>
struct Stored<float16> {
    static float16 of(float x) { return {half_of_float(x)}; }
    static float16 of(double x) { return {half_of_float(round_to_odd(x))}; }
};

template <>
struct Stored<bfloat16> {
    static bfloat16 of(float x) {
        const Word<float> word = bits_of(x);
        // Adding just under half of the last place kept, and its parity, carries exactly where nearest even rounds up.
        // The payload of a NaN could carry away, or be cut off to leave an infinity: it gets the quiet bit instead.
        const Word<float> nearest = word + 0x7fff + ((word >> 16) & 1);
        return {Bits16((x != x ? word | 0x00400000 : nearest) >> 16)};
    }

    static bfloat16 of(double x) {
        // Subnormals of bfloat16 are subnormal float, too, which have no bits to spare: they are rounded here.
        constexpr double shift = 0x1.8p-81;  // its last place is bfloat16's least number
        const double rounded = copysign((x + shift) - shift, x);
        return of(round_to_odd(fabs(x) < 0x1p-126 ? rounded : x));
    }
};

template <class S, class T>
S store(T x) {
    return Stored<S>::of(x);
}
