# SPDX-License-Identifier: MIT
"""Triton on a GPU: kernels of the textbook's formulas, one launch over PyTorch's tensors, as people write them.

The formulas are in _triton_kernels.py. PyTorch brings Triton with its builds for CUDA.
"""

import importlib
import importlib.util
import os
import shutil
import sysconfig
from pathlib import Path
from typing import Any

from kernels.peers import torch as pytorch
from kernels.peers.adapter import NAMED_ALIKE, Operation, Peer
from kernels.registry import Lacks


def _lacks() -> str | None:
    if importlib.util.find_spec("torch") is None:
        return "Triton's kernels are given tensors of PyTorch, which is not installed: pip install torch"
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "Triton needs a C compiler for what launches its kernels: install gcc, or name another in CC"
    folder = sysconfig.get_path("include")
    if not Path(folder, "Python.h").is_file():
        return f"Triton needs Python.h in {folder} for what launches its kernels: install python3-dev or python3-devel"
    return pytorch.lacks_gpu()


def _torch() -> Any:
    return pytorch.ON_GPU.library


PEER = Peer(
    "triton",
    "triton",
    "triton",
    lambda _, array: pytorch.ON_GPU.from_numpy(_torch(), array),
    lambda _, tensor, dtype: pytorch.ON_GPU.to_numpy(_torch(), tensor, dtype),
    device="cuda",
    rests_on=("torch",),
    lacks=_lacks,
)


LACKS = [Lacks("triton", "no Triton kernel of PReLU is written here", activations=("prelu",))]


def _run(activation: str, *arrays: Any, out: Any) -> Any:
    return importlib.import_module("kernels.peers._triton_kernels").run(activation, *arrays, out=out)


def _forward(activation: str) -> Operation:
    def forward(_, x, out):
        return _run(activation, x, out=out)

    return forward


def _backward(activation: str) -> Operation:
    def backward(_, dy, x, out):
        return _run(activation, dy, x, out=out)

    return backward


for _name, (_, _, _parameters) in NAMED_ALIKE.items():
    for _direction, _operation in (("forward", _forward), ("backward", _backward)):
        PEER.operation(
            _name,
            _direction,
            dtypes=pytorch.ALL,
            variant="textbook",
            why=f"a Triton kernel, {_direction} of {_name} in kernels/peers/_triton_kernels.py",
            parameters=_parameters,
        )(_operation(_name))
