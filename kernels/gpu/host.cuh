// SPDX-License-Identifier: MIT
// What the device has and a host compiler lacks: with it the same source is compiled by g++, and run without a GPU.
//
// A kernel is then a function that does the work of the thread whose indices are set.
#pragma once
#include <math.h>
#include <pthread.h>
#include <string.h>

#define __global__
#define __shared__ static

struct Index {
    unsigned int x, y, z;
};

static thread_local Index blockIdx = {0, 0, 0}, threadIdx = {0, 0, 0}, blockDim = {1, 1, 1}, gridDim = {1, 1, 1};

extern "C" void set_thread(
    unsigned int x, unsigned int y, unsigned int thread, unsigned int width, unsigned int height, unsigned int threads) {
    blockIdx = {x, y, 0}, threadIdx = {thread, 0, 0}, gridDim = {width, height, 1}, blockDim = {threads, 1, 1};
}

// Threads of a block wait for each other where somebody has said how many there are.
static pthread_barrier_t* barrier = nullptr;

extern "C" void set_barrier(pthread_barrier_t* given) { barrier = given; }

inline void __syncthreads() {
    if (barrier) pthread_barrier_wait(barrier);
}

inline unsigned long long atomicAdd(unsigned long long* sum, unsigned long long term) {
    return __atomic_fetch_add(sum, term, __ATOMIC_SEQ_CST);
}

template <class To, class From>
inline To bit_cast(From x) {
    To result;
    memcpy(&result, &x, sizeof(To));
    return result;
}

inline unsigned int __float_as_uint(float x) { return bit_cast<unsigned int>(x); }
inline float __uint_as_float(unsigned int x) { return bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return bit_cast<double>(x); }
inline float float_of_half(unsigned short x) { return bit_cast<_Float16>(x); }
inline unsigned short half_of_float(float x) { return bit_cast<unsigned short>(_Float16(x)); }
