// SPDX-License-Identifier: MIT
// SiLU, also called Swish: x·σ(βx), where σ(z) = 1/(1 + e^(−z)).
//
// With z = βx its derivative is σ(z)·(1 + z·σ(−z)), which has a root near z = −1.278.
#pragma once
#include "halves.cuh"
#include "logistic.cuh"
#include "short.cuh"

// The root of 1 + z + e^z, z₀ = −1.2784645427610738 and its low part; e^z₀ is −1 − z₀.
constexpr Constant ROOT = {-0x1.474973c84120bp+0, -0x1.f8d74bc9ac154p-54};
constexpr Constant EXP_ROOT = {0x1.1d25cf210482ep-2, -0x1.ca2d0d94faaecp-60};  // 0.2784645427610738…

// x·σ(x) as printed: −inf·0 is NaN, and far left e^(−x) overflows.
template <class T>
T forward_textbook(T x, double beta) {
    return x * (T(1) / (T(1) + exp(-T(beta * x))));
}

// σ + x·σ·(1 − σ) as printed: it cancels near the root.
template <class T>
T backward_textbook(T dy, T x, double beta) {
    const T z = T(beta * x), s = T(1) / (T(1) + exp(-z));
    return dy * (s + z * s * (T(1) - s));
}

// In e^(−|z|), which can't overflow, carried as m·2^n to lose no bits.
template <class T>
T forward_stable(T x, double beta) {
    const auto [z, a, da] = argument(beta, x);
    if (z <= -T(BOUND)) return copysign(T(0), x);
    const auto [m, n] = exp_parts(a, da);
    const T d = T(1) + beside_one(m, n);
    return z < 0 ? scaled_product(x, m / d, n) : x / d;
}

// x·σ(z), the denominator and βx as high + low, without a branch for β = 1.
template <class T>
T forward_fast(T x, double beta) {
    if (beta == 1) {
        const T z = within_logistic(x);
        return x > z ? x : times_sigmoid(z, z, T(0));
    }
    if (is_infinite(x)) return (x < 0) == (beta > 0) ? copysign(T(0), x) : x;
    const auto [z, dz] = of_beta(beta, x);
    const T y = lowered(x, sigmoid_terms(z, dz));
    return beta > 0 ? half_raised(x, y) : y;
}

inline float forward_fast_16_bit(float x, double beta) {
    if (beta == 1) {
        const float left = within_short(x);
        return half_raised_16_bit(x, left * short_sigmoid(at_most(left, 40.0f)));
    }
    const float y = forward_fast(x, beta);
    return beta > 0 && fabs(times(beta, x)) < 0x1p-13f ? half_raised_16_bit(x, y) : y;
}

// The same in double, not corrected: near enough at every input of float.
inline double forward_rounded(double x, double beta) {
    if (beta == 1) {
        const double z = at_most(at_least(x, -300.0), 80.0);
        // Near 0 it is x/2 + x²/4 − x⁴/48 + …, where x/2 can be a tie, and farther out x/2 + x²/4: what comes then, and
        // double no longer tells, decides it, and is given a sign here.
        const double a = fabs(z), tiny = copysign(0x1p-52, z);
        const double rest = a < 0x1p-15 ? (a < 0x1p-26 ? tiny : -tiny) : 0.0;
        return x > z ? x : z * (near_sigmoid(z, 0.0) + rest);
    }
    if (is_infinite(x)) return (x < 0) == (beta > 0) ? copysign(0.0, x) : x;
    const auto [z, dz] = of_beta(beta, x);
    return copysign(odd_lowered(x, sigmoid_terms(z, dz)), x);
}

// 1 + z + e^z = t + e^z₀·(e^t − 1), t = z − z₀: exact at the root.
template <class T>
T backward_stable(T dy, T x, double beta) {
    // For z ≤ 0 the derivative is e^z·(1 + z + e^z)/(1 + e^z)², and f′(z) + f′(−z) = 1 gives the other half.
    const auto [z, a, da] = argument(beta, x);
    const auto [m, n] = exp_parts(a, da);
    const auto t = minus(a, da, ROOT);
    const auto k = pair_sum(t, {T(EXP_ROOT.high) * expm1(t.high), T(0)});
    const auto square = over_square(k, two_sum(T(1), beside_one(m, n)));
    return mirrored_product(dy, z, round_product(m, square), n);
}

// (u, k, low) of k = 1 − a·σ(a), for an a + da of which u = SILU_ROOT − a is at most 5/16: with it as a factor.
template <class T>
Three<T> beside_root(T a, T da) {
    const auto [high, low] = pair_of<T>(SILU_ROOT);
    const T u = high - a, bend = (u * u) * BY_TYPE(quick_polynomial, u, SILU);
    const T k = u + bend, rest = low - da;
    return {u, k, (bend - (k - u)) + fma(T(-0.22) * u, rest, rest)};  // the slope of k is about 1 − 0.22·u
}

// (f, low, shifted) of f′ at z + dz: it is (f + low)·2^n with |f| ≤ 1 and n + exponent_shift = shifted.
//
// With a = |z| and s = σ(−a), f′(−a) = s·k where k = 1 − a·(1 − s), and f′(a) = 1 − f′(−a).
template <class T>
Three<T> derivative(T z, T dz) {
    const T a = fabs(z), da = z > 0 ? dz : -dz;
    const auto [y, rest, g, shifted] = falling_share(a, da);
    const T one = T(1) - a, far = fma(a, g * y, one);
    const T far_low = fma(a, g * rest, fma(a, g * y, one - far) + ((T(1) - one) - a)) + fma(da, g * y, -da);
    const auto [u, near, near_low] = beside_root(a, da);
    const bool is_near = fabs(u) < T(0.3125);
    const T k = is_near ? near : far, k_low = is_near ? near_low : far_low;
    const T f = y * k, low = fma(rest, k, fma(y + rest, k_low, fma(y, k, -f)));
    // So much of 2^n as is needed to make it less than 1 is multiplied at once, the rest with dy.
    const T shift = exponent_shift<T>(), part = larger(g, by_type<T>(0x1p-9, 0x1p-12));
    const T left = at_most(shifted + by_type<T>(9.0, 12.0), shift);
    const T right = T(1) - g * f, right_low = fma(-g, low, (T(1) - right) - g * f);
    return {z < 0 ? f * part : right, z < 0 ? low * part : right_low, z < 0 ? left : shift};
}

// σ(z) and 1 + z·σ(−z) as high + low, this with its root as a factor.
template <class T>
T backward_fast(T dy, T x, double beta) {
    const auto [z, dz] = of_beta(beta, x);
    return lowered(dy, derivative(z, dz));
}

inline float backward_fast_16_bit(float dy, float x, double beta) {
    if (beta != 1) return backward_fast(dy, x, beta);
    const auto [w, h] = falling_root(x);
    const float a = at_most(fabs(x), GRADIENT_REACH), d = fma(w, w, 1.0f), inverse = 1 / d;
    const auto [high, low] = pair_of<float>(SILU_ROOT);
    const float u = (high - a) + low;
    const float k = fabs(u) < float(ROOT_WINDOW) ? fma(u * u, polynomial(u, SILU_SHORT), u) : fma(-a, inverse, 1.0f);
    const float share = k * inverse, left = h * share, right = fma(-w * h, share, RAISED);
    return gradient(dy, x < 0 ? left : right, x < 0 ? w : 1.0f);
}

// f′ at z + dz in double, each operation rounded.
inline double near_derivative(double z, double dz) {
    const double a = at_most(fabs(z), 300.0), da = z > 0 ? dz : -dz;
    const double s = near_sigmoid(-a, -da), far = fma(a, s, 1.0 - a) + fma(da, s, -da);
    const auto [u, near, low] = beside_root(a, da);
    const double f = s * (fabs(u) < 0.3125 ? near + low : far);
    return resolved(z, 0.5, z < 0 ? f : 1.0 - f);
}

// The same in double, not corrected: near enough at every input of float.
inline double backward_rounded(double dy, double x, double beta) {
    const auto [z, dz] = of_beta(beta, x);
    return dy * near_derivative(z, dz);
}
