# SPDX-License-Identifier: MIT
"""Plots show what was measured, in colours that keep their meaning."""

from reports import plots, wording
from reports.rows import Setting
from tests.report_results import HOSTILE, all_nan, failed, kernel, results, summed


def test_an_author_has_one_colour():
    colours = plots.palette(results().kernels)
    assert len(colours) == len({wording.author(k) for k in results().kernels})
    assert colours["numba-stable"] != colours["numba-textbook"]


def test_error_has_a_line_a_kernel_with_an_interval_to_each_point():
    kernels = [kernel("silu", "forward", "float32", variant) for variant in ("textbook", "stable")]
    figure = plots.error(kernels, "float32", plots.palette(kernels))
    lines = [trace for trace in figure["data"] if trace["mode"] == "lines"]
    assert [line["name"] for line in lines] == ["numba-textbook", "numba-stable"]
    for line, shown in zip(lines, kernels, strict=True):
        assert len(line["x"]) == len(line["y"]) == len(line["customdata"]) == len(shown.accuracy.regions)
        assert max(line["y"]) == shown.accuracy.max_ulp


def test_mismatches_are_crosses_above_all_errors():
    kernels = [kernel("silu", "forward", "float32", "textbook")]
    line, cross = plots.error(kernels, "float32", plots.palette(kernels))["data"]
    assert cross["marker"]["symbol"] == "x"
    assert cross["x"] == [-1]
    assert cross["y"][0] > max(line["y"])


def test_an_error_of_zero_has_a_place_on_a_logarithmic_axis():
    exact = kernel("relu", "forward", "float16", "stable")
    for region in exact.accuracy.regions:
        region.max_ulp = 0.0
    (line,) = plots.error([exact], "float16", plots.palette([exact]))["data"]
    assert set(line["y"]) == {plots.FLOOR}
    assert {shown for _, _, shown in line["customdata"]} == {"0"}


def test_an_error_too_large_for_the_axis_is_at_its_top():
    far = kernel("softplus", "forward", "float64", "textbook")
    far.accuracy.regions[0].max_ulp = float("inf")
    line, cross = plots.error([far], "float64", plots.palette([far]))["data"]
    assert line["y"][0] == plots.CEILING
    assert plots.CEILING < cross["y"][0] < float("inf")


def test_what_has_no_number_is_a_gap_below_a_thin_cross():
    kernels = [all_nan("silu"), failed("silu", "mine", "no")]
    regions = kernels[0].accuracy.regions
    regions[0].evaluated = 0  # not tried: no cross
    line, cross = plots.error(kernels, "float32", plots.palette(kernels))["data"]
    assert set(line["y"]) == {None}
    assert cross["name"] == "mine-all_nan: no number"
    assert cross["x"] == line["x"][1:]
    assert {tried for _, _, tried in cross["customdata"]} == {"1,000"}


def test_speed_has_a_bar_for_each_timing():
    kernels = [kernel("silu", "forward", dtype, "stable") for dtype in ("float16", "float32")]
    kernels.append(failed("silu", "mine", "no"))
    (bars,) = plots.speed(kernels, Setting("hot", 1), plots.palette(kernels))["data"]
    assert bars["x"] == ["float16", "float32"]
    assert bars["y"] == [k.throughput[0].percent_of_copy for k in kernels[:2]]


def test_names_are_text():
    hostile = kernel("silu", "forward", "float32", "naive", HOSTILE)
    figure = plots.error([hostile], "float32", plots.palette([hostile]))
    assert "<" not in figure["data"][0]["name"]


def test_inputs_that_are_no_numbers_have_no_place_on_the_line():
    it = summed("prelu")
    assert plots.error([it], "float32", plots.palette([it]))["data"] == []


def test_the_largest_error_of_a_sample_is_a_lower_bound():
    for dtype, expected in (("float16", False), ("float32", True)):
        kernels = [kernel("silu", "forward", dtype, "stable")]
        (line,) = plots.error(kernels, dtype, plots.palette(kernels))["data"]
        assert ("at least" in line["hovertemplate"]) == expected
        assert "%{customdata[2]} ulp" in line["hovertemplate"]
