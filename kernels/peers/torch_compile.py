# SPDX-License-Identifier: MIT
"""PyTorch's functions under torch.compile: C++ that its inductor writes, for arrays of any length, and g++ compiles.

In float32 alone: each kernel is compiled for each number of threads, for two seconds at its first use, and one dtype is
a minute of that. A gradient is the vjp, compiled as a whole; there is no out=. PyTorch keeps what was compiled in its
own cache.
"""

import functools
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

from kernels.peers.adapter import NAMED_ALIKE, PRELU, named
from kernels.peers.torch import PEER as EAGER
from kernels.registry import Absent, Lacks

PEER = replace(EAGER, also=())  # g++ compiles for the CPU alone
VARIANT = "compiled"
CALL_LIMIT_S = 600.0  # PyTorch's first compilation of all has taken 100 s on two cores that had other work too
COMPILER = os.environ.get("CXX") or "g++"  # what PyTorch looks for
# torch.compile takes the first array it sees as an example of the size, and writes loops for threads if that is large.
EXAMPLE = 1 << 20
FUNCTIONS = NAMED_ALIKE | {
    "prelu": ("prelu", {}, PRELU),
    "gelu": ("gelu", {"approximate": "none"}, {}),
    "gelu_tanh": ("gelu", {"approximate": "tanh"}, {}),
}


def why_absent(compiler: str) -> str | None:
    """Why nothing can be compiled, where that is so."""
    if PEER.why_absent or shutil.which(compiler):
        return None  # without the library, that is the reason for all of it
    return f"torch.compile needs a C++ compiler, and {compiler} is not here: install g++, or name another in CXX"


ABSENT = [Absent(PEER.backend, why, VARIANT) for why in [why_absent(COMPILER)] if why]
LACKS = [
    Lacks(
        PEER.backend,
        "torch.compile takes seconds for each kernel and number of threads, so it is tried in float32 alone",
        variants=(VARIANT,),
        dtypes=("float16", "bfloat16", "float64"),
    ),
    Lacks(
        PEER.backend,
        "torch.compile is tried on gradients with respect to x",
        variants=(VARIANT,),
        directions=("backward_alpha",),
    ),
]


def _whole(torch: Any, activation: str) -> Callable[..., Any]:
    name, options, parameters = FUNCTIONS[activation]
    function = getattr(torch.nn.functional, name)
    if activation == "prelu":
        return lambda x: function(x, x.new_full((1,), parameters["alpha"]))
    return lambda x: function(x, **options)


@functools.cache
def _compiled(torch: Any, activation: str, direction: str, threads: int) -> Callable[..., Any]:
    """The function, compiled for so many threads and any length of arrays.

    PyTorch would compile again in another number of threads, and keeps only so many versions of one code object: each
    gets a copy of its own. Where it can't compile, it raises, and does not run the function as it is.
    """
    whole = _whole(torch, activation)

    def forward(x: Any) -> Any:
        return whole(x)

    def backward(dy: Any, x: Any) -> Any:
        return torch.func.vjp(whole, x)[1](dy)[0]

    function = forward if direction == "forward" else backward
    own = FunctionType(function.__code__.replace(), function.__globals__, activation, None, function.__closure__)
    options = {"compile_threads": 1}  # no processes of its own, which would outlive this one if it is ended
    compiled = torch.compile(own, dynamic=True, fullgraph=True, options=options)
    compiled(*(torch.zeros(EXAMPLE) for _ in range(1 if direction == "forward" else 2)))
    return compiled


def _made_of_x(activation: str, direction: str) -> Callable[..., Any]:
    """What is made before it is timed: the compiled function, and x as it takes it."""
    return lambda torch, x: (_compiled(torch, activation, direction, torch.get_num_threads()), x)


def _run(torch: Any, *given: Any) -> Any:
    *dy, (compiled, x) = given
    if x.ndim == 1:
        return compiled(*dy, x)
    # Each number of dimensions would be compiled for, and each that a view of PyTorch's was made from.
    flat = (torch.from_numpy(a.numpy().reshape(-1)) for a in (*dy, x))
    return compiled(*flat).view(x.shape)


for _activation, (_name, _options, _parameters) in FUNCTIONS.items() if not ABSENT else ():
    for _direction, _what in (("forward", ""), ("backward", "the vjp of ")):
        PEER.operation(
            _activation,
            _direction,
            dtypes=("float32",),
            variant=VARIANT,
            why=f"torch.compile of {_what}torch.nn.functional.{_name}{named(_options)}",
            parameters=_parameters,
            made_of_x=_made_of_x(_activation, _direction),
            call_limit_s=CALL_LIMIT_S,
        )(_run)
