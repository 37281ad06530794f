# SPDX-License-Identifier: MIT
"""The options: what they choose, and that a wrong one is refused in one line which says what to do."""

import pytest

import kernels
from bench import worst
from bench.machine import ROOT
from bench.options import FILTERS, in_order, read_options
from bench.suite import session_key
from bench.worst import DataError
from kernels import registry
from kernels.registry import Absent, Lacks, registered

pytest_plugins = ["pytester"]


class Xdist:
    """What pytest-xdist adds to the command line, as far as it matters here."""

    @staticmethod
    def pytest_addoption(parser):
        parser.addoption("--many", dest="numprocesses", type=int)


@pytest.fixture
def configure(pytester, monkeypatch):
    """Configure pytest with arguments, in the checkout's folder; return the configuration."""
    monkeypatch.chdir(ROOT)
    pytester.plugins.append(Xdist)

    def run(*arguments: str):
        return pytester.parseconfigure("--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments)

    return run


def benchmark(*arguments: str) -> list[str]:
    return ["--benchmark", "--collect-only", *arguments]


def chosen(configure, *arguments: str) -> list[str]:
    return [k.id for k in configure(*benchmark(*arguments)).stash[session_key].options.chosen]


def test_every_kernel_is_chosen_where_nothing_is_said(configure):
    assert chosen(configure) == [k.id for k in in_order(registered())]


def test_filters_choose_together(configure):
    asked = ("--activation", "silu, gelu", "--dtype", "float32", "--direction=forward", "--backend", "numba")
    assert chosen(configure, *asked) == [
        f"{activation}-forward-float32-numba-{variant}"
        for activation in ("gelu", "silu")
        for variant in ("textbook", "stable", "fast", "rounded")
    ]
    assert chosen(configure, "--variant", "stable", "--activation", "prelu", "--direction", "backward_alpha") == [
        f"prelu-backward_alpha-{dtype}-numba-stable" for dtype in ("float16", "bfloat16", "float32", "float64")
    ]


@pytest.mark.parametrize("option", ["against", "baseline", "history", "report-dir"])
def test_an_option_that_names_nothing_is_no_option_left_out(configure, option):
    with pytest.raises(pytest.UsageError, match=rf"^--{option}: name a \w+.* \(is a variable not set\?\)$"):
        configure(*benchmark(f"--{option}", ""))
    if option != "report-dir":
        with pytest.raises(pytest.UsageError, match=rf"^--{option} is about what is measured: give --benchmark as"):
            configure(f"--{option}", "")


def test_a_library_that_is_not_installed_is_refused_with_what_to_do(configure, monkeypatch):
    monkeypatch.setattr(kernels, "absent", lambda: [Absent("torch", "torch is not installed: pip install torch")])
    monkeypatch.setattr(registry, "_kernels", {k: v for k, v in registry._kernels.items() if v.backend != "torch"})
    with pytest.raises(pytest.UsageError, match=r"^--backend torch: torch is not installed: pip install torch$"):
        configure(*benchmark("--backend", "numba,torch"))


def test_what_is_absent_is_skipped_where_no_backend_is_named(configure, monkeypatch):
    monkeypatch.setattr(kernels, "absent", lambda: [Absent("torch", "not installed")])
    skipped = configure(*benchmark()).stash[session_key].skipped
    assert [(s.what, s.why) for s in skipped] == [("backend torch", "not installed")]
    assert configure(*benchmark("--backend", "numba")).stash[session_key].skipped == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), ["variant woven"]),
        (("--backend", "numpy"), ["variant woven"]),
        (("--backend", "numba"), []),
        (("--variant", "library"), []),
    ],
)
def test_a_variant_that_is_absent_is_skipped_where_the_filters_leave_it_in(configure, monkeypatch, filters, expected):
    monkeypatch.setattr(kernels, "absent", lambda: [Absent("numpy", "no loom", "woven")])
    monkeypatch.setattr(kernels, "lacking", list)
    assert [s.what for s in configure(*benchmark(*filters)).stash[session_key].skipped] == expected


LACKS = Lacks("numpy", "nothing is learned", activations=("silu", "mish"), directions=("backward",))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), []),
        (("--backend", "numba"), []),
        (("--dtype", "float32"), []),
        (("--direction", "forward", "--backend", "numpy"), []),
        (("--activation", "gelu", "--direction", "backward"), []),
        (("--backend", "numpy"), ["backend numpy, activation silu mish, direction backward"]),
        (("--activation", "gelu,silu"), ["backend numpy, activation silu, direction backward"]),
    ],
)
def test_what_a_backend_lacks_is_skipped_where_a_filter_names_it(configure, monkeypatch, filters, expected):
    monkeypatch.setattr(kernels, "lacking", lambda: [LACKS])
    monkeypatch.setattr(kernels, "absent", list)
    assert [s.what for s in configure(*benchmark(*filters)).stash[session_key].skipped] == expected


def test_where_nothing_is_left_it_is_said_what_the_backend_lacks(configure, monkeypatch):
    monkeypatch.setattr(kernels, "lacking", lambda: [LACKS])
    with pytest.raises(pytest.UsageError, match=r"--backend numpy: nothing is learned$"):
        configure(*benchmark("--activation", "mish", "--direction", "backward", "--backend", "numpy"))
    with pytest.raises(pytest.UsageError, match=r"leave one of these filters out$"):
        configure(*benchmark("--activation", "gelu", "--direction", "backward", "--backend", "numpy"))


def test_a_variant_that_is_absent_is_refused_with_what_to_do(configure, monkeypatch):
    monkeypatch.setattr(kernels, "absent", lambda: [Absent("numpy", "no loom: buy one", "woven")])
    with pytest.raises(pytest.UsageError, match=r"^--variant woven: no loom: buy one$"):
        configure(*benchmark("--variant", "woven"))


@pytest.mark.parametrize(
    ("option", "name", "existing"),
    [
        ("activation", "swiglu", "sigmoid"),
        ("direction", "sideways", "forward, backward, backward_alpha"),
        ("dtype", "float8", "float16, bfloat16, float32, float64"),
        ("backend", "abacus", "numba"),
        ("variant", "slow", "textbook, stable"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_exist(configure, option, name, existing):
    known = getattr(next(registered()), option)
    with pytest.raises(pytest.UsageError) as error:
        configure(*benchmark(f"--{option}", f"{known},{name}"))
    message = str(error.value)
    assert message.startswith(f"--{option}: there is no {name!r}; choose from ")
    assert existing in message
    assert "\n" not in message


def test_every_filter_is_tested_above():
    assert set(FILTERS) == {"activation", "direction", "dtype", "backend", "variant"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--activation", ""], "--activation: give at least one name"),
        (["--dtype", ","], "--dtype: give at least one name"),
        (
            ["--activation", "silu", "--direction", "backward_alpha"],
            "no kernel matches --activation silu --direction backward_alpha: leave one of these filters out",
        ),
        (["--seed", "-1"], "--seed -1: must not be negative"),
        (["--many", "2"], "--benchmark runs one kernel at a time, so that timings hold: leave -n out"),
        (["tests"], "--benchmark runs the suite alone: leave tests out, choose with --activation or -k"),
        (["bench/suite.py", "tests/test_bench_ulp.py::test_x"], "leave bench/suite.py"),
    ],
)
def test_wrong_usage_is_refused_in_one_line(configure, arguments, said):
    with pytest.raises(pytest.UsageError) as error:
        configure(*benchmark(*arguments))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_another_folder_than_the_checkout_is_refused(configure, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pytest.UsageError, match="runs from the checkout: cd "):
        configure(*benchmark())


@pytest.mark.parametrize("arguments", [["--depth", "deepest"], ["--only", "looks"], ["--seed", "one"]])
def test_a_wrong_value_is_refused_by_the_parser(configure, arguments, capsys):
    with pytest.raises(pytest.UsageError):
        configure(*benchmark(*arguments))


def test_a_damaged_file_of_worst_inputs_is_one_line(configure, monkeypatch, tmp_path):
    def damaged():
        raise DataError("worst_inputs.csv: damaged; restore it with git")

    monkeypatch.setattr(worst, "known", damaged)
    with pytest.raises(pytest.UsageError, match="restore it with git"):
        configure(*benchmark())


def test_defaults(configure):
    options = configure(*benchmark()).stash[session_key].options
    assert (options.depth, options.only, options.seed) == ("standard", None, 0)
    assert options.report_dir == ROOT / "reports" / "latest"


def test_the_path_of_the_suite_itself_may_be_given(configure):
    assert chosen(configure, "bench/suite.py", "--activation", "relu", "--dtype", "float64", "--variant", "stable")


def test_workers_are_no_matter_without_benchmark(configure):
    config = configure("--many", "2")
    assert session_key not in config.stash


def test_plain_pytest_is_left_alone(configure):
    config = configure()
    assert session_key not in config.stash
    assert config.args == ["tests"]
    assert config.getoption("benchmark_json") is None


def test_collecting_claims_no_folder(configure, tmp_path):
    configure(*benchmark("--report-dir", str(tmp_path / "report")))
    assert not (tmp_path / "report").exists()


def test_the_users_options_for_timing_stay(configure, tmp_path):
    given = ["--benchmark-max-time", "0.5", "--benchmark-json", str(tmp_path / "mine.json")]
    config = configure("--benchmark", "--report-dir", str(tmp_path / "report"), *given)
    assert float(config.getoption("benchmark_max_time")) == 0.5
    assert str(config.getoption("benchmark_json")) == str(tmp_path / "mine.json")
    assert config.getoption("benchmark_min_rounds") == 3
    assert (tmp_path / "report").is_dir()


def test_options_are_read_anew_for_each_run(configure):
    config = configure(*benchmark("--activation", "relu"))
    assert {k.activation for k in read_options(config).chosen} == {"relu"}


def test_kernels_come_in_the_order_of_tables():
    kernels = in_order(registered())
    names = [k.activation for k in kernels]
    assert names == sorted(names)
    silu = [k.id for k in kernels if k.activation == "silu" and k.backend == "numba"]
    assert silu[:5] == [
        "silu-forward-float16-numba-textbook",
        "silu-forward-float16-numba-stable",
        "silu-forward-float16-numba-fast",
        "silu-forward-float16-numba-rounded",
        "silu-forward-bfloat16-numba-textbook",
    ]
    assert silu[-1] == "silu-backward-float64-numba-fast"
