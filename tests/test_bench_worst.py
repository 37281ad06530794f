# SPDX-License-Identifier: MIT
"""The search of a kernel's worst input: what it starts from, what becomes of what it finds, and the file of data."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import reference
from bench import accuracy, worst
from bench.__main__ import main
from bench.calling import KernelError
from bench.measure import measure
from bench.remote import hosts_for
from bench.truths import truth
from bench.users import hosted
from bench.worst import DATA, DataError, Entry, evaluations, include, known, look, searchable, shortened, write
from kernels import registry
from kernels.registry import Claim, registered
from tests.making import make_kernel

HEAD = ",".join(Entry._fields)


def relu_wrong_at(place: float, ulps: int, dtype: str = "float64"):
    """A ReLU that is off by so many ulp at one number."""

    def function(x):
        y = np.maximum(x, x.dtype.type(0))
        spacing = np.spacing(np.array(place, x.dtype))
        return np.where(x == x.dtype.type(place), y + ulps * spacing, y).astype(x.dtype)

    return make_kernel(function, "relu", dtype=dtype)


@pytest.fixture
def here(monkeypatch):
    """Kernels that only this process has are called in it."""
    monkeypatch.setattr(worst, "isolated", lambda kernel, hosts: kernel)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A file of worst inputs of the test's own."""

    def use(text: str):
        path = tmp_path / "worst.csv"
        path.write_text(text)
        monkeypatch.setattr(worst, "DATA", path)
        monkeypatch.setattr(worst, "known", lambda: known.__wrapped__(path))
        return path

    return use


def test_the_committed_file_is_sound():
    for entry in known():
        assert entry.direction in reference.own()[entry.activation].directions
        assert entry.dtype in ("float32", "float64")
        assert np.isfinite(float.fromhex(entry.input))
    assert list(known()) == sorted(known())


def test_a_search_starts_from_what_was_found_before(data):
    place = 0.7390851332151607
    kernel = relu_wrong_at(place, 30)
    data(HEAD + "\n")
    assert look(kernel, 2000, 0)[0].max_ulp < 1
    data(f"{HEAD}\nrelu,forward,float64,{place.hex()},relu-forward-float64-other-fast,3\n")
    found, _ = look(kernel, 2000, 0)
    assert (found.max_ulp, float(found.worst_input)) == (30, place)
    assert found.evaluations <= 2000
    data(f"{HEAD}\nrelu,backward,float64,{place.hex()},relu-backward-float64-other-fast,3\n")
    assert look(kernel, 2000, 0)[0].max_ulp < 1


def test_another_line_in_the_file_makes_other_starts_but_for_other_functions(data):
    def recorded():
        kernel = relu_wrong_at(0.5, 30)
        sampled, safety = accuracy.measure(kernel, truth(kernel, "quick", 0))
        include(kernel, 100, 0, sampled, safety)
        return sampled.search.starts

    data(HEAD + "\n")
    before = recorded()
    data(f"{HEAD}\nrelu,backward,float64,0x1p-1,x,3\n")
    assert recorded() == before
    data(f"{HEAD}\nrelu,forward,float64,0x1p-1,x,3\n")
    assert recorded() != before


def test_check_points_are_starts():
    point = max(p.x for p in reference.own()["relu"].check_points if p.x < 1e300)
    assert look(relu_wrong_at(point, 9), 4000, 0)[0].max_ulp >= 9


def test_what_is_found_is_the_largest_error_where_samples_had_less(data):
    kernel = relu_wrong_at(0.7390851332151607, 30)
    data(f"{HEAD}\nrelu,forward,float64,{(0.7390851332151607).hex()},x,3\n")
    sampled, safety = accuracy.measure(kernel, truth(kernel, "quick", 0))
    include(kernel, 2000, 0, sampled, safety)
    assert (sampled.max_ulp, sampled.worst_input, sampled.max_distance) == (30, (0.7390851332151607).hex(), "30")
    assert (sampled.worst_exact, float.fromhex(sampled.worst_got)) == (
        "0.7390851332151606722931092",
        0.7390851332151607 + 30 * 2.0**-53,
    )
    assert sampled.search.max_ulp == 30
    assert 1000 < sampled.search.evaluations <= 2000


def test_where_samples_had_more_it_stays_the_largest_error():
    place = float(truth(make_kernel(abs, dtype="float64"), "quick", 0).inputs.values[5000])
    kernel = relu_wrong_at(place, 1000)
    sampled, safety = accuracy.measure(kernel, truth(kernel, "quick", 0))
    before = sampled.max_ulp, sampled.worst_input
    include(kernel, 500, 0, sampled, safety)
    assert before == (sampled.max_ulp, sampled.worst_input)
    assert sampled.max_ulp > 900
    assert sampled.search.max_ulp < 1


def test_beside_roots_the_search_says_nothing_and_outside_it_counts_though_samples_had_more_inside():
    """silu′ off by 7 ulp everywhere, by far more beside its root: of the claim the 7 ulp are the measure."""

    def function(dy, x):
        z = x.astype(np.float64)
        e = np.exp(-np.abs(z))
        s = np.where(z < 0, e, 1) / (1 + e)
        return ((s * (1 + z * (1 - s))).astype(np.float32) + 7 * np.spacing(np.float32(1))).astype(np.float32)

    kernel = replace(make_kernel(function, "silu", "backward"), claim=Claim(4.0, outside_roots=0.5))
    sampled, safety = accuracy.measure(kernel, truth(kernel, "quick", 0))
    sampled.max_ulp, sampled.max_ulp_outside_roots = 1e300, 1.0
    include(kernel, 3000, 0, sampled, safety)
    assert sampled.max_ulp == 1e300
    assert sampled.max_ulp_outside_roots == sampled.search.max_ulp > 4
    root = -1.2784645427610738
    assert abs(float.fromhex(sampled.search.worst_input) - root) >= 0.5


def test_results_of_the_wrong_class_are_counted_and_the_first_of_each_kind_is_shown():
    def function(x):
        return np.where(x > 1e30, np.nan, np.where(x < -1e30, x.dtype.type(-1), np.maximum(x, 0))).astype(x.dtype)

    kernel = make_kernel(function, dtype="float64")
    right = make_kernel(lambda x: np.maximum(x, 0), dtype="float64")
    sampled, safety = accuracy.measure(right, truth(kernel, "quick", 0))
    include(kernel, 3000, 0, sampled, safety)
    assert sampled.search.mismatches > 100
    assert sorted((e.kind, e.got) for e in safety.examples) == [("nan", "nan"), ("zero", "-0x1p+0")]
    include(kernel, 3000, 0, sampled, safety)
    assert len(safety.examples) == 2


def test_at_a_kink_samples_alone_judge():
    right = make_kernel(lambda dy, x: np.where(np.isnan(x), x, x >= 0).astype(x.dtype), "relu", "backward")
    sampled, safety = accuracy.measure(right, truth(right, "quick", 0))
    include(right, 3000, 0, sampled, safety)
    assert (sampled.search.mismatches, sampled.search.max_ulp, safety.mismatches) == (0, 0, 0)


def test_what_is_searched():
    assert searchable(make_kernel(abs, dtype="float64"))
    assert searchable(make_kernel(abs, dtype="float32"))
    assert not searchable(make_kernel(abs, dtype="float16"))
    assert not searchable(make_kernel(abs, "prelu", "backward_alpha", "float64"))


def test_where_only_mpmath_knows_the_function_the_search_is_shorter_and_told():
    fast, slow = (replace(make_kernel(abs, "silu", dtype="float64"), parameters={"beta": b}) for b in (1.0, 1e30))
    for depth, few in (("quick", 1 << 12), ("standard", 1 << 14), ("exhaustive", 1 << 17)):
        assert evaluations(slow, depth) == few < evaluations(fast, depth) == worst.EVALUATIONS[depth]
    narrow = make_kernel(abs, "silu", dtype="float16")
    assert shortened([fast, slow, narrow], "quick") == [(slow, "4,096 of 8,192 evaluations: only mpmath knows silu")]
    found = measure(replace(slow, function=lambda x, beta: x * (x > 0)), "quick", 0)
    assert 2000 < found.accuracy.search.evaluations <= 4096


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "damaged"),
        (HEAD + "\nrelu,forward\n", "damaged"),
        (HEAD + "\nrelu,forward,float64,one,x,3\n", "damaged"),
        ("a,b,c,d,e,f\n", "first line"),
    ],
)
def test_a_damaged_file_is_told(tmp_path, text, why):
    path = tmp_path / "worst.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=why) as error:
        known.__wrapped__(path)
    assert "git" in str(error.value)
    with pytest.raises(DataError, match="can't be read"):
        known.__wrapped__(tmp_path / "none.csv")


def test_what_is_written_is_read_again(tmp_path):
    entries = [
        Entry("relu", "forward", "float64", "0x1p+0", "k", "3"),
        Entry("silu", "backward", "float32", "-0x1p-3", "k", "0.6"),
    ]
    write(entries, tmp_path / "w.csv")
    assert list(known.__wrapped__(tmp_path / "w.csv")) == entries


def test_the_command_writes_only_where_it_is_asked_to(here, data, monkeypatch, capsys):
    path = data(HEAD + "\n")
    failing = make_kernel(lambda x: 1 / 0, dtype="float64", variant="textbook")
    monkeypatch.setattr(registry, "_kernels", {k.id: k for k in (relu_wrong_at(65504.0, 5, "float32"), failing)})
    monkeypatch.setattr(worst.kernels, "load", lambda: None)
    monkeypatch.setattr(worst, "write", lambda entries: write(entries, path))
    arguments = ["worst", "--activation", "relu", "--evaluations", "50000"]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "0x1.ffcp+15" in printed.out
    assert "division by zero" in printed.err
    assert path.read_text() == HEAD + "\n"
    assert main([*arguments, "--extend"]) == 0
    assert path.read_text().splitlines()[1:] == ["relu,forward,float32,0x1.ffcp+15,relu-forward-float32-test-stable,5"]
    assert main([*arguments, "--extend"]) == 0
    assert "nothing" in capsys.readouterr().out.splitlines()[-1]


def test_of_one_place_the_largest_error_is_written(here, data, monkeypatch, capsys):
    path = data(HEAD + "\n")
    several = [replace(relu_wrong_at(65504.0, size, "float32"), variant=f"by-{size}") for size in (3, 7, 5)]
    monkeypatch.setattr(registry, "_kernels", {k.id: k for k in several})
    monkeypatch.setattr(worst.kernels, "load", lambda: None)
    monkeypatch.setattr(worst, "write", lambda entries: write(entries, path))
    assert main(["worst", "--activation", "relu", "--evaluations", "50000", "--extend"]) == 0
    assert path.read_text().splitlines()[1:] == ["relu,forward,float32,0x1.ffcp+15,relu-forward-float32-test-by-7,7"]


def test_a_kernel_that_ends_its_process_is_told_and_costs_no_other(data, monkeypatch, capsys):
    data(HEAD + "\n")
    monkeypatch.setattr(registry, "_kernels", {})
    own = hosted([str(Path(__file__).with_name("misbehaving.py"))])
    wanted = "exits", "good", "is-killed"
    monkeypatch.setattr(registry, "_kernels", {k.id: k for k in registered() if k.variant in wanted})
    monkeypatch.setattr(worst.kernels, "load", lambda: None)
    monkeypatch.setattr(worst, "hosts_for", lambda kernels, _: hosts_for(kernels, own))
    assert main(["worst", "--evaluations", "1000"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "nothing that is not known already\n"
    assert printed.err.splitlines() == [
        "worst: relu-forward-float32-bad-exits: crashed: the process exited with 3",
        "worst: relu-forward-float32-bad-is-killed: crashed: the process was ended by SIGKILL, "
        "as where memory runs out",
    ]
    assert {host.process for host in own.values()} == {None}


@pytest.mark.parametrize("arguments", [["--activation", "swoosh"], ["--evaluations", "0"], ["--seed", "-1"]])
def test_a_wrong_call_is_one_line(arguments, capsys):
    assert main(["worst", *arguments]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_kernel_that_breaks_the_contract_is_told():
    with pytest.raises(KernelError, match="wrong_shape"):
        look(make_kernel(lambda x: x[1:], dtype="float64"), 100, 0)


def test_a_run_only_reads(tmp_path):
    assert DATA.name == "worst_inputs.csv"
    before = DATA.read_bytes()
    look(relu_wrong_at(1.0, 5), 500, 0)
    assert DATA.read_bytes() == before
