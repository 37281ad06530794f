# SPDX-License-Identifier: MIT
"""Another machine or version is told apart from a change of the kernel, and excuses nothing that it can't explain."""

from copy import deepcopy
from dataclasses import replace

import pytest

from reports.circumstances import OTHER_INPUTS, OTHER_STARTS, Excuse, Setup, environment, excuse
from reports.schema import Backend
from tests.report_results import kernel, results


def setup(**machine) -> Setup:
    made = results()
    for name, value in machine.items():
        setattr(made.machine, name, value)
    return Setup.of(made)


def own(backend="numba", variant="stable", dtype="float16", portable=False):
    made = kernel("silu", "forward", dtype, variant, backend)
    made.portable = portable
    return made


def reason(old, new, before, now):
    """What else may explain it, but for other inputs."""
    found = excuse(old, new, before, now)
    assert (found.inputs, found.starts) == (None, None)
    return found.environment


HERE = setup(system="Linux 6.1.0-12 x86_64 glibc 2.36", libraries={"numpy": "2.4.6", "numba": "0.68.1", "torch": "2.9"})


def there(**machine) -> Setup:
    return setup(**{"system": HERE.machine.system, "libraries": HERE.machine.libraries} | machine)


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        ({"instruction_sets": ["avx2"]}, "without fma"),
        ({"instruction_sets": ["avx2", "fma", "avx512f"]}, "with avx512f"),
        (
            {"system": "Linux 6.1.0-12 x86_64 glibc 2.41"},
            "on Linux x86_64 glibc 2.41, was Linux x86_64 glibc 2.36",
        ),
        ({"libraries": {"numpy": "3.0", "numba": "0.68.1"}}, "numpy 3.0, was 2.4.6"),
    ],
)
def test_what_a_librarys_results_depend_on_is_named(machine, said):
    library = own("numpy", "library")
    assert reason(library, library, HERE, there(**machine)) == said


@pytest.mark.parametrize(
    "machine",
    [
        {},
        {"cpu": "Another 1", "cores": 64, "memory_bytes": 1, "python": "3.13.0"},
        {"system": "Linux 7.2.1 x86_64 glibc 2.36"},
        {"libraries": {"numpy": "2.4.6", "numba": "0.70", "torch": "3.0"}},
    ],
)
def test_what_a_librarys_results_do_not_depend_on_is_no_reason(machine):
    library = own("numpy", "library")
    assert reason(library, library, HERE, there(**machine)) is None


def test_numba_rests_on_llvm_and_users_code_on_anything():
    newer = there(libraries={"numba": "0.68.1", "llvmlite": "0.60", "numpy": "2.4.6", "torch": "2.9"})
    assert reason(own(), own(), HERE, newer) == "llvmlite 0.60, was missing"


def test_users_code_rests_on_what_it_imports_and_on_nothing_else_and_what_it_imports_is_its_own():
    mine = own("mine", "naive")
    before, now, newer = (deepcopy(s) for s in (HERE, HERE, there(libraries=HERE.machine.libraries | {"torch": "3"})))
    assert reason(mine, mine, before, newer) is None  # it does not tell
    for s in (before, now, newer):
        s.rests_on["mine"] = ["numpy"]
        s.machine.libraries["pytest"] = "9.2"
    newer.machine.libraries["pytest"] = "9.2.1"
    assert reason(mine, mine, before, newer) is None
    newer.rests_on["mine"] = ["numpy", "torch"]
    assert reason(mine, mine, before, newer) == "torch 3, was 2.9"  # of a backend whose name another package may bear
    newer = replace(newer, users=["mine"])
    assert reason(mine, mine, before, newer) is None
    before.rests_on["mine"], newer.rests_on["mine"] = newer.rests_on["mine"], before.rests_on["mine"]
    assert reason(mine, mine, before, newer) is None
    newer.rests_on["mine"] = before.rests_on["mine"]
    assert reason(mine, mine, before, newer) == "torch 3, was 2.9"


def test_a_gpus_results_depend_on_the_gpu_and_a_processors_on_the_processor():
    ours, gpus = own(), kernel("silu", "forward", "float16", "stable", "cupy")
    ours.portable = gpus.portable = False
    other_gpu, other_processor = there(gpu="H9"), there(instruction_sets=[], system="Darwin 25.0 arm64")
    assert environment(gpus, HERE, other_gpu) == environment(gpus, HERE, there(driver="9")) == "another GPU or driver"
    assert environment(ours, HERE, other_gpu) is None
    assert environment(gpus, HERE, other_processor) is None
    assert environment(ours, HERE, other_processor) == "on Darwin arm64, was Linux x86_64 glibc 2.36; without avx2 fma"


def test_a_machine_that_does_not_tell_its_system_has_none():
    assert there(system="").platform == ""


def test_what_a_backend_chose_for_the_processor_is_a_reason():
    now = deepcopy(HERE)
    now.backends["numba"] = Backend(
        name="numba", threads=2, one_thread="asked", instruction_set="AVX10", clocks_mhz=None
    )
    assert reason(own(), own(), HERE, now) == "numba chose AVX10, was AVX9"
    del now.backends["numba"]
    assert reason(own(), own(), HERE, now) == "numba chose what it does not tell, was AVX9"


def test_no_machine_excuses_what_is_portable():
    other = there(instruction_sets=[], system="Darwin 25.0 arm64", libraries={"numba": "1.0"})
    fast = own(variant="fast", portable=True)
    assert reason(fast, fast, HERE, other) is None
    assert "without avx2 fma" in environment(fast, HERE, other)  # which may still explain that flags are not checked


def test_other_inputs_explain_other_figures_of_any_kernel():
    old, new = (own(variant="fast", dtype="float32", portable=True) for _ in range(2))
    assert excuse(old, new, HERE, HERE) == Excuse()
    new.accuracy.search.starts = "another"
    assert excuse(old, new, HERE, HERE) == Excuse()  # of the old one they are not known
    old.accuracy.search.starts = "one"
    assert excuse(old, new, HERE, HERE) == Excuse(starts=OTHER_STARTS)
    new.accuracy.inputs = "another"
    assert excuse(old, new, HERE, HERE) == Excuse(inputs=OTHER_INPUTS, starts=OTHER_STARTS)
    new.portable = False
    assert excuse(old, new, HERE, there(instruction_sets=["avx2"])).environment.startswith("without fma")
