# SPDX-License-Identifier: MIT
"""How a library's functions become kernels, on a library made for the purpose."""

import importlib
import sys
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest

from bench.calling import KernelError, call
from kernels import registry
from kernels.cpu.launch import cores
from kernels.peers.adapter import Peer
from kernels.registry import Kernel, RunsWith, registered

LIBRARY = """
setups, threads, seen = [], [], []


class Array:
    def __init__(self, data):
        assert data.flags.c_contiguous
        self.data = data


def double(x, out=None):
    seen.append("double")
    if out is None:
        return Array(x.data * 2)
    out.data[...] = x.data * 2
    return out
"""


@pytest.fixture
def peer(tmp_path, monkeypatch) -> Peer:
    (tmp_path / "library_of_a_test.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "library_of_a_test", raising=False)
    monkeypatch.setattr(registry, "_kernels", {})
    return Peer(
        "test",
        "library_of_a_test",
        "library-of-a-test",
        from_numpy=lambda library, array: library.Array(array),
        to_numpy=lambda library, array, dtype: array.data,
        set_threads=lambda library, threads: library.threads.append(threads),
        set_up=lambda library: library.setups.append(1),
    )


def only() -> Kernel:
    (kernel,) = registered()
    return kernel


def test_an_operation_is_a_kernel_in_each_dtype(peer):
    @peer.operation("silu", dtypes=("float32", "float64"), why="double", parameters={"beta": 1.0})
    def silu(library, x, out):
        return library.double(x, out)

    assert [k.id for k in registered()] == ["silu-forward-float32-test-library", "silu-forward-float64-test-library"]
    for kernel in registered():
        assert (kernel.why, kernel.parameters, kernel.takes_out, kernel.takes_threads) == (
            "double",
            {"beta": 1.0},
            True,
            True,
        )
        assert kernel.source == __file__


def test_the_library_is_imported_at_the_first_call_and_set_up_once(peer):
    @peer.operation("silu", dtypes=("float32",), why="double")
    def silu(library, x):
        return library.double(x)

    assert "library_of_a_test" not in sys.modules
    for _ in range(2):
        assert call(only(), np.float32([1, 2])).tolist() == [2, 4]
    assert peer.library.setups == [1]


def test_of_a_library_that_is_not_there_nothing_is_registered(monkeypatch):
    monkeypatch.setattr(registry, "_kernels", {})
    missing = Peer("missing", "no_such_library.part", "no-such-library")
    missing.operation("silu", dtypes=("float32",), why="")(lambda library, x: x)
    assert list(registered()) == []
    assert missing.why_absent == "no_such_library is not installed: pip install no-such-library"
    assert missing.versions() == {}


def test_the_versions_are_those_of_what_is_installed():
    assert Peer("numpy", "numpy.random", "numpy").versions() == {"numpy": np.__version__}
    both = Peer("numpy", "numpy", "numpy", rests_on=("mpmath", "no_such_library")).versions()
    assert both == {"numpy": np.__version__, "mpmath": metadata.version("mpmath")}


@pytest.mark.parametrize("view", [lambda a: a[::-1], lambda a: a[::2], lambda a: a.reshape(2, -1).T, lambda a: a])
@pytest.mark.parametrize("given", [True, False])
def test_arrays_may_have_any_strides(peer, view, given):
    @peer.operation("silu", dtypes=("float32",), why="double")
    def silu(library, x, out):
        return library.double(x, out)

    x = view(np.arange(12, dtype=np.float32))
    out = view(np.zeros(12, np.float32)) if given else None
    got = only()(x, out=out)
    assert (got == 2 * x).all()
    assert not given or (got is out and (out == 2 * x).all())


def test_an_operation_gets_the_parameters_that_it_names_and_no_other(peer):
    given = []

    @peer.operation("leaky_relu", dtypes=("float32",), why="", parameters={"negative_slope": 0.25})
    def named(library, x, negative_slope):
        given.append(negative_slope)
        return x

    @peer.operation("leaky_relu", "backward", dtypes=("float32",), why="", parameters={"negative_slope": 0.25})
    def unnamed(library, dy, x):
        return dy

    x = np.float32([1, 2])
    forward, backward = registered()
    assert forward.built_in({"negative_slope": 0.5}) == {}
    assert backward.built_in({"negative_slope": 0.5}) == {"negative_slope": 0.25}
    forward(x)
    assert given == [0.25]
    assert backward(x + 1, x).tolist() == [2, 3]


def test_what_a_gradient_is_given_of_x_is_made_before_it_is_timed(peer):
    @peer.operation("tanh", "backward", dtypes=("float32",), why="", made_of_x=lambda library, x: library.double(x))
    def backward(library, dy, y):
        library.seen.append("gradient")
        return library.Array(dy.data * y.data)

    x = np.float32([1, 2])
    timed = only().timed(x + 2, x, out=None, threads=None)
    assert peer.library.seen == ["double"]
    assert timed().data.tolist() == [6, 16]
    assert peer.library.seen == ["double", "gradient"]
    assert only()(x + 2, x).tolist() == [6, 16]


def test_parameters_go_to_what_is_made_of_x_as_well(peer):
    @peer.operation(
        "leaky_relu",
        dtypes=("float32",),
        why="",
        parameters={"negative_slope": 0.25},
        made_of_x=lambda library, x, negative_slope: (x, negative_slope),
    )
    def forward(library, x_and_slope):
        return library.Array(x_and_slope[0].data * x_and_slope[1])

    kernel = only()
    assert kernel.built_in({"negative_slope": 0.5}) == {}
    assert kernel(np.float32([4, 8])).tolist() == [1, 2]
    assert kernel.timed(np.float32([4, 8]), out=None, threads=None)().data.tolist() == [1, 2]


def test_only_what_says_so_takes_the_result_in_place_of_x(peer):
    has = {"dtypes": ("float32",), "why": "", "made_of_x": lambda library, x: x}
    peer.operation("silu", "backward", **has)(lambda library, dy, x: dy)
    peer.operation("tanh", "backward", takes_result=True, **has)(lambda library, dy, y: dy)
    assert [k.takes_result for k in registered()] == [False, True]


def test_threads_are_those_that_are_asked_for_or_all(peer):
    @peer.operation("silu", dtypes=("float32",), why="double")
    def silu(library, x):
        return library.double(x)

    only()(np.float32([1]), threads=1)
    only()(np.float32([1]))
    assert peer.library.threads == [1, cores()]


def test_a_library_is_asked_what_it_runs_with_where_it_may_use_all(peer):
    telling = replace(peer, threads=lambda library: library.threads[-1], instruction_set=lambda library: "AVX9")
    assert telling.runs_with() == RunsWith(cores(), "AVX9")
    assert peer.runs_with() == RunsWith(None, None)


def test_an_operation_that_does_not_write_to_out_is_found_out(peer):
    @peer.operation("silu", dtypes=("float32",), why="double")
    def silu(library, x, out):
        return library.double(x)

    with pytest.raises(KernelError, match="left_output"):
        call(only(), np.float32([1, 2]))


def test_operations_are_there_for_arrays_on_a_gpu_as_well_and_results_are_brought_back(peer):
    lacking = replace(peer, backend="far-away", lacks=lambda: "there is no ship: build one")
    gpu = replace(
        peer,
        backend="test-gpu",
        from_numpy=lambda library, array: library.Array(array.copy()),
        set_threads=None,
        device="cuda",
    )
    both = replace(peer, also=(gpu, lacking))

    @both.operation("silu", dtypes=("float32",), why="double")
    def silu(library, x, out):
        return library.double(x, out)

    here, there = registered()
    assert [(k.backend, k.device, k.takes_threads, k.copies_arrays) for k in (here, there)] == [
        ("test", "cpu", True, False),
        ("test-gpu", "cuda", False, True),
    ]
    assert there.timer is not None
    assert there.copy is not None
    assert here.timer is None
    x, out = np.float32([1, 2]), np.zeros(2, np.float32)
    assert there(x, out=out) is out
    assert out.tolist() == [2, 4]
    assert there(x).tolist() == [2, 4]
    assert lacking.why_absent == "there is no ship: build one"


def test_an_operation_on_a_gpu_that_does_not_write_to_out_is_found_out(peer):
    gpu = replace(peer, from_numpy=lambda library, array: library.Array(array.copy()), set_threads=None, device="cuda")

    @gpu.operation("silu", dtypes=("float32",), why="double")
    def silu(library, x, out):
        return library.double(x)

    with pytest.raises(KernelError, match="left_output"):
        call(only(), np.float32([1, 2]))
