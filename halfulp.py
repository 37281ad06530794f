# SPDX-License-Identifier: MIT
"""halfulp's public face: measure an implementation of an activation function against its exact values.

from halfulp import assert_accurate, measure

result = measure(my_silu, "silu", dtype="float32")
print(result)                                  # largest error, where, and what is of the wrong class
assert_accurate(my_silu, "silu", max_ulp=2)    # in a test of your own
"""

import inspect
import math
import numbers
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from mpmath import mpf

import reference
from bench import accuracy
from bench.calling import KernelError
from bench.inputs import SAMPLES
from bench.measure import measure as measured
from bench.reading import check_name
from bench.sweep import can_sweep, sweep_all
from kernels.cpu.launch import cores
from kernels.gpu.transfer import on_device
from kernels.registry import Claim, Kernel, register
from reference import differences
from reference.activation import Activation, CheckPoint, Facts
from reference.formats import FORMATS
from reports.schema import Accuracy, Property, Safety

__all__ = ["KernelError", "Measurement", "activation", "assert_accurate", "implementation", "measure"]

Function = TypeVar("Function", bound=Callable[..., Any])

NAME = re.compile(r"[^\s,/]([^,/]*[^\s,/])?")  # so that a filter, a list of names, can name it
ACTIVATION_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # a page of the report, and a formula on it, is called so


def implementation(
    activation: str,
    direction: str = "forward",
    *,
    backend: str,
    variant: str,
    dtypes: tuple[str, ...],
    max_ulp: float | None = None,
    flushes_subnormals: bool = False,
    portable: bool = False,
    device: Literal["cpu", "cuda"] = "cpu",
    **parameters: float,
) -> Callable[[Function], Function]:
    """Decorate an implementation of an activation, so that the suite measures it: see ``pytest --benchmark --kernels``.

    The function takes x (forward) or dy and x (backward), NumPy arrays, and returns an array of the same shape and
    dtype. Parameters come by keyword where its signature has them; where it has ``out``, the result is to be written
    there and ``out`` returned.

    Args:
        activation: its name, as in `reference.activations()`.
        direction: "forward", "backward" or, for PReLU, "backward_alpha".
        backend, variant: what the tables call it; a name has no comma and no slash in it.
        dtypes: those for which it is to be measured.
        max_ulp: the bound that it claims, if any: a number of ulp, 0 or more.
        flushes_subnormals: it is known to return zero in place of subnormal results.
        portable: it has the same bits on every machine and with every version of what it calls, so that nothing but a
            change of its own explains other results than a baseline's.
        device: "cuda" for a function of CuPy arrays, which may return any array of the device.
        **parameters: of the activation, where they are not the defaults; the function gets those that it names, and all
            of them where it has ``**``.

    Raises:
        ValueError: there is no such activation, direction, dtype, device or parameter, a number is none or out of
            range, a name can't be one, or this kernel is registered already.
    """
    dtypes = (dtypes,) if isinstance(dtypes, str) else tuple(dtypes)
    if not dtypes:
        raise ValueError(f"dtypes is empty: name some of {', '.join(FORMATS)}")
    for what, name in (("backend", backend), ("variant", variant)):
        if not (isinstance(name, str) and NAME.fullmatch(name) and name.isprintable()):
            raise ValueError(f"{what} is {name!r}: it must be a name without commas, slashes or blanks at its ends")
    bound = None if max_ulp is None else _bound(max_ulp)

    def decorate(function: Function) -> Function:
        for dtype in dtypes:
            register(
                _kernel(
                    function,
                    activation,
                    direction,
                    dtype,
                    backend=backend,
                    variant=variant,
                    max_ulp=bound,
                    flushes_subnormals=flushes_subnormals,
                    portable=portable,
                    device=device,
                    parameters=parameters,
                )
            )
        return function

    return decorate


def activation(
    name: str,
    *,
    derivative: Callable[[mpf], mpf] | None = None,
    limits: tuple[float, float] | None = None,
    derivative_limits: tuple[float, float] | None = None,
    kinks: Iterable[float] | None = None,
) -> Callable[[Function], Function]:
    """Decorate a function of an mpmath real: it becomes an activation that implementations are measured against.

    The function must be valid for every real input at whatever precision mpmath has, without cancellation; so must its
    derivative, which is taken by differences where none is given.

    Args:
        name: what the filters and `implementation` call it.
        derivative: of the function.
        limits, derivative_limits: at -inf and +inf, and NaN where there is none: then NaN is due there. Where left
            out, judged from the values at ±1e30 and ±1e60.
        kinks: where the derivative jumps, and both one-sided derivatives are right; these are taken by differences.
            Where left out, they are looked for at 0 and at all whole numbers and halves up to ±8.

    Raises:
        ValueError: there is an activation of that name, or it has other characters than ASCII letters, digits, dots,
            hyphens and underscores; a kink is no finite number; or limits can't be judged, and have to be given.
    """
    if not (isinstance(name, str) and ACTIVATION_NAME.fullmatch(name)):
        raise ValueError(f"{name!r} can't name an activation: use letters, digits, dots, hyphens and underscores")

    def decorate(function: Function) -> Function:
        places = _kinks(function, kinks)
        slope = differences.left_at(places, function, derivative or differences.slope(function))
        facts = Facts(
            limits=limits or differences.limits(function, "limits"),
            derivative_limits=derivative_limits or differences.limits(slope, "derivative_limits"),
        )
        reference.add(
            Activation(
                name=name,
                title=name,
                formula=rf"\mathtt{{{name.replace('_', ' ')}}}(x)",
                derivative_formula=rf"\mathtt{{{name.replace('_', ' ')}}}'(x)",
                sources=(f"{getattr(function, '__name__', name)} in {_source(function) or 'no file'}",),
                forward=function,
                derivative=slope,
                facts=lambda: facts,
                check_points=tuple(CheckPoint(x, "a kink") for x in places),
                kinks=places,
                right_derivative=differences.one_sided(function, +1),
            )
        )
        return function

    return decorate


@dataclass(frozen=True)
class Measurement:
    """What was found of one implementation; the figures are those of results.json.

    Attributes:
        max_ulp: the largest error in ulp; None where nothing but NaN came back.
        worst_input: where that was.
        mismatches: how many results were of the wrong class (NaN, infinity, zero, sign), with dy = 1, those that the
            search for the worst input met among them.
        accuracy, safety: all the rest of that.
        properties: verdicts on laws that the function obeys, on layouts, and on exception flags, by their names.
    """

    name: str
    max_ulp: float | None
    worst_input: float | None
    mismatches: int
    accuracy: Accuracy
    safety: Safety
    properties: dict[str, Property]

    def __repr__(self) -> str:
        found = self.accuracy
        lines = [f"{self.name}: {found.evaluated:,} inputs ({found.coverage}), {found.misrounded:,} misrounded"]
        if found.max_ulp == 0:
            lines.append("  largest error 0 ulp: no number is off")
        elif found.max_ulp is not None:
            place = "" if self.worst_input is None else f" ({self.worst_input!r})"
            lines.append(f"  largest error {found.max_ulp:.6g} ulp at {found.worst_input}{place}")
            lines.append(f"    got {found.worst_got}, exact {found.worst_exact}")
        pair = found.random_dy
        if pair and pair.max_ulp is not None:
            lines.append(f"  with random dy {pair.max_ulp:.6g} ulp at x = {pair.worst_input}, dy = {pair.worst_dy}")
            lines.append(f"    got {pair.worst_got}, exact {pair.worst_exact}")
        kinds = [f"{count:,} {kind}" for kind, count in self.safety.by_kind.items() if count]
        if pair and pair.mismatches:
            kinds.append(f"{pair.mismatches:,} of {pair.evaluated:,} with random dy")
        if found.search and found.search.mismatches:
            kinds.append(f"{found.search.mismatches:,} of {found.search.evaluations:,} in the search")
        lines.append(f"  results of the wrong class: {', '.join(kinds) or 'none'}")
        lines += [f"    {e.kind} at {e.input}: got {e.got}, exact {e.want}" for e in self.safety.examples[:EXAMPLES]]
        for e in pair.examples if pair else ():
            lines.append(f"    {e.kind} at x = {e.input}, dy = {e.dy}: got {e.got}, exact {e.want}")
        for name, verdict in self.properties.items():
            if verdict.verdict == "violated":
                size = f", by up to {verdict.largest}" if verdict.largest else ""
                places = f"{verdict.count:,} of {verdict.checked:,} places"
                lines += [f"  {name} violated in {places}{size}:", f"    {verdict.counter_example}"]
        return "\n".join(lines)


EXAMPLES = 4  # of mismatches, in a Measurement's text


def measure(
    function: Callable[..., Any],
    activation: str,
    *,
    direction: str = "forward",
    dtype: npt.DTypeLike = "float32",
    depth: str = "quick",
    seed: int = 0,
    device: Literal["cpu", "cuda"] = "cpu",
    **parameters: float,
) -> Measurement:
    """Measure a function as the suite measures a kernel, in this process.

    Args:
        function: as for `implementation`.
        activation, direction, dtype: what it implements; the dtype by its name, or NumPy's or ml_dtypes' own.
        depth: how much is tried, "quick" or "standard", and all values of the 16-bit dtypes at either; "exhaustive"
            tries all 2^32 of float32 too, for about a minute, unless the activation is one of your own. Where not all
            values are tried, the worst one is searched for as well, with fewer evaluations for one of your own.
        seed: of everything drawn at random, a whole number, 0 or more.
        device: "cuda" for a function of CuPy arrays.
        **parameters: of the activation, where they are not the defaults; the function gets those that it names, and all
            of them where it has ``**``.

    Raises:
        ValueError: an unknown name, a seed that is none, or a parameter that is not finite, or not positive where it
            has to be.
        KernelError: the function raised, returned another shape or dtype, wrote to its input, or left the
            floating-point mode changed, which is then as it was.
        DataError: the suite's own file of worst inputs is damaged.
    """
    if depth not in SAMPLES:
        raise ValueError(f"there is no depth {depth!r}; choose from {', '.join(SAMPLES)}")
    if not isinstance(seed, numbers.Integral) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed is {seed!r}: it must be a whole number, 0 or more")
    kernel = _kernel(function, activation, direction, dtype, device=device, parameters=parameters)
    swept = sweep_all([kernel], folder=None) if depth == "exhaustive" and can_sweep(kernel) else {}
    whole = measured(kernel, depth, int(seed), swept.get(kernel.id))
    found, safety, held = whole.accuracy, whole.safety, whole.properties
    sums_have_none = direction == "backward_alpha" or found.worst_input is None
    worst = None if sums_have_none else float.fromhex(found.worst_input)
    name = f"{activation} {direction} {kernel.dtype}"
    mismatches = safety.mismatches + (found.search.mismatches if found.search else 0)
    return Measurement(name, found.max_ulp, worst, mismatches, found, safety, held)


def assert_accurate(function: Callable[..., Any], activation: str, max_ulp: float, **options: Any) -> Measurement:
    """Assert that no error is above ``max_ulp`` and no result is of the wrong class; for tests of other people's code.

    Args:
        **options: those of `measure`.

    Raises:
        ValueError: ``max_ulp`` is not a number, or is negative; or an unknown name.
        AssertionError: with the input in hexadecimal, what was got and what is exact.
    """
    bound = _bound(max_ulp)
    found = measure(function, activation, **options)
    if accuracy.verdict(Claim(bound), found.accuracy, found.safety) == "broken":
        raise AssertionError(f"not within {bound:g} ulp with every result of the right class\n{found!r}")
    return found


def _kinks(function: Callable[[mpf], mpf], given: Iterable[float] | None) -> tuple[float, ...]:
    if given is None:
        return differences.kinks(function)
    places = tuple(_number("a kink", x) for x in given)
    if not all(map(math.isfinite, places)):
        raise ValueError(f"kinks are {places}: they must be finite")
    return places


def _bound(max_ulp: float) -> float:
    bound = _number("max_ulp", max_ulp)
    if not 0 <= bound < math.inf:
        raise ValueError(f"max_ulp is {max_ulp!r}: it must be a finite number of ulp, 0 or more")
    return bound


def _number(name: str, value: Any) -> float:
    """As Python's own, which is what results are written with."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}: it must be a number")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(f"{name} is {value!r}: it is too large") from error


def _kernel(
    function: Callable[..., Any],
    activation: str,
    direction: str,
    dtype: npt.DTypeLike,
    *,
    backend: str = "mine",
    variant: str = "mine",
    max_ulp: float | None = None,
    flushes_subnormals: bool = False,
    portable: bool = False,
    device: str = "cpu",
    parameters: dict[str, float] | None = None,
) -> Kernel:
    check_name("activation", activation, reference.activations())
    known = reference.activations()[activation]
    check_name("direction", direction, known.directions)
    dtype = np.dtype(dtype).name if isinstance(dtype, type | np.dtype) else dtype
    check_name("dtype", dtype, FORMATS)
    check_name("device", device, ("cpu", "cuda"))
    for name in parameters or {}:
        check_name(f"parameter of {activation}", name, known.defaults)
    values = known.defaults | {name: _number(f"{activation}: {name}", v) for name, v in (parameters or {}).items()}
    known.check(values)
    names = _argument_names(function, values)

    def call(*arrays: np.ndarray, **options: Any) -> Any:
        if "threads" in names and options.get("threads") is None:
            options["threads"] = cores()
        return function(*arrays, **{k: v for k, v in options.items() if k in names})

    kernel = Kernel(
        activation=activation,
        direction=direction,
        dtype=dtype,
        backend=backend,
        variant=variant,
        function=call,
        claim=None if max_ulp is None else Claim(max_ulp),
        parameters=values,
        takes=frozenset(names & values.keys()),
        takes_out="out" in names,
        takes_threads="threads" in names,
        flushes_subnormals=flushes_subnormals,
        portable=portable,
        source=_source(function),
    )
    return on_device(kernel, call) if device == "cuda" else kernel


def _source(function: Callable[..., Any]) -> str | None:
    try:
        return inspect.getsourcefile(inspect.unwrap(function))
    except TypeError:
        return None


def _argument_names(function: Callable[..., Any], parameters: Collection[str]) -> set[str]:
    """What it can be given by keyword; ``**`` takes the activation's parameters."""
    try:
        arguments = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a ufunc, or another thing of C, does not say
        return set()
    takes_any = any(a.kind is inspect.Parameter.VAR_KEYWORD for a in arguments.values())
    return {*arguments, *(parameters if takes_any else ())}
