# SPDX-License-Identifier: MIT
"""Two runs are compared kernel by kernel; what can't be compared is refused in one line; exit codes as documented."""

import pytest

from reports.gate import BaselineError, check, compare, exit_code, expected
from reports.judging import Singles, Worse
from reports.schema import Results, Skipped
from tests.report_results import HOSTILE, failed, kernel, results

ID = "silu-forward-float32-numba-stable"


def both() -> tuple[Results, Results]:
    return results(), results()


def by_id(made: Results, name: str = ID):
    return next(k for k in made.kernels if k.id == name)


def judged(comparison) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for difference in comparison.differences:
        found.setdefault(difference.judged, []).append(difference.kernel)
    return found


def test_equal_results_have_no_difference():
    old, new = both()
    found = compare(old, new, "base.json")
    assert (found.differences, found.compared, exit_code(found)) == ([], len(new.kernels), 0)
    assert (found.baseline, found.started, found.commit) == ("base.json", old.run.started, old.run.commit)


def test_the_command_that_accepts_names_the_files_that_were_compared():
    old, new = both()
    assert compare(old, new, "base.json").accept == "python -m reports accept"
    found = compare(old, new, "my base.json", results="out/results.json")
    assert found.accept == "python -m reports accept out/results.json --baseline 'my base.json'"
    del new.kernels[0]
    assert compare(old, new, "base.json").accept == "python -m reports accept --fewer"


def test_a_regression_exits_with_6_and_is_told_with_its_witness():
    old, new = both()
    by_id(new).accuracy.misrounded += 1
    found = compare(old, new, "base.json", {ID: Singles({"misrounded": Worse(1, "at 0x1p+0: got 1, exact 2")})})
    assert judged(found) == {"regression": [ID]}
    assert found.differences[0].text.endswith("at 0x1p+0: got 1, exact 2")
    assert exit_code(found) == 6


def test_better_and_new_ask_for_nothing_but_a_new_baseline():
    old, new = both()
    by_id(new).accuracy.misrounded -= 1
    old.kernels = old.kernels[1:]
    found = compare(old, new, "base.json")
    assert judged(found) == {"better": [ID], "new": [new.kernels[0].id]}
    assert exit_code(found) == 0


def test_a_vanished_kernel_exits_with_7_unless_something_is_worse():
    old, new = both()
    new.kernels.remove(by_id(new))
    found = compare(old, new, "base.json")
    assert judged(found) == {"missing": [ID]}
    assert "removed, renamed or skipped" in found.differences[0].text
    assert exit_code(found) == 7
    new.kernels[0].accuracy.misrounded += 1
    assert exit_code(compare(old, new, "base.json")) == 6


def test_what_the_filters_left_out_is_counted():
    old, new = both()
    old.kernels = [k for k in old.kernels if k.activation == "silu"]
    new.kernels = [k for k in new.kernels if k.activation == "softplus"]
    new.run.filters = {"activation": ["softplus"]}
    found = compare(old, new, "base.json")
    assert "missing" not in judged(found)
    assert (found.compared, found.left_out, exit_code(found)) == (0, len(old.kernels), 0)


def test_why_a_kernel_was_skipped_is_said():
    old, new = both()
    old.kernels.append(kernel("silu", "forward", "float32", "library", "torch"))
    new.skipped.append(Skipped(what="backend torch", why="torch is not installed: pip install torch"))
    (found,) = compare(old, new, "base.json").differences
    assert found.text.endswith("torch is not installed: pip install torch")
    old.kernels[-1] = kernel("silu", "forward", "float32", "compiled", "torch")
    new.skipped = [Skipped(what="variant compiled", why="there is no C++ compiler: install one")]
    (found,) = compare(old, new, "base.json").differences
    assert found.text.endswith("there is no C++ compiler: install one")


@pytest.mark.parametrize(
    ("filters", "deselected", "due"),
    [
        ({}, [], True),
        ({"dtype": ["float32", "float64"], "backend": ["numba"]}, [], True),
        ({"dtype": ["float64"]}, [], False),
        ({"variant": ["stable"], "activation": ["gelu"]}, [], False),
        ({}, [ID], False),
        ({}, ["another"], True),
    ],
)
def test_a_kernel_outside_the_filters_is_not_missing(filters, deselected, due):
    old, new = both()
    new.run.filters, new.run.deselected = filters, deselected
    new.kernels.remove(by_id(new))
    assert expected(by_id(old), new.run) is due
    found = compare(old, new, "base.json")
    assert (ID in judged(found).get("missing", [])) is due
    assert found.left_out == (not due)


def test_another_version_of_a_library_is_no_regression_of_its_kernel_nor_an_excuse_for_ours():
    old, new = both()
    for made in (old, new):
        made.kernels += [
            kernel("silu", "forward", "float32", v, b) for b, v in (("numpy", "library"), ("numba", "fast"))
        ]
    for k in new.kernels[-2:]:
        k.accuracy.misrounded += 1
    new.machine.libraries = {"numpy": "3.0", "numba": "0.68.1"}
    new.machine.instruction_sets = ["asimd"]
    found = judged(compare(old, new, "base.json"))
    assert found == {"elsewhere": [new.kernels[-2].id], "regression": [new.kernels[-1].id]}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda r: r.kernels.clear(), "has no kernel, so that nothing can be compared: make one"),
        (lambda r: [setattr(k, "accuracy", None) for k in r.kernels], "has no accuracy of any kernel"),
        (
            lambda r: setattr(r.run, "depth", "quick"),
            "at depth quick, not standard: measure with --depth quick",
        ),
        (lambda r: setattr(r.run, "seed", 5), "measured with seed 5, not 1: measure with --seed 5"),
        (lambda r: setattr(r.kernels[2].accuracy, "deviations", "?!"), f"damaged ({results().kernels[2].id}: dev"),
        (lambda r: setattr(r.kernels[2].accuracy, "deviations", "\x00é"), "restore it, or make a new one with `python"),
    ],
)
def test_what_can_not_be_compared_is_refused_in_one_line_that_says_what_to_do(spoil, said):
    old, new = both()
    spoil(old)
    with pytest.raises(BaselineError) as error:
        check(old, "base.json", "standard", 1)
    message = str(error.value)
    assert message.startswith("base.json: ")
    assert said in message
    assert "\n" not in message
    with pytest.raises(BaselineError):
        compare(old, new, "base.json")


def test_new_results_of_speed_alone_are_refused():
    old, new = both()
    new.run.only = "speed"
    with pytest.raises(BaselineError, match="without --only speed"):
        compare(old, new, "base.json")


def test_hostile_names_and_failures_are_compared_like_any_other():
    old, new = both()
    new.kernels.append(failed("softplus", HOSTILE, "no"))
    assert judged(compare(old, new, "base.json")) == {"new": [new.kernels[-1].id]}


def test_kernels_of_a_library_that_the_baseline_has_none_of_are_no_news():
    old, new = both()
    new.kernels.append(kernel("silu", "forward", "float32", "library", "torch"))
    found = compare(old, new, "base.json")
    assert (found.differences, found.compared) == ([], len(old.kernels))
