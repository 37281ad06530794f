# SPDX-License-Identifier: MIT
"""The parameters of a call: which there are, in what order, and what they may be."""

import ml_dtypes
import numpy as np
import pytest

from kernels.parameters import Parameters

TWO = Parameters("swoosh", {"alpha": 0.5, "beta": 2.0}, learned="alpha")
X = np.zeros((4, 3, 2), np.float32)


@pytest.mark.parametrize("value", [3, 3.0, np.float16(3), ml_dtypes.bfloat16(3), np.array(3), np.array(3.0, "float32")])
def test_numbers_of_all_kinds_become_floats_in_their_order(value):
    assert TWO.values({"beta": value}, X) == (0.5, 3.0)
    assert all(type(v) is float for v in TWO.values({"alpha": value}, X))


def test_a_learned_one_may_be_an_array_with_a_number_for_each_channel():
    alpha = np.ones(3, np.float32)
    assert TWO.values({"alpha": alpha}, X)[0] is alpha


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gamma": 1.0}, "swoosh has no parameter 'gamma'; its parameters: alpha, beta"),
        ({"beta": np.ones(3, np.float32)}, "swoosh: beta must be a number, not ndarray"),
        ({"alpha": "1"}, "swoosh: alpha must be a number or an array with one number per channel, not str"),
        ({"alpha": np.ones(3)}, "swoosh: alpha is float64 but x is float32: use alpha.astype"),
    ],
)
def test_what_is_no_parameter_is_refused(given, said):
    with pytest.raises(TypeError, match=said):
        TWO.values(given, X)


@pytest.mark.parametrize("shape", [(2,), (4, 3), (1, 3)])
def test_an_array_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="needs one number for each channel, which is axis 1"):
        TWO.values({"alpha": np.ones(shape, np.float32)}, X)
