# SPDX-License-Identifier: MIT
"""What is printed of one input, line by line, and what is said where there is nothing to explain."""

import numpy as np
import pytest

import reference
from bench import explain
from bench.__main__ import main
from bench.explain import shortest
from kernels import registry
from kernels.registry import Claim
from reference.formats import FORMATS
from tests.making import make_kernel


@pytest.fixture
def explained(monkeypatch, capsys):
    """Print the explanation, with these kernels in the place of all registered."""

    def call(*arguments, kernels=()):
        monkeypatch.setattr(explain, "registered", lambda: iter(kernels))
        monkeypatch.setattr(explain, "isolated", lambda kernel, hosts: kernel)  # only this process has them
        assert main(["explain", *arguments]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        return said.out

    return call


@pytest.fixture
def user_file(tmp_path, monkeypatch):
    """Write a file of kernels of a user's own; what it registers is gone after the test."""
    monkeypatch.setattr(registry, "_kernels", dict(registry._kernels))
    monkeypatch.setattr(reference, "_added", {})

    def write(text):
        (tmp_path / "mine.py").write_text("import os\nfrom halfulp import activation, implementation\n" + text)
        return str(tmp_path / "mine.py")

    return write


def refusal(arguments, capsys):
    assert main(["explain", *arguments.split()]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def facts(text):
    """The lines with a name above the first table, by that name."""
    named = (line.strip().split("  ", 1) for line in text.split("\n\n")[0].splitlines()[1:] if line[2] != " ")
    return {name: said.strip() for name, said in named}


def rows(text):
    """The cells of the lines of the last table, by the name of the kernel."""
    below = text.rstrip().rsplit("---\n", 1)[1].splitlines()
    return {line.split()[0]: [cell.strip() for cell in line.split("  ") if cell.strip()][1:] for line in below}


def test_the_truth_at_one_input(explained):
    text = explained("silu", "float32", "-0x1.6p+6", "--direction", "forward")
    assert text.startswith("silu forward, float32, beta = 1.0\n")
    assert facts(text) == {
        "x": "-0x1.6p+6 = -88, ordinal -1118830592, bits 0xc2b00000",
        "f(x)": "-5.328049667953043578388037e-37",
        "RN(f(x))": "-0x1.6a9bb8p-121 = -5.3280498e-37, ordinal -53824988, bits 0x83354ddc",
        "condition": "-87: a small relative change of x is -87 times as large in f(x)",
        "f(x ± 1 ulp)": "-0x1.6a9b04p-121, -0x1.6a9bb8p-121, -0x1.6a9c6ap-121: 180 numbers inside",
    }
    assert "0.195 ulp below f(x), which is 0.305 ulp from the midpoint to -0x1.6a9bb6p-121; 1 ulp = 2^-144" in text
    assert "no kernel" in text


def test_every_kernel_has_a_row(explained):
    def raises(x):
        raise ValueError("not today")

    def lanes(x):
        return np.where(np.arange(len(x)) < 64, np.float32(-5.3280498e-37), np.float32(0))

    kernels = [
        make_kernel(lambda x: np.full_like(x, -5.328e-37), "silu", variant="off", claim=Claim(2.0)),
        make_kernel(lambda x: np.full_like(x, -5.3280498e-37), "silu", variant="right", claim=Claim("rounded")),
        make_kernel(lambda x: x * np.float32(np.nan), "silu", variant="nan"),
        make_kernel(raises, "silu", variant="raises"),
        make_kernel(lanes, "silu", variant="lanes"),
        make_kernel(lambda x: x, "silu", dtype="float16", variant="other_dtype"),
        make_kernel(lambda dy, x: x, "silu", "backward", variant="other_direction"),
    ]
    place = f"test_bench_explain.py, line {raises.__code__.co_firstlineno + 1}"
    found = rows(explained("silu", "float32", "-88", "--direction", "forward", kernels=kernels))
    assert found == {
        "test-off": ["-0x1.6a9adap-121", "110.9", "111", "none", "no", "≤ 2 ulp"],
        "test-right": ["-0x1.6a9bb8p-121", "0.195", "0", "none", "yes", "correctly rounded"],
        "test-nan": ["nan", "–", "–", "nan", "no", "none"],
        "test-raises": [f"raised: ValueError: not today ({place})", "–", "–", "–", "–", "none"],
        "test-lanes": [
            *("-0x1.6a9bb8p-121", "0.195", "0", "none", "yes", "none"),
            "3 of 67 copies in one array, the first at 64, get 0x0p+0 (zero)",
        ],
    }


def test_both_directions_are_explained_if_none_is_named(explained):
    kernels = [make_kernel(lambda *a: a[-1], "relu", d) for d in ("forward", "backward")]
    text = explained("relu", "float32", "0.1", kernels=kernels)
    assert [line for line in text.splitlines() if line.startswith("relu")] == [
        "relu forward, float32",
        "relu backward, float32",
    ]
    assert text.count("test-stable") == 2
    assert text.count("the number of float32 nearest to 0.1") == 2


def test_filters(explained):
    kernels = [make_kernel(lambda x: x, "relu", variant=v) for v in ("textbook", "stable", "fast")]
    command = ("relu", "float32", "1", "--direction", "forward", "--variant", "stable,fast")
    assert list(rows(explained(*command, kernels=kernels))) == ["test-stable", "test-fast"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("relu float16 0.1 --direction forward", "x  0x1.998p-4 = 0.1, ordinal 11878, bits 0x2e66: the number of"),
        ("relu float32 1 --direction forward", "exactly; 1 ulp = 2^-23"),
        ("relu float32 -1 --direction forward", "undefined, since f(x) is 0"),
        ("relu float32 nan --direction forward", "x  nan, bits 0x7fc00000\n"),
        ("relu float16 1e9 --direction forward", "inf, bits 0x7c00: the number of float16 nearest to 1e9"),
        ("relu float16 inf --direction forward", "just the class is judged"),
        ("silu float32 -1e9 --direction forward", "far smaller than the least number; 1 ulp = 2^-149"),
        ("silu float32 -1e9 --direction forward --beta 0x1.8p0", "silu forward, float32, beta = 1.5\n"),
        ("prelu float16 -1e4 --direction forward --alpha 9", "beyond the largest number by half an ulp or more"),
        ("leaky_relu bfloat16 -0.0 --direction backward --dy 2", "0x1p+1 = 2, ordinal 16384, bits 0x4000: at a kink"),
        ("leaky_relu float32 -1 --direction backward --dy 2 --negative-slope 0.25", "dy·f′(x)  0.5\n"),
        ("leaky_relu float32 -1 --direction backward --negative_slope 0.25", "f′(x)  0.25\n"),
        (
            "silu bfloat16 -1.15625 --direction forward --beta 1.1095240483494682",
            "-0x1p-2, -0x1p-2, -0x1p-2, with its minimum -0x1.02p-2: 2 numbers inside",
        ),
    ],
)
def test_what_is_said_of_particular_points(explained, command, expected):
    squeezed = "\n".join("  ".join(line.split("  ")).strip() for line in explained(*command.split()).splitlines())
    while "   " in squeezed:
        squeezed = squeezed.replace("   ", "  ")
    assert expected in squeezed


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sulu float32 1", "no activation 'sulu'; choose from elu, gelu, gelu_tanh, "),
        ("silu float33 1", "no dtype 'float33'; choose from float16, bfloat16, float32, float64"),
        ("silu float32 one", "'one' is no number"),
        ("silu float32 bits:0x1ffffffff", "does not fit into the 32 bits of float32"),
        ("silu float32 1 --direction up", "no direction 'up'; choose from forward, backward, both"),
        ("prelu float32 1 --direction backward_alpha", "backward_alpha is a sum over all elements, and not explained"),
        ("silu float32 1 --dy inf", "--dy inf: must be finite"),
        ("silu float32 1 --direction forward --dy 2", "--dy is a factor of the gradient"),
        ("silu float32 1 --alpha 2", "no parameter of silu 'alpha'; choose from beta"),
        ("silu float32 1 --beta -0x1p3", "beta is -8.0: it must be a finite number greater than 0"),
        ("silu float32 1 --beta x", "'x' is no number"),
        ("silu float32 1 --backend nump", "no backend of silu-forward-float32 'nump'; choose from "),
        ("silu float32 1 --variant", None),
    ],
)
def test_a_wrong_call_gets_one_line(command, expected, capsys):
    if expected is None:
        with pytest.raises(SystemExit, match="4"):
            main(["explain", *command.split()])
    else:
        assert expected in refusal(command, capsys)


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda f: f.name)
def test_the_shortest_decimal_reads_back_as_the_same_number(form):
    one = form.dtype.type(1)
    texts = {shortest(form.dtype.type(x), form) for x in (0.1, 1.0, 88.0)}
    assert texts == {"0.1", "1", "88"}
    after = form.from_ordinals(form.ordinals(np.array([one])) + 1)[0]
    digits = {"float16": "1.001", "bfloat16": "1.01", "float32": "1.0000001", "float64": "1.0000000000000002"}
    assert shortest(after, form) == digits[form.name]


OWN = """
def register(function):
    name = function.__name__
    return implementation("leaky_relu", backend="mine", variant=name, dtypes=("float32",))(function)

@register
def ends(x, negative_slope):
    os._exit(3)

@register
def ends_on_many(x, **parameters):
    return x if x.size == 1 else os._exit(4)

@register
def scales(x, negative_slope):
    return x * x.dtype.type(negative_slope)

@register
def scales_by_more(x, **parameters):
    return x * x.dtype.type(parameters["negative_slope"])

@register
def built_in(x):
    return x * x.dtype.type(0.01)
"""


def test_a_kernel_that_ends_its_process_is_a_line_and_parameters_get_there(user_file, capsys):
    command = ["explain", "leaky_relu", "float32", "-3", "--direction", "forward", "--negative-slope", "0.25"]
    assert main([*command, "--kernels", user_file(OWN), "--backend", "mine,numba,numpy"]) == 0
    found = rows(capsys.readouterr().out)
    assert {name: row[0] for name, row in found.items()} == {
        "mine-ends": "crashed: the process exited with 3 (at input -0x1.8p+1)",
        "mine-ends_on_many": "crashed: the process exited with 4",
        "mine-scales": "-0x1.8p-1",
        "mine-scales_by_more": "-0x1.8p-1",
        "mine-built_in": "only for negative_slope = 0.01",
        "numba-textbook": "-0x1.8p-1",
        "numba-stable": "-0x1.8p-1",
        "numba-fast": "-0x1.8p-1",
        "numba-rounded": "-0x1.8p-1",
        "numpy-library": "-0x1.8p-1",
    }


def test_each_backend_is_called_in_a_process_of_its_own(monkeypatch):
    found = {}

    def here(kernel, hosts):
        found.setdefault(kernel.backend, set()).add(id(hosts[kernel.id]))
        return kernel

    monkeypatch.setattr(explain, "isolated", here)
    assert main(["explain", "relu", "float32", "1", "--direction", "forward", "--backend", "numba,numpy"]) == 0
    (numba,), (numpy,) = found["numba"], found["numpy"]
    assert numba != numpy


def test_an_activation_of_a_users_own_is_explained(user_file, capsys):
    text = """
@activation("square")
def square(x):
    return x * x

@implementation("square", backend="mine", variant="naive", dtypes=("float32",))
def naive(x):
    return x * x
"""
    assert main(["explain", "square", "float32", "3", "--kernels", (place := user_file(text))]) == 0
    forward, backward = capsys.readouterr().out.split("square backward")
    assert rows(forward)["mine-naive"][:2] == ["0x1.2p+3", "0"]
    assert backward.endswith(f"\n\nno kernel of ours, a library or {place} is registered for this\n")


def test_a_file_that_can_not_be_imported_is_one_line(user_file, capsys):
    place = user_file("os._exit(3)")
    said = refusal(f"relu float32 1 --kernels {place}", capsys)
    assert said == f"explain: --kernels {place} could not be imported: the process exited with 3\n"
