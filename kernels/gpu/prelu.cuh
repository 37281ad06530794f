// SPDX-License-Identifier: MIT
// PReLU: Leaky ReLU whose slope α is learned, and may be one for each channel.
#pragma once
#include "leaky_relu.cuh"
#include "sums.cuh"

// The gradient with respect to α is Σ dyᵢ·xᵢ over xᵢ < 0, for each channel. Of a double's products those below 2^-968
// are not exact as high + low.

// A running sum for each thread: its error grows; a NaN x is left out.
template <class T>
using backward_alpha_textbook = Running<T>;

// Exact products, summed in pairs.
template <class T>
using backward_alpha_stable = Careful;

// The same: a GPU has a sum for each thread anyway.
template <class T>
using backward_alpha_fast = Careful;

// That, and exactly where its error could show.
template <class T>
using backward_alpha_rounded = Careful;
