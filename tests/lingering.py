# SPDX-License-Identifier: MIT
"""Kernels that leave something behind: what harms a later call of the same process, or a process of its own."""

import ctypes
import os
import subprocess
import sys
import time

import numpy as np

from halfulp import implementation

_calls: list[str] = []  # of this process


def register(function):
    """Under the function's own name; its calls are counted."""

    def called(x):
        _calls.append(function.__name__)
        return function(x)

    name = function.__name__.replace("_", "-")
    implementation("relu", backend="lingering", variant=name, dtypes=("float32",))(called)
    return function


def relu(x):
    return np.maximum(x, np.float32(0))


@register
def spoils_its_process(x):
    return relu(x)


@register
def falls_into_what_was_spoilt(x):
    if spoils_its_process.__name__ in _calls:
        os._exit(3)
    return relu(x)


@register
def exits_every_other_time(x):
    if _calls.count(exits_every_other_time.__name__) == 2:
        os._exit(4)
    return relu(x)


@register
def forks_and_exits(x):
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(9)


@register
def forks_and_returns_twice(x):
    os.fork()
    return relu(x)


@register
def starts_another_session(x):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
    return relu(x)


@register
def returns_its_pid(x):
    return np.full_like(x, os.getpid())


@register
def rounds_upwards(x):
    ctypes.CDLL("libm.so.6").fesetround(0x800)  # FE_UPWARD on x86-64
    return relu(x)
