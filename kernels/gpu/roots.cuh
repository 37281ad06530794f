// SPDX-License-Identifier: MIT
// Sums that are 0 somewhere: near their root x₀ they have lost their digits, and (x − x₀)·(slope + …) has not.
#pragma once
#include "blocks.cuh"

// The sum k as high + low, in its root's window as (x − x₀)·(slope + (x − x₀)·p); the bend is p(x − x₀).
//
// p's term is so small beside the slope that it needs no low part.
template <class T, int singles, int doubles>
Pair<T> beside_root(
    T x, Pair<T> k, Constant root, Constant slope, const double (&single)[singles], const double (&twice)[doubles]) {
    const auto [x0, x0_low] = pair_of<T>(root);
    const auto [s, s_low] = pair_of<T>(slope);
    const T t = x - x0;  // exact in the window
    const T near = t - x0_low, rest = (t - near) - x0_low, high = near * s;
    const T bend = fma(near, sizeof(T) == 4 ? polynomial(near, single) : polynomial(near, twice), s_low);
    const T low = fma(near, bend, fma(rest, s, fma(near, s, -high)));
    return fabs(t) < T(ROOT_WINDOW) ? Pair<T>{high, low} : k;
}

// The same in double, each operation rounded.
template <int count>
double near_root(double x, double k, Constant root, Constant slope, const double (&table)[count]) {
    const double t = (x - root.high) - root.low;
    return fabs(t) < ROOT_WINDOW ? t * fma(t, polynomial(t, table), slope.high) : k;
}

// The same for results of 16 bits.
template <int count>
float short_root(float x, float k, Constant root, Constant slope, const double (&table)[count]) {
    const auto [high, low] = pair_of<float>(root);
    const float t = (x - high) - low;
    return fabs(t) < float(ROOT_WINDOW) ? t * fma(t, polynomial(t, table), float(slope.high)) : k;
}
