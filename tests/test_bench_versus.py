# SPDX-License-Identifier: MIT
"""``python -m bench versus``: turns are taken, ratios are of the same rounds, and a wrong call is told."""

import numpy as np
import pytest

import kernels
from bench import versus
from bench.__main__ import main
from bench.calling import KernelError
from kernels.registry import registered


def contestant(name: str, *rounds: float) -> versus.Contestant:
    return versus.Contestant(name, list, rounds=list(rounds))


def test_a_ratio_is_the_median_over_rounds_and_not_of_medians():
    ours, theirs = contestant("ours", 1.0, 2.0, 9.0), contestant("theirs", 2.0, 2.0, 9.0)
    assert versus.ratio(ours, theirs) == 1.0
    assert versus.ratio(contestant("ours", 1.0, 2.0, 3.0), contestant("theirs", 3.0, 6.0, 9.0)) == 3.0


def test_a_round_keeps_the_median_of_its_calls():
    one = versus.Contestant("one", lambda: [3.0, 1.0, 2.0])
    one.run()
    assert one.rounds == [2.0]


@pytest.mark.parametrize(
    "wrong",
    [["--activation", "gelo"], ["--dtype", "float8"], ["--direction", "up"], ["--threads", "0"], ["--rounds", "0"]],
)
def test_a_wrong_call_is_one_line(wrong, capsys):
    assert main(["versus", *wrong]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1


def test_the_table_has_a_row_for_each_activation(capsys):
    chosen = ["--activation", "silu", "--direction", "forward"]
    assert main(["versus", *chosen, "--elements", "4096", "--rounds", "2"]) == 0
    said = capsys.readouterr().out
    (row,) = [line.split() for line in said.splitlines() if line.startswith("silu ")]
    fast, rounded = float(row[1]), float(row[4])
    assert fast > 0
    assert rounded > 0
    assert "4,096 elements, threads: 1; medians of 2 rounds" in said


def test_gradients_are_compared_where_they_take_the_same_arguments():
    kernels.load()
    for kernel in registered():
        if kernel.backend == "torch" and kernel.direction == "backward" and kernel.dtype == "float32":
            takes_x = kernel.variant == "compiled" or kernel.activation not in ("sigmoid", "tanh")
            assert versus._takes_part(kernel)
            assert kernel.takes_result != takes_x


def test_what_takes_the_result_in_place_of_x_is_shown_and_is_in_no_ratio(monkeypatch):
    raced = {c.name: c for c in (contestant("numba-fast", 2.0), contestant("torch-compiled", 6.0))}
    raced["torch of f(x)"] = versus.Contestant("torch of f(x)", list, takes_result=True, rounds=[1.0])
    monkeypatch.setattr(versus, "_race", lambda *_: (raced, contestant("copy", 1.0), []))
    chosen = [k for k in registered() if k.id == "tanh-backward-float32-numba-fast"]
    table = versus._table(chosen, versus.speed.Setting(64, 1, "hot"), 1, {})
    assert "geometric mean of the ratios, relu, leaky_relu, prelu left out: fast 3.00 (of 1)" in table
    assert "torch of f(x) 0.00, torch-compiled 0.00" in table


class Failing:
    """Stands for the function of a kernel in a process that ends in the second round."""

    def __init__(self) -> None:
        self.turns = 0

    def batch(self, setting: object) -> list[float]:
        self.turns += 1
        if self.turns > 1:
            raise KernelError("crashed", "gone")
        return [1.0]


def test_one_that_fails_costs_no_other(monkeypatch):
    chosen = [k for k in registered() if k.activation == "silu" and versus._takes_part(k) and k.dtype == "float32"][:2]
    failing, fine = Failing(), type("Fine", (), {"batch": staticmethod(lambda setting: [2.0])})
    functions = dict(zip((k.id for k in chosen), (failing, fine), strict=True))
    monkeypatch.setattr(versus, "isolated", lambda k, hosts: type("K", (), {"function": functions[k.id]}))
    raced, copy, failed = versus._race(chosen, versus.speed.Setting(64, 1, "hot"), 3, {})
    assert [np.median(c.rounds) for c in raced.values()] == [2.0]
    assert len(copy.rounds) == 3
    assert len(failed) == 1
    assert "gone" in failed[0]
