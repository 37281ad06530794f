# SPDX-License-Identifier: MIT
"""Kernels of a user's own: from files and modules, and what is said where they can't be had."""

import contextlib
import os
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

import reference
from bench import process, remote
from bench.calling import KernelError, call
from bench.fenv import mode
from bench.machine import ROOT
from bench.remote import closing_all
from bench.users import LoadError, hosted, load
from kernels import registry
from kernels.registry import Kernel, registered
from reports import schema
from tests.command import benchmark

SURROUNDINGS = """
import os, tempfile
os.environ["OF_A_TEST"] = "changed"
os.environ.pop("ALSO_OF_A_TEST", None)
os.chdir(tempfile.gettempdir())
"""
MODES = {"nearest": 0, "upward": 0x800}  # of <fenv.h> on x86-64
RELU = """
import numpy as np
from halfulp import implementation


@implementation("relu", backend="mine", variant="{variant}", dtypes=("float32", "float64"), max_ulp=0.5)
def relu(x):
    return np.maximum(x, x.dtype.type(0))
"""


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    """What a test registers and imports is gone after it."""
    monkeypatch.setattr(registry, "_kernels", dict(registry._kernels))
    monkeypatch.setattr(reference, "_added", {})
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "path", list(sys.path))


def loaded(places: list[str]) -> list[Kernel]:
    """The kernels of all places, in order."""
    return [kernel for there in load(places).values() for kernel in there]


@pytest.fixture
def write(tmp_path):
    def file(text: str, name: str = "mine.py") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return file


def test_a_file_registers_its_kernels(write):
    kernels = loaded([write(RELU.format(variant="one"))])
    assert [k.id for k in kernels] == ["relu-forward-float32-mine-one", "relu-forward-float64-mine-one"]
    assert [k for k in registered() if k.backend == "mine"] == kernels
    assert kernels[0](np.float32([-1, 2])).tolist() == [0, 2]


def test_files_are_given_again_and_the_same_one_counts_once(write):
    one, two = write(RELU.format(variant="one"), "one.py"), write(RELU.format(variant="two"), "two.py")
    assert [k.variant for k in loaded([one, two, one])] == ["one", "one", "two", "two"]


def test_a_file_imports_what_lies_beside_it_before_all_and_later_after_all(write, tmp_path):
    write("VARIANT = 'beside'", "my_names.py")
    before = list(sys.path)
    place = write("from my_names import VARIANT\n" + RELU.format(variant="one").replace('"one"', "VARIANT"))
    for _ in range(2):
        assert {k.variant for k in loaded([place])} == {"beside"}
        assert sys.path == [*before, str(tmp_path)]
        registry._kernels.clear()


def test_a_kernel_may_import_what_lies_beside_it_when_it_is_called(write):
    write("ZERO = 0", "my_zero.py")
    text = (
        RELU.format(variant="one")
        .replace("    return", "    import my_zero\n    return")
        .replace("(0)", "(my_zero.ZERO)")
    )
    with remote.closing_all(hosted([write(text)])) as hosts:
        kernel = next(remote.isolated(k, hosts) for k in registered() if k.backend == "mine")
        assert call(kernel, np.float32([-1, 2])).tolist() == [0, 2]


SHARED = """
from halfulp import activation, implementation
@activation("sq")
def sq(x): return x * x
@implementation("sq", backend="mine", variant="one", dtypes=("float32",))
def f(x): return x * x
"""


def test_files_may_share_an_activation_in_any_order(write):
    one = write(SHARED, "shared.py")
    text = SHARED.replace('"one"', '"two"').replace('@activation("sq")\n', "import shared\n")
    two, three = write(text, "two.py"), write(text.replace('"two"', '"three"'), "three.py")
    found = load([one, two])
    assert {place: [k.variant for k in there] for place, there in found.items()} == {one: ["one"], two: ["two"]}
    assert load([three])[three][0].variant == "three"


def test_a_file_that_another_one_has_imported_registers_nothing_more(write):
    one = write(SHARED, "shared.py")
    two = write(SHARED.replace('"one"', '"two"').replace('@activation("sq")\n', "import shared\n"), "two.py")
    with remote.closing_all(hosted([two, one])) as hosts:
        assert {name: host.places for name, host in hosts.items()} == {
            "sq-forward-float32-mine-one": [two],
            "sq-forward-float32-mine-two": [two],
        }


def test_a_file_may_be_named_like_a_module(write):
    loaded([write(RELU.format(variant="one"), "numpy.py")])
    assert sys.modules["numpy"] is np


def test_a_module_registers_its_kernels(write, tmp_path, monkeypatch):
    write(RELU.format(variant="module"), "my_module.py")
    monkeypatch.syspath_prepend(tmp_path)
    assert {k.variant for k in loaded(["my_module"])} == {"module"}


def test_a_package_registers_its_kernels_also_where_its_folder_is(write, tmp_path, monkeypatch):
    (tmp_path / "my_package").mkdir()
    write(RELU.format(variant="package"), "my_package/__init__.py")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert {k.variant for k in loaded(["my_package"])} == {"package"}
    with pytest.raises(LoadError, match="it is a folder"):
        load(["./my_package"])


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("raise RuntimeError('not today')", "broken_package.silu", "broken_package.silu: RuntimeError: not today"),
        ("import no_such_library", "broken_package", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("import no_such_library", "broken_package.silu", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("", "broken_package.silu", "there is no such module"),
    ],
)
def test_what_is_wrong_with_a_package_is_told(write, tmp_path, monkeypatch, text, place, said):
    (tmp_path / "broken_package").mkdir()
    write(text, "broken_package/__init__.py")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LoadError) as error:
        load([place])
    assert said in str(error.value)


def test_parameters_are_the_kernels_own(write):
    text = RELU.format(variant="one").replace('"relu"', '"leaky_relu"').replace("max_ulp=0.5", "negative_slope=0.25")
    assert loaded([write(text)])[0].parameters == {"negative_slope": 0.25}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = undefined\n", ": NameError: name 'undefined' is not defined (mine.py, line 2)"),
        ("def f(:\n", ": SyntaxError: invalid syntax (mine.py, line 1)"),
        ("import no_such_library\n", ": ModuleNotFoundError: No module named 'no_such_library' (mine.py, line 1)"),
        ("raise SystemExit(3)\n", ": SystemExit: 3 (mine.py, line 1)"),
        (RELU.replace("relu", "rule").format(variant="one"), "there is no activation 'rule'; choose from "),
        (RELU.format(variant="one") * 2, "registered twice"),
        ("def relu(x):\n    return x\n", "registers no kernel: decorate a function with halfulp.implementation"),
        (
            "from halfulp import activation\n\n@activation('mine')\ndef f(x):\n    return x\n",
            "registers only the activation mine, and no kernel of it",
        ),
    ],
)
def test_a_file_that_is_no_use_is_refused_in_one_line(write, text, said):
    place = write(text)
    with pytest.raises(LoadError) as error:
        load([place])
    assert str(error.value).startswith(f"--kernels {place}")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("no/such/file.py", "there is no such file"),
        ("tests/", "it is a folder: name a file"),
        ("reports/baselines", "it is a folder: name a file"),
        (".relative", "there is no such module"),
        ("README.md", "it is no Python file"),
        ("no_such_module", "there is no such module; a file's name ends in .py"),
        ("no_such_package.module", "there is no such module"),
        ("not a name", "there is no such module"),
        ("", "it is a folder"),
    ],
)
def test_what_is_not_there_is_refused(place, said, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(LoadError, match=said):
        load([place])


def test_they_are_measured_beside_ours_with_an_activation_of_their_own(write, tmp_path):
    text = """
import numpy as np
from halfulp import activation, implementation


@activation("square")
def square(x):
    return x * x


@implementation("square", backend="mine", variant="good", dtypes=("float32",), max_ulp=0.5)
def good(x):
    return x * x


@implementation("square", backend="mine", variant="bad", dtypes=("float32",), max_ulp=0.5)
def bad(x):
    return np.where(x == 2, np.float32(5), x * x)
"""
    other = write(RELU.format(variant="one"), "other.py")
    chosen = ("--activation", "square,relu", "--dtype", "float32", "--direction", "forward", "--only", "accuracy")
    chosen += ("--backend", "mine,numba")
    ran = benchmark(tmp_path / "report", *chosen, "--kernels", other, kernels=write(text))
    assert ran.code == 1
    verdicts = {(k.activation, k.variant): k.verdict for k in schema.load(ran.folder / "results.json").kernels}
    assert verdicts == {
        ("square", "good"): "not refuted",
        ("square", "bad"): "broken",
        ("relu", "one"): "not refuted",
        ("relu", "textbook"): "none",
        ("relu", "stable"): "not refuted",
        ("relu", "fast"): "not refuted",
        ("relu", "rounded"): "not refuted",
    }
    assert "square-forward-float32-mine-bad: claims at most 0.5 ulp" in ran.out
    skipped = {s.what: s.why for s in schema.load(ran.folder / "results.json").skipped if "search" in s.what}
    why = "4,096 of 8,192 evaluations: only mpmath knows square"
    what = "most of the search for the worst input of square-forward-float32-mine-"
    assert skipped == {what + "good": why, what + "bad": why}
    assert f"{what}good: {why}" in (tmp_path / "report" / "index.html").read_text()
    assert (tmp_path / "report" / "activations" / "square.html").exists()


def test_a_file_that_is_no_use_is_wrong_usage(write, tmp_path):
    ran = benchmark(tmp_path / "report", kernels=write("import no_such_library\n"))
    assert ran.code == 4
    assert "ModuleNotFoundError: No module named 'no_such_library'" in ran.err
    assert "Traceback" not in ran.err


def test_the_host_of_a_file_imports_it_first_and_calls_its_kernels(write):
    one, two = write(RELU.format(variant="one"), "one.py"), write(RELU.format(variant="two"), "two.py")
    found = hosted([one, two, one])
    mine = {k.id: k for k in registered() if k.backend == "mine"}
    assert {name: host.places for name, host in found.items()} == {
        "relu-forward-float32-mine-one": [one],
        "relu-forward-float64-mine-one": [one],
        "relu-forward-float32-mine-two": [two],
        "relu-forward-float64-mine-two": [two],
    }
    assert len({host.process.pid for host in found.values()}) == 2
    try:
        x = np.float32([-1, 2])
        there = {name: remote.isolated(mine[name], found) for name in found}
        assert all(k(x.astype(k.dtype)).tolist() == [0, 2] for k in there.values())
        assert there["relu-forward-float32-mine-one"].function.libraries() == {"numpy": np.__version__}
    finally:
        for host in found.values():
            host.close()


CHANGES_THE_STATE = """
import ctypes
import mpmath
np.seterr(all="raise")
mpmath.mp.prec = 10
ctypes.CDLL("libm.so.6").fesetround({mode})
"""


@pytest.mark.skipif(mode() is None, reason="the mode can't be read here")
def test_an_import_that_changes_the_mode_is_a_verdict_on_its_kernels_alone(write):
    before = mode(), np.geterr(), mpmath.mp.prec
    texts = {kind: RELU.format(variant=kind) + CHANGES_THE_STATE.format(mode=rounds) for kind, rounds in MODES.items()}
    with remote.closing_all(hosted([write(text, f"{kind}.py") for kind, text in texts.items()])) as hosts:
        assert (mode(), np.geterr(), mpmath.mp.prec) == before
        good, bad = (remote.isolated(k, hosts) for k in registered() if k.backend == "mine" and k.dtype == "float32")
        for _ in range(2):
            with pytest.raises(KernelError, match=r"changed_mode: the import of .*upward.py left .*not rounded"):
                call(bad, np.float32([1]))
        assert call(good, np.float32([1])) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\nos._exit(0)\n", "could not be imported: the process exited with 0"),
        ("import ctypes\nctypes.string_at(0)\n", "could not be imported: the process was ended by SIGSEGV"),
        (
            "while True: pass\n",
            "could not be imported: did not return within 2 s, and was stopped, twice: it hangs, or the machine is",
        ),
        ("x = undefined\n", ": NameError: name 'undefined' is not defined (mine.py, line 1)"),
        ("", "registers no kernel"),
    ],
)
def test_what_an_import_does_to_its_process_is_told_and_not_tried_here(write, monkeypatch, text, said):
    monkeypatch.setattr(process, "START_LIMIT_S", 2.0 if "within" in said else 60.0)
    place = write(text)
    with pytest.raises(LoadError) as error:
        hosted([place])
    assert str(error.value).startswith(f"--kernels {place}")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_an_import_that_took_too_long_is_tried_once_more(write, monkeypatch):
    reply, limits = remote.Host._reply, []

    def late_at_first(host, limit_s):
        limits.append(limit_s)
        return reply(host, limit_s if len(limits) > 1 else 0.0)

    monkeypatch.setattr(remote.Host, "_reply", late_at_first)
    with closing_all(hosted([write(RELU.format(variant="one"))])) as hosts:
        assert len(hosts) == 2
    assert limits == [process.START_LIMIT_S] * 2


def test_no_process_is_left_where_another_file_is_no_use(write, monkeypatch):
    started = []
    start = remote.Host.start
    monkeypatch.setattr(remote.Host, "start", lambda host: (started.append(host), start(host)))
    with pytest.raises(LoadError, match="exited with 3"):
        hosted([write(RELU.format(variant="one"), "one.py"), write("import os\nos._exit(3)\n", "two.py")])
    assert [host.process for host in started] == [None, None]


def test_a_file_whose_import_ends_its_process_is_wrong_usage(write, tmp_path):
    ran = benchmark(tmp_path / "report", kernels=write("import os\nos._exit(0)\n"))
    assert ran.code == 4
    (line,) = ran.err.strip().splitlines()
    assert "could not be imported: the process exited with 0" in line


@pytest.mark.parametrize("then", ["returns", "raises"])
def test_what_an_import_does_to_its_surroundings_is_no_matter_of_other_processes(write, monkeypatch, tmp_path, then):
    monkeypatch.setenv("ALSO_OF_A_TEST", "as it was")
    monkeypatch.setattr(process.Host, "start", lambda self: None)
    monkeypatch.chdir(tmp_path)
    text = SURROUNDINGS + (RELU.format(variant="one") if then == "returns" else "1 / 0")
    with pytest.raises(LoadError) if then == "raises" else contextlib.nullcontext():
        hosted([write(text)])
    assert "OF_A_TEST" not in os.environ
    assert os.environ["ALSO_OF_A_TEST"] == "as it was"
    assert Path.cwd() == tmp_path
