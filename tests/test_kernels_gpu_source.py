# SPDX-License-Identifier: MIT
"""The text that is compiled: an entry point for each kernel, over the bodies of an activation's file."""

import re

import pytest

from kernels import tables
from kernels.gpu import ACTIVATIONS, source
from kernels.gpu.source import Entry

SILU = Entry("silu", "backward", "float16", "fast", (("beta", 1.0),), own_16_bit=True)


def test_the_defaults_are_constants_of_the_code():
    assert SILU.name == "silu_backward_float16_fast"
    assert "backward_fast_16_bit(dy, x, 0x1.0000000000000p+0)" in SILU.text
    assert "double beta" not in SILU.text.split("{")[0]


def test_any_parameters_are_arguments():
    entry = Entry("silu", "forward", "float32", "rounded", (("beta", 1.0),), takes="any")
    assert entry.name == "silu_forward_float32_rounded_any"
    assert "Size size, double beta)" in entry.text
    assert "elementwise<double>" in entry.text


def test_a_sum_has_two_entry_points():
    entry = Entry("prelu", "backward_alpha", "float32", "rounded", (("alpha", 0.25),))
    names = re.findall(r"__global__ void (\w+)\(", entry.text)
    assert names == ["prelu_backward_alpha_float32_rounded", "prelu_backward_alpha_float32_rounded_total"]
    assert "total_sums<true>" in entry.text


def test_a_unit_is_of_one_activation():
    with pytest.raises(ValueError, match="too many values"):
        source.unit([SILU, Entry("tanh", "forward", "float16", "fast", ())])
    assert source.unit([SILU]).startswith('#include "device.cuh"\n#include "silu.cuh"')
    assert source.unit([SILU], host=True).startswith('#include "host.cuh"')


def test_tables_are_the_cpus_to_the_last_bit():
    text = source.headers()["tables.cuh"]
    written = {
        m[0]: [float.fromhex(v) for v in m[1].split(", ")] for m in re.findall(r"(\w+)(?:\[\])? = \{(.*?)\};", text)
    }
    named = {name: list(value) for name, value in vars(tables).items() if isinstance(value, tuple)}
    assert written == named
    assert named


def test_every_activation_has_its_file():
    assert {f"{name}.cuh" for name in ACTIVATIONS} <= source.headers().keys()
