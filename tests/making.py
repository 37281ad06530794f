# SPDX-License-Identifier: MIT
"""Kernels for the tests of the harness."""

from collections.abc import Callable
from typing import Any

import numpy as np

import reference
from kernels.registry import Claim, Kernel


def make_kernel(
    function: Callable[..., Any],
    activation: str = "relu",
    direction: str = "forward",
    dtype: str = "float32",
    *,
    claim: Claim | None = None,
    takes_out: bool = False,
    takes_threads: bool = False,
    copies_arrays: bool = False,
    variant: str = "stable",
) -> Kernel:
    """A kernel around a function of the arrays, and of ``out`` and ``threads`` where it takes them."""

    def call(*arrays: np.ndarray, **options: Any) -> Any:
        return function(*arrays, **{name: v for name, v in options.items() if name in ("out", "threads")})

    return Kernel(
        activation=activation,
        direction=direction,
        dtype=dtype,
        backend="test",
        variant=variant,
        function=call,
        claim=claim,
        parameters=reference.activations()[activation].defaults,
        takes_out=takes_out,
        takes_threads=takes_threads,
        copies_arrays=copies_arrays,
    )
