# SPDX-License-Identifier: MIT
"""Kernels that break what holds them, one way each; `bench.remote` calls them in a process that may be lost."""

import ctypes
import os
import resource
import signal
import time

import numpy as np
import psutil

from halfulp import implementation

MXCSR = 28  # in glibc's fenv_t on x86-64
FLUSH_TO_ZERO = 0x8000


def relu(x):
    return np.maximum(x, x.dtype.type(0))


def register(function):
    """Under the function's own name."""
    name = function.__name__.replace("_", "-")
    return implementation("relu", backend="bad", variant=name, dtypes=("float32",), max_ulp=1)(function)


@register
def good(x, out=None):
    return np.maximum(x, np.float32(0), out=out)


@register
def raises(x):
    raise ValueError("not today")


@register
def asks_to_exit(x):
    raise SystemExit(2)


@register
def exits(x):
    os._exit(3)


@register
def dereferences_null(x):
    ctypes.string_at(0)
    return relu(x)


@register
def is_killed(x):
    os.kill(os.getpid(), signal.SIGKILL)
    return relu(x)


@register
def hangs(x):
    while True:
        pass


@register
def sleeps_on_one_value(x):
    if (x == 2).any():
        time.sleep(1000)
    return relu(x)


@register
def dereferences_null_on_one_value(x, out=None):
    if (x == np.finfo(np.float32).max).any():
        ctypes.string_at(0)
    return np.maximum(x, np.float32(0), out=out)


@register
def exits_on_many(x):
    if x.size > 3:
        os._exit(3)
    return relu(x)


@register
def returns_float64(x):
    return relu(x).astype(np.float64)


@register
def returns_text(x):
    return "relu"


@register
def returns_more(x):
    return np.concatenate([relu(x), x])


@register
def returns_a_view(x):
    return x[:]


@register
def writes_to_its_input(x):
    x[:] = 0
    return relu(x)


@register
def prints(x):
    print("relu" * 1000)
    os.write(1, b"relu\n")
    os.write(2, b"relu\n")
    return relu(x)


@register
def flushes_to_zero(x):
    library, environment = ctypes.CDLL("libm.so.6"), ctypes.create_string_buffer(32)
    library.fegetenv(environment)
    word = int.from_bytes(environment.raw[MXCSR:], "little") | FLUSH_TO_ZERO
    library.fesetenv(ctypes.create_string_buffer(environment.raw[:MXCSR] + word.to_bytes(4, "little"), 32))
    return relu(x)


@register
def takes_all_memory(x):
    """Piece by piece, all of it touched; there is as much as a limit leaves, which spares the machine's."""
    limits, taken = resource.getrlimit(resource.RLIMIT_AS), []
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + (1 << 27), limits[1]))
    try:
        while True:
            taken.append(np.ones(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
