# SPDX-License-Identifier: MIT
"""Certification: a right oracle passes everywhere, and a wrong one is refused with an input."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

import reference
from reference import certify as module
from reference import fast
from reference.certify import Findings, Row, certify, examine, question_of, rows, table, tasks

SMALL = 64
ROWS = rows(reference.own())


def examined(row: Row, inputs: int = SMALL, seed: int = 0) -> Findings:
    return sum((examine(task) for task in tasks(row, inputs, 8, seed)), Findings())


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.activation}-{r.direction}-{r.format}")
def test_every_function_passes(row):
    found = examined(row)
    assert (found.faults, found.described) == (0, ())
    assert found.inputs == SMALL
    assert found.error < (2.0**-49 if row.format == "float32" else 2.0**-95)


def test_a_row_has_other_parameters_and_dy():
    questions = [question_of(task) for task in tasks(Row("silu", "backward", "float32"), 160, 0, 0)]
    assert {q.parameters["beta"] for q in questions} > {1.0, 0.3}
    assert {q.dy is None for q in questions} == {True, False}


def test_what_is_drawn_depends_on_the_seed_alone():
    row = Row("gelu", "forward", "float64")
    first, again, other = (question_of(tasks(row, 160, 0, seed)[2]).x.tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 47), ("float64", 93)])
def test_an_oracle_that_is_off_by_more_than_its_bound_is_refused(dtype, bits, monkeypatch):
    evaluate = fast.evaluate

    def off(*arguments):
        values = evaluate(*arguments)
        return replace(values, low=values.low + values.high * 2.0**-bits)

    monkeypatch.setattr(fast, "evaluate", off)
    found = examined(Row("mish", "forward", dtype), 160)
    assert found.faults > 50
    assert "mish forward" in found.described[0]
    assert "0x" in found.described[0]


def test_the_command_prints_a_table_and_tells_by_its_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(module, "worker_pool", ThreadPoolExecutor)
    assert certify(["relu"], 32, 4, 0, 1) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 2 + 4
    assert "relu backward" in printed
    wrong = Findings(inputs=32, faults=9, described=tuple(f"fault {i}" for i in range(9)))
    monkeypatch.setattr(module, "examine", lambda _: wrong)
    assert certify(["relu"], 32, 4, 0, 1) == 1
    printed = capsys.readouterr().out
    assert "fault 4" in printed
    assert "faults in all" in printed


def test_the_table_has_a_line_a_row():
    found = Findings(inputs=1000, error=2.0**-55.5, error_at="0x1p+0", share=0.25, undecided=2, balls=10)
    text = table({Row("silu", "forward", "float32"): found})
    assert "2^-55.5" in text
    assert "0.002" in text
    assert "25.0%" in text
