# SPDX-License-Identifier: MIT
"""``--against``: the folders that are raced, processes that end before their time, two rounds, and the control."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench import against
from bench.against import AgainstError, Revision, Tree, extremes, known_to, race, trees
from bench.machine import ROOT
from bench.racing import FIELDS
from bench.speed import Setting
from kernels.registry import registered
from reports.schema import load
from tests.command import benchmark
from tests.making import make_kernel

SILU = "silu-forward-float32-numba-fast"


def test_a_revision_that_is_not_there_is_refused_with_what_to_do():
    with pytest.raises(AgainstError, match=r"no-such-branch.*name a revision that is here"):
        known_to("no-such-branch", [])


def test_each_state_has_its_kernels_and_this_checkouts_bench(tmp_path):
    mine = tmp_path / "mine.py"
    mine.touch()
    with trees("HEAD", [str(mine), str(ROOT / "halfulp.py")]) as (tree, commit):
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        assert commit == head
        folder = tree.folder
        assert (folder / "now" / "kernels").resolve() == ROOT / "kernels"
        assert (folder / "was" / "kernels").resolve() == (folder / "revision" / "kernels").resolve()
        assert (folder / "ctl" / "kernels").resolve() == (folder / "was" / "kernels").resolve()
        assert all((folder / state / "bench").resolve() == ROOT / "bench" for state in ("now", "was", "ctl"))
        assert tree.places["now"] == [str(mine), str(ROOT / "halfulp.py")]
        assert tree.places["was"] == tree.places["ctl"] == [str(mine), str(folder / "revision" / "halfulp.py")]
        assert (folder / "revision" / "halfulp.py").exists()
    assert not folder.exists()


def test_a_revision_without_a_registry_is_refused(monkeypatch):
    empty = subprocess.run(["git", "hash-object", "-t", "tree", "/dev/null"], cwd=ROOT, capture_output=True, text=True)
    real = against._git

    def git(*arguments):
        return real("archive", empty.stdout.strip()) if arguments[0] == "archive" else real(*arguments)

    monkeypatch.setattr(against, "_git", git)
    with pytest.raises(AgainstError, match=r"it has no kernels/registry\.py: choose a later revision"):
        known_to("HEAD", [])


def test_the_kernels_of_a_revision_are_told_by_itself():
    known = known_to("HEAD", [])
    assert known[SILU] == dict(zip(FIELDS, ("silu", "forward", "float32", "numba", "fast"), strict=True))


MINE = """
import os
import numpy as np
from halfulp import implementation


@implementation("relu", backend="mine", variant="good", dtypes=("float32",))
def good(x):
    return np.maximum(x, np.float32(0))


@implementation("relu", backend="mine", variant="ends", dtypes=("float32",))
def ends(x):
    os._exit(3)


@implementation("relu", backend="mine", variant="raises", dtypes=("float32",))
def raises(x):
    raise ValueError("no")
"""


def test_a_kernel_that_ends_its_process_costs_no_other_timing(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    names = [f"relu-forward-float32-mine-{variant}" for variant in ("ends", "raises", "good")]
    with trees("HEAD", [str(path)]) as (tree, _):
        found = tree.asked("now", names, {name: [Setting(64, 1, "hot")] for name in names}, 0.001)
    assert [r["kernel"] for r in found if "seconds" in r] == ["relu-forward-float32-mine-good"]
    assert tree.failed == {names[0]: "its process ended with 3", names[1]: "ValueError: no"}


def test_a_process_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(against, "COMPILE_LIMIT_S", 0.01)
    with trees("HEAD", []) as (tree, _), pytest.raises(AgainstError, match=r"its process took more than 0 s"):
        tree.asked("now", [], {}, 0)


def test_extremes_are_hot_on_one_thread_and_cold_on_all(monkeypatch):
    monkeypatch.setattr("bench.speed.cores", lambda: 2)
    found = extremes(make_kernel(lambda x: x, takes_threads=True))
    assert [(s.cache, s.threads) for s in found] == [("hot", 1), ("cold", 2)]


# The rounds, on times that are made up.


class MadeUp:
    """Times by round, state, kernel and setting."""

    def __init__(self, of: Callable[[int, str, str, str], float]) -> None:
        self.of, self.processes, self.rng = of, 0, np.random.default_rng(5)

    def __call__(self, tree, state, kernels, at, seconds):
        if not seconds:
            return []
        number = self.processes // (against.BLOCKS * len(against.ORDER)) + 1
        self.processes += 1
        return [
            {
                "kernel": name,
                "setting": [s.elements, s.threads, s.cache, s.of],
                "seconds": self.of(number, state, name, s.cache) * np.exp(0.005 * self.rng.standard_normal()),
            }
            for name in kernels
            for s in at[name]
            if name not in tree.failed
        ]


@pytest.fixture
def raced(monkeypatch):
    def run(of, chosen=("fast", "stable"), unknown=(), **revision):
        made = MadeUp(of)
        monkeypatch.setattr(Tree, "asked", lambda tree, *asked: made(tree, *asked))
        kernels = [k for k in registered() if k.id in [f"silu-forward-float32-numba-{v}" for v in chosen]]
        known = {k.id: dict.fromkeys(FIELDS) for k in registered() if k.id not in unknown}
        return race(Revision("HEAD", (), known, **revision), kernels), made.processes

    return run


def verdicts(found) -> dict[tuple[str, str], str]:
    return {
        (c.kernel.rsplit("-", 1)[1], c.setting.split("-")[1] if c.setting else ""): c.verdict for c in found.changes
    }


def test_nothing_is_found_where_nothing_differs_and_one_round_is_enough(raced):
    found, processes = raced(lambda *_: 1e-4)
    assert set(verdicts(found).values()) == {"same"}
    assert (found.can_tell, processes) == (True, against.BLOCKS * 6)


def test_a_machine_that_gets_steadily_slower_finds_no_difference(raced):
    passed = iter(range(10**6))
    found, _ = raced(lambda *_: 1e-4 * 1.02 ** next(passed), chosen=("fast",))
    assert set(verdicts(found).values()) == {"same"}
    assert found.can_tell


def test_what_is_slower_in_both_rounds_is_slower_in_its_setting_alone(raced):
    found, processes = raced(
        lambda _, state, name, cache: 1.1e-4 if (state, cache) == ("now", "hot") and "fast" in name else 1e-4
    )
    assert verdicts(found) == {
        ("fast", "hot"): "slower",
        ("fast", "cold"): "same",
        ("stable", "hot"): "same",
        ("stable", "cold"): "same",
    }
    (slower,) = found.judged("slower")
    assert slower.ratio == pytest.approx(1.1, rel=0.01)
    assert processes == 2 * against.BLOCKS * 6


def test_what_is_slower_in_the_first_round_only_is_ambiguous(raced):
    found, _ = raced(lambda number, state, *_: 1.1e-4 if (number, state) == (1, "now") else 1e-4)
    assert set(verdicts(found).values()) == {"ambiguous"}
    assert found.changes[0].why == "slower in a first round, same in a second"
    assert found.can_tell


def test_a_control_that_differs_from_itself_twice_is_no_pass(raced):
    found, _ = raced(lambda number, state, *_: 1.1e-4 if state == "ctl" else 1e-4)
    assert not found.can_tell
    assert {c.verdict for c in found.control} == {"slower"}


def test_kernels_that_one_side_lacks_are_not_measured_and_told(raced):
    found, _ = raced(
        lambda *_: 1e-4, unknown=("silu-forward-float32-numba-stable",), gone=("silu-forward-float32-numba-old",)
    )
    told = {c.kernel: (c.why, c.is_due) for c in found.changes if c.verdict == "not measured"}
    assert told == {
        "silu-forward-float32-numba-stable": ("HEAD does not have it", False),
        "silu-forward-float32-numba-old": ("this checkout does not have it", True),
    }


# The command.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--against", "no-such-branch"), "name a revision that is here"),
        (("--against", "HEAD", "--only", "accuracy"), "--against compares speeds: leave --only accuracy out"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_measured(tmp_path, arguments, said):
    done = benchmark(tmp_path, "--activation", "relu", *arguments)
    assert done.code == 4
    assert said in done.err
    assert not list(Path(tmp_path).glob("*.json"))


def test_the_command_times_both_and_too_few_timings_are_no_pass(tmp_path, monkeypatch):
    (tmp_path / "fewer.py").write_text("from bench import against\ndef pytest_configure(): against.BLOCKS = 1\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    chosen = ["--activation=relu", "--dtype=float32", "--direction=forward", "--variant=fast", "--backend=numba"]
    done = benchmark(tmp_path, "-p", "fewer", "--only=speed", "--against=HEAD", *chosen)
    assert done.code == 7, done.out + done.err
    found = load(tmp_path / "results.json").against
    assert (found.revision, found.blocks, found.can_tell) == ("HEAD", 1, True)
    assert [(c.kernel, c.verdict) for c in found.changes] == [("relu-forward-float32-numba-fast", "not measured")] * 2
    for text in (done.out, (tmp_path / "summary.md").read_text(), (tmp_path / "index.html").read_text()):
        assert "1 blocks of processes are too few: 5 are needed" in text
    assert "Against HEAD</h2>" in (tmp_path / "index.html").read_text()
