// SPDX-License-Identifier: MIT
// Sums over all elements of a channel: what each block of threads has, and then the total, rounded.
//
// A row of the arrays is channels × inner elements. A block of threads has `lanes` channels and, of each, every so many
// elements; what its threads have is added up as a tree. So the order depends on the shape alone.
#pragma once
#include "storage.cuh"

constexpr unsigned int THREADS = 256;  // of a block: kernels/gpu/launch.py launches with so many

// A sum in T, each addition rounded.
template <class T>
struct Running {
    T sum = 0;

    void add(T dy, T x) {
        if (x < 0) sum += dy * x;
    }
    void add(const Running& other) { sum += other.sum; }
    double high() const { return sum; }
    double low() const { return 0; }
    double error(Size) const { return 0; }
};

// Exact products (double: from 2^-968 on), their sum as high + low, and that of their absolute values.
struct Careful {
    Pair<double> sum = {0, 0};
    double size = 0;

    void add(double dy, double x) {
        // By choice and not by a jump, but for NaN, which is to be in the sum.
        const bool right = x >= 0;
        const auto [term, rest] = two_product(right ? 0.0 : dy, right ? 0.0 : x);
        sum = accumulate(sum, term, rest);
        size += fabs(term);
    }
    void add(const Careful& other) {
        sum = accumulate(sum, other.sum.high, other.sum.low);
        size += other.size;
    }
    double high() const { return sum.high; }
    double low() const { return is_infinite(sum.high) || sum.high != sum.high ? 0.0 : sum.low; }

    // How far high + low may be from the sum of `count` products. With u = 2^-53, low takes up as many losses of at most
    // u·size each, and itself loses at most u of what it is as often; twice that leaves room for the tree.
    double error(Size count) const { return size * (double(count) * double(count) * 0x1p-105); }
};

// Where channel `channel` has its element number k.
struct Layout {
    Size rows, channels, inner;

    Size count() const { return rows * inner; }
    Size place(Size channel, Size k) const { return (k / inner * channels + channel) * inner + k % inner; }
};

// Adds up what the threads of a block have for each lane: thread 0 to lanes − 1 then have the sums.
template <class Sum>
Sum of_block(Sum own, unsigned int lanes) {
    __shared__ Word<double> memory[THREADS * sizeof(Sum) / 8 + 1];
    Sum* sums = (Sum*)memory;
    const unsigned int thread = threadIdx.x;
    sums[thread] = own;
    __syncthreads();
    for (unsigned int half = THREADS / 2; half >= lanes; half /= 2) {
        if (thread < half) sums[thread].add(sums[thread + half]);
        __syncthreads();
    }
    own = sums[thread];
    __syncthreads();
    return own;
}

// partial[channel][block] for a grid of groups of `lanes` channels × blocks. A grid's y is 65,535 at most: groups may be
// more, blocks are fewer.
template <class T, class Sum, class S>
void partial_sums(const S* dy, const S* x, Sum* partial, Layout at, Size lanes) {
    const Size channel = Size(blockIdx.x) * lanes + threadIdx.x % lanes;
    const Size first = Size(blockIdx.y) * (THREADS / lanes) + threadIdx.x / lanes;
    const Size step = Size(gridDim.y) * (THREADS / lanes);
    Sum own;
    if (channel < at.channels)
        for (Size k = first; k < at.count(); k += step) {
            const Size place = at.place(channel, k);
            own.add(load<T>(dy[place]), load<T>(x[place]));
        }
    own = of_block(own, (unsigned int)lanes);
    if (threadIdx.x < lanes && channel < at.channels) partial[channel * gridDim.y + blockIdx.y] = own;
}

// ---- Exact sums, for `rounded` ---------------------------------------------------------------------------------------

constexpr unsigned int DIGITS = 22;       // of 32 bits: products of two floats are multiples of 2^-298, and below 2^256
constexpr int UNIT = 298;        // the last digit's unit is 2^-UNIT
constexpr Size ROOM = 1u << 30;  // so many products before a digit's sum may leave 64 bits

using Digit = unsigned long long;  // a sum of digits, in two's complement

// Adds a product of two floats, which double holds, to the digits.
inline void add_exactly(Digit* digits, double product) {
    const Word<double> word = bits_of(product);
    const int field = int((word >> 52) & 2047);
    if (field == 0) return;  // zero
    const Word<double> significand = (word & ((1ull << 52) - 1)) | (1ull << 52);
    // product = significand·2^(field − 1075); what it has below the unit are zeros.
    const int up = field - 1075 + UNIT;
    const Word<double> whole = up < 0 ? significand >> -up : significand;
    const int shift = up < 0 ? 0 : up, first = shift / 32, by = shift % 32;
    const Digit pieces[3] = {(whole << by) & 0xffffffff, (whole >> 1 >> (31 - by)) & 0xffffffff,
                             by == 0 ? 0 : whole >> 1 >> (63 - by)};
    for (int i = 0; i < 3; ++i) atomicAdd(&digits[first + i], word >> 63 ? -pieces[i] : pieces[i]);
}

// Brings every digit but the last into 32 bits; the last takes the sign.
inline void carry(Digit* digits) {
    for (unsigned int i = 0; i + 1 < DIGITS; ++i) {
        digits[i + 1] += Digit((long long)digits[i] >> 32);
        digits[i] &= 0xffffffff;
    }
}

// The sum that the digits are, cut off to a double whose last bit is set where anything was lost.
inline double value_of(Digit* digits) {
    carry(digits);
    const bool negative = (long long)digits[DIGITS - 1] < 0;
    if (negative) {
        for (unsigned int i = 0; i < DIGITS; ++i) digits[i] = -digits[i];
        carry(digits);
    }
    int top = DIGITS - 1;
    while (top > 0 && digits[top] == 0) --top;
    const auto digit = [=](int i) { return i < 0 ? 0 : digits[i]; };
    Digit head = digit(top) << 32 | digit(top - 1);
    if (head == 0) return 0;
    // 64 bits of it, from the first that is set on: head·2^unit, and what is lost below.
    int zeros = 0;
    for (; head >> 63 == 0; head <<= 1) ++zeros;
    const Digit next = digit(top - 2) << zeros;
    head |= next >> 32;
    bool lost = (next & 0xffffffff) != 0 || (head & 0x7ff) != 0;
    for (int i = top - 3; i >= 0; --i) lost |= digits[i] != 0;
    const int unit = 32 * (top - 1) - UNIT - zeros + 11;
    const double size = double(head >> 11 | Digit(lost)) * from_bits(Word<double>(unit + 1023) << 52);
    return negative ? -size : size;
}

// The exact sum of a channel, as a double that rounds to any narrower format as that does; by a block of threads,
// of which the first gets it.
template <class S>
double exact_sum(const S* dy, const S* x, Layout at, Size channel) {
    __shared__ Digit digits[DIGITS];
    for (unsigned int i = threadIdx.x; i < DIGITS; i += THREADS) digits[i] = 0;
    __syncthreads();
    for (Size start = 0; start < at.count(); start += ROOM) {
        const Size stop = start + ROOM < at.count() ? start + ROOM : at.count();
        for (Size k = start + threadIdx.x; k < stop; k += THREADS) {
            const Size place = at.place(channel, k);
            const double factor = load<double>(x[place]);
            if (factor < 0) add_exactly(digits, load<double>(dy[place]) * factor);
        }
        __syncthreads();
        if (threadIdx.x == 0) carry(digits);
        __syncthreads();
    }
    return threadIdx.x == 0 ? value_of(digits) : 0.0;  // which changes the digits, and so is for one thread alone
}

// high + low as `to_odd` makes it, whatever their order.
inline double odd_total(double high, double low) {
    const auto [sum, rest] = two_sum(high, low);
    return is_infinite(sum) || sum != sum ? sum : to_odd(sum, rest);
}

template <class S>
bool is_same(S a, S b) {
    return load<double>(a) == load<double>(b);
}

// out[channel], of the sums of its blocks: a block of threads for each channel.
//
// Where `exactly`, two roundings, of the least and the largest that the sum may be, say whether it is known well enough.
template <bool exactly, class Sum, class S>
void total_sums(const S* dy, const S* x, const Sum* partial, S* out, Layout at, Size blocks) {
    const Size channel = blockIdx.x;
    Sum own;
    for (Size b = threadIdx.x; b < blocks; b += THREADS) own.add(partial[channel * blocks + b]);
    own = of_block(own, 1);
    if (!exactly) {
        if (threadIdx.x == 0) out[channel] = store<S>(own.high() + own.low());
        return;
    }
    __shared__ bool is_open;
    if (threadIdx.x == 0) {
        const double error = own.error(at.count());
        const bool finite = own.high() - own.high() == 0;
        const S least = store<S>(odd_total(own.high(), finite ? own.low() - error : 0.0));
        const S most = store<S>(odd_total(own.high(), finite ? own.low() + error : 0.0));
        is_open = finite && !is_same(least, most);
        out[channel] = least;
    }
    __syncthreads();
    if (is_open) {
        const double sum = exact_sum(dy, x, at, channel);
        if (threadIdx.x == 0) out[channel] = store<S>(sum);
    }
}
