# SPDX-License-Identifier: MIT
"""PyTorch as far as our kernels ask it: tensors in the memory of `fake_cupy`, and the current stream of a device."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from tests import fake_cuda, fake_cupy

streams: dict[int, int] = {}  # by the device's number: the current one, if it is not the default
bfloat16, int16 = "bfloat16", "int16"


class Tensor:
    """A tensor, of a device like "cpu" or "cuda:1"."""

    def __init__(self, array: np.ndarray, device: str = "cuda:0") -> None:
        kind, _, number = device.partition(":")
        self.device = SimpleNamespace(type=kind, index=int(number) if number else None)
        self.is_cuda = kind == "cuda"
        with fake_cuda.Device(self.device.index or 0):
            self.mine = fake_cupy.on_device(array)
        self.dtype = array.dtype.name
        self.requires_grad = True

    def detach(self) -> "Tensor":
        self.requires_grad = False
        return self

    def view(self, dtype: str) -> "Tensor":
        self.mine = self.mine.view(dtype)
        return self

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        if not self.is_cuda:
            raise AttributeError("of a tensor that is not on a device")
        assert not self.requires_grad, "which PyTorch refuses"
        return {"fake": self.mine}

    def __dlpack__(self, **_: Any) -> Any:
        raise AssertionError("of bfloat16 not every CuPy takes it")


cuda = SimpleNamespace(current_stream=lambda device: SimpleNamespace(cuda_stream=streams.get(device, 0)))
