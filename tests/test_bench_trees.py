# SPDX-License-Identifier: MIT
"""The folders that are raced, and the processes in them: those that end before their time cost no other timing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bench import trees as module
from bench.calling import KernelError
from bench.machine import ROOT
from bench.past import Past
from bench.process import Host
from bench.speed import Setting
from bench.trees import STATES, AgainstError, Plan, Tree, trees
from tests.repositories import commit


def test_a_revision_that_is_not_there_is_refused_with_what_to_do():
    match = r"--against no-such-branch: .*name one that is there.*git fetch"
    with pytest.raises(AgainstError, match=match), trees("no-such-branch", []):
        pass


def test_each_state_has_its_kernels_and_this_checkouts_bench():
    with trees("HEAD", [str(ROOT / "halfulp.py")]) as tree:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        assert tree.commit == head
        folder = tree.folder
        then = (folder / "was" / "kernels").resolve()
        assert (folder / "now" / "kernels").resolve() == ROOT / "kernels"
        assert then == (folder / "ctl" / "kernels").resolve()
        assert then.is_relative_to(folder)
        assert all((folder / state / "bench").resolve() == ROOT / "bench" for state in ("now", "was", "ctl"))
        assert tree.places["now"] == [str(ROOT / "halfulp.py")]
        assert tree.places["was"] == tree.places["ctl"] == [str(then.parent / "halfulp.py")]
        assert (then.parent / "halfulp.py").exists()
    assert not folder.exists()


def test_a_file_of_no_repository_has_no_state_then_and_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    mine = tmp_path / "mine.py"
    mine.touch()
    with trees("HEAD", [str(mine)]) as tree:
        assert (tree.places["now"], tree.places["was"], tree.places["ctl"]) == ([str(mine)], [], [])
        assert "is in no git repository" in tree.lacking[str(mine)]


def test_a_file_of_another_repository_is_that_of_its_revision_and_so_is_what_it_imports(tmp_path, monkeypatch):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for name, text in (("mine.py", "import beside\n"), ("beside.py", "is = 'was'\n")):
        (theirs / name).write_text(text)
    made = commit(theirs, branch="theirs-alone")
    (theirs / "new.py").touch()
    monkeypatch.syspath_prepend(str(theirs))
    with trees("theirs-alone", [str(theirs / "mine.py"), str(theirs / "new.py")]) as tree:
        assert tree.commit == made
        (there,) = tree.places["was"]
        assert Path(there).is_relative_to(tree.folder)
        assert tree.paths["was"][0] == str(Path(there).parent)
        assert tree.paths["now"][0] == str(theirs)
        assert (tree.folder / "was" / "kernels").resolve() == ROOT / "kernels"
        assert list(tree.lacking) == [""]


def test_a_file_that_is_new_in_a_repository_that_alone_has_the_revision_has_no_state_then(tmp_path):
    (tmp_path / "other.py").touch()
    made = commit(tmp_path, branch="theirs-alone")
    (tmp_path / "new.py").touch()
    with trees("theirs-alone", [str(tmp_path / "new.py")]) as tree:
        assert (tree.commit, tree.places["was"], list(tree.lacking)) == (made, [], [""])


def test_a_module_in_the_checkout_is_found_in_each_state(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    with trees("HEAD", ["tests.making"]) as tree:
        assert tree.places["was"] == tree.places["now"] == ["tests.making"]
        assert str(ROOT) in tree.paths["now"]
        assert str(ROOT) not in tree.paths["was"]
        assert any((Path(p) / "tests" / "making.py").exists() for p in tree.paths["was"])


def test_a_revision_without_a_registry_is_refused(monkeypatch):
    real = Past.of
    monkeypatch.setattr(Past, "of", lambda past, path: None if path == module.REGISTRY else real(past, path))
    match = r"it has no kernels/registry\.py: choose a later revision"
    with pytest.raises(AgainstError, match=match), trees("HEAD", []):
        pass


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
    commit(tmp_path, branch="theirs-alone")
    names = [f"relu-forward-float32-mine-{variant}" for variant in ("ends", "raises", "good")]
    with trees("theirs-alone", [str(path)]) as tree, tree.running():
        found = [tree.slices(name, Setting(64, 1, "hot"), Plan(least=2, most=4, seconds=0)) for name in names]
    assert found[:2] == [{}, {}]
    assert {state: len(slices) for state, slices in found[2].items()} == dict.fromkeys(STATES, 2)
    assert tree.failed == {
        names[0]: ("now", "the process exited with 3"),
        names[1]: ("now", "ValueError: no (mine.py, line 19)"),
    }
    assert tree.timed == {names[2]}


def test_slices_are_taken_in_turn_until_there_are_enough_or_time_is_up(monkeypatch):
    turns, seconds = [], iter(range(1, 100))
    monkeypatch.setattr(Tree, "asked", lambda tree, state, *what: turns.append((state, *what)) or next(seconds))
    tree, setting = Tree(ROOT, "HEAD"), Setting(64, 1, "hot")
    found = tree.slices("k", setting, Plan(slice_s=0.5, least=2, most=4, seconds=1e9))
    assert [state for state, *_ in turns] == ["now", "was", "ctl", "ctl", "was", "now"] * 2
    assert turns[0][1:] == ("time", "k", (64, 1, "hot", "kernel"), 0.5)
    assert found == {"now": [1, 6, 7, 12], "was": [2, 5, 8, 11], "ctl": [3, 4, 9, 10]}
    assert len(tree.slices("k", setting, Plan(least=6, most=40, seconds=0))["now"]) == 6


def test_processes_that_take_too_long_to_start_are_ended(monkeypatch):
    monkeypatch.setattr("bench.process.START_LIMIT_S", 0.01)
    match = r"here .*: did not return within 0.01 s, and was stopped, twice"
    with trees("HEAD", []) as tree:
        with pytest.raises(AgainstError, match=match), tree.running(["now"]):
            pass
        assert tree.processes == {}


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("raise ImportError('no such thing')", "no such thing"),
        ("", "ImportError: cannot import name '.*' from 'kernels.registry'"),  # as of a revision long ago
    ],
)
def test_kernels_that_can_not_be_loaded_are_told_with_why(tmp_path, package, said):
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text(package)
    (tmp_path / "kernels" / "registry.py").touch()
    with trees("HEAD", []) as tree:
        (tree.folder / "was" / "kernels").unlink()
        (tree.folder / "was" / "kernels").symlink_to(tmp_path / "kernels")
        with pytest.raises(AgainstError, match=f"at HEAD can't be timed by this checkout's bench: .*{said}"):
            tree.known()


def test_a_revision_that_can_not_tell_what_it_has_is_told(monkeypatch):
    def ask(process, operation, *what, **how):
        raise KernelError("crashed", "the process exited with 3")

    monkeypatch.setattr(Host, "ask", ask)
    with trees("HEAD", []) as tree, pytest.raises(AgainstError, match=r"at HEAD can't be .*: .* exited with 3"):
        tree.known()


FORKING = """
import os
import time

if os.fork() == 0:
    open(__file__ + ".pid", "w").write(str(os.getpid()))
    time.sleep(1000)
while not os.path.exists(__file__ + ".pid") or not open(__file__ + ".pid").read():
    time.sleep(0.01)
{then}
"""


@pytest.mark.parametrize(
    ("then", "said"),
    [("time.sleep(1000)", "did not return within"), ("os._exit(3)", "here .*: the process exited with 3")],
)
def test_what_was_forked_is_ended_with_its_process_and_delays_no_verdict(tmp_path, monkeypatch, then, said):
    path, pid = tmp_path / "mine.py", tmp_path / "mine.py.pid"
    path.write_text(FORKING.format(then=then))
    if "sleep" in then:
        monkeypatch.setattr("bench.process.START_LIMIT_S", 15.0)
    with trees("HEAD", [str(path)]) as tree, pytest.raises(AgainstError, match=said), tree.running(["now"]):
        pass
    left = [p for p in psutil.process_iter() if p.pid == int(pid.read_text())]
    assert not psutil.wait_procs(left, timeout=10)[1]  # it was killed, but may not have gone yet


def test_compiled_code_is_kept_in_a_cache_of_the_race(monkeypatch):
    given, start = {}, subprocess.Popen

    def started(command, env, **how):
        given.update(env)
        return start(["true"], **how)

    with trees("HEAD", []) as tree:
        monkeypatch.setattr("bench.process.subprocess.Popen", started)
        with pytest.raises(AgainstError), tree.running(["now"]):
            pass
        assert Path(given["HALFULP_CACHE_DIR"]).is_relative_to(tree.folder)
        assert given["PYTHONPATH"].split(os.pathsep)[0] == str(tree.folder / "now")


def test_a_run_that_is_ended_leaves_no_folder(tmp_path):
    code = "import time; from bench.trees import trees\nwith trees('HEAD', []): print(flush=True); time.sleep(60)"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        process.stdout.readline()
        (folder,) = tmp_path.iterdir()
        assert folder.name.startswith("halfulp-")
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert not list(tmp_path.iterdir())
