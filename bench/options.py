# SPDX-License-Identifier: MIT
"""The options of `pytest --benchmark`, and what they choose."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pytest

import kernels
import reference
from bench import users
from bench.against import AgainstError, Revision, known_to
from bench.gate import Gate, open_gate
from bench.inputs import SAMPLES
from bench.machine import ROOT
from bench.racing import FIELDS
from bench.remote import Host
from kernels.registry import VARIANTS, Absent, Kernel, registered
from reference.formats import FORMATS
from reports.schema import Skipped

FILTERS = FIELDS
DIRECTIONS = ("forward", "backward", "backward_alpha")
NAMING = {"against": "a revision", "baseline": "a results.json", "history": "a folder", "report-dir": "a folder"}


@dataclass(frozen=True)
class Options:
    """What a run was asked for."""

    depth: Literal["quick", "standard", "exhaustive"]
    only: Literal["accuracy", "speed"] | None
    report_dir: Path
    seed: int
    chosen: tuple[Kernel, ...]
    skipped: tuple[Skipped, ...] = ()
    filters: Mapping[str, list[str]] = field(default_factory=dict)  # names by option, where any were given
    gate: Gate | None = None
    history: Path | None = None  # the folder of earlier runs
    revision: Revision | None = None  # whose kernels are timed beside ours
    hosts: Mapping[str, Host] = field(default_factory=dict)  # of the user's kernels, by their ids


def add_options(parser: pytest.Parser) -> None:
    """Declare the options on pytest's command line."""
    group = parser.getgroup("halfulp", "halfulp: accuracy and speed of activation functions")
    group.addoption("--benchmark", action="store_true", help="run the suite instead of the tests, and write the report")
    for name in FILTERS:
        group.addoption(f"--{name}", metavar="NAME[,NAME]", help=f"measure only kernels of this {name}")
    group.addoption(
        "--kernels",
        action="append",
        default=[],
        metavar="FILE.py|MODULE",
        help="measure implementations of your own as well; may be given again",
    )
    group.addoption("--depth", choices=tuple(SAMPLES), default="standard", help="how much is tried (default: standard)")
    group.addoption("--only", choices=("accuracy", "speed"), help="leave the other half out")
    group.addoption(
        "--report-dir", type=Path, default=ROOT / "reports" / "latest", metavar="DIR", help="default: reports/latest"
    )
    group.addoption(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="compare with an earlier results.json, and fail where it was better",
    )
    group.addoption(
        "--history",
        type=Path,
        metavar="DIR",
        help="keep the results in this folder, and show the trend of those that it has of this machine",
    )
    group.addoption(
        "--against",
        metavar="REV",
        help="time the kernels of another revision beside these, and fail where these are slower",
    )
    group.addoption("--seed", type=int, default=0, metavar="N", help="of everything drawn at random (default: 0)")


def read_options(config: pytest.Config) -> Options:
    """The options of a run with --benchmark.

    Raises:
        pytest.UsageError: a name is empty or does not exist, a user's kernels can't be had, or nothing is chosen.
    """
    for option, what in NAMING.items():
        given = config.getoption(option.replace("-", "_"))
        if given is not None and not Path(given).name.strip():  # such as that of a path that is empty
            raise pytest.UsageError(f"--{option}: name {what} (is a variable not set?)")
    kernels.load()
    try:
        hosts = users.hosted(config.getoption("kernels"))
    except users.LoadError as error:
        raise pytest.UsageError(str(error)) from error
    names = {name: _names(config, name) for name in FILTERS}
    chosen = [k for k in in_order(registered()) if all(getattr(k, f) in names[f] for f in FILTERS if names[f])]
    if not chosen:
        asked = " ".join(f"--{name} {','.join(n)}" for name, n in names.items() if n)
        raise pytest.UsageError(f"no kernel matches {asked}: {_why_none(names) or 'leave one of these filters out'}")
    seed = config.getoption("seed")
    if seed < 0:
        raise pytest.UsageError(f"--seed {seed}: must not be negative")
    return Options(
        depth=config.getoption("depth"),
        only=config.getoption("only"),
        report_dir=config.getoption("report_dir"),
        seed=seed,
        chosen=tuple(chosen),
        filters={name: n for name, n in names.items() if n},
        gate=_gate(config),
        history=config.getoption("history"),
        revision=_revision(config, names, hosts),
        hosts=hosts,
        skipped=tuple(_skipped(names)),
    )


def _gate(config: pytest.Config) -> Gate | None:
    asked = [config.getoption(name) for name in ("baseline", "depth", "seed", "only")]
    return open_gate(*asked) if asked[0] else None


def _revision(config: pytest.Config, filters: Mapping[str, list[str]], hosts: Mapping[str, Host]) -> Revision | None:
    name, places = config.getoption("against"), config.getoption("kernels")
    if not name:
        return None
    if config.getoption("only") == "accuracy":
        raise pytest.UsageError("--against compares speeds: leave --only accuracy out")
    try:
        found = known_to(name, places)
    except AgainstError as error:
        raise pytest.UsageError(str(error)) from error
    here = {k.id for k in registered()}
    asked = [i for i, fields in found.known.items() if all(fields[f] in filters[f] for f in FILTERS if filters[f])]
    homes = {name: host.places[0] for name, host in hosts.items()}
    return replace(found, gone=tuple(i for i in asked if i not in here), homes=homes)


def _why_none(names: Mapping[str, list[str]]) -> str:
    """What the backends and variants that are named lack of what the other filters name."""
    found = (it for it in kernels.lacking() if it.backend in names["backend"] or set(it.variants) & {*names["variant"]})
    return "; ".join(dict.fromkeys(it.why for it in found if it.asked(names)))


def _skipped(names: Mapping[str, list[str]]) -> Iterator[Skipped]:
    """What can't be measured here of all that the filters leave in, and what backends lack that a filter names."""
    for missing in kernels.absent():
        if _is_asked_for(missing, names):
            yield Skipped(what=" ".join(missing.what), why=missing.why)
    for it in kernels.lacking():
        if what := it.asked(names):
            yield Skipped(what=what, why=it.why)


def _is_asked_for(missing: Absent, names: Mapping[str, list[str]]) -> bool:
    """Whether the filters leave it in, so that the report has to say that it was not there."""
    if names["backend"] and missing.backend not in names["backend"]:
        return False
    return missing.variant is None or not names["variant"] or missing.variant in names["variant"]


def in_order(kernels: Iterable[Kernel]) -> list[Kernel]:
    """As tables show them: activation, direction, dtype, backend, variant."""
    orders = {
        "activation": tuple(reference.activations()),
        "direction": DIRECTIONS,
        "dtype": tuple(FORMATS),
        "variant": VARIANTS,
    }

    def key(kernel: Kernel) -> tuple[tuple[int, str], ...]:
        return tuple(_place(getattr(kernel, name), orders.get(name, ())) for name in FILTERS)

    return sorted(kernels, key=key)


def _place(name: str, order: tuple[str, ...]) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


def _names(config: pytest.Config, option: str) -> list[str]:
    """The names given to a filter, each of which exists."""
    names = [n.strip() for n in (config.getoption(option) or "").split(",") if n.strip()]
    if config.getoption(option) is not None and not names:
        raise pytest.UsageError(f"--{option}: give at least one name")
    existing = list(dict.fromkeys(getattr(k, option) for k in in_order(registered())))
    unknown = [n for n in names if n not in existing]
    for missing in kernels.absent():
        if missing.what[0] == option and missing.what[1] in unknown:
            raise pytest.UsageError(f"--{option} {missing.what[1]}: {missing.why}")
    if unknown:
        raise pytest.UsageError(
            f"--{option}: there is no {', '.join(map(repr, unknown))}; choose from {', '.join(existing)}"
        )
    return names
