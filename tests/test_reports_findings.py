# SPDX-License-Identifier: MIT
"""What stands out is said, and what is absent is never passed over."""

from reports.findings import LISTED, findings, tally
from tests.report_results import failed, kernel, results, wrong_with_dy


def said(of):
    return "\n".join(finding.text for finding in findings(of))


def test_counts():
    counted = tally(results())
    assert len(counted.measured) == 36
    assert [k.id for k in counted.failed] == ["silu-forward-float32-mine-naive"]
    assert [k.variant for k in counted.broken] == ["all_nan"]
    assert len(counted.mismatched) == 18
    assert counted.missing == 1


def test_says_what_happened_in_sentences():
    text = said(results())
    assert "36 kernels measured of 38 selected." in text
    assert "silu-forward-float32-mine-naive failed, raised: division by zero at line 3" in text
    assert "1 kernel selected but without figures: the run was cut short." in text
    assert "19 kernels with a claim: 8 hold" in text
    assert "1 broken." in text
    assert "silu-forward-float32-mine-all_nan breaks its claim (≤ 4 ulp)" in text
    assert "Largest error over all inputs: 8.389e+06 ulp" in text
    assert "stable takes" in text


def test_where_no_number_is_off_none_is_named_as_the_worst():
    right = results()
    for each in right.kernels:
        if each.accuracy:
            each.accuracy.max_ulp = 0.0
    assert "Largest error over all inputs: 0 ulp, no number is off.\n" in said(right)


def test_a_kernel_without_figures_was_not_measured():
    cut = results()
    cut.kernels[0].accuracy, cut.kernels[0].throughput = None, []
    assert "35 kernels measured of 38 selected." in said(cut)
    assert "2 kernels selected but without figures" in said(cut)


def test_claims_that_were_not_checked_are_counted():
    only_speed = results()
    for it in only_speed.kernels:
        it.accuracy, it.safety, it.verdict = None, None, "none"
    assert "19 kernels with a claim that was not checked." in said(only_speed)


def test_good_news_are_good():
    clean = results()
    clean.kernels = [kernel("silu", "forward", "float16", "stable")]
    clean.run.selected = 1
    assert "bad" not in {finding.tone for finding in findings(clean)}
    assert "No kernel has a mismatch" in said(clean)


def test_mismatches_with_random_dy_alone_are_found():
    given = results()
    wrong = wrong_with_dy("silu", "stable")
    wrong.verdict, wrong.accuracy.misrounded, wrong.accuracy.random_dy.max_ulp = "broken", 0, 77.0
    given.kernels = [wrong]
    assert tally(given).mismatched == [wrong]
    text = said(given)
    assert (
        "silu-backward-float64-numba-stable breaks its claim (≤ 4 ulp where |x − root| ≥ 0.0156): "
        "77 ulp at x = 0x1p+0, dy = -inf (random dy); mismatches: 104 with random dy." in text
    )
    assert "104 with random dy, of 21,345 sampled and 4,096 pairs with random dy and 1,048,576 in the search." in text
    assert "No kernel has a mismatch" not in text
    assert "correctly rounded" not in text


def test_what_was_deselected_is_not_missing():
    given = results()
    given.run.selected = len(given.kernels)
    assert "cut short" not in said(given)


def test_correctly_rounded_kernels_are_counted():
    exact = results()
    exact.kernels = [kernel("relu", "forward", dtype, "stable") for dtype in ("float16", "float32")]
    for it in exact.kernels:
        it.accuracy.misrounded = 0
        if it.accuracy.search:
            it.accuracy.search.misrounded = 0
    assert "2 kernels correctly rounded at each input tried; for 1 these were all there are." in said(exact)


def test_many_failures_are_counted_rather_than_listed():
    bad = results()
    bad.kernels = [failed(f"f{i}", "mine", "no") for i in range(LISTED + 7)]
    text = said(bad)
    assert text.count(" failed, raised: no") == LISTED
    assert "7 kernels more failed." in text


def test_nothing_measured_is_said():
    empty = results()
    empty.kernels, empty.run.selected = [], 0
    assert said(empty) == "0 kernels measured of 0 selected."


def test_violations_of_properties_are_counted_and_the_most_frequent_named():
    given = results()
    violators = [k for k in given.kernels if k.variant == "textbook"]
    for it in violators[:2]:
        it.properties["odd"] = it.properties["monotone"]
    assert "17 kernels of 37 violate a property of their function, most often “monotone” (17)." in said(given)
    (finding,) = (f for f in findings(given) if "violate" in f.text)
    assert finding.kernel in violators


def test_properties_that_all_hold_are_good_news_and_those_not_checked_none():
    given = results()
    given.kernels = [kernel("silu", "forward", "float32", "stable")]
    assert "1 kernel checked for properties of the function: all hold." in said(given)
    del given.kernels[0].properties["monotone"]
    assert "propert" not in said(given)


def test_kernels_that_are_one_function_are_told():
    given = results()
    text = "8 groups of kernels return the same bits for every input there is, and are one function each; e.g. "
    assert text + "silu-forward-float16: numba-textbook, numba-stable." in said(given)
    for number, it in enumerate(given.kernels):
        if it.accuracy and it.accuracy.fingerprint:
            it.accuracy.fingerprint = f"{number:064x}"
    assert "same bits" not in said(given)
