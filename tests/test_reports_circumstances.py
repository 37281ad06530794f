# SPDX-License-Identifier: MIT
"""Another machine or version is told apart from a change of the kernel, and excuses nothing that it can't explain."""

from copy import deepcopy

import pytest

from reports.circumstances import Setup, environment, reason
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
        ({"gpu": "H9"}, "another GPU or driver"),
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
    mine = own("mine", "naive")
    assert reason(mine, mine, HERE, there(libraries=HERE.machine.libraries | {"torch": "3"})) == "torch 3, was 2.9"


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
    assert reason(old, new, HERE, HERE) is None
    new.accuracy.inputs = "another"
    assert reason(old, new, HERE, HERE) == "the inputs sampled are not those of the baseline"
    new.portable = False
    assert reason(old, new, HERE, there(instruction_sets=["avx2"])).startswith("without fma; the inputs sampled")
