// SPDX-License-Identifier: MIT
// GELU's tanh form: ½x·(1 + tanh u), u = √(2/π)·(x + 0.044715·x³).
//
// Since ½(1 + tanh u) = σ(2u), it is x·σ(v) with v = 2u = Ax + Bx³. Its derivative is σ(v) + x·v′·σ(v)·σ(−v), where
// v′ = A + 3Bx². An error in v is an equally large relative error in e^v, so v is carried as high + low.
#pragma once
#include "halves.cuh"
#include "logistic.cuh"
#include "roots.cuh"
#include "short.cuh"

constexpr double FAR = 30.0;  // e^v is zero for x < −FAR, whatever it is multiplied by
constexpr double SQRT_2_OVER_PI = 0x1.9884533d43651p-1;                  // √(2/π) = 0.7978845608028654
constexpr Constant A = {0x1.9884533d43651p+0, -0x1.cbc0d30ebfd15p-54};   // 2√(2/π) = 1.5957691216057308
constexpr Constant B = {0x1.2444f2a4d8b4bp-4, -0x1.6c843a29d1c70p-61};   // 0.044715·A = 0.0713548162726…
constexpr Constant B3 = {0x1.b6676bf7450f0p-3, 0x1.bba7351828aabp-57};   // 3B = 0.2140644488178007

// A with a high part so short that, for each type, it is a multiple of the last place of A + 3Bx² for all |x| < FAR.
constexpr Constant A_SINGLE = {0x1.98844p+0, 0x1.33d436508d0fdp-20};
constexpr Constant A_DOUBLE = {0x1.9884533d43680p+0, -0x1.7b9781a61d7fap-47};

constexpr double EXP_ROOT = 0x1.2af64e9c485eep-2;  // e^v at the root of 1 + e^v + x·v′: 0.29195521191476713

// ½x·(1 + tanh u) as printed: it loses every digit in the left tail.
template <class T>
T forward_textbook(T x) {
    return T(0.5) * x * (T(1) + tanh(T(SQRT_2_OVER_PI) * (x + T(0.044715) * x * x * x)));
}

// The product rule on the printed formula: inf·0 for large |x|.
template <class T>
T backward_textbook(T dy, T x) {
    const T y = tanh(T(SQRT_2_OVER_PI) * (x + T(0.044715) * x * x * x));
    const T inner = T(SQRT_2_OVER_PI) * (T(1) + T(3 * 0.044715) * x * x);
    return dy * (T(0.5) * (T(1) + y) + T(0.5) * x * (T(1) - y * y) * inner);
}

// A + constant·s as high + low.
template <class T>
Pair<T> a_plus(Constant constant, Pair<T> s) {
    return pair_sum(pair_product(s, pair_of<T>(constant)), pair_of<T>(A));
}

// e^v for x = −y as (m, n), v = −y·(A + By²).
template <class T>
Two<T> exp_of_v(T y) {
    const auto [v, dv] = pair_product({-y, T(0)}, a_plus(B, two_product(y, y)));
    return exp_parts(v, dv);
}

// s = x² + x·x₀ + x₀² for x = −y, as high + low.
template <class T>
Pair<T> s_of(T y) {
    const auto root = pair_of<T>(GELU_TANH_ROOT), u = pair_sum(root, {-y, T(0)});
    return pair_sum(pair_product(u, root), two_product(y, y));
}

// x·σ(v), v as high + low: nothing overflows or cancels.
template <class T>
T forward_stable(T x) {
    const T y = at_most(fabs(x), T(FAR));
    const auto [m, n] = exp_of_v(y);
    const T d = T(1) + beside_one(m, n);
    return x < 0 ? scaled(-y * m / d, n) : x / d;
}

// x cut off where σ(v) is 0 or 1 in every dtype, also if multiplied by x; NaN for NaN.
template <class T>
T within(T x) {
    return at_most(at_least(x, by_type<T>(-10.8, -21.6)), by_type<T>(6.0, 8.5));
}

// A + constant·s as high + low, in fewer operations, for the s = x² of an |x| < FAR.
template <class T>
Pair<T> terms(Constant constant, Pair<T> s) {
    const auto [high, low] = sizeof(T) == 4 ? pair_of<T>(A_SINGLE) : pair_of<T>(A_DOUBLE);
    const auto [b, db] = pair_of<T>(constant);
    const T c = fma(b, s.high, high);
    // c − high is exact: it is less than c, and a multiple of c's last place, as high is.
    return {c, fma(b, s.high, high - c) + fma(b, s.low, fma(db, s.high, low))};
}

// x·c as high + low.
template <class T>
Pair<T> times_pair(T x, Pair<T> c) {
    const T v = x * c.high;
    return {v, fma(x, c.low, fma(x, c.high, -v))};
}

// x·σ(v), v and the denominator as high + low, without a branch.
template <class T>
T forward_fast(T x) {
    const T inside = within(x);
    const auto [v, dv] = times_pair(inside, terms(B, two_product(inside, inside)));
    return x > inside ? x : times_sigmoid(inside, v, dv);
}

inline float forward_fast_16_bit(float x) {
    const float left = at_least(x, -10.8f), inside = at_most(left, 6.0f);
    const float v = inside * fma(float(B.high), inside * inside, float(A.high));
    return half_raised_16_bit(x, left * short_sigmoid(v));
}

// The same in double, rounded twice: near enough at every input of float.
inline double forward_rounded(double x) {
    // Near 0, where the result is x/2 + Ax²/4 + …, an odd subnormal x makes x/2 a tie: what is added stands for the
    // second term, and is half an ulp of double at most beside any other result.
    const double inside = at_least(within(x), -12.0);
    const auto [v, dv] = times_pair(inside, terms(B, two_product(inside, inside)));
    const auto [r, t, n] = exp_terms(-v, -dv);
    const double g = two_to(n), d = fma(g, r + t, 1.0 + g), dd = fma(g, r + t, (1.0 + g) - d);
    const auto [y, low] = quick_quotient<double>({inside, 0.0}, {d, dd});
    return x > inside ? x : copysign(y + (low + 0x1p-179), x);
}

// e^v·(1 + e^v + x·v′)/(1 + e^v)², with the root divided out.
template <class T>
T backward_stable(T dy, T x) {
    // For x ≤ 0, with t = x − x₀: x·v′ − x₀·v₀′ = t·(A + 3Bs) and v − v₀ = t·(A + Bs), s = x² + x·x₀ + x₀², so that
    // 1 + e^v + x·v′ = t·(A + 3Bs) + e^v₀·(e^(v − v₀) − 1): a sum of two terms of one sign.
    const T y = at_most(fabs(x), T(FAR));
    const auto [m, n] = exp_of_v(y);
    const auto t = minus(-y, T(0), GELU_TANH_ROOT), s = s_of(y);
    const auto linear = pair_product(t, a_plus(B3, s)), change = pair_product(t, a_plus(B, s));
    const auto k = pair_sum(linear, {T(EXP_ROOT) * expm1(change.high), T(0)});
    const auto square = over_square(k, two_sum(T(1), beside_one(m, n)));
    return mirrored_product(dy, x, round_product(m, square), n);
}

// (f, df, shifted) of the derivative e^v·(1 + e^v + x·v′)/(1 + e^v)² = (f + df)·2^n, as `lowered` takes it.
template <class T>
Three<T> derivative(T given) {
    const T x = at_most(at_least(given, -by_type<T>(14.0, 27.5)), by_type<T>(6.0, 8.5));
    const auto s = two_product(x, x), v = times_pair(x, terms(B, s)), slope = times_pair(x, terms(B3, s));
    const auto [e, de, shifted] = exp_beside_one(v.high, v.low);
    const T one = T(1) + slope.high, rest = (slope.high - (one - T(1))) + slope.low;
    const auto [sum, lost] = two_sum(one, e);
    const Pair<T> far = {sum, lost + (rest + de)};
    const auto k = beside_root(x, far, GELU_TANH_ROOT, GELU_TANH_SLOPE, GELU_TANH_SINGLE, GELU_TANH_DOUBLE);
    const auto [d, dd] = positive_sum(T(1), e);
    const Pair<T> denominator = {d, dd + de};
    const auto [f, df] = quick_quotient(pair_product({e, de}, k), pair_product(denominator, denominator));
    return {f, df, shifted};
}

// The derivative as high + low; beside its root divided by x − x₀.
template <class T>
T backward_fast(T dy, T x) {
    return lowered(dy, derivative(x));
}

inline float backward_fast_16_bit(float dy, float given) {
    const float x = at_most(at_least(given, -14.0f), 6.0f), square = x * x;
    const auto [w, h] = root_of_exp(at_least(x * fma(float(B.high), square, float(A.high)), -GRADIENT_REACH));
    const float d = fma(w, w, 1.0f), sum = fma(x, fma(float(B3.high), square, float(A.high)), d);
    const float f = short_root(x, sum, GELU_TANH_ROOT, GELU_TANH_SLOPE, GELU_TANH_SINGLE) / (d * d);
    return gradient(dy, (x < 0 ? h : w * h) * f, x < 0 ? w : 1.0f);
}

// The same in double, not corrected: near enough at every input of float.
inline double backward_rounded(double dy, double x) {
    const double z = at_most(at_least(x, -14.0), 6.0), s = z * z;  // of a float it is exact
    const auto [v, dv] = times_pair(z, terms<double>(B, {s, 0.0}));
    const auto [r, t, n] = exp_terms(v, dv);
    const double power = two_to(n), e = fma(power, r + t, power), d = 1.0 + e;
    const double sum = fma(z, fma(B3.high, s, A.high), 1.0) + e;
    const double k = near_root(z, sum, GELU_TANH_ROOT, GELU_TANH_SLOPE, GELU_TANH_DOUBLE);
    // Near 0 it is ½ + x·√(2/π) + …, which for two inputs double can't tell from a tie: a little more decides it.
    const double f = fabs(z) < 0x1p-22 ? fma(0.5 * A.high * (1 + 0x1p-27), z, 0.5) : e * k / (d * d);
    return dy * f;
}
