# SPDX-License-Identifier: MIT
"""The parameters of an activation as a call gives them: which there are, and what they may be."""

import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np


@dataclass(frozen=True)
class Parameters:
    """The parameters of an activation, by their names with their defaults; ``learned`` may be an array.

    Args:
        array: the type of arrays.
    """

    activation: str
    defaults: Mapping[str, float]
    learned: str | None = None
    array: type = np.ndarray

    def values(self, given: Mapping[str, Any], x: Any) -> tuple[Any, ...]:
        """The parameters in their order: floats, or an array with one number for each channel for a learned one.

        Raises:
            TypeError: a parameter that there is not, or not a number.
            ValueError: an α per channel that does not fit x.
        """
        for name in given:
            if name not in self.defaults:
                has = ", ".join(self.defaults) or "none"
                raise TypeError(f"{self.activation} has no parameter {name!r}; its parameters: {has}")
        return tuple([self._value(name, given.get(name, default), x) for name, default in self.defaults.items()])

    def _value(self, name: str, value: Any, x: Any) -> Any:
        if type(value) is float:
            return value
        if isinstance(value, self.array) and value.ndim == 0:
            value = value[()] if isinstance(value, np.ndarray) else value.item()
        if isinstance(value, numbers.Real | ml_dtypes.bfloat16):
            return float(value)
        if name != self.learned or not isinstance(value, self.array):
            array = " or an array with one number per channel" if name == self.learned else ""
            raise TypeError(f"{self.activation}: {name} must be a number{array}, not {type(value).__name__}")
        if value.dtype != x.dtype:
            raise TypeError(
                f"{self.activation}: {name} is {value.dtype} but x is {x.dtype}: use {name}.astype(x.dtype)"
            )
        if x.ndim < 2 or value.shape != x.shape[1:2]:
            raise ValueError(
                f"{self.activation}: {name} of shape {value.shape} needs one number for each channel, which is axis 1 "
                f"of x; x has shape {x.shape}"
            )
        return value
