# SPDX-License-Identifier: MIT
"""``--baseline``: what got worse is named with its input, what is gone is missing, and exit codes are as documented."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from bench.calling import arguments, call
from bench.gate import largest_cured, open_gate, worse_at
from bench.run import Session
from bench.truths import truth
from kernels.registry import Claim
from reports import schema
from reports.baselines import accept
from tests.command import Ran, benchmark
from tests.making import make_kernel
from tests.report_results import results
from tests.test_bench_run import NoStopwatch, a_session, relu

FILE = """
import numpy as np
from halfulp import implementation

COEFFICIENT = {coefficient!r}
ODD = np.float32("{odd}")


@implementation("tanh", backend="mine", variant="scaled", dtypes=("float16",))
def scaled(x):
    return (np.tanh(x.astype(np.float64)) * COEFFICIENT).astype(np.float16)


@implementation("relu", backend="mine", variant="odd", dtypes=("float32",))
def odd(x):
    return np.where(x == ODD, np.nextafter(x, np.float32(0)), np.maximum(x, np.float32(0)))
{more}
"""
EXTRA = """

@implementation("relu", backend="mine", variant="extra", dtypes=("float32",))
def extra(x):
    return np.maximum(x, np.float32(0))
"""
SCALED = "tanh-forward-float16-mine-scaled"
FILTERS = ("--backend", "mine", "--only", "accuracy")


def one_worse() -> tuple[float, np.float16, np.float16, np.float16]:
    """A coefficient with which one result more is misrounded, its input, that result, and what it was."""
    x = np.arange(0x7C00, dtype=np.uint16).view(np.float16)
    exact = np.tanh(x.astype(np.float64))
    for step in range(1, 5000):
        coefficient = 1 + step * 1e-9
        got, was = (exact * coefficient).astype(np.float16), exact.astype(np.float16)
        if np.count_nonzero(got != was) == 1:
            at = int(np.argmax(got != was))
            return coefficient, x[at], got[at], was[at]
    raise AssertionError("no such coefficient")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gate")


def write(folder, coefficient: float = 1.0, odd: float = np.nan, more: str = EXTRA):
    path = folder / "mine.py"
    path.write_text(FILE.format(coefficient=coefficient, odd=odd, more=more))
    return path


def run(folder, *arguments: str, **how) -> Ran:
    more = {name: how.pop(name) for name in ("coefficient", "odd", "more") if name in how}
    return benchmark(folder / "report", *FILTERS, *arguments, kernels=write(folder, **more))


@pytest.fixture(scope="module")
def base(folder):
    """A baseline of three kernels of a user's own."""
    done = run(folder)
    assert done.code == 0, done.out + done.err
    return accept(schema.load(done.folder / "results.json"), folder / "base.json")


def test_the_same_kernels_have_no_difference_and_pass(folder, base):
    done = run(folder, "--baseline", str(base))
    assert done.code == 0, done.out + done.err
    assert "3 kernels compared with " in done.out
    assert "nothing differs." in done.out


def test_one_coefficient_that_makes_one_result_worse_exits_with_6_and_names_it(folder, base):
    coefficient, x, got, was = one_worse()
    junit = folder / "junit.xml"
    done = run(folder, "--baseline", str(base), f"--junitxml={junit}", coefficient=coefficient)
    assert done.code == 6, done.out + done.err
    (failure,) = (found.get("message") for found in ElementTree.parse(junit).iter("failure"))
    told = f"{SCALED}: misrounded: 2 misrounded, was 0; "
    assert told in failure
    found = re.search(r"at (-?)(\S+): got -?(\S+), was -?(\S+), exact -?([\d.]+)", failure.split(told)[1])
    assert [float.fromhex(text) for text in found.groups()[1:4]] == [x, got, was]
    assert float(found[5]) == pytest.approx(np.tanh(float(x)), rel=1e-12)
    for text in (done.out, (done.folder / "summary.md").read_text(), (done.folder / "index.html").read_text()):
        assert f"{SCALED}: misrounded: 2 misrounded, was 0; at {found[1]}{found[2]}" in text
    judged = schema.load(done.folder / "results.json").comparison.differences
    assert {(d.kernel, d.judged) for d in judged} == {(SCALED, "regression")}


def test_one_sampled_float32_result_that_gets_worse_exits_with_6_and_is_named_whatever_pytest_it_is(folder, base):
    other = json.loads(base.read_text())
    assert other["rests_on"]["mine"] == ["numpy"]
    other["machine"]["libraries"] |= {"pytest": "1.0", "mpmath": "1.0", "numba": "0.1"}
    path = folder / "other.json"
    path.write_text(json.dumps(other))
    done = run(folder, "--baseline", str(path), odd=1.0)
    assert done.code == 6, done.out + done.err
    assert (
        "relu-forward-float32-mine-odd: misrounded: 1 misrounded, was 0; at 0x1p+0: got 0x1.fffffep-1, was 0x1p+0, e"
        in (done.out)
    )


def test_a_kernel_removed_or_renamed_exits_with_7_and_is_a_failing_item(folder, base):
    done = run(folder, "--baseline", str(base), "-ra", more=EXTRA.replace("extra", "renamed"))
    assert done.code == 7, done.out + done.err
    assert "relu-forward-float32-mine-extra is in the baseline and was not measured: removed, renamed" in done.out
    assert "FAILED bench/suite.py::relu-forward-float32-mine-extra" in done.out
    comparison = schema.load(done.folder / "results.json").comparison
    assert {(d.kernel.split("-")[-1], d.judged) for d in comparison.differences} == {
        ("extra", "missing"),
        ("renamed", "new"),
    }


@pytest.mark.parametrize(
    "left_out", [("--activation", "tanh"), ("-k", "scaled"), ("--dtype", "float16"), ("-k", "not extra")]
)
def test_what_filters_and_k_leave_out_is_not_missing(folder, base, left_out):
    done = run(folder, "--baseline", str(base), *left_out, more="")
    assert done.code == 0, done.out + done.err


def test_a_regression_comes_before_a_missing_kernel(folder, base):
    assert run(folder, "--baseline", str(base), odd=1.0, more="").code == 6


SPOILED = {
    "damaged": (lambda text: text[: len(text) // 2], "damaged or cut off"),
    "empty": (lambda text: "", "damaged or cut off"),
    "future": (lambda text: json.dumps(json.loads(text) | {"schema_version": 999}), "has schema version 999, this"),
    "without kernels": (lambda text: json.dumps(json.loads(text) | {"kernels": []}), "has no kernel, so that nothing"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_baseline_that_is_none_is_refused_before_anything_is_measured(folder, base, what):
    spoil, said = SPOILED[what]
    path = folder / "spoiled.json"
    path.write_text(spoil(base.read_text()))
    done = run(folder, "--baseline", str(path), odd=1.0)
    assert done.code == 4
    (line,) = done.err.strip().splitlines()
    assert line.startswith(f"ERROR: --baseline {path}: ")
    assert said in line
    assert what == "without kernels" or "then `python -m reports accept`" in line
    assert "collected" not in done.out


# In this process.


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"depth": "quick"}, "measured at depth standard, not quick: measure with --depth standard"),
        ({"seed": 0}, "measured with seed 1, not 0: measure with --seed 1"),
        ({"only": "speed"}, "--baseline compares accuracy: leave --only speed out"),
        ({"path": "none.json"}, "there is no such file: check the path, or restore it"),
    ],
)
def test_a_run_that_can_not_be_compared_is_refused(tmp_path, asked, said):
    path = tmp_path / "base.json"
    schema.save(results(), path)
    how = {"path": path, "depth": "standard", "seed": 1, "only": None} | asked
    with pytest.raises(pytest.UsageError) as error:
        open_gate(tmp_path / how["path"], how["depth"], how["seed"], how["only"])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_kernels_that_filters_leave_in_and_that_are_not_there_are_absent(tmp_path):
    path = tmp_path / "base.json"
    schema.save(results(), path)
    made = open_gate(path, "standard", 1, "accuracy")
    present = [k for k in results().kernels if k.variant != "stable"]
    absent = made.absent(present, {"dtype": ["float16", "bfloat16"], "activation": ["silu"]})
    assert absent == [
        f"silu-{direction}-{dtype}-numba-stable"
        for direction in ("forward", "backward")
        for dtype in ("float16", "bfloat16")
    ]


def held(function, dtype="float32"):
    kernel = make_kernel(function, dtype=dtype)
    found = truth(kernel, "quick", 0)
    return found, call(kernel, *arguments(kernel, found.inputs.values))


def test_the_result_that_got_worse_most_is_found_and_one_of_the_wrong_class_before_it():
    found, right = held(relu)
    x, wrong = found.inputs.values, right.copy()
    near, far, lost = (int(np.flatnonzero(x == v)[0]) for v in (1.0, 2.0, 4.0))
    assert worse_at(right, wrong, found) == worse_at(wrong, right, found) == {}
    wrong[near] = np.nextafter(wrong[near], np.float32(9))
    assert worse_at(right, wrong, found)["any"] == worse_at(right, wrong, found)["misrounded"] == (1, near)
    wrong[far] *= 2
    assert worse_at(right, wrong, found)["any"] == (2, far)
    assert worse_at(wrong, right, found) == {}  # all are better
    wrong[lost] = np.nan
    assert worse_at(right, wrong, found)["any"] == (3, lost)
    assert worse_at(right, wrong, found)["nan"] == (1, lost)
    assert worse_at(right, wrong, found)["outside"][1] in (far, lost)


def test_the_largest_error_in_the_place_of_a_result_of_the_wrong_class_is_found_and_no_other():
    found, before = held(relu)
    after, kernel = before.copy(), make_kernel(relu)
    cured, off = (int(np.flatnonzero(found.inputs.values == v)[0]) for v in (1.0, 2.0))
    after[cured], after[off] = 1 + 2**-22, 8
    assert largest_cured(kernel, before, after, found) == {}
    before[cured] = np.nan
    assert largest_cured(kernel, before, after, found) == {"max_ulp": 2.0, "max_ulp_outside_roots": 2.0}


def gated(tmp_path, before, after, **how) -> list[str]:
    """What is told of a kernel that was another function before."""
    path, kernels = tmp_path / "base.json", [make_kernel(f, **how) for f in (before, after)]
    first = a_session(kernels=kernels)
    made = results()
    made.kernels = [first.measure(kernels[0], NoStopwatch())]
    made.machine, made.backends = first.machine, []
    made.run.depth, made.run.seed = "quick", 0
    schema.save(made, path)
    options = a_session(kernels=kernels).options
    object.__setattr__(options, "gate", open_gate(path, "quick", 0, None))
    session = Session(options, "pytest --benchmark")
    return session.regressions(kernels[1], session.measure(kernels[1], NoStopwatch()))


def test_a_correctly_rounded_kernel_with_other_bits_is_told_with_an_input_that_shows_them(tmp_path):
    def minus(x):
        return np.where(x == 1, x, relu(x)) if x.size < 100 else np.where(x == 1, np.nextafter(x, x + 1), relu(x))

    told = gated(tmp_path, relu, minus, dtype="float16", claim=Claim("rounded"))
    told = {line.split(": ")[1]: line for line in told}
    for what in ("fingerprint", "misrounded"):
        assert "at 0x1p+0: got 0x1.004p+0, was 0x1p+0, exact 1.0" in told[what]


def test_a_result_that_got_better_hides_none_that_got_worse(tmp_path):
    def off(*places):
        return lambda x: np.where(np.isin(x, places), np.nextafter(x, x + 1), relu(x))

    (line,) = gated(tmp_path, off(1, 3), off(2), dtype="float16")
    assert "1 result is worse than in the baseline; at 0x1p+1: got 0x1.004p+1, was 0x1p+1, exact 2.0" in line


def test_a_result_that_was_nan_and_is_a_number_is_better_whatever_its_error_and_hides_none_that_is_worse(tmp_path):
    def cured(*off):
        return lambda x: np.where(np.isin(x, off), np.nextafter(x, x + 1), relu(x))

    def nan(x):
        return np.where(x == 1, x * np.nan, relu(x))

    def told(after, dtype):  # but for properties, which say nothing of NaNs
        return [line for line in gated(tmp_path, nan, after, dtype=dtype) if ": property: " not in line]

    assert told(cured(1), "float16") == told(cured(1), "float32") == []
    (line,) = told(cured(1, 2), "float16")
    assert "2 misrounded, was 1; at 0x1p+1: got 0x1.004p+1, was 0x1p+1, exact 2.0" in line


def test_a_mismatch_that_is_at_another_input_now_is_a_new_one(tmp_path):
    def zero(place):
        return lambda x: np.where(x == place, 0 * x, relu(x))

    told = gated(tmp_path, zero(1), zero(2), dtype="float16")
    (line,) = (line for line in told if ": mismatches: " in line)
    assert "1 of the wrong class (zero) that were not so; at 0x1p+1: got 0x0p+0, was 0x1p+1, exact 2.0" in line


def test_a_new_mismatch_is_told_with_its_input(tmp_path):
    told = gated(tmp_path, relu, lambda x: np.where(x == 3, x * np.nan, relu(x)), dtype="float16")
    (line,) = (line for line in told if ": mismatches: " in line)
    assert "1 of the wrong class (nan), was 0; at 0x1.8p+1: got nan, was 0x1.8p+1, exact 3.0" in line


def test_a_kernel_of_which_nothing_is_a_number_is_told_with_an_input_all_the_same(tmp_path):
    told = gated(tmp_path, relu, lambda x: x * np.nan, dtype="float16")
    (line,) = (line for line in told if ": max ulp: " in line)
    assert line.endswith(": – ulp, was 0; at 0x0p+0: got nan, was 0x0p+0, exact 0.0")


def test_a_kernel_that_raises_now_is_told(tmp_path):
    def raising(x):
        raise ArithmeticError("not today")

    (line,) = gated(tmp_path, relu, raising)
    assert line.startswith("relu-forward-float32-test-stable: failed: raised: ")


def test_a_kernel_that_the_baseline_does_not_have_is_no_regression(tmp_path):
    assert gated(tmp_path, relu, relu) == []
    path = tmp_path / "base.json"
    found = a_session().measure(make_kernel(relu, variant="another"), NoStopwatch())
    made = open_gate(path, "quick", 0, None)
    assert made.regressions(make_kernel(relu, variant="another"), found, a_session().setup, "quick", 0) == []
