# SPDX-License-Identifier: MIT
"""What kernels claim on a device: what they do on the CPU, except `stable` where CUDA's math library is less exact.

On the CPU, `stable` claims 4 ulp with a library that is within 1 ulp. How far off CUDA's may be is told by its
documentation alone, in ulp from the correctly rounded result: another half lies between that and the exact one.

Where the library's result is just above a power of two, and the y made of it just below one, y has half its ulp: there
the library's error counts twice, and so does every rounding but the last.
"""

from dataclasses import replace

from kernels.registry import Claim, Kernel

# The table "Maximum ULP Error" in the appendix "Mathematical Functions" of the CUDA C++ Programming Guide. The LLVM
# project's conformance tests of the CUDA library found the same, over all inputs in float32.
OFF_BY = {
    "float32": {"exp": 2, "expm1": 1, "log1p": 1},
    "float64": {"exp": 1, "expm1": 1, "log1p": 1},
}


CALLS_NOTHING = 1  # ulp: who calls the library claims more


def of_device(kernel: Kernel) -> Claim | None:
    """The claim on a device of a kernel of the CPU."""
    calls = kernel.variant == "stable" and kernel.dtype in OFF_BY and kernel.claim.bound > CALLS_NOTHING
    if not calls:
        return kernel.claim
    off_by = OFF_BY[kernel.dtype]
    # No more than three roundings follow e^(−|x|), as in SiLU's x·(m/d), d = 1 + w. Softplus has log1p in the place of
    # two; expm1, in the gradients of SiLU, GELU's tanh form and Mish, has a third of its sum at most, near the root.
    bound = 2 * (off_by["exp"] + 0.5) + 1 + 1 + 0.5
    if kernel.direction == "forward" and kernel.activation == "tanh":  # t/(t + 2): of t, the sum and the quotient
        bound = 2 * (off_by["expm1"] + 0.5) + 1 + 0.5
    if kernel.direction == "forward" and kernel.activation in ("elu", "selu"):  # expm1 alone, or λα times it
        bound = kernel.claim.bound
    return replace(kernel.claim, bound=max(bound, kernel.claim.bound))
