# SPDX-License-Identifier: MIT
"""The shape of the repository: who imports whom, what has to stand beside what, and the form of every file."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import kernels.cpu
import reference
from kernels.registry import Kernel, registered
from reference.formats import FORMATS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("reference", "kernels", "bench", "reports")
MAY_IMPORT = {
    "reference": {"reference"},
    "kernels": {"kernels"},
    "reports": {"reports"},
    "bench": {"reference", "kernels", "reports", "bench"},
    "halfulp": {"reference", "kernels", "reports", "bench"},
}
OWN_VARIANTS = ("textbook", "stable")
TESTED_ELSEWHERE = {
    "reference/activation.py": "tests/test_reference_activations.py",
    "kernels/tables.py": "tests/test_kernels_coefficients.py",
    "reports/comparisons.py": "tests/test_reports_schema.py",
}
LONGEST = 400  # lines of a file


def sources() -> list[str]:
    """Every Python file of the suite, relative to the root."""
    folders = [path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in [*folders, *ROOT.glob("*.py")])


def device_sources() -> list[str]:
    """Every file of CUDA C++, relative to the root."""
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "kernels").rglob("*.cuh"))


# Who imports whom.


def imports(source: str) -> Iterator[str]:
    """The top-level names that a file imports, wherever in it they stand."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def forbidden_imports(files: Iterable[tuple[str, str]]) -> list[str]:
    """Imports among the packages, in files given as (path, source), that the flow of data does not allow."""
    found = []
    for path, source in files:
        package = path.split("/")[0].removesuffix(".py")
        ours = set(imports(source)) & {*PACKAGES, "halfulp", "tests"}
        found += [f"{path} imports {name}" for name in sorted(ours - MAY_IMPORT.get(package, ours))]
    return found


def test_data_flows_one_way():
    assert forbidden_imports((name, (ROOT / name).read_text()) for name in sources()) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("reports/pages.py", "from reference.formats import FORMATS"),
        ("kernels/cpu/silu.py", "def body():\n    import reference.silu"),
        ("reference/silu.py", "from kernels import tables as t"),
        ("reports/write.py", "import json, bench.ulp"),
        ("bench/run.py", "from halfulp import measure"),
        ("reports/rows.py", "import tests.report_results"),
    ],
)
def test_a_forbidden_import_is_named(path, line):
    (found,) = forbidden_imports([(path, line), ("bench/suite.py", "import kernels.cpu, reports, reference, math")])
    assert found.startswith(f"{path} imports ")


@pytest.mark.parametrize(
    ("module", "blocked"),
    [
        ("reports.write", ("numba", "cupy", "llvmlite", "reference", "kernels", "bench")),
        ("reports.__main__", ("numba", "cupy", "llvmlite", "reference", "kernels", "bench")),
        ("reference.oracle", ("numba", "cupy", "kernels", "bench", "reports")),
        ("kernels.registry", ("numba", "cupy", "reference", "bench", "reports")),
        ("kernels.cpu", ("cupy", "reference", "bench", "reports", "mpmath")),
        ("kernels.gpu", ("cupy", "torch", "reference", "bench", "reports", "mpmath")),
        ("kernels.peers", ("torch", "jax", "onnxruntime", "onnx", "tensorflow", "scipy", "bench", "reference")),
    ],
)
def test_it_is_imported_where_others_are_missing(module, blocked):
    code = f"import sys\nfor name in {blocked!r}: sys.modules[name] = None\nimport {module}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [*PACKAGES, "kernels.cpu", "kernels.gpu", "kernels.peers", "halfulp"])
def test_what_is_imported_is_this_checkout(name):
    assert ROOT in Path(importlib.import_module(name).__file__).resolve().parents


# What stands beside what.


def missing_kernels(
    activations: dict[str, Iterable[str]], cpu: Iterable[str], gpu: Iterable[str], ours: Iterable[Kernel]
) -> list[str]:
    """Counterparts that are not there: of the activations with their directions, the files of kernels, the kernels."""
    known = {(k.activation, k.direction, k.dtype, k.variant) for k in ours}
    wanted = {
        (name, direction, dtype, variant)
        for name, directions in activations.items()
        for direction in directions
        for dtype in FORMATS
        for variant in OWN_VARIANTS
    }
    return [
        *(f"kernels/cpu/{name}.py is missing" for name in sorted(activations.keys() - set(cpu))),
        *(f"kernels/gpu/{name}.cuh is missing" for name in sorted(activations.keys() - set(gpu))),
        *(f"reference/{name}.py is missing" for name in sorted(set(cpu) - activations.keys())),
        *(f"the kernel {'-'.join(key)} is missing" for key in sorted(wanted - known)),
        *(f"{'-'.join(key)} is of no activation" for key in sorted(k for k in known if k[0] not in activations)),
    ]


def own_kernels() -> list[Kernel]:
    return [k for k in registered() if k.backend == "numba"]


def bodies() -> set[str]:
    """What there is CUDA C++ of."""
    return {path.stem for path in (ROOT / "kernels" / "gpu").glob("*.cuh")}


def test_every_activation_has_its_kernels_and_every_kernel_its_activation():
    activations = {name: a.directions for name, a in reference.own().items()}
    assert missing_kernels(activations, kernels.cpu.ACTIVATIONS, bodies(), own_kernels()) == []


def test_a_missing_counterpart_is_named():
    activations = {name: a.directions for name, a in reference.own().items()}
    ours = own_kernels()
    fewer = [k for k in ours if k.id != "prelu-backward_alpha-bfloat16-numba-stable"]
    assert missing_kernels(activations, kernels.cpu.ACTIVATIONS, bodies(), fewer) == [
        "the kernel prelu-backward_alpha-bfloat16-stable is missing"
    ]
    assert missing_kernels(activations | {"swoosh": ()}, kernels.cpu.ACTIVATIONS, bodies(), ours) == [
        "kernels/cpu/swoosh.py is missing",
        "kernels/gpu/swoosh.cuh is missing",
    ]
    assert missing_kernels(activations, [*kernels.cpu.ACTIVATIONS, "swoosh"], bodies(), ours) == [
        "reference/swoosh.py is missing"
    ]
    known = {name: d for name, d in activations.items() if name != "mish"}
    assert missing_kernels(known, set(kernels.cpu.ACTIVATIONS) - {"mish"}, bodies(), ours)[0] == (
        "mish-backward-bfloat16-fast is of no activation"
    )


def test_defaults_of_parameters_are_the_same_on_both_sides():
    for kernel in own_kernels():
        assert dict(kernel.parameters) == reference.own()[kernel.activation].defaults, kernel.id


def missing_tests(files: Iterable[str], activations: Iterable[str]) -> list[str]:
    """Modules without a test file of their own: a/b/c.py is tested by tests/test_a_b_c.py.

    An activation's files need none: the tests of activations and of kernels run over the registry. Nor do those of
    libraries: tests/test_kernels_peers.py runs over what is installed.
    """
    files, activations = set(files), set(activations)
    exempt = {f"{folder}/{name}.py" for folder in ("reference", "kernels/cpu") for name in activations}
    exempt |= {f for f in files if f.startswith("kernels/peers/") and f != "kernels/peers/adapter.py"}
    modules = {f for f in files if f.split("/")[0] in PACKAGES and not f.endswith("__init__.py")} | {"halfulp.py"}
    missing = []
    for module in sorted(modules - exempt):
        own = "tests/test_" + module.removesuffix(".py").replace("__", "").replace("/", "_") + ".py"
        test = TESTED_ELSEWHERE.get(module, own)
        if test not in files:
            missing.append(f"{module} has no {test}")
    return missing


def test_every_module_has_its_test():
    assert missing_tests(sources(), reference.own()) == []


def test_a_missing_test_is_named():
    listing = [
        "bench/ulp.py",
        "bench/new.py",
        "bench/__init__.py",
        "kernels/cpu/launch.py",
        "kernels/cpu/silu.py",
        "kernels/peers/adapter.py",
        "kernels/peers/torch.py",
        "reference/activation.py",
        "reference/silu.py",
        "reports/__main__.py",
        "tests/test_bench_ulp.py",
        "halfulp.py",
    ]
    assert missing_tests(listing, ["silu"]) == [
        "bench/new.py has no tests/test_bench_new.py",
        "halfulp.py has no tests/test_halfulp.py",
        "kernels/cpu/launch.py has no tests/test_kernels_cpu_launch.py",
        "kernels/peers/adapter.py has no tests/test_kernels_peers_adapter.py",
        "reference/activation.py has no tests/test_reference_activations.py",
        "reports/__main__.py has no tests/test_reports_main.py",
    ]


# The form of every file.


def faults_of_form(name: str, source: str) -> list[str]:
    lines = source.splitlines()
    faults = []
    comment = "#" if name.endswith(".py") else "//"
    if lines and lines[0] != f"{comment} SPDX-License-Identifier: MIT":
        faults.append(f"{name} does not begin with its licence")
    if len(lines) > LONGEST:
        faults.append(f"{name} has {len(lines)} lines: split it")
    return faults


def test_every_file_names_its_licence_and_none_is_long():
    files = sources() + device_sources()
    assert [fault for name in files for fault in faults_of_form(name, (ROOT / name).read_text())] == []


def test_a_fault_of_form_is_named():
    licence = "# SPDX-License-Identifier: MIT\n"
    assert faults_of_form("a.py", "") == []
    assert faults_of_form("a.cuh", "// SPDX-License-Identifier: MIT\n") == []
    assert faults_of_form("a.cuh", licence) == ["a.cuh does not begin with its licence"]
    assert faults_of_form("a.py", licence + "x = 1\n" * 399) == []
    assert faults_of_form("a.py", "x = 1\n") == ["a.py does not begin with its licence"]
    assert faults_of_form("a.py", licence + "x = 1\n" * 400) == ["a.py has 401 lines: split it"]
