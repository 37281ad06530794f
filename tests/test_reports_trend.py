# SPDX-License-Identifier: MIT
"""The trend has a line for each kernel that an earlier run has figures of, and this run's come last."""

import pytest

from reports import plots
from reports.history import figures
from reports.trend import trends
from tests.report_results import HOSTILE, kernel, results


def with_history(*changes):
    made = results()
    for i, change in enumerate(changes):
        earlier = results()
        earlier.run.started = f"2025-12-{i + 1:02}T03:04:05+00:00"
        change(earlier)
        made.history.append(figures(earlier))
    return made


def drawn(made, *kernels):
    chosen = kernels or [k for k in made.kernels if k.activation == "silu" and k.direction == "forward"]
    return trends(made, chosen, plots.palette([*made.kernels, *kernels]))


def test_without_earlier_runs_nothing_is_drawn():
    assert drawn(results()) == []


def test_the_largest_error_and_the_share_of_a_copy_are_drawn_from_run_to_run():
    made = with_history(lambda r: setattr(r.kernels[1].accuracy, "max_ulp", 9.5), lambda r: None)
    errors, speeds = drawn(made)
    line = next(t for t in errors["data"] if t["name"] == "float16 numba-stable")
    assert line["y"] == [9.5, 2.7182818, 2.7182818]
    assert line["x"] == [
        "2025-12-01 03:04:05 0123456",
        "2025-12-02 03:04:05 0123456",
        "2026-01-02 03:04:05 0123456",
    ]
    assert line["customdata"][0] == "9.5"
    assert speeds["data"][0]["y"] == [made.kernels[0].throughput[0].percent_of_copy] * 3


def test_a_kernel_is_drawn_from_when_it_was_there():
    made = with_history(lambda r: r.kernels.clear(), lambda r: None)
    assert drawn(made)[0]["data"][0]["y"][0] is None
    new = kernel("silu", "forward", "float32", "brand-new")
    assert drawn(made, new) == []


def test_runs_that_timed_nothing_have_no_trend_of_speed():
    made = with_history(lambda r: [setattr(k, "throughput", []) for k in r.kernels])
    (only,) = drawn(made)
    assert only["layout"]["yaxis"]["title"]["text"] == "max ulp"


@pytest.mark.parametrize(("value", "place"), [(0.0, plots.FLOOR), (float("inf"), plots.CEILING)])
def test_every_error_has_a_place_on_a_logarithmic_axis(value, place):
    made = with_history(lambda r: setattr(r.kernels[0].accuracy, "max_ulp", value))
    assert drawn(made)[0]["data"][0]["y"][0] == place


def test_names_are_text():
    made = with_history(lambda r: None)
    hostile = [k for k in made.kernels if k.backend == HOSTILE]
    assert "<" not in drawn(made, *hostile)[0]["data"][0]["name"]
