# SPDX-License-Identifier: MIT
"""Kernels are one function only where nothing at all tells them apart."""

import pytest

from reports.fingerprints import same_function, twins
from tests.report_results import failed, kernel


def pair():
    return [kernel("silu", "forward", "float16", variant) for variant in ("textbook", "stable")]


def test_equal_fingerprints_of_one_function_are_a_group():
    kernels = [*pair(), *pair(), kernel("gelu", "forward", "float16", "stable")]
    kernels[3].backend = kernels[2].backend = "cupy"
    kernels[3].accuracy.fingerprint = "00" * 32
    assert same_function(kernels) == [kernels[:3]]
    assert twins(kernels) == {k.id: [other for other in kernels[:3] if other is not k] for k in kernels[:3]}


@pytest.mark.parametrize(
    ("field", "value"),
    [("activation", "gelu"), ("direction", "backward"), ("dtype", "bfloat16"), ("parameters", {"beta": 2.0})],
)
def test_those_of_different_functions_are_none(field, value):
    kernels = pair()
    setattr(kernels[0], field, value)
    assert same_function(kernels) == []


def test_a_sample_proves_nothing():
    sampled = [kernel("silu", "forward", "float32", variant) for variant in ("textbook", "stable")]
    assert sampled[0].accuracy.fingerprint is None
    assert same_function([*sampled, failed("silu", "mine", "no")]) == []
