# SPDX-License-Identifier: MIT
"""Softplus: log(1 + e^(βx))/β, whose derivative is σ(βx)."""

from math import exp, log, log1p

from kernels.cpu.blocks import argument, beside_one, exp_parts, scaled, scaled_product
from kernels.cpu.define import Activation

softplus = Activation("softplus", beta=1.0)


@softplus.forward.variant("textbook", why="the definition: e^x overflows on the right, and 1 + e^x is 1 far left")
def textbook(x, beta):
    T = type(x)
    return log(T(1) + exp(T(beta * x))) / T(beta)


@softplus.backward.variant("textbook", why="e^z/(1 + e^z): inf/inf on the right")
def textbook_backward(dy, x, beta):
    T = type(x)
    e = exp(T(beta * x))
    return dy * (e / (T(1) + e))


@softplus.forward.variant("stable", why="max(x, 0) + log1p(e^(−|βx|))/β: no threshold, no overflow", max_ulp=4)
def stable(x, beta):
    T = type(x)
    z, a, da = argument(beta, x)
    m, n = exp_parts(a, da)
    return (x if z > 0 else T(0)) + T(log1p(scaled(m, n)) / beta)


@softplus.backward.variant("stable", why="σ(βx) in e^(−|βx|), carried as m·2^n until dy is multiplied", max_ulp=4)
def stable_backward(dy, x, beta):
    T = type(x)
    z, a, da = argument(beta, x)
    m, n = exp_parts(a, da)
    d = T(1) + beside_one(m, n)
    return scaled_product(dy, m / d, n) if z < 0 else dy / d
