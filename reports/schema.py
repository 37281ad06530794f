# SPDX-License-Identifier: MIT
"""The schema of results.json, in one place: what is written is what is read, and both are checked.

Numbers are exact: JSON's decimals are the shortest that read back as the same binary64 number; inputs of kernels are
hexadecimal floats ("0x1.8p+1"); what is not finite is a string ("inf", "-inf", "nan").
"""

from pathlib import Path
from typing import Literal, get_args

import msgspec

from reports.comparisons import Against, Comparison, Earlier, Record

SCHEMA_VERSION = 6

Hex = str  # a hexadecimal float, or "inf", "-inf", "nan"
Decimal = str  # a decimal numeral of 25 significant digits, or "inf", "-inf", "nan"
Verdict = Literal["holds", "not refuted", "broken", "none"]
MismatchKind = Literal["nan", "inf", "zero", "sign"]  # a result is of one kind at most, the first that fits
MISMATCH_KINDS: tuple[str, ...] = get_args(MismatchKind)


class Spread(Record):
    min: float
    median: float
    iqr: float  # interquartile range


class Throughput(Record):
    elements: int
    threads: int  # of the processor; 0: a GPU computes
    cache: Literal["hot", "cold"]  # hot: the arrays stay in L2; cold: they come from DRAM
    rounds: int
    ns_per_element: Spread
    gb_per_s: float  # of the bytes that must move, at the median
    percent_of_copy: float  # of what a copy moves in a second, same dtype, elements and threads, same run
    call_us: float | None  # what a call on one element costs the processor where a GPU computes; None: not measured


class Copy(Record):
    """The yardstick: the faster of np.copyto and a streaming loop of our own; on a GPU its own copy."""

    dtype: str
    elements: int
    threads: int  # 0: a GPU copies
    cache: Literal["hot", "cold"]
    gb_per_s: float
    method: str


class Region(Record):
    """An interval of inputs, both ends included; equally many representable numbers in each."""

    lo: Hex
    hi: Hex
    evaluated: int
    max_ulp: float | None  # None where no input was tried, or no result was a number


class Bin(Record):
    """How many errors (in ulp) lie in (lo, hi]; the first bin starts at 0 and includes it, the last has no end."""

    lo: float
    hi: float | None
    count: int


class Example(Record):
    input: Hex
    got: Hex
    want: Decimal
    kind: MismatchKind


class PairExample(Example):
    dy: Hex


class RandomDy(Record):
    """The separate check of a backward kernel with finite dy drawn at random, against dy · f'(x)."""

    evaluated: int
    max_ulp: float | None
    worst_input: Hex | None
    worst_dy: Hex | None
    worst_got: Hex | None
    worst_exact: Decimal | None
    mismatches: int
    examples: list[PairExample] = msgspec.field(default_factory=list)  # of these, one of each kind


class Search(Record):
    """The search for the worst input; what it found is a lower bound of the largest error."""

    evaluations: int
    max_ulp: float | None
    worst_input: Hex | None
    misrounded: int  # of the evaluations, kinks at 0 apart
    mismatches: int  # of the evaluations: results of the wrong class
    starts: str | None = None  # digest of the inputs that it started from, by which they are known to be the same


class Accuracy(Record):
    """Errors over the inputs tried; the maximum and where it is include what the search found, if there was one."""

    coverage: Literal["exhaustive", "sampled"]
    evaluated: int
    max_ulp: float | None
    max_ulp_outside_roots: float | None  # where the claim leaves out the neighbourhood of roots
    worst_input: Hex | None
    worst_got: Hex | None
    worst_exact: Decimal | None
    max_distance: str  # a signed whole number: representable numbers from RN(y), counted through zero
    max_ulp_normal: float | None  # on N(0, 1) inputs
    mean_ulp_normal: float | None
    mean_ulp: float | None  # over all inputs tried
    misrounded: int
    outside_conditioning: int | None  # results outside RN(f([x - 1 ulp, x + 1 ulp])); None: not looked at
    decided_by_mpmath: int  # inputs that the fast oracle could not decide
    histogram: list[Bin]
    fingerprint: str | None
    inputs: str | None  # digest of a sample, by which it is known to be the same
    deviations: str | None  # results less the correctly rounded ones, packed; None: too many, or too irregular
    regions: list[Region]
    random_dy: RandomDy | None
    search: Search | None
    worst_input_normal: Hex | None = None  # where max_ulp_normal is

    @property
    def all_misrounded(self) -> int:
        """How many results with dy = 1 were misrounded, those of the search among them."""
        return self.misrounded + (self.search.misrounded if self.search else 0)

    def all_mismatches(self, safety: "Safety") -> int:
        """All results of the wrong class: those that ``safety`` has, with random dy, and in the search."""
        return safety.mismatches + sum(check.mismatches for check in (self.random_dy, self.search) if check)


class Safety(Record):
    mismatches: int
    by_kind: dict[str, int]
    examples: list[Example]


class Property(Record, omit_defaults=True):
    """Whether a law that f obeys holds for the results too; each is a verdict of its own, and no part of the claim."""

    verdict: Literal["holds", "violated", "not checked"]
    counter_example: str | None = None  # a sentence with the input in hexadecimal, what was got and what was due
    count: int = 0  # violations
    checked: int = 0  # places where it could have been violated
    largest: str | None = None  # of the violations, where they have a size: "3 representable numbers"
    why: str | None = None  # for "not checked"


class Failure(Record):
    kind: Literal[
        "raised", "hung", "crashed", "changed_mode", "wrong_shape", "wrong_dtype", "wrote_input", "left_output"
    ]
    message: str
    input: str | None


class KernelResult(Record):
    activation: str
    direction: str
    dtype: str
    backend: str
    variant: str
    why: str
    parameters: dict[str, float]
    device: Literal["cpu", "cuda"]  # where it computes
    takes_out: bool
    flushes_subnormals: bool
    portable: bool  # the same bits on every machine
    status: Literal["measured", "failed"]
    failure: Failure | None
    accuracy: Accuracy | None
    safety: Safety | None
    properties: dict[str, Property]
    claim: float | Literal["rounded"] | None
    claim_outside_roots: float  # the claim holds for |x - root| >= this only; 0: everywhere
    verdict: Verdict
    throughput: list[Throughput]

    @property
    def id(self) -> str:
        return f"{self.activation}-{self.direction}-{self.dtype}-{self.backend}-{self.variant}"

    @property
    def random_dy(self) -> RandomDy | None:
        return self.accuracy and self.accuracy.random_dy

    @property
    def mismatches(self) -> int | None:
        """All results of the wrong class, also with random dy and in the search; None where none was looked for."""
        if self.safety is None:
            return None
        return self.accuracy.all_mismatches(self.safety) if self.accuracy else self.safety.mismatches


class Fact(Record):
    name: str
    value: str


class SpecialValue(Record):
    input: str
    forward: str
    derivative: str


class Curve(Record):
    """Points of the graphs, for plotting only."""

    x: list[float]
    y: list[float]
    derivative: list[float]


class GradientHealth(Record):
    """Over which inputs the exact gradient, rounded to a dtype, is zero, subnormal, or below a stated size."""

    dtype: str
    kind: Literal["zero", "subnormal", "small"]
    threshold: float | None  # for "small": |f'(x)| is below this
    intervals: list[tuple[Hex, Hex]]


class ActivationResult(Record):
    name: str
    title: str
    formula: str  # LaTeX
    derivative_formula: str  # LaTeX
    sources: list[str]
    parameters: dict[str, float]
    facts: list[Fact]
    remarks: list[str]
    special_values: list[SpecialValue]
    curve: Curve
    gradient_health: list[GradientHealth]


class Machine(Record):
    cpu: str
    instruction_sets: list[str]
    cores: int
    memory_bytes: int
    gpu: str | None
    driver: str | None
    system: str
    python: str
    libraries: dict[str, str]


class Backend(Record):
    """What a backend ran with, as far as it says so itself."""

    name: str
    threads: int | None  # at most; None: it does not tell
    one_thread: Literal["asked", "one processor"]  # how one was had: it was told to, or its process had no more
    instruction_set: str | None  # that it chose for this processor, in its own words; None: it does not tell
    clocks_mhz: tuple[int, int] | None  # the lowest and the highest of a GPU while it was timed; None: not told


class Run(Record):
    started: str  # ISO 8601, UTC
    seconds: float
    commit: str | None
    dirty: bool | None  # whether tracked files differed from that commit
    command: str
    depth: Literal["quick", "standard", "exhaustive"]
    seed: int
    only: Literal["accuracy", "speed"] | None
    filters: dict[str, list[str]]  # names by option, where any were given
    deselected: list[str]  # ids of the kernels that -k and its like left out
    selected: int  # how many kernels were to be measured, after the filters and -k


class Skipped(Record):
    what: str
    why: str


class Results(Record):
    schema_version: int
    machine: Machine
    backends: list[Backend]
    run: Run
    skipped: list[Skipped]
    copies: list[Copy]
    activations: list[ActivationResult]
    kernels: list[KernelResult]
    comparison: Comparison | None = None
    against: Against | None = None
    history: list[Earlier] = msgspec.field(default_factory=list)
    rests_on: dict[str, list[str]] = msgspec.field(default_factory=dict)  # by backend, libraries its results depend on
    users: list[str] = msgspec.field(default_factory=list)  # backends of a user's own: they rest on what they import


class _Version(Record):
    schema_version: int


class ResultsError(Exception):
    """A results file can't be read; the message is one line, and says what to do."""


def save(results: Results, path: Path) -> None:
    """Write ``results`` whole or not at all: an interrupted write leaves the earlier file as it was."""
    _replace(path, msgspec.json.format(msgspec.json.encode(results), indent=1))


def save_by_line(results: Results, path: Path) -> None:
    """The same with a line for each kernel, so that what git shows of a change can be read."""
    fields = {name: msgspec.json.encode(value) for name, value in msgspec.structs.asdict(results).items()}
    fields["kernels"] = b"[\n%b\n]" % b",\n".join(map(msgspec.json.encode, results.kernels))
    lines = [b'"%b": %b' % (name.encode(), value) for name, value in fields.items()]
    _replace(path, b"{\n%b\n}\n" % b",\n".join(lines))


def _replace(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def _unreadable(path: Path, error: OSError, again: str) -> str:
    """Why a file can't be read, and what to do."""
    inside = path / "results.json"
    if inside.is_file():
        return f"is a folder: name {inside}"
    if path.is_dir():
        return f"is a folder without a results.json: check the path, or {again}"
    if isinstance(error, FileNotFoundError):
        return f"there is no such file: check the path, or {again}"
    return f"can't be read ({error.strerror}); {again}"


def load(path: Path, again: str = "run `pytest --benchmark` to write a new one") -> Results:
    """Read a results file.

    Args:
        again: what to do where there is none, in words.

    Raises:
        ResultsError: it is not there, damaged, or of another schema version.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"{path}: {_unreadable(path, error, again)}") from error
    try:
        version = _version(text)
        if version is None:
            raise ResultsError(f"{path}: not a halfulp results file: name a results.json, or {again}")
        if version != SCHEMA_VERSION:
            update = "update this checkout, or " if version > SCHEMA_VERSION else ""
            read = f"this checkout reads {SCHEMA_VERSION}"
            raise ResultsError(f"{path}: has schema version {version}, {read}; {update}{again}")
        return msgspec.json.decode(text, type=Results)
    except msgspec.DecodeError as error:
        raise ResultsError(f"{path}: damaged or cut off ({error}); {again}") from error


def _version(text: bytes) -> int | None:
    """The schema version that JSON says it is of; None where it says none, and is something else.

    Raises:
        msgspec.DecodeError: it is no JSON.
    """
    try:
        return msgspec.json.decode(text, type=_Version).schema_version
    except msgspec.ValidationError:
        return None
