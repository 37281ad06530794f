# SPDX-License-Identifier: MIT
"""PyTorch on the CPU and on a GPU, eagerly: its operators, called without the tape; on the CPU on NumPy's memory.

A gradient is PyTorch's own backward operator. For sigmoid and tanh that takes the saved result y = f(x) and not x; y is
made by PyTorch before, as is the tensor of PReLU's α, and is no part of what is timed.
"""

import importlib.util
import re
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from kernels.gpu import driver
from kernels.gpu.device import why_absent
from kernels.peers.adapter import PRELU, Peer

# As PyTorch has them (aten/src/ATen/native/Activation.cpp): torch.selu is its elu with these.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
THRESHOLD = 20.0  # of softplus: above it PyTorch returns x, if nothing else is asked for

GELU_FLUSHES = ("bfloat16",)  # it is oneDNN's, on a processor with AVX512_BF16, whose conversion to bfloat16 flushes

ALL = ("float16", "bfloat16", "float32", "float64")


def _from_numpy(torch: Any, array: np.ndarray) -> Any:
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _to_numpy(torch: Any, tensor: Any, dtype: np.dtype) -> np.ndarray:
    if dtype == ml_dtypes.bfloat16 and tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(dtype)
    return tensor.numpy()


def _set_threads(torch: Any, threads: int) -> None:
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def lacks_gpu() -> str | None:
    """Why PyTorch has no GPU here, where that is so."""
    cuda, known = _built_for(), driver.described()
    if cuda is None:
        return "torch is no build for CUDA: install one, see https://pytorch.org"
    if known and known.is_too_old_for(cuda):
        here = f"torch is a build for CUDA {cuda}, and the driver has {known.cuda}"
        return f"{here}: install one for CUDA {known.cuda_major}, see https://pytorch.org, or a newer driver"
    return why_absent()


def _built_for() -> str | None:
    """The CUDA that PyTorch was built for, read where it reads that itself: its import takes a second or more."""
    (folder,) = importlib.util.find_spec("torch").submodule_search_locations
    found = re.search(r"^cuda\b.*'([\d.]+)'", Path(folder, "version.py").read_text(), re.MULTILINE)
    return found and found.group(1)


ON_GPU = Peer(
    "torch-cuda",
    "torch",
    "torch",
    lambda torch, array: _from_numpy(torch, array).cuda(),
    lambda torch, tensor, dtype: _to_numpy(torch, tensor.cpu(), dtype),
    device="cuda",
    lacks=lacks_gpu,
)
PEER = Peer(
    "torch",
    "torch",
    "torch",
    _from_numpy,
    _to_numpy,
    _set_threads,
    threads=lambda torch: torch.get_num_threads(),
    instruction_set=lambda torch: torch.backends.cpu.get_cpu_capability(),
    also=(ON_GPU,),
)


def _sigmoid(torch: Any, x: Any) -> Any:
    return torch.sigmoid(x)


def _tanh(torch: Any, x: Any) -> Any:
    return torch.tanh(x)


@PEER.operation("sigmoid", dtypes=ALL, why="torch.sigmoid")
def sigmoid(torch, x, out):
    return torch.ops.aten.sigmoid.out(x, out=out)


@PEER.operation("tanh", dtypes=ALL, why="torch.tanh")
def tanh(torch, x, out):
    return torch.ops.aten.tanh.out(x, out=out)


@PEER.operation("relu", dtypes=ALL, why="torch.relu")
def relu(torch, x, out):
    return torch.ops.aten.relu.out(x, out=out)


@PEER.operation("relu", "backward", dtypes=ALL, why="aten::threshold_backward, as the tape calls it")
def relu_backward(torch, dy, x, out):
    return torch.ops.aten.threshold_backward.grad_input(dy, x, 0, grad_input=out)


@PEER.operation("leaky_relu", dtypes=ALL, why="torch.nn.functional.leaky_relu", parameters={"negative_slope": 0.01})
def leaky_relu(torch, x, out, negative_slope):
    return torch.ops.aten.leaky_relu.out(x, negative_slope, out=out)


@PEER.operation(
    "leaky_relu", "backward", dtypes=ALL, why="aten::leaky_relu_backward", parameters={"negative_slope": 0.01}
)
def leaky_relu_backward(torch, dy, x, out, negative_slope):
    return torch.ops.aten.leaky_relu_backward.grad_input(dy, x, negative_slope, False, grad_input=out)


def _with_slope(torch: Any, x: Any, alpha: float) -> tuple[Any, Any]:
    return x, x.new_full((1,), alpha)


@PEER.operation(
    "prelu",
    dtypes=ALL,
    why="torch.nn.functional.prelu, its α a tensor",
    parameters=PRELU,
    made_of_x=_with_slope,
)
def prelu(torch, x_and_slope):
    return torch.ops.aten.prelu(*x_and_slope)


def _prelu_gradients(torch: Any, dy: Any, x_and_slope: tuple[Any, Any]) -> tuple[Any, Any]:
    """Those of x and, element by element, of α: PyTorch makes both in one go."""
    return torch.ops.aten._prelu_kernel_backward(dy, *x_and_slope)


@PEER.operation(
    "prelu",
    "backward",
    dtypes=ALL,
    why="aten::_prelu_kernel_backward, which makes the gradients of α too",
    parameters=PRELU,
    made_of_x=_with_slope,
)
def prelu_backward(torch, dy, x_and_slope):
    return _prelu_gradients(torch, dy, x_and_slope)[0]


@PEER.operation(
    "prelu",
    "backward_alpha",
    dtypes=ALL,
    why="aten::_prelu_kernel_backward, which makes the gradient of x too, and torch.sum",
    parameters=PRELU,
    made_of_x=_with_slope,
)
def prelu_backward_alpha(torch, dy, x_and_slope):
    return _prelu_gradients(torch, dy, x_and_slope)[1].sum()


@PEER.operation("elu", dtypes=ALL, why="torch.nn.functional.elu", parameters={"alpha": 1.0})
def elu(torch, x, out, alpha):
    return torch.ops.aten.elu.out(x, alpha, out=out)


@PEER.operation("elu", "backward", dtypes=ALL, why="aten::elu_backward, of x", parameters={"alpha": 1.0})
def elu_backward(torch, dy, x, out, alpha):
    return torch.ops.aten.elu_backward.grad_input(dy, alpha, 1, 1, False, x, grad_input=out)


@PEER.operation("gelu", dtypes=ALL, why="torch.nn.functional.gelu", flushes=GELU_FLUSHES)
def gelu(torch, x, out):
    return torch.ops.aten.gelu.out(x, out=out)


@PEER.operation("gelu", "backward", dtypes=ALL, why="aten::gelu_backward", flushes=GELU_FLUSHES)
def gelu_backward(torch, dy, x, out):
    return torch.ops.aten.gelu_backward.grad_input(dy, x, grad_input=out)


@PEER.operation("gelu_tanh", dtypes=ALL, why='torch.nn.functional.gelu, approximate="tanh"')
def gelu_tanh(torch, x, out):
    return torch.ops.aten.gelu.out(x, approximate="tanh", out=out)


@PEER.operation("gelu_tanh", "backward", dtypes=ALL, why='aten::gelu_backward, approximate="tanh"')
def gelu_tanh_backward(torch, dy, x, out):
    return torch.ops.aten.gelu_backward.grad_input(dy, x, approximate="tanh", grad_input=out)


@PEER.operation(
    "sigmoid", "backward", dtypes=ALL, why="aten::sigmoid_backward, of y", made_of_x=_sigmoid, takes_result=True
)
def sigmoid_backward(torch, dy, y, out):
    return torch.ops.aten.sigmoid_backward.grad_input(dy, y, grad_input=out)


@PEER.operation("tanh", "backward", dtypes=ALL, why="aten::tanh_backward, of y", made_of_x=_tanh, takes_result=True)
def tanh_backward(torch, dy, y, out):
    return torch.ops.aten.tanh_backward.grad_input(dy, y, grad_input=out)


@PEER.operation("selu", dtypes=ALL, why="torch.nn.functional.selu")
def selu(torch, x, out):
    return torch.ops.aten.elu.out(x, SELU_ALPHA, SELU_SCALE, out=out)


@PEER.operation("selu", "backward", dtypes=ALL, why="aten::elu_backward, of x, with SELU's constants")
def selu_backward(torch, dy, x, out):
    return torch.ops.aten.elu_backward.grad_input(dy, SELU_ALPHA, SELU_SCALE, 1, False, x, grad_input=out)


@PEER.operation("silu", dtypes=ALL, why="torch.nn.functional.silu", parameters={"beta": 1.0})
def silu(torch, x, out):
    return torch.ops.aten.silu.out(x, out=out)


@PEER.operation("silu", dtypes=ALL, variant="two-step", why="torch.sigmoid(x) * x", parameters={"beta": 1.0})
def silu_in_two_steps(torch, x):
    return torch.sigmoid(x) * x


@PEER.operation("silu", "backward", dtypes=ALL, why="aten::silu_backward", parameters={"beta": 1.0})
def silu_backward(torch, dy, x, out):
    return torch.ops.aten.silu_backward.grad_input(dy, x, grad_input=out)


@PEER.operation("mish", dtypes=ALL, why="torch.nn.functional.mish")
def mish(torch, x, out):
    return torch.ops.aten.mish.out(x, out=out)


@PEER.operation("mish", "backward", dtypes=ALL, why="aten::mish_backward")
def mish_backward(torch, dy, x):
    return torch.ops.aten.mish_backward(dy, x)


@PEER.operation("softplus", dtypes=ALL, why="torch.nn.functional.softplus: x above 20", parameters={"beta": 1.0})
def softplus(torch, x, out, beta):
    return torch.ops.aten.softplus.out(x, beta, THRESHOLD, out=out)


@PEER.operation("softplus", "backward", dtypes=ALL, why="aten::softplus_backward", parameters={"beta": 1.0})
def softplus_backward(torch, dy, x, out, beta):
    return torch.ops.aten.softplus_backward.grad_input(dy, x, beta, THRESHOLD, grad_input=out)
