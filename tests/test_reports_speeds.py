# SPDX-License-Identifier: MIT
"""The judgement of speeds, on measurements that are made up: what it finds, and what it refuses to decide."""

import numpy as np
import pytest

from reports import speeds
from reports.comparisons import Against, SpeedChange
from reports.speeds import Judged, exit_code, faults, findings, judge, of_rounds
from tests.report_results import results

CALL_S = 50e-6


def blocks(ratio: float = 1.0, noise: float = 0.01, count: int = 8, seed: int = 0, call: float = CALL_S) -> np.ndarray:
    """Two slices for each block."""
    return call * ratio * np.exp(noise * np.random.default_rng(seed).standard_normal((count, 2)))


def verdict(now: np.ndarray, before: np.ndarray) -> str:
    return judge(now.tolist(), before.tolist()).verdict


@pytest.mark.parametrize("seed", range(20))
def test_ten_percent_are_found_and_nothing_is_not(seed):
    assert verdict(blocks(1.1, seed=seed), blocks(seed=seed + 100)) == "slower"
    assert verdict(blocks(1 / 1.1, seed=seed), blocks(seed=seed + 100)) == "faster"
    assert verdict(blocks(seed=seed), blocks(seed=seed + 100)) == "same"


def test_the_ratio_and_its_interval_are_told():
    found = judge(blocks(1.1).tolist(), blocks(seed=1).tolist())
    assert found.low < 1.1 < found.high
    assert found.low < found.ratio < found.high
    assert found == judge(blocks(1.1).tolist(), blocks(seed=1).tolist())


def test_a_steady_drift_is_no_difference():
    drift = np.exp(np.linspace(0, 0.4, 8 * 4)).reshape(8, 4)  # of slices: now, then, then, now
    now, before = drift[:, [0, 3]] * CALL_S, drift[:, [1, 2]] * CALL_S
    assert verdict(now, before) == "same"
    assert verdict(now * 1.1, before) == "slower"


@pytest.mark.parametrize("seed", range(5))
def test_what_goes_on_beside_for_longer_than_a_slice_is_no_difference(seed):
    rng = np.random.default_rng(seed)
    busy = np.exp(rng.uniform(0, 1, (8, 40)))  # the machine, alike for what is timed beside each other
    hit = np.where(rng.random((8, 40)) < 0.2, 1.5, 1.0)  # and some slices of one state alone
    before, noise = CALL_S * busy * hit, np.exp(0.002 * rng.standard_normal((8, 40)))
    assert verdict(CALL_S * busy * noise, before) == "same"
    assert verdict(CALL_S * busy * noise * 1.05, before) == "slower"


def test_a_few_outliers_decide_nothing():
    now = blocks(1.0)
    now[2, 1] *= 3
    now[5, 0] *= 2
    assert verdict(now, blocks(seed=1)) in ("same", "ambiguous")
    now = blocks(1.1)
    now[2, 1] *= 3
    assert verdict(now, blocks(seed=1)) == "slower"


def test_two_modes_are_ambiguous():
    rng = np.random.default_rng(3)
    before = CALL_S * np.where(rng.random((8, 2)) < 0.5, 1.0, 1.3)
    now = CALL_S * np.where(rng.random((8, 2)) < 0.5, 1.0, 1.3)
    assert verdict(now, before) == "ambiguous"


def test_it_refuses_to_decide_on_too_few_blocks():
    found = judge(blocks(2.0, count=4).tolist(), blocks(count=8).tolist())
    assert found.verdict == "not measured"
    assert found.why == "4 blocks of processes are too few: 5 are needed"
    assert judge([], []).verdict == "not measured"


def test_without_any_variance_the_floors_alone_decide():
    still = np.full((8, 2), CALL_S)
    assert verdict(still, still) == "same"
    assert verdict(still * 1.019, still) == "same"
    assert verdict(still * 1.021, still) == "slower"


def test_what_is_nanoseconds_is_no_matter():
    assert verdict(blocks(1.1, noise=0, call=100e-9), blocks(noise=0, call=100e-9)) != "slower"
    assert verdict(blocks(1.3, noise=0, call=100e-9), blocks(noise=0, call=100e-9)) == "slower"


def test_two_rounds_have_to_agree():
    slow, same = Judged("slower", 1.1, 1.05, 1.15), Judged("same", 1.0, 0.99, 1.01)
    assert of_rounds(slow, slow).verdict == "slower"
    assert of_rounds(same, None) is same
    found = of_rounds(slow, same)
    assert (found.verdict, found.why) == ("ambiguous", "slower in a first round, same in a second")


def change(verdict: str, is_due: bool = True, kernel: str = "silu-forward-float16-numba-stable") -> SpeedChange:
    ratio = None if verdict == "not measured" else 1.1
    why = "it has gone" if ratio is None else None
    return SpeedChange(
        kernel=kernel,
        setting="1024-hot-1t",
        verdict=verdict,
        ratio=ratio,
        low=ratio and ratio - 0.01,
        high=ratio and ratio + 0.01,
        why=why,
        is_due=is_due,
    )


def against(
    *changes: SpeedChange, control: tuple[SpeedChange, ...] = (), vague: tuple[SpeedChange, ...] = ()
) -> Against:
    return Against(
        revision="main",
        commit="0123456789abcdef",
        blocks=8,
        seconds=61.0,
        can_tell=not control,
        control=[*control, *vague],
        changes=list(changes),
    )


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (against(), 0),
        (against(change("same"), change("faster"), change("ambiguous")), 0),
        (against(change("not measured", is_due=False)), 0),
        (against(change("not measured")), 7),
        (against(change("not measured"), change("slower")), 6),
        (against(change("slower"), control=(change("slower"),)), 7),
        (against(change("same"), control=(change("faster"),)), 7),
    ],
)
def test_exit_codes(made, code):
    assert exit_code(made) == code


def test_what_came_of_it_is_told_in_sentences():
    made = results()
    assert findings(made) == []
    made.against = against(change("slower"), change("same"), change("not measured"), control=(change("faster"),))
    lead, control, worse, missing = findings(made)
    assert lead.text == (
        "3 timings against main (0123456789ab), in turn, in 1 min 1 s: 1 slower, 1 same, 1 not measured."
    )
    assert (
        "can't tell: silu-forward-float16-numba-stable: the other revision differs from itself: 1024-hot-1t: 1.100"
        in control.text
    )
    assert worse.text.startswith(
        "Slower: silu-forward-float16-numba-stable: 1024-hot-1t: 1.100 times as long (1.090 to"
    )
    assert worse.kernel.id == "silu-forward-float16-numba-stable"
    assert missing.text == "Not measured: silu-forward-float16-numba-stable: it has gone."
    assert {f.tone for f in (lead, control, worse, missing)} == {"bad"}


def test_many_changes_are_counted_rather_than_listed():
    made = results()
    made.against = against(*[change("slower")] * (speeds.LISTED + 3))
    assert findings(made)[-1].text == "3 more slower."
    assert len(findings(made)) == speeds.LISTED + 2


@pytest.mark.parametrize("where", ["changes", "control"])
def test_what_is_ambiguous_is_not_told_as_good(where):
    made = results()
    assert [f.tone for f in told(made, against(change("same")))] == ["good"]
    vague = change("ambiguous")
    found = told(made, against(vague) if where == "changes" else against(change("same"), vague=(vague,)))
    assert [f.tone for f in found] == ["plain", "plain"]
    assert exit_code(made.against) == 0
    assert ("1 of the timings of the control are ambiguous" in found[1].text) is (where == "control")


def told(made, found: Against):
    made.against = found
    return findings(made)


def test_an_item_fails_for_its_own_kernel_and_says_why():
    name, other = "silu-forward-float16-numba-stable", "relu-forward-float16-numba-stable"
    (said,) = faults(against(change("slower")), name)
    assert said.startswith(f"{name}: slower than at main: 1024-hot-1t: 1.100")
    (said,) = faults(against(change("not measured")), name)
    assert said == f"{name}: not timed against main: it has gone"
    (said,) = faults(against(change("slower"), control=(change("faster"),)), name)
    assert said.startswith(f"{name}: this machine can't tell its speed: the other revision differs from itself: 1024-")
    for made in (against(change("slower"), change("not measured"), control=(change("faster"),)), against()):
        assert faults(made, other) == []
    for passing in ("same", "faster", "ambiguous"):
        assert faults(against(change(passing), vague=(change("ambiguous"),)), name) == []
    assert faults(against(change("not measured", is_due=False)), name) == []
