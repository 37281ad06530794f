// SPDX-License-Identifier: MIT
// ReLU: max(0, x), whose derivative is 0 for x ≤ 0 (the left one at the kink) and 1 above.
#pragma once
#include "blocks.cuh"

// max(0, x) as printed; what it makes of NaN depends on how max is written, and CUDA's gives the other number.
template <class T>
T forward_textbook(T x) {
    return fmax(T(0), x);
}

// 1 for x > 0, else 0: a NaN gets the gradient 0.
template <class T>
T backward_textbook(T dy, T x) {
    return x > 0 ? dy : T(0);
}

// The same, with NaN for NaN. One comparison, and nothing to round: `fast` and `rounded` are the same.
template <class T>
T forward_stable(T x) {
    return x <= 0 ? T(0) : x;
}

template <class T>
T backward_stable(T dy, T x) {
    return x > 0 ? dy : (x <= 0 ? T(0) : x);
}

template <class T>
T forward_fast(T x) {
    return forward_stable(x);
}

template <class T>
T backward_fast(T dy, T x) {
    return backward_stable(dy, x);
}

inline double forward_rounded(double x) { return forward_stable(x); }
inline double backward_rounded(double dy, double x) { return backward_stable(dy, x); }
