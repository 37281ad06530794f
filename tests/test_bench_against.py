# SPDX-License-Identifier: MIT
"""``--against``: what a revision has, two rounds of timings, and the control."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import against
from bench.against import Revision, Tree, extremes, known_to, race
from bench.racing import FIELDS
from kernels.registry import registered
from reports.schema import load
from tests.command import benchmark
from tests.making import make_kernel
from tests.repositories import commit

SILU = "silu-forward-float32-numba-fast"


def test_the_kernels_of_a_revision_are_told_by_itself():
    found = known_to("HEAD", [])
    assert found.known[SILU] == dict(zip(FIELDS, ("silu", "forward", "float32", "numba", "fast"), strict=True))
    assert (found.name, found.lacking) == ("HEAD", {})


def test_where_only_a_users_repository_has_the_revision_nothing_is_known_of_ours(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    commit(tmp_path, branch="theirs-alone")
    found = known_to("theirs-alone", [str(path)])
    assert list(found.known) == ["relu-forward-float32-mine-good"]
    assert "has no revision theirs-alone" in found.lacking[""]
    assert not replace(found, homes={"a": str(path)}).has_no("a").is_due  # it is new
    assert found.has_no(SILU).is_due


MINE = """
import numpy as np
from halfulp import implementation


@implementation("relu", backend="mine", variant="good", dtypes=("float32",))
def good(x):
    return np.maximum(x, np.float32(0))
"""


def test_a_file_that_registered_nothing_yet_or_failed_then_had_no_kernels_and_costs_no_other(tmp_path):
    early, broken, path = (tmp_path / f"{name}.py" for name in ("early", "broken", "mine"))
    early.write_text("import numpy\n"), broken.write_text("import no_such_module\n"), path.write_text(MINE)
    commit(tmp_path, branch="theirs-alone")
    places = [str(p) for p in (early, broken, path)]
    found = known_to("theirs-alone", places)
    assert list(found.known) == ["relu-forward-float32-mine-good"]
    told = [replace(found, homes={"a": place}).has_no("a") for place in places[:2]]
    assert [change.is_due for change in told] == [False, False]
    assert told[0].why.startswith(f"theirs-alone does not have it: --kernels {early} registers no kernel: ")
    assert told[1].why.startswith(f"theirs-alone does not have it: --kernels {broken}: ModuleNotFoundError: ")


def test_extremes_are_hot_on_one_thread_and_cold_on_all(monkeypatch):
    monkeypatch.setattr("bench.speed.cores", lambda: 2)
    found = extremes(make_kernel(lambda x: x, takes_threads=True))
    assert [(s.cache, s.threads) for s in found] == [("hot", 1), ("cold", 2)]
    found = extremes(replace(make_kernel(lambda x: x), uses_all=True))
    assert [(s.cache, s.threads) for s in found] == [("hot", 2), ("cold", 2)]


# The rounds, on times that are made up.


class MadeUp:
    """Times by round, state, kernel and setting."""

    def __init__(self, of: Callable[[int, str, str, str], float]) -> None:
        self.of, self.blocks, self.rng, self.compiled = of, 0, np.random.default_rng(5), []

    @contextlib.contextmanager
    def running(self, tree):
        self.blocks += bool(self.compiled)  # the first processes only compile
        yield

    def asked(self, tree, state, operation, kernel, *what, limit_s=0):
        if operation == "compile":
            self.compiled.append(state)
            return None
        number = (self.blocks - 1) // against.BLOCKS + 1
        return self.of(number, state, kernel, what[0][2]) * np.exp(0.005 * self.rng.standard_normal())


@pytest.fixture
def made_up(monkeypatch):
    def use(of):
        made = MadeUp(of)
        monkeypatch.setattr(Tree, "running", lambda tree: made.running(tree))
        monkeypatch.setattr(Tree, "asked", lambda tree, *what, **how: made.asked(tree, *what, **how))
        return made

    return use


@pytest.fixture
def raced(made_up, monkeypatch):
    def run(of, chosen=("fast", "stable"), unknown=(), fails=lambda made, state, kernel: None, **revision):
        made, asked = made_up(of), MadeUp.asked

        def failing(self, tree, state, operation, kernel, *what, **how):
            why = fails(self, state, kernel)
            if why is None:
                return asked(self, tree, state, operation, kernel, *what, **how)
            tree.failed[kernel] = state, why
            return None

        monkeypatch.setattr(MadeUp, "asked", failing)
        run.compiled = made.compiled
        kernels = [k for k in registered() if k.id in [f"silu-forward-float32-numba-{v}" for v in chosen]]
        known = {k.id: dict.fromkeys(FIELDS) for k in registered() if k.id not in unknown}
        return race(Revision("HEAD", known=known, **revision), kernels), made.blocks

    return run


def verdicts(found) -> dict[tuple[str, str], str]:
    return {
        (c.kernel.rsplit("-", 1)[1], c.setting.split("-")[1] if c.setting else ""): c.verdict for c in found.changes
    }


@pytest.mark.parametrize("threads", [1, 2])
def test_a_kernel_that_takes_threads_no_more_is_raced_against_what_it_was_with_them(made_up, monkeypatch, threads):
    made_up(lambda *_: 1e-4)
    kernel = make_kernel(lambda x: x, takes_threads=False)
    monkeypatch.setattr("bench.speed.cores", lambda: 2)
    found = race(Revision("HEAD", known={kernel.id: {}}, threaded=[kernel.id] * (threads - 1)), [kernel])
    assert [c.setting.split("-")[-1] for c in found.changes] == ["1t", f"{threads}t"]


def test_nothing_is_found_where_nothing_differs_and_one_round_is_enough(raced):
    found, blocks = raced(lambda *_: 1e-4)
    assert set(verdicts(found).values()) == {"same"}
    assert (found.can_tell, blocks) == (True, against.BLOCKS)


def test_a_machine_that_gets_steadily_slower_finds_no_difference(raced):
    passed = iter(range(10**6))
    found, _ = raced(lambda *_: 1e-4 * 1.0005 ** next(passed), chosen=("fast",))
    assert set(verdicts(found).values()) == {"same"}
    assert found.can_tell


def test_what_is_slower_in_both_rounds_is_slower_in_its_setting_alone(raced):
    found, blocks = raced(
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
    assert blocks == 2 * against.BLOCKS


def test_what_is_slower_in_the_first_round_only_is_ambiguous(raced):
    found, _ = raced(lambda number, state, *_: 1.1e-4 if (number, state) == (1, "now") else 1e-4)
    assert set(verdicts(found).values()) == {"ambiguous"}
    assert found.changes[0].why == "slower in a first round, same in a second"
    assert found.can_tell


def test_each_state_is_compiled_before_anything_is_timed(raced):
    raced(lambda *_: 1e-4)
    assert raced.compiled == ["now", "was", "ctl"] * 2


def test_where_both_have_nothing_nothing_is_started(raced):
    found, blocks = raced(lambda *_: 1e-4, chosen=("fast",), unknown=(SILU,))
    assert (blocks, raced.compiled, found.can_tell) == (0, [], True)
    assert [c.why for c in found.changes] == ["HEAD does not have it"]


def test_in_which_state_a_kernel_failed_is_told_and_whose_fault_it_is(raced):
    stable = SILU.replace("fast", "stable")
    why = {("now", SILU): "ValueError: no", ("was", stable): "it ended with 3"}
    found, _ = raced(lambda *_: 1e-4, fails=lambda made, state, kernel: why.get((state, kernel)))
    assert {c.kernel: (c.why, c.is_due) for c in found.judged("not measured")} == {
        SILU: ("here: ValueError: no", True),
        stable: ("at HEAD: it ended with 3", False),
    }


@pytest.mark.parametrize(
    ("state", "block", "is_due"), [("was", 0, False), ("was", 1, False), ("was", 2, True), ("ctl", 1, True)]
)
def test_a_kernel_that_fails_at_the_revision_is_due_unless_it_did_so_before_any_timing(raced, state, block, is_due):
    def fails(made, at, kernel):
        return "no" if (at, made.blocks) == (state, block) else None

    found, _ = raced(lambda *_: 1e-4, chosen=("fast",), fails=fails)
    assert {c.is_due for c in found.judged("not measured")} == {is_due}


def test_a_kernel_of_whose_file_nothing_is_known_is_no_pass(raced):
    why = {"mine.py": "mine.py is in no git repository"}
    found, _ = raced(lambda *_: 1e-4, chosen=("fast",), unknown=(SILU,), lacking=why, homes={SILU: "mine.py"})
    assert [(c.why, c.is_due) for c in found.changes] == [("mine.py is in no git repository", True)]


def test_a_control_that_is_ambiguous_is_told(raced):
    noise = iter(np.random.default_rng(8).standard_normal(10**5))
    found, _ = raced(lambda number, state, *_: 1e-4 * np.exp(0.2 * next(noise) * (state == "ctl")), chosen=("fast",))
    assert found.can_tell
    assert {c.verdict for c in found.control} == {"ambiguous"}


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
        (("--against", "no-such-branch"), "name one that is there"),
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


SLOWED = MINE.replace("return ", "time.sleep(1e-3); return ").replace("import numpy", "import time\nimport numpy")


def test_a_users_file_is_raced_against_what_it_was_in_its_own_repository(tmp_path, monkeypatch):
    """What is slower fails its item and the run; what is gone is missing, unless -k leaves it out."""
    fewer = "from bench import against\ndef pytest_configure(): against.BLOCKS = 5\n"
    (tmp_path / "fewer.py").write_text(fewer)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "mine.py").write_text(MINE + MINE.replace("good", "gone"))
    commit(theirs, branch="theirs-alone")
    (theirs / "mine.py").write_text(SLOWED)
    how = ("-p", "fewer", "--only=speed", "--against=theirs-alone", "--backend=mine", "-k", "good")
    done = benchmark(tmp_path / "report", *how, kernels=theirs / "mine.py")
    assert done.code == 6, done.out + done.err
    found = load(tmp_path / "report" / "results.json").against
    assert {(c.kernel.split("-")[-1], c.verdict) for c in found.changes} == {("good", "slower")}
    assert "relu-forward-float32-mine-good: slower than at theirs-alone: 65536-hot-1t: " in done.out
    done = benchmark(tmp_path / "report", *how[:-2], "--collect-only", "-q", kernels=theirs / "mine.py")
    assert "relu-forward-float32-mine-gone" in done.out
