# SPDX-License-Identifier: MIT
"""A run keeps a result for each kernel, also for one that fails, and says how all of it came about."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import reference
from bench import run, speed
from bench.calling import KernelError
from bench.options import Options
from bench.run import Session
from kernels.registry import Claim, RunsWith
from reports import schema
from tests.making import make_kernel
from tests.sweeping import BLOCK, make_small, pattern, swept


class NoStopwatch:
    """Timing is switched off."""

    def time(self, *_):
        return None


def a_session(only="accuracy", kernels=()) -> Session:
    options = Options(depth="quick", only=only, report_dir=Path("nowhere"), seed=0, chosen=tuple(kernels))
    return Session(options, "pytest --benchmark")


def made_result(session, function, **options) -> schema.KernelResult:
    return session.measure(make_kernel(function, **options), NoStopwatch())


def relu(x):
    return np.maximum(x, x.dtype.type(0))


def test_a_right_kernel_is_measured():
    session = a_session()
    found = made_result(session, relu, claim=Claim("rounded"))
    assert session.results == [found]
    assert (found.id, found.status, found.failure) == ("relu-forward-float32-test-stable", "measured", None)
    assert (found.claim, found.verdict) == ("rounded", "not refuted")
    assert (found.accuracy.max_ulp, found.safety.mismatches, found.throughput) == (0.0, 0, [])
    assert {"monotone", "sign", "length"} <= set(found.properties)
    assert "violated" not in {p.verdict for p in found.properties.values()}


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_violated_property_is_told_and_breaks_no_claim(direction):
    def refusing(*arrays):
        if not arrays[-1].flags.c_contiguous:
            raise ValueError("not contiguous")
        return relu(arrays[0]) if direction == "forward" else arrays[0] * (arrays[1] > 0) + 0 * arrays[1]

    found = made_result(a_session(), refusing, direction=direction, claim=Claim(1.0))
    assert (found.status, found.properties["stride"].verdict) == ("measured", "violated")
    assert found.verdict == ("not refuted" if direction == "forward" else "broken")  # 0 times inf


def test_what_a_sweep_found_takes_the_place_of_a_sample_and_can_break_a_claim(monkeypatch):
    (block,) = make_small(monkeypatch, [pattern(0.5)])
    odd = np.uint32(block + 4321).view(np.float32)
    right = make_kernel(relu, claim=Claim("rounded"))
    wrong = make_kernel(lambda x: np.where(x == odd, 2 * x, relu(x)), variant="fast", claim=Claim("rounded"))
    session = a_session()
    assert session.measure(wrong, NoStopwatch()).verdict == "not refuted"
    session.sweeps = swept(right, wrong)
    held, broken = (session.measure(k, NoStopwatch()) for k in (right, wrong))
    assert (held.verdict, held.accuracy.coverage, held.accuracy.evaluated) == ("holds", "exhaustive", BLOCK)
    assert held.properties["monotone"].verdict == "holds"
    assert (broken.verdict, broken.accuracy.misrounded) == ("broken", 1)
    assert float.fromhex(broken.accuracy.worst_input) == odd
    assert broken.properties["monotone"].count == 1
    assert held.accuracy.fingerprint != broken.accuracy.fingerprint


def test_a_kernel_that_failed_in_a_sweep_has_failed(monkeypatch):
    make_small(monkeypatch, [pattern(0.5)])
    kernel = make_kernel(lambda x: relu(x) if x[0] != 0.5 else x[:1].copy(), claim=Claim(1.0))
    session = a_session()
    session.sweeps = swept(kernel)
    found = session.measure(kernel, NoStopwatch())
    assert (found.status, found.failure.kind, found.verdict) == ("failed", "wrong_shape", "none")


def test_a_failing_kernel_has_a_result_and_the_next_one_too():
    session = a_session()
    failed = made_result(session, lambda x: x[:2].copy(), variant="textbook", claim=Claim(4.0))
    found = made_result(session, relu)
    assert session.results == [failed, found]
    assert (failed.status, failed.failure.kind, failed.accuracy, failed.verdict) == (
        "failed",
        "wrong_shape",
        None,
        "none",
    )
    assert found.status == "measured"


def test_a_kernel_that_crashes_only_where_a_property_is_checked_has_failed():
    def crashes(x):
        if x.size == 1:
            raise KernelError("crashed", "the process exited with 7")
        return relu(x)

    found = made_result(a_session(), crashes, dtype="float16", claim=Claim(1.0))
    assert (found.status, found.failure.kind, found.verdict) == ("failed", "crashed", "none")


def test_a_sum_is_measured_as_one():
    found = made_result(
        a_session(), lambda dy, x: np.sum(dy * x, where=x < 0), activation="prelu", direction="backward_alpha"
    )
    assert found.accuracy.worst_input is None or "n = " in found.accuracy.worst_input
    assert found.accuracy.random_dy is None
    assert set(found.properties) == {"stride", "repeatable"}
    assert found.properties["repeatable"].verdict == "holds"


def test_speed_is_measured_only_where_it_is_asked_for(monkeypatch):
    calls = []
    monkeypatch.setattr(speed, "measure", lambda kernel, *_: calls.append(kernel.id) or [])
    made_result(a_session("accuracy"), relu)
    assert calls == []
    found = made_result(a_session("speed"), relu)
    assert (calls, found.accuracy, found.properties) == ([found.id], None, {})
    found = made_result(a_session(None), relu)
    assert (len(calls), found.accuracy.evaluated > 0) == (2, True)


def test_a_backend_is_asked_once_what_it_runs_with_and_again_where_it_did_not_answer():
    answers = iter([KernelError("hung", "no answer"), RunsWith(2, None)])

    def runs_with():
        answer = next(answers)
        if isinstance(answer, KernelError):
            raise answer
        return answer

    session = a_session()
    for _ in range(3):
        found = session.measure(replace(make_kernel(relu), runs_with=runs_with), NoStopwatch())
        assert found.status == "measured"
    expected = schema.Backend(name="test", threads=2, one_thread="one processor", instruction_set=None, clocks_mhz=None)
    assert session.backends == {"test": expected}


def test_a_backend_that_says_nothing_has_no_record():
    session = a_session()
    made_result(session, relu)
    assert session.backends == {}


def test_results_of_a_whole_run_can_be_written_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "describe", lambda activation, parameters: _described(activation.name, parameters))
    kernel = make_kernel(relu)
    session = a_session(kernels=[kernel])
    session.selected = 1
    session.measure(kernel, NoStopwatch())
    session.backends["test"] = schema.Backend(
        name="test", threads=1, one_thread="asked", instruction_set="AVX9", clocks_mhz=None
    )
    results = session.finished()
    assert results.backends == [session.backends["test"]]
    assert (results.run.depth, results.run.seed, results.run.only, results.run.selected) == ("quick", 0, "accuracy", 1)
    assert results.run.command == "pytest --benchmark"
    assert results.run.seconds > 0
    assert [a.name for a in results.activations] == ["relu"]
    schema.save(results, tmp_path / "results.json")
    assert schema.load(tmp_path / "results.json") == results


def test_an_activation_is_described_at_its_own_parameters_where_a_kernel_has_them():
    others, own = {"alpha": 0.5}, {"alpha": 1.0}
    elu = reference.activations()["elu"]
    kernels = [replace(make_kernel(relu, "elu"), parameters=p) for p in (others, own)]
    assert a_session(kernels=kernels)._parameters(elu) == own
    assert a_session(kernels=kernels[:1])._parameters(elu) == others


def _described(name, parameters):
    return schema.ActivationResult(
        name=name,
        title=name,
        formula="x",
        derivative_formula="1",
        sources=[],
        parameters=dict(parameters),
        facts=[],
        remarks=[],
        special_values=[],
        curve=schema.Curve(x=[], y=[], derivative=[]),
        gradient_health=[],
    )
