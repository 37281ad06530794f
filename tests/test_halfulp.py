# SPDX-License-Identifier: MIT
"""The public face: measuring, asserting, and registering what is not ours."""

import re

import ml_dtypes
import numpy as np
import pytest

import halfulp
import reference
from bench.calling import hexadecimal
from halfulp import assert_accurate, measure
from kernels import registry
from kernels.cpu.launch import cores
from kernels.registry import Claim, registered
from tests.sweeping import BLOCK, make_small, pattern


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_kernels", dict(registry._kernels))
    monkeypatch.setattr(reference, "_added", {})


def relu(x):
    return np.maximum(x, x.dtype.type(0))


def relu_off_at_2(x):
    return np.where(x == 2, np.nextafter(x, x.dtype.type(np.inf)), relu(x))


def relu_wrong(x):
    return np.where(x > 100, -x, relu_off_at_2(x))


def leaky_relu(x, negative_slope, out=None):
    result = np.where(x < 0, (np.float64(negative_slope) * x).astype(x.dtype), x)
    if out is None:
        return result
    out[...] = result
    return out


def test_a_right_function_has_no_error():
    found = measure(relu, "relu")
    assert (found.max_ulp, found.mismatches) == (0.0, 0)
    assert (found.name, found.accuracy.coverage) == ("relu forward float32", "sampled")
    assert "largest error 0 ulp" in repr(found)
    assert "results of the wrong class: none" in repr(found)


def test_the_worst_input_is_a_number():
    found = measure(relu_off_at_2, "relu")
    assert (found.max_ulp, found.worst_input) == (1.0, 2.0)


def test_the_text_of_a_measurement_is_for_people():
    lines = repr(measure(relu_wrong, "relu")).splitlines()
    assert re.fullmatch(r"relu forward float32: [\d,]+ inputs \(sampled\), [\d,]+ misrounded", lines[0])
    assert re.fullmatch(r"  largest error [\d.e+]+ ulp at 0x\S+ \(\d\S*\)", lines[1])
    assert re.fullmatch(r"    got -0x\S+, exact [\d.e+]+", lines[2])
    assert re.fullmatch(r".*: (1 inf, )?[\d,]+ sign, [\d,]+ of [\d,]+ in the search", lines[3])
    assert re.fullmatch(r"    sign at 0x\S+: got -0x\S+, exact [\d.e+]+", lines[4])
    properties = [line for line in lines if " violated in " in line]
    assert len(lines) <= 4 + halfulp.EXAMPLES + 2 * len(properties)


def test_violated_properties_are_in_the_text_of_a_measurement():
    def wrong(x):
        if not x.flags.c_contiguous:
            raise ValueError("not contiguous")
        return np.where(x == 2, np.float32(2.000001), relu(x))

    found = measure(wrong, "relu")
    broken = {name: v for name, v in found.properties.items() if v.verdict == "violated"}
    assert set(broken) == {"monotone", "symmetry", "stride"}
    lines = repr(found).splitlines()[-6:]
    told = r"  monotone violated in 1 of [\d,]+ places, by up to 3 representable numbers:"
    assert re.fullmatch(told, lines[0])
    assert lines[1].startswith("    f rises here, but f(0x1p+1) = ")
    assert "  stride violated in 4 of " in lines[4]
    assert " violated in " not in repr(measure(relu, "relu"))


def test_where_no_result_is_off_no_input_is_named():
    lines = repr(measure(relu, "relu")).splitlines()
    assert lines[1] == "  largest error 0 ulp: no number is off"
    assert lines[2].startswith("  results of the wrong class: none")


def test_all_values_of_a_16_bit_dtype_are_tried():
    found = measure(relu, "relu", dtype="float16")
    assert (found.accuracy.evaluated, found.accuracy.coverage) == (65536, "exhaustive")


@pytest.mark.parametrize("dtype", [np.float16, np.dtype("float16"), ml_dtypes.bfloat16, np.dtype(ml_dtypes.bfloat16)])
def test_a_dtype_may_be_numpys_own(dtype):
    name = np.dtype(dtype).name
    assert assert_accurate(relu, "relu", 0, dtype=dtype, seed=np.int64(1)).name == f"relu forward {name}"


def test_at_depth_exhaustive_all_float32_inputs_are_tried(monkeypatch, capsys):
    (block,) = make_small(monkeypatch, [pattern(0.5)])
    odd = np.uint32(block + 4321).view(np.float32)

    def relu_off_at_one(x):
        return np.where(x == odd, np.nextafter(x, x.dtype.type(1)), relu(x))

    assert measure(relu_off_at_one, "relu", depth="standard").max_ulp == 0
    assert capsys.readouterr().err == ""
    found = measure(relu_off_at_one, "relu", depth="exhaustive")
    assert (found.accuracy.coverage, found.accuracy.evaluated, found.accuracy.misrounded) == ("exhaustive", BLOCK, 1)
    assert (found.max_ulp, found.worst_input) == (1.0, float(odd))
    assert len(found.accuracy.fingerprint) == 64
    assert f"{BLOCK:,} inputs (exhaustive)" in repr(found)
    shown = capsys.readouterr()
    assert "all float32 inputs: 100%" in shown.err
    assert shown.out == ""
    with pytest.raises(AssertionError, match=re.escape(f"1 ulp at {hexadecimal(odd)}")):
        assert_accurate(relu_off_at_one, "relu", 0.5, depth="exhaustive")


def test_float64_is_sampled_at_depth_exhaustive(monkeypatch, capsys):
    make_small(monkeypatch, [pattern(0.5)])
    assert measure(relu, "relu", dtype="float64", depth="exhaustive").accuracy.coverage == "sampled"
    assert capsys.readouterr().err == ""


def test_of_a_function_that_fails_in_a_sweep_the_failure_is_raised(monkeypatch):
    make_small(monkeypatch, [pattern(0.5)])
    with pytest.raises(halfulp.KernelError, match="wrong_shape"):
        measure(lambda x: relu(x) if x[0] != 0.5 else x[:1].copy(), "relu", depth="exhaustive")


def test_nothing_is_kept_of_a_sweep_that_is_cut_off(monkeypatch):
    """Two functions of one file have the same name to the registry: one may not go on from the other's findings."""
    make_small(monkeypatch, [pattern(0.5), pattern(1.0)])

    def interrupted(x):
        if x[0] == 1.0:
            raise KeyboardInterrupt
        return 2 * x

    with pytest.raises(KeyboardInterrupt):
        measure(lambda x: interrupted(x) if x[0] >= 0.5 else relu(x), "relu", depth="exhaustive")
    assert measure(relu, "relu", depth="exhaustive").max_ulp == 0


def test_more_depth_and_another_seed_try_other_inputs():
    quick, standard = (measure(relu, "relu", depth=depth) for depth in ("quick", "standard"))
    assert standard.accuracy.evaluated > 2 * quick.accuracy.evaluated
    tried = set()
    measure(lambda x: tried.update(x.tolist()) or relu(x), "relu", seed=1)
    first = len(tried)
    measure(lambda x: tried.update(x.tolist()) or relu(x), "relu", seed=2)
    assert len(tried) > first + 1000


def test_a_gradient_is_measured_with_random_dy_too():
    def backward(dy, x):
        return dy * np.where(np.isnan(x), x, x > 0).astype(x.dtype)

    assert assert_accurate(backward, "relu", 0, direction="backward").accuracy.random_dy.max_ulp == 0
    where = r"with random dy .* ulp at x = -?0x.*, dy = -?0x.*\n    got -?0x\S+, exact -?[\d.]"
    with pytest.raises(AssertionError, match=where):
        assert_accurate(lambda dy, x: backward(np.ones_like(x), x), "relu", 4, direction="backward")


def test_results_that_are_of_the_wrong_class_with_random_dy_alone_are_shown():
    def backward(dy, x):
        right = np.where(np.isnan(x), x, dy * (x > 0)).astype(x.dtype)
        return np.where(dy == 1, right, np.where(dy < -1, x * np.float32(np.nan), np.abs(right)))

    with pytest.raises(AssertionError) as error:
        assert_accurate(backward, "relu", 1, direction="backward")
    message = str(error.value)
    assert re.search(r"results of the wrong class: [\d,]+ of [\d,]+ with random dy\n", message)
    number = r"-?0x\S+"
    assert re.search(rf"    nan at x = {number}, dy = -0x\S+: got nan, exact \S+", message)
    assert re.search(rf"    sign at x = {number}, dy = -0x\S+: got 0x\S+, exact -\S+", message)


def test_a_sum_is_measured():
    found = measure(
        lambda dy, x: np.sum(dy.astype(np.float64) * x, where=x < 0).astype(x.dtype),
        "prelu",
        direction="backward_alpha",
    )
    assert found.max_ulp < 1
    assert found.worst_input is None
    assert re.search(r"largest error \S+ ulp at \S.*, n = \d+$", repr(found), re.MULTILINE)
    assert found.properties["repeatable"].verdict == "holds"


def test_parameters_come_by_keyword_and_may_be_others():
    twice = 0.5 * (1 + 2.0**-28)  # rounded to float64 first, and that may be the tie that the product was beside
    assert measure(leaky_relu, "leaky_relu").max_ulp <= twice
    assert measure(leaky_relu, "leaky_relu", negative_slope=0.3).max_ulp <= 0.51
    fixed = measure(lambda x: np.where(x < 0, x * np.float32(0.01), x), "leaky_relu", negative_slope=0.3)
    assert fixed.max_ulp > 1e5


def test_a_function_of_any_keywords_gets_the_parameters():
    found = measure(lambda x, **given: leaky_relu(x, **given), "leaky_relu", negative_slope=0.3)
    assert found.max_ulp <= 0.51


def test_a_function_of_c_can_be_measured():
    assert measure(np.positive, "leaky_relu", negative_slope=1.0).max_ulp == 0


@pytest.mark.parametrize(("bound", "passes"), [(1, True), (1.0, True), (0.99, False)])
def test_the_bound_is_included(bound, passes):
    if passes:
        assert assert_accurate(relu_off_at_2, "relu", bound).max_ulp == 1.0
    else:
        with pytest.raises(AssertionError) as error:
            assert_accurate(relu_off_at_2, "relu", max_ulp=bound)
        message = str(error.value)
        assert "not within 0.99 ulp" in message
        assert "1 ulp at 0x1p+1 (2.0)" in message
        assert "got 0x1.000002p+1, exact 2.0" in message


@pytest.mark.parametrize("wrong", [lambda x: np.fmax(x, np.float32(0)), lambda x: x * np.float32(np.nan)])
def test_a_wrong_class_is_not_accurate_at_any_bound(wrong):
    with pytest.raises(AssertionError, match="nan at"):
        assert_accurate(wrong, "relu", 1e300)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"activation": "swiglu"}, "no activation 'swiglu'; choose from elu, gelu"),
        ({"direction": "sideways"}, "no direction 'sideways'; choose from forward, backward"),
        ({"direction": "backward_alpha"}, "no direction 'backward_alpha'"),
        ({"dtype": "float8"}, "no dtype 'float8'; choose from float16, bfloat16"),
        ({"depth": "deep"}, "no depth 'deep'; choose from quick, standard"),
        ({"slope": 1.0}, "no parameter of relu 'slope'; choose from none"),
        ({"dtype": np.int32}, "no dtype 'int32'; choose from float16, bfloat16"),
        ({"dtype": None}, "no dtype None; choose from float16, bfloat16"),
        ({"seed": "a"}, "seed is 'a': it must be a whole number, 0 or more"),
        ({"seed": -1}, "seed is -1: it must be a whole number, 0 or more"),
        ({"seed": 1.5}, "seed is 1.5: it must be"),
    ],
)
def test_an_option_that_there_is_not_is_refused_with_what_is_allowed(options, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        measure(relu, **{"activation": "relu"} | options)


@pytest.mark.parametrize(
    ("activation", "parameters", "said"),
    [
        ("silu", {"beta": 0.0}, "silu: beta is 0.0: it must be a finite number greater than 0"),
        ("silu", {"beta": -2}, "silu: beta is -2.0: it must be a finite number greater than 0"),
        ("softplus", {"beta": -0.0}, "softplus: beta is -0.0: it must be"),
        ("softplus", {"beta": np.inf}, "softplus: beta is inf: it must be"),
        ("elu", {"alpha": -1.0}, "elu: alpha is -1.0: it must be a finite number greater than 0"),
        ("leaky_relu", {"negative_slope": np.nan}, "leaky_relu: negative_slope is nan: it must be a finite number"),
        ("prelu", {"alpha": -np.inf}, "prelu: alpha is -inf: it must be a finite number"),
    ],
)
def test_a_parameter_outside_its_domain_is_refused(activation, parameters, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        measure(relu, activation, **parameters)


@pytest.mark.parametrize("slope", [0.0, -0.5])
def test_a_slope_may_be_any_finite_number(slope):
    assert measure(leaky_relu, "leaky_relu", negative_slope=slope).max_ulp <= 0.51


def test_an_implementation_is_registered_for_each_dtype_and_stays_callable():
    @halfulp.implementation(
        "relu", backend="mine", variant="naive", dtypes=("float32", "float64"), max_ulp=2, portable=True
    )
    def function(x):
        return relu(x)

    assert function(np.float32([-1, 1])).tolist() == [0, 1]
    mine = {k.dtype: k for k in registered() if k.backend == "mine"}
    assert list(mine) == ["float32", "float64"]
    kernel = mine["float32"]
    assert kernel.id == "relu-forward-float32-mine-naive"
    assert (kernel.claim, kernel.takes_out, kernel.takes_threads) == (Claim(2), False, False)
    assert kernel.portable
    assert kernel(np.float32([-1, 1])).tolist() == [0, 1]


def test_an_implementation_gets_out_and_parameters_where_it_has_them():
    halfulp.implementation("leaky_relu", backend="mine", variant="naive", dtypes=("float32",))(leaky_relu)
    (kernel,) = (k for k in registered() if k.backend == "mine")
    out = np.zeros(2, np.float32)
    assert kernel.takes_out
    assert kernel(np.float32([-1, 1]), out=out) is out
    assert out.tolist() == [np.float32(-0.01), 1]


def test_an_implementation_may_not_come_twice_or_of_nothing():
    decorate = halfulp.implementation("relu", backend="mine", variant="naive", dtypes=("float32",))
    decorate(relu)
    with pytest.raises(ValueError, match="relu-forward-float32-mine-naive is registered twice"):
        decorate(relu)
    with pytest.raises(ValueError, match="no activation 'swiglu'"):
        halfulp.implementation("swiglu", backend="mine", variant="naive", dtypes=("float32",))(relu)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_ulp": "2"}, "max_ulp is '2': it must be a number"),
        ({"max_ulp": -1}, "max_ulp is -1: it must be a finite number of ulp, 0 or more"),
        ({"max_ulp": float("nan")}, "max_ulp is nan: it must be"),
        ({"max_ulp": float("inf")}, "max_ulp is inf: it must be"),
        ({"beta": "2"}, "silu: beta is '2': it must be a number"),
        ({"beta": np.float32(-2)}, "silu: beta is -2.0: it must be a finite number greater than 0"),
        ({"beta": 10**400}, "it is too large"),
        ({"dtypes": ()}, "dtypes is empty: name some of float16, bfloat16, float32, float64"),
        ({"dtypes": "float8"}, "there is no dtype 'float8'"),
        ({"backend": ""}, "backend is '': it must be a name"),
        ({"backend": "a,b"}, "backend is 'a,b': it must be a name"),
        ({"backend": "a/b"}, "backend is 'a/b': it must be a name"),
        ({"variant": " a"}, "variant is ' a': it must be a name"),
        ({"variant": "a\nb"}, "it must be a name"),
        ({"variant": 3}, "variant is 3: it must be a name"),
    ],
)
def test_what_an_implementation_can_not_be_is_refused_at_once(wrong, said):
    options, before = {"backend": "mine", "variant": "naive", "dtypes": ("float32",)} | wrong, list(registered())
    with pytest.raises(ValueError, match=re.escape(said)):
        halfulp.implementation("silu", **options)(np.positive)
    assert list(registered()) == before


def test_numbers_of_numpy_and_a_dtype_alone_are_taken():
    options = {"backend": "mine", "variant": "quick gelu <é>", "dtypes": "float32"}
    halfulp.implementation("silu", **options, max_ulp=np.float32(1.5), beta=np.float32(1.5))(np.positive)
    (kernel,) = (k for k in registered() if k.backend == "mine")
    assert (kernel.dtype, kernel.claim, kernel.parameters) == ("float32", Claim(1.5), {"beta": 1.5})
    assert [type(v) for v in (kernel.claim.bound, kernel.parameters["beta"])] == [float, float]
    assert assert_accurate(relu, "relu", np.float32(2)).max_ulp == 0


def test_a_function_that_takes_threads_is_told_how_many():
    given = []

    def function(x, threads):
        given.append(threads)
        return relu(x)

    halfulp.implementation("relu", backend="mine", variant="naive", dtypes=("float32",))(function)
    (kernel,) = (k for k in registered() if k.backend == "mine")
    kernel(np.float32([1.0]))
    kernel(np.float32([1.0]), threads=1)
    assert given == [cores(), 1]


@pytest.mark.parametrize("max_ulp", [-1, float("nan"), "2"])
def test_a_bound_that_is_none_is_refused(max_ulp):
    with pytest.raises(ValueError, match=r"max_ulp is .*: it must be a (finite )?number"):
        halfulp.assert_accurate(lambda x: x, "relu", max_ulp)
