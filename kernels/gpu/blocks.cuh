// SPDX-License-Identifier: MIT
// Building blocks of the kernels, for T = float and T = double: the same operations in the same order as the CPU's in
// kernels/cpu/blocks.py, so that `fast` and `rounded` have the same bits there and here. All are IEEE operations: NVRTC
// is told to contract nothing and to flush nothing (kernels/gpu/nvrtc.py), and a multiply-add is where `fma` stands.
//
// A value may be carried as a sum high + low of two floats. A constant more precise than a float is a Constant of two
// doubles, as kernels/tables.py has them; `pair_of` splits it for the type at hand.
#pragma once
#include "tables.cuh"

template <class T>
struct Pair {
    T high, low;
};

// m·2^n, or a first approximation and what it needs to be a better one.
template <class T>
struct Two {
    T first, second;
};

template <class T>
struct Three {
    T first, second, third;
};

template <class T>
struct Four {
    T first, second, third, fourth;
};

constexpr Constant LN2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};  // 0.6931471805599453…
constexpr double LOG2_E = 0x1.71547652b82fep+0;                          // 1.4426950408889634
constexpr double BOUND = 4096.0;  // e^±BOUND is zero or infinite in every dtype, whatever finite number multiplies it

// What belongs to the type T.
template <class T>
constexpr T by_type(double single, double twice) {
    return sizeof(T) == 4 ? T(single) : T(twice);
}

// ---- Bits ----------------------------------------------------------------------------------------------------------

template <class T>
struct WordOf;
template <>
struct WordOf<float> {
    using type = unsigned int;
};
template <>
struct WordOf<double> {
    using type = unsigned long long;
};
template <class T>
using Word = typename WordOf<T>::type;

inline Word<float> bits_of(float x) { return __float_as_uint(x); }
inline Word<double> bits_of(double x) { return __double_as_longlong(x); }
inline float from_bits(Word<float> x) { return __uint_as_float(x); }
inline double from_bits(Word<double> x) { return __longlong_as_double(x); }

template <class T>
constexpr int fraction_bits() {
    return sizeof(T) == 4 ? 23 : 52;
}

// What makes the last place of a sum 1, so that its last bits are a whole number, plus the exponents' bias.
template <class T>
constexpr T exponent_shift() {
    return by_type<T>(0x1.8p+23 + 127, 0x1.8p+52 + 1023);
}

template <class T>
bool is_infinite(T x) {
    return bits_of(fabs(x)) == (sizeof(T) == 4 ? Word<T>(0x7f800000) : Word<T>(0x7ff0000000000000));
}

// 2^n, given n + exponent_shift: its last bits are n + bias, and moved up they leave no others.
template <class T>
T two_to_shifted(T shifted) {
    return from_bits(Word<T>(bits_of(shifted) << fraction_bits<T>()));
}

// 2^n, for a whole n between the exponents of T's normal numbers; 0 for the one below them.
template <class T>
T two_to(T n) {
    return two_to_shifted(n + exponent_shift<T>());
}

// The last bits set to 0: so many of a float, so many of a double.
template <int single, int twice, class T>
T cut(T x) {
    return from_bits(bits_of(x) & (~Word<T>(0) << (sizeof(T) == 4 ? single : twice)));
}

template <class T>
T shortened(T x) {
    return cut<6, 13>(x);  // by a quarter of its digits
}

template <class T>
T halved(T x) {
    return cut<12, 27>(x);  // to half its digits: its square is exact
}

template <class T>
T trimmed(T x) {
    return cut<3, 5>(x);  // a little: small whole numbers minus it are exact
}

// (m, n) of value = m·2^n, 1 ≤ |m| < 2, for a normal double; (value, 0) for any other.
inline Two<double> significand_and_exponent(double value) {
    const Word<double> word = bits_of(value), field = (word >> 52) & 2047;
    const bool normal = field - 1 < 2046;
    const Word<double> scaled = (word & ~(2047ull << 52)) | (1023ull << 52);
    return {from_bits(normal ? scaled : word), normal ? double(int(field) - 1023) : 0.0};
}

// high + low as a double that rounds to any narrower format as the exact sum does, for |low| ≤ half of high's ulp.
//
// Where the sum is not high itself it lies between two neighbours, and is brought to that with an odd last bit: no such
// number is a tie (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums: proved algorithms using
// rounding to odd", IEEE Trans. Comput. 57).
inline double to_odd(double high, double low) {
    const Word<double> h = bits_of(high);
    const bool outward = ((h ^ bits_of(low)) >> 63) == 0, inexact = low < 0 || low > 0;
    return inexact && (h & 1) == 0 ? from_bits(outward ? h + 1 : h - 1) : high;
}

// ---- Bounds: NaN for NaN -------------------------------------------------------------------------------------------

template <class T>
T at_least(T x, T bound) {
    return x < bound ? bound : x;
}

template <class T>
T at_most(T x, T bound) {
    return x > bound ? bound : x;
}

template <class T>
T larger(T a, T b) {
    return a < b ? b : a;
}

template <class T>
T smaller(T a, T b) {
    return b < a ? b : a;
}

// 2^n for a whole n: 0 below T's normal numbers, the largest power above.
template <class T>
T power_of_two(T n) {
    const T bias = by_type<T>(127.0, 1023.0);
    return two_to(at_most(at_least(n, -bias), bias));
}

// ---- Polynomials ---------------------------------------------------------------------------------------------------

// Horner's rule over double coefficients from number `first` on, that one the constant, each rounded to T.
template <int first = 0, class T, int count>
T polynomial(T x, const double (&coefficients)[count]) {
    T result = T(coefficients[count - 1]);
#pragma unroll
    for (int i = count - 2; i >= first; --i) result = fma(result, x, T(coefficients[i]));
    return result;
}

// The same in Estrin's order: a few operations more, and a chain of them as long as the logarithm of the degree.
template <int first = 0, class T, int count>
T quick_polynomial(T x, const double (&coefficients)[count]) {
    T terms[count];
#pragma unroll
    for (int i = first; i < count; ++i) terms[i - first] = T(coefficients[i]);
#pragma unroll
    for (int left = count - first; left > 1; left = (left + 1) / 2) {
#pragma unroll
        for (int i = 0; i < left / 2; ++i) terms[i] = fma(terms[2 * i + 1], x, terms[2 * i]);
        if (left % 2 == 1) terms[left / 2] = terms[left - 1];
        x = x * x;
    }
    return terms[0];
}

// Of two tables, one for each type.
#define BY_TYPE(polynomial, x, table) (sizeof(x) == 4 ? polynomial(x, table##_SINGLE) : polynomial(x, table##_DOUBLE))

// ---- Sums, products and quotients of two floats ----------------------------------------------------------------------

// a + b, exactly.
template <class T>
Pair<T> two_sum(T a, T b) {
    const T high = a + b, part = high - a;
    return {high, (a - (high - part)) + (b - part)};
}

// The same for a and b ≥ 0.
template <class T>
Pair<T> positive_sum(T a, T b) {
    const T more = larger(a, b), less = smaller(a, b), high = more + less;
    return {high, less - (high - more)};
}

// a·b, exactly (short of underflow).
template <class T>
Pair<T> two_product(T a, T b) {
    const T high = a * b;
    return {high, fma(a, b, -high)};
}

// (a + da)·(b + db).
template <class T>
Pair<T> pair_product(T a, T da, T b, T db) {
    const auto [high, low] = two_product(a, b);
    return {high, fma(a, db, fma(da, b, low))};
}

template <class T>
Pair<T> pair_product(Pair<T> a, Pair<T> b) {
    return pair_product(a.high, a.low, b.high, b.low);
}

// (a + da) + (b + db).
template <class T>
Pair<T> pair_sum(T a, T da, T b, T db) {
    const auto [high, low] = two_sum(a, b);
    return two_sum(high, low + (da + db));
}

template <class T>
Pair<T> pair_sum(Pair<T> a, Pair<T> b) {
    return pair_sum(a.high, a.low, b.high, b.low);
}

// The sum high + low with term + rest added: what high loses is kept in low.
template <class T>
Pair<T> accumulate(Pair<T> sum, T term, T rest) {
    const auto [high, lost] = two_sum(sum.high, term);
    return {high, sum.low + (lost + rest)};
}

// (a + da)/(b + db).
template <class T>
Pair<T> pair_quotient(Pair<T> a, Pair<T> b) {
    const T high = a.high / b.high;
    return {high, (fma(-high, b.high, a.high) + (a.low - high * b.low)) / b.high};
}

// The same with one division, for a b far from the ends of its type's range.
template <class T>
Pair<T> quick_quotient(Pair<T> a, Pair<T> b) {
    const T r = T(1) / b.high, high = a.high * r;
    return {high, fma(-high, b.low, fma(-high, b.high, a.high) + a.low) * r};
}

// A polynomial in which the constant outweighs the rest.
template <class T, int count>
Pair<T> pair_polynomial(T x, const double (&coefficients)[count]) {
    return two_sum(T(coefficients[0]), x * polynomial<1>(x, coefficients));
}

template <class T>
Pair<T> pair_of(Constant constant) {
    const T high = T(constant.high);
    return {high, T((constant.high - double(high)) + constant.low)};
}

// z + dz − constant, also where z is near the constant.
template <class T>
Pair<T> minus(T z, T dz, Constant constant) {
    const auto [high, low] = pair_of<T>(constant);
    return pair_sum(z, dz, -high, -low);
}

// p·(high + low) for a finite p, rounded once.
template <class T>
T round_product(T p, Pair<T> f) {
    return fma(p, f.high, p * f.low);
}

// (a + da)/(b + db)².
template <class T>
Pair<T> over_square(Pair<T> a, Pair<T> b) {
    return pair_quotient(a, pair_product(b, b));
}

// ---- Parameters ------------------------------------------------------------------------------------------------------

// parameter·x, formed in double and rounded once; 0 for a parameter of 0, also at an infinite x.
template <class T>
T times(double parameter, T x) {
    return parameter != 0 || x != x ? T(parameter * x) : T(0);
}

// The same in T where it can be: rounded once or, of a result near the subnormals, twice.
//
// The parameter is high + low, high being the larger, so that 50·0.01 units of the least number, which are more than
// half of one, are not lost with what low gives to them.
template <class T>
T quick_times(double parameter, T x) {
    if (parameter == 0) return x == x ? T(0) : x;
    if (double(T(parameter)) == parameter || parameter != parameter) return T(parameter) * x;  // every learned α
    const double size = fabs(parameter);
    if (0x1p-60 < size && size < 0x1p60) {
        const T high = T(size * (1.0 + 0x1p-24)), most = by_type<T>(0x1p127, 0x1p1023);
        const T low = T(size - double(high)) * at_most(at_least(x, -most), most);  // no ∞ − ∞
        const T y = copysign(fma(high, x, low), x);
        return parameter > 0 ? y : -y;
    }
    return times(parameter, x);
}

// The same for an x, and a result, of a 16-bit format: a parameter of more digits than float's is raised a bit.
//
// It is raised by less than any other result would notice, so that 50·0.01, which is more than a half, is no tie.
inline float quick_times_16_bit(double parameter, float x) {
    if (parameter == 0) return x == x ? 0.0f : x;
    if (double(float(parameter)) == parameter || parameter != parameter) return float(parameter) * x;
    if (0x1p-60 < fabs(parameter) && fabs(parameter) < 0x1p60) {
        // Of a smaller x than this, which only bfloat16 has, the product can be subnormal, and have few digits.
        const bool small = fabs(x) < 0x1p-60f;
        return x * (float(parameter) * (small ? float(1.0 + 0x1p-15) : float(1.0 + 0x1p-21)));
    }
    return times(parameter, x);
}

// z = βx within ±BOUND, and −|z| as high + low, so that β costs no accuracy.
template <class T>
Three<T> argument(double beta, T x) {
    if (beta == 1) {
        const T z = at_most(at_least(x, -T(BOUND)), T(BOUND));
        return {z, -fabs(z), T(0)};
    }
    const T z = at_most(at_least(times(beta, x), -T(BOUND)), T(BOUND));
    const bool inside = fabs(z) < T(BOUND);
    const T low = inside && beta != 0 ? T(fma(beta, double(x), -double(z))) : T(0);
    return {z, -fabs(z), z > 0 ? -low : low};
}
