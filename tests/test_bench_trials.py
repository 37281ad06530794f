# SPDX-License-Identifier: MIT
"""A verdict counts what was looked at, tells the largest violation, and is there also where a call fails."""

import numpy as np
import pytest

from bench.calling import KernelError, StartError
from bench.trials import Count, broken, generator, not_checked, settled
from tests.exactly import trial_of
from tests.making import make_kernel

WRONG = np.array([False, True, False, True])


def test_places_without_a_violation_hold():
    tally = Count()
    tally.add(3)
    tally.see(np.zeros(4, bool), "no place {}".format)
    found = tally.property()
    assert (found.verdict, found.count, found.checked) == ("holds", 0, 7)
    assert (found.counter_example, found.largest, found.why) == (None, None, None)


def test_the_first_violation_is_the_example_where_they_have_no_size():
    tally = Count()
    tally.add(3)
    tally.see(WRONG, "place {}".format)
    tally.see(WRONG, "another place {}".format)
    found = tally.property()
    assert (found.verdict, found.count, found.checked) == ("violated", 4, 11)
    assert (found.counter_example, found.largest) == ("place 1", None)


@pytest.mark.parametrize(
    ("sizes", "example", "largest"),
    [
        ([9, 1, 9, 1], "place 1", "1 representable number"),
        ([0, 2, 0, 2**63 + 5], "place 3", "9,223,372,036,854,775,813 representable numbers"),
    ],
)
def test_the_largest_violation_is_the_example(sizes, example, largest):
    tally = Count()
    tally.see(WRONG, "place {}".format, np.array(sizes, np.uint64))
    tally.see(WRONG, "smaller place {}".format, np.array([0, 1, 9, 0], np.uint64))
    found = tally.property()
    assert (found.counter_example, found.largest, found.count) == (example, largest, 4)


def test_a_size_may_be_told_in_other_words():
    tally = Count("{:.1f} times".format)
    tally.add(5, 2, lambda: "there", 1.25)
    assert tally.property().largest == "1.2 times"


def test_where_nothing_was_looked_at_nothing_holds():
    found = Count().property()
    assert (found.verdict, found.checked) == ("not checked", 0)
    assert found.why
    assert not_checked("no library").why == "no library"


def test_a_failing_call_is_a_violation():
    def failing():
        raise KernelError("left_output", "left 1 outputs unwritten", "0x1p+3")

    found = settled(failing)
    assert (found.verdict, found.count) == ("violated", 1)
    assert found.counter_example == "the call failed: left_output: left 1 outputs unwritten (at input 0x1p+3)"
    assert broken(KernelError("raised", "no luck")).counter_example == "the call failed: raised: no luck"
    assert settled(lambda: None) is None


@pytest.mark.parametrize("kind", ["hung", "crashed", "changed_mode"])
def test_what_a_call_does_to_its_process_is_more_than_a_violation(kind):
    def failing():
        raise KernelError(kind, "spoiled")

    with pytest.raises(KernelError, match=f"{kind}: spoiled"):
        settled(failing)


def test_where_no_process_can_be_had_no_property_is_violated():
    def failing():
        raise StartError("raised", "no room")

    with pytest.raises(StartError, match="no room"):
        settled(failing)


def test_what_a_check_draws_is_its_own():
    kernel, other = make_kernel(abs), make_kernel(abs, dtype="float64")
    drawn = [generator(*of).random() for of in [(kernel, "a", 0), (kernel, "b", 0), (kernel, "a", 1), (other, "a", 0)]]
    assert len(set(drawn)) == 4
    assert generator(kernel, "a", 0).random() == drawn[0]


def test_gradients_are_asked_for_with_dy_1():
    trial = trial_of(lambda dy, x: dy * 2, "relu", "backward")
    assert not trial.forward
    assert trial.call(np.float32([3, 4])).tolist() == [2, 2]
    assert set(trial.got.tolist()) == {2}
    assert len(trial.got) == len(trial.truth.inputs.values)
    assert trial.facts.symmetry == "f(x) - f(-x) = x"
