# SPDX-License-Identifier: MIT
"""What counts as a regression of one kernel, what as better, and what is only news; made-up results."""

from collections.abc import Callable

import pytest

from reports.circumstances import Excuse
from reports.judging import Singles, Worse, judge
from reports.schema import Example, Failure, KernelResult, Property
from tests.report_results import all_nan, kernel

SHOWN = "at 0x1p+3: got 0x1p+2, was 0x1p+1, exact 2.0"


def ours(dtype: str = "float16", direction: str = "forward") -> KernelResult:
    return kernel("silu", direction, dtype, "stable")


def changed(
    change: Callable[[KernelResult], None], dtype: str = "float16", direction: str = "forward", excuse=None, **more
):
    """The differences of a kernel that was changed, and of the change taken back, as (what, judged, text)."""
    old, new = ours(dtype, direction), ours(dtype, direction)
    change(new)
    return [
        [(d.what, d.judged, d.text) for d in judge(a, b, Excuse(**excuse or {}), **more)]
        for a, b in ((old, new), (new, old))
    ]


def setting(part: str, **values):
    def change(kernel: KernelResult) -> None:
        for name, value in values.items():
            setattr(getattr(kernel, part) if part else kernel, name, value)

    return change


def test_the_same_results_differ_in_nothing():
    for dtype in ("float16", "float32"):
        assert judge(ours(dtype), ours(dtype)) == []


WORSE = {
    "max ulp": (setting("accuracy", max_ulp=2.8), "2.8 ulp, was 2.719; the worst at -0x1.5d58aep+6: got -0x0.0p+0, ex"),
    "max ulp N(0, 1)": (
        setting("accuracy", max_ulp_normal=0.6, worst_input_normal="0x1p-1"),
        "0.6 ulp on N(0, 1), was 0.5001; the worst at 0x1p-1",
    ),
    "misrounded": (setting("accuracy", misrounded=1235), "1,235 misrounded, was 1,234; the worst at -0x1.5d58aep+6"),
    "outside f(x ± 1 ulp)": (setting("accuracy", outside_conditioning=18), "18 outside f(x ± 1 ulp), was 17; the w"),
    "mean ulp": (setting("accuracy", mean_ulp=0.2600001), "0.2600001 ulp on average, was 0.26; the worst at"),
    "mismatches": (
        setting("safety", by_kind={"nan": 1}, examples=[Example(input="inf", got="nan", want="0.0", kind="nan")]),
        "1 of the wrong class (nan), was 0; e.g. nan at inf: got nan, exact 0.0",
    ),
}


@pytest.mark.parametrize("what", WORSE)
def test_worse_is_a_regression_with_what_shows_it_and_the_reverse_is_better(what):
    change, text = WORSE[what]
    ((found,), (reverse,)) = changed(change)
    assert found[:2] == (what, "regression")
    assert found[2].startswith(text)
    assert reverse[:2] == (what, "better")
    assert "the worst" not in reverse[2]


RESPECTS = {
    "max ulp N(0, 1)": "normal",
    "misrounded": "misrounded",
    "outside f(x ± 1 ulp)": "outside",
    "mismatches": "nan",
}


@pytest.mark.parametrize("what", RESPECTS)
def test_an_input_that_got_worse_in_that_respect_is_named_where_it_is_known(what):
    worse = {name: Worse(1, f"another of {name}") for name in (*RESPECTS.values(), "any", "inf")}
    worse = {k: w for k, w in worse.items() if k not in ("nan", "inf") or what == "mismatches"}
    worse[RESPECTS[what]] = Worse(1, SHOWN)
    (found, *more), _ = changed(WORSE[what][0], singles=Singles(worse))
    assert found[0] == what
    assert found[2].endswith(SHOWN)
    assert all("another of inf" in text for _, _, text in more)


def test_the_largest_error_is_named_with_its_own_input():
    ((found,), _) = changed(WORSE["max ulp"][0], singles=Singles({"any": Worse(1, SHOWN)}))
    assert "the worst at -0x1.5d58aep+6" in found[2]


def test_each_kind_of_mismatch_is_shown_by_one_of_its_own():
    examples = [
        Example(input=i, got=g, want="2.0", kind=k) for i, g, k in (("0x1p+3", "nan", "nan"), ("0x1p+4", "inf", "inf"))
    ]
    (nan, inf), _ = changed(setting("safety", by_kind={"nan": 1, "inf": 1}, examples=examples))
    assert nan[2].endswith("(nan), was 0; e.g. nan at 0x1p+3: got nan, exact 2.0")
    assert inf[2].endswith("(inf), was 0; e.g. inf at 0x1p+4: got inf, exact 2.0")


def test_a_better_figure_hides_no_result_that_got_worse_nor_a_worse_mean():
    def better(kernel):
        kernel.accuracy.misrounded -= 1

    def mixed(kernel):
        better(kernel)
        kernel.accuracy.mean_ulp, kernel.accuracy.fingerprint = 9.0, "other"

    assert [f[:2] for f in changed(mixed)[0]] == [("misrounded", "better"), ("mean ulp", "regression")]
    found, _ = changed(better, singles=Singles({"any": Worse(2, SHOWN)}))
    assert found[1] == ("results", "regression", f"2 results are worse than in the baseline; {SHOWN}")
    found, _ = changed(lambda _: None, singles=Singles({"any": Worse(1, SHOWN), "zero": Worse(1, SHOWN)}))
    assert found[0] == ("mismatches", "regression", f"1 of the wrong class (zero) that were not so; {SHOWN}")


def test_an_error_where_there_was_no_result_is_no_worse_and_a_mean_is_not_where_no_result_is():
    def cured(kernel):
        kernel.accuracy.max_ulp = kernel.accuracy.max_ulp_normal = 2.8
        kernel.accuracy.mean_ulp = 0.27

    known = Singles(cured={"max_ulp": 2.8, "max_ulp_normal": 2.8})
    assert {judged for _, judged, _ in changed(cured)[0]} == {"regression"}
    found, reverse = changed(cured, singles=known)
    assert [f[:2] for f in found] == [("max ulp", "changed"), ("max ulp N(0, 1)", "changed")]
    assert found[0][2].endswith(", where it was of the wrong class")
    assert {judged for _, judged, _ in reverse} == {"better"}
    found, _ = changed(cured, singles=Singles(cured={"max_ulp": 2.7}))  # the largest is not of those
    assert [f[:2] for f in found] == [("max ulp", "regression"), ("max ulp N(0, 1)", "regression")]
    found, _ = changed(cured, singles=Singles({"any": Worse(1, SHOWN)}, known.cured))
    assert [f[:2] for f in found if f[1] == "regression"] == [("results", "regression"), ("mean ulp", "regression")]


def test_an_error_that_other_starts_of_the_search_explain_hides_no_result_that_got_worse():
    found, _ = changed(
        WORSE["max ulp"][0], excuse={"starts": "other starts"}, singles=Singles({"any": Worse(1, SHOWN)})
    )
    assert [f[:2] for f in found] == [("max ulp", "elsewhere"), ("results", "regression")]


def test_a_difference_in_the_last_bit_is_told_in_full():
    ((found,), _) = changed(setting("accuracy", max_ulp=2.718281800000001))
    assert found[2].startswith("2.718281800000001 ulp, was 2.7182818;")


def test_the_order_in_which_a_mean_is_added_up_is_no_difference():
    assert changed(setting("accuracy", mean_ulp=0.26 * (1 + 1e-14))) == [[], []]


def test_nothing_but_nan_is_the_worst_there_is():
    old, new = ours("float32"), all_nan("silu")
    found = {(d.what, d.judged) for d in judge(old, new)}
    assert {("max ulp", "regression"), ("mismatches", "regression"), ("claim", "regression")} <= found
    assert ("max ulp", "better") in {(d.what, d.judged) for d in judge(new, old)}


def test_errors_with_random_dy_count_and_are_told_with_dy():
    def worse(kernel):
        kernel.accuracy.random_dy.max_ulp, kernel.accuracy.random_dy.mismatches = 5.0, 2

    (found, reverse) = changed(worse, direction="backward")
    assert [f[:2] for f in found] == [("max ulp", "regression"), ("mismatches", "regression")]
    assert found[0][2] == ("5 ulp with random dy, was 2.719; the worst at x = 0x1p+0, dy = -inf: got inf, exact -inf")
    assert found[1][2].startswith("2 of the wrong class with random dy, was 0;")
    assert {r[1] for r in reverse} == {"better"}


def test_errors_apart_from_roots_count_where_a_claim_leaves_roots_out():
    ((found,), _) = changed(setting("accuracy", max_ulp_outside_roots=3.0), direction="backward")
    assert found[1:] == ("regression", found[2])
    assert found[2].startswith("3 ulp apart from roots, was 2.719")
    assert changed(setting("accuracy", max_ulp_outside_roots=3.0)) == [[], []]  # no claim leaves any out


def test_a_search_that_meets_mismatches_for_the_first_time_counts_and_more_of_them_do_not():
    def meets(many):
        return lambda kernel: setattr(kernel.accuracy.search, "mismatches", many)

    ((found,), (reverse,)) = changed(meets(7), "float32")
    assert found[:2] == ("mismatches", "regression")
    assert found[2].startswith("7 of the wrong class in the search, was 0")
    assert reverse[1] == "better"
    old, new = ours("float32"), ours("float32")
    meets(7)(old), meets(9)(new)
    assert judge(old, new) == []


# Bits.


@pytest.mark.parametrize(("dtype", "name"), [("float16", "fingerprint"), ("float32", "deviations")])
def test_other_bits_are_a_fault_of_what_is_correctly_rounded_and_news_of_others(dtype, name):
    values = {"fingerprint": ("aa", "bb"), "deviations": ("c-l(@003eDVg", "c-l(>003hEV*")}[name]  # of a and b
    for claim, judged in (("rounded", "regression"), (4.0, "changed")):
        old, new = ours(dtype), ours(dtype)
        for it, value in zip((old, new), values, strict=True):
            setattr(it.accuracy, name, value)
            it.claim = claim
        (found,) = judge(old, new)
        assert (found.what, found.judged) == ("fingerprint", judged)
        assert found.text == "results with other bits than the baseline's"


def test_other_bits_are_no_news_beside_a_regression():
    def both(kernel):
        kernel.accuracy.fingerprint, kernel.accuracy.misrounded = "other", 2000

    assert [d[0] for d in changed(both)[0]] == ["misrounded"]


# Claims, coverage, properties, failures.


def test_a_broken_claim_is_told_with_what_broke_it():
    def broken(kernel):
        kernel.verdict, kernel.accuracy.max_ulp = "broken", 5.0

    (found, reverse) = changed(broken)
    assert [f[:2] for f in found] == [("claim", "regression"), ("max ulp", "regression")]
    assert found[0][2].startswith("broken (≤ 4 ulp), was holds; found 5 ulp at -0x1.5d58aep+6: got ")
    assert [r[:2] for r in reverse] == [("claim", "better"), ("max ulp", "better")]


@pytest.mark.parametrize("weaker", [{"claim": 5.0}, {"claim": None}, {"claim_outside_roots": 0.5}])
def test_a_weaker_claim_is_a_regression_whatever_the_machine(weaker):
    ((found,), (reverse,)) = changed(setting("", **weaker), excuse={"environment": "with avx9"})
    assert found[:2] == ("claim", "regression")
    assert found[2].endswith("was ≤ 4 ulp")
    assert reverse[:2] == ("claim", "better")


def test_a_smaller_bound_that_leaves_more_out_is_weaker_and_one_that_leaves_less_out_is_not():
    def stated(bound, outside):
        made = ours()
        made.claim, made.claim_outside_roots = bound, outside
        return made

    (found,) = (d for d in judge(stated(4.0, 0.0), stated(3.9, 100.0)) if d.what == "claim")
    assert found.judged == "regression"
    (found,) = (d for d in judge(stated(4.0, 0.5), stated(3.9, 0.25)) if d.what == "claim")
    assert found.judged == "better"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (setting("accuracy", coverage="sampled", evaluated=99), "99 sampled, was 65,536 all"),
        (setting("accuracy", evaluated=65_000), "65,000 inputs, was 65,536"),
        (setting("accuracy", random_dy=None), "0 pairs with random dy, was 4,096"),
    ],
)
def test_lower_coverage_is_a_regression_whatever_the_machine(change, text):
    ((found,), (reverse,)) = changed(change, direction="backward", excuse={"environment": "with avx9"})
    assert found == ("coverage", "regression", text)
    assert reverse[:2] == ("coverage", "better")


def test_a_shorter_search_is_lower_coverage():
    ((found,), _) = changed(lambda kernel: setattr(kernel.accuracy.search, "evaluations", 5), "float64")
    assert found == ("coverage", "regression", "5 evaluations in the search, was 1,048,576")
    ((found,), _) = changed(lambda kernel: setattr(kernel.accuracy.search, "evaluations", 900_000), "float64")
    assert found[2] == "900,000 evaluations in the search, was 1,048,576"
    found = changed(lambda kernel: setattr(kernel.accuracy.search, "evaluations", 1_048_000), "float64")
    assert found == [[], []]  # where it goes on depends a little on what it finds


def test_figures_of_all_inputs_and_of_some_are_not_compared():
    found, reverse = changed(setting("accuracy", coverage="sampled", misrounded=1, max_ulp=1.0))
    assert [f[0] for f in found] == [r[0] for r in reverse] == ["coverage"]


def test_accuracy_that_is_not_there_any_more_is_lower_coverage():
    ((found,), _) = changed(setting("", accuracy=None))
    assert found[:2] == ("coverage", "regression")


def losing(kernel):
    it = kernel.properties["monotone"]
    it.verdict, it.counter_example = "violated", "f(0x1p+0) = 0x1.8p-1 but …"


def test_a_property_lost_is_told_with_its_counter_example():
    ((found,), (reverse,)) = changed(losing)
    assert found == ("property", "regression", "“monotone” is lost: f(0x1p+0) = 0x1.8p-1 but …")
    assert reverse == ("property", "better", "“monotone” holds, was violated")


def test_flags_are_the_compiled_codes_and_may_differ_on_another_platform():
    for name, elsewhere in (("flags", "elsewhere"), ("monotone", "regression")):
        old, new = ours(), ours()
        old.properties[name] = Property(verdict="holds")
        new.properties[name] = Property(verdict="violated", counter_example="0x1p+0 raises invalid")
        for platform, judged in ((None, "regression"), ("without avx512f", elsewhere)):
            (found,) = judge(old, new, Excuse(), platform)
            assert (found.what, found.judged) == ("property", judged)


def test_a_property_that_can_not_be_checked_is_lower_coverage_but_for_another_platform():
    def unchecked(kernel):
        kernel.properties["monotone"].verdict, kernel.properties["monotone"].why = "not checked", "no flags here"

    ((found,), gained) = changed(unchecked)
    assert found == ("coverage", "regression", "“monotone” is not checked any more (no flags here)")
    assert gained == []
    ((excused,), _) = changed(unchecked, platform="on Darwin arm64, was Linux x86_64")
    assert excused[1] == "elsewhere"


def test_a_kernel_that_fails_is_a_regression_and_one_that_does_no_more_is_better():
    def fails(kernel):
        kernel.status, kernel.accuracy, kernel.safety = "failed", None, None
        kernel.failure = Failure(kind="raised", message="not today", input="0x1p+0")

    ((found,), (reverse,)) = changed(fails)
    assert found == ("failed", "regression", "raised: not today (at input 0x1p+0); it was measured before")
    assert reverse[:2] == ("measured", "better")
    old, new = ours(), ours()
    fails(old), fails(new)
    assert judge(old, new) == []


def test_other_parameters_make_it_another_function():
    ((found,), _) = changed(setting("", parameters={"beta": 2.0}), excuse={"environment": "with avx9"})
    assert found == ("parameters", "regression", "beta = 2.0, was beta = 1.0: it is another function")


# What else may explain it.


@pytest.mark.parametrize("change", [*(c for c, _ in WORSE.values()), losing])
def test_what_something_else_explains_is_told_apart_whether_worse_or_better(change):
    ((found,), (reverse,)) = changed(change, excuse={"environment": "numpy 3.0, was 2.4.6"})
    assert found[1] == reverse[1] == "elsewhere"
    assert found[2].endswith("(numpy 3.0, was 2.4.6)")


def claim_broken(kernel):
    kernel.verdict = "broken"


@pytest.mark.parametrize("excuse", [{"inputs": "other inputs"}, {"starts": "other starts"}])
@pytest.mark.parametrize("change", [WORSE["mismatches"][0], losing, claim_broken])
def test_a_fault_that_no_input_may_have_is_one_whatever_was_tried(change, excuse):
    ((found,), _) = changed(change, excuse=excuse)
    assert found[1] == "regression"


@pytest.mark.parametrize(
    ("what", "inputs", "starts"),
    [("max ulp", "elsewhere", "elsewhere"), ("misrounded", "elsewhere", "regression")],
)
def test_other_inputs_explain_other_figures_and_other_starts_those_of_the_search(what, inputs, starts):
    for excuse, judged in (({"inputs": "other inputs"}, inputs), ({"starts": "other starts"}, starts)):
        ((found,), _) = changed(WORSE[what][0], excuse=excuse)
        assert found[1] == judged
