// SPDX-License-Identifier: MIT
// Leaky ReLU: x for x > 0, else αx, whose derivative is 1 or α (α at the kink, the left one).
#pragma once
#include "scaling.cuh"

// x for x > 0, else what belongs to the left of it; with a slope below 0 no result is negative, nor is a 0.
//
// What is on the left is formed of an x cut off at 1: it can't overflow.
template <class T>
T beside(T x, T left, double slope) {
    return x > 0 ? x : (slope < 0 ? fabs(left) : left);
}

// dy for x > 0, what belongs to the left of it, or NaN for NaN.
template <class T>
T chosen(T dy, T x, T left) {
    return x == x ? (x > 0 ? dy : left) : x;
}

// max(αx, x) as printed: another function if α > 1.
template <class T>
T forward_textbook(T x, double slope) {
    return fmax(T(slope * x), x);
}

// 1 for x > 0, else α: a NaN gets the gradient α.
template <class T>
T backward_textbook(T dy, T x, double slope) {
    return x > 0 ? dy : T(slope * dy);
}

// Chosen by the sign of x, αx formed in double.
template <class T>
T forward_stable(T x, double slope) {
    return x > 0 ? x : times(slope, x);
}

template <class T>
T backward_stable(T dy, T x, double slope) {
    return x > 0 ? dy : (x <= 0 ? times(slope, dy) : x);
}

// α as high + low of x's type, without double.
template <class T>
T forward_fast(T x, double slope) {
    return beside(x, quick_times(slope, at_most(x, T(1))), slope);
}

inline float forward_fast_16_bit(float x, double slope) {
    return beside(x, quick_times_16_bit(slope, at_most(x, 1.0f)), slope);
}

template <class T>
T backward_fast(T dy, T x, double slope) {
    return chosen(dy, x, quick_times(slope, dy));
}

inline float backward_fast_16_bit(float dy, float x, double slope) {
    return chosen(dy, x, quick_times_16_bit(slope, dy));
}

// αx exact as high + low in double, rounded once.
inline double forward_rounded(double x, double slope) { return beside(x, odd_times(slope, at_most(x, 1.0)), slope); }
inline double backward_rounded(double dy, double x, double slope) { return chosen(dy, x, odd_times(slope, dy)); }
