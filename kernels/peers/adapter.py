# SPDX-License-Identifier: MIT
"""How a library's functions become kernels: what each file of this package says of its library, and what follows.

A file makes a ``Peer``, and decorates with it an ``operation`` for each activation and direction that the library has:

    @PEER.operation("silu", dtypes=("float32", "float64"), why="torch.nn.functional.silu")
    def silu(torch, x):
        return torch.nn.functional.silu(x)

It gets the library, arrays of the library (x, or dy and x), and by keyword the activation's parameters that it names;
where it has ``out``, that is an array of the library to write to. What is timed is the operation on arrays made before.
"""

import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kernels.cpu.launch import cores
from kernels.gpu.transfer import timed_there
from kernels.registry import Kernel, RunsWith, register

Operation = Callable[..., Any]

# jax.nn and tf.keras.activations name alike. By activation: the function, what else it is given, and the parameters for
# which that stands.
NAMED_ALIKE: dict[str, tuple[str, dict[str, Any], dict[str, float]]] = {
    "sigmoid": ("sigmoid", {}, {}),
    "tanh": ("tanh", {}, {}),
    "relu": ("relu", {}, {}),
    "leaky_relu": ("leaky_relu", {"negative_slope": 0.01}, {"negative_slope": 0.01}),
    "elu": ("elu", {"alpha": 1.0}, {"alpha": 1.0}),
    "selu": ("selu", {}, {}),
    "gelu": ("gelu", {"approximate": False}, {}),
    "gelu_tanh": ("gelu", {"approximate": True}, {}),
    "silu": ("silu", {}, {"beta": 1.0}),
    "mish": ("mish", {}, {}),
    "softplus": ("softplus", {}, {"beta": 1.0}),
}
PRELU = {"alpha": 0.25}  # the parameters of PReLU, for which libraries have something that is called in another way


def named(options: Mapping[str, Any]) -> str:
    """How a sentence names them, behind the name of a function."""
    return "".join(f", {name}={value!r}" for name, value in options.items())


@dataclass(frozen=True)
class Peer:
    """A library whose functions are measured beside ours.

    Args:
        backend: what the tables call it.
        package: what Python imports, once a kernel is called.
        install: what pip is asked for.
        from_numpy: makes an array of the library of a contiguous NumPy array, without a copy where it can.
        to_numpy: the reverse, of the dtype that is given.
        set_threads: lets the library use so many threads, where that can be said while it runs.
        uses_all: that can't be said, and it uses as many as the process has processors when it is imported.
        set_up: what has to be said to the library before its first use.
        threads: how many threads the library says that it uses at most; None where it does not tell.
        instruction_set: which one it says that it chose for this processor, in its words; None likewise.
        device: where its arrays are; those on a GPU are copied there and back, which is not timed.
        rests_on: other packages that its results may depend on.
        lacks: what else than the package is missing, in a sentence that says what to do.
        also: peers that have the same operations, on arrays elsewhere.
    """

    backend: str
    package: str
    install: str
    from_numpy: Callable[[Any, np.ndarray], Any] = lambda _, array: array
    to_numpy: Callable[[Any, Any, np.dtype], np.ndarray] = lambda _, array, dtype: np.asarray(array)
    set_threads: Callable[[Any, int], None] | None = None
    uses_all: bool = False
    set_up: Callable[[Any], None] = lambda _: None
    threads: Callable[[Any], int | None] = lambda _: None
    instruction_set: Callable[[Any], str | None] = lambda _: None
    device: Literal["cpu", "cuda"] = "cpu"
    rests_on: tuple[str, ...] = ()
    lacks: Callable[[], str | None] = lambda: None
    also: tuple["Peer", ...] = ()

    @functools.cached_property
    def why_absent(self) -> str | None:
        """Why nothing of it can be measured, where that is so."""
        if importlib.util.find_spec(self.root) is None:
            return f"{self.root} is not installed: pip install {self.install}"
        return self.lacks()

    @property
    def root(self) -> str:
        """The top of its package."""
        return self.package.split(".")[0]

    def versions(self) -> dict[str, str]:
        """The versions of what is installed under its name, and of what else it rests on."""
        installed = importlib.metadata.packages_distributions()
        found = [name for package in (self.root, *self.rests_on) for name in installed.get(package, ())]
        return {name: importlib.metadata.version(name) for name in dict.fromkeys(found)}

    @functools.cached_property
    def library(self) -> Any:
        """The library, imported."""
        module = importlib.import_module(self.package)
        self.set_up(module)
        return module

    def runs_with(self) -> RunsWith:
        """What the library says of itself where it may use every processor of this process."""
        if self.set_threads:
            self.set_threads(self.library, cores())
        return RunsWith(self.threads(self.library), self.instruction_set(self.library))

    def operation(
        self,
        activation: str,
        direction: str = "forward",
        *,
        dtypes: tuple[str, ...],
        why: str,
        variant: str = "library",
        parameters: Mapping[str, float] | None = None,
        made_of_x: Operation | None = None,
        takes_result: bool = False,
        flushes: Collection[str] = (),
        call_limit_s: float | None = None,
    ) -> Callable[[Operation], Operation]:
        """Decorate an operation: it becomes a kernel in each dtype, if the library is installed.

        Args:
            why: what it is that is called.
            parameters: their values, where the activation has some.
            call_limit_s: what a call may take where that may compile something.
            flushes: the dtypes in which it returns zero in place of subnormal results; not said of peers in ``also``.
            made_of_x: of the library and x, and by keyword the parameters that it names, what the operation is given in
                the place of x; it is made before, and is no part of what is timed.
            takes_result: that is the result f(x), of which the library takes a gradient.
        """

        def decorate(operation: Operation) -> Operation:
            names = {name for function in (operation, made_of_x) if function for name in _names(function)}
            here = [peer for peer in (self, *self.also) if peer.why_absent is None]
            for peer, dtype in itertools.product(here, dtypes):
                function = Function(peer, operation, made_of_x)
                kernel = Kernel(
                    activation=activation,
                    direction=direction,
                    dtype=dtype,
                    backend=peer.backend,
                    variant=variant,
                    function=function,
                    prepare=function.prepare,
                    why=why,
                    parameters=dict(parameters or {}),
                    takes=frozenset(names.intersection(parameters or {})),
                    takes_out=function.takes_out,
                    takes_threads=peer.set_threads is not None,
                    takes_result=takes_result,
                    uses_all=peer.uses_all,
                    spins=peer.set_threads is not None,
                    flushes_subnormals=peer is self and dtype in flushes,
                    copies_arrays=peer.device == "cuda",
                    call_limit_s=call_limit_s,
                    source=inspect.getsourcefile(operation),
                    runs_with=peer.runs_with,
                )
                register(timed_there(kernel) if peer.device == "cuda" else kernel)
            return operation

        return decorate


@dataclass
class Function:
    """An operation of a library as a function of NumPy arrays."""

    peer: Peer
    operation: Operation
    made_of_x: Operation | None

    @property
    def takes_out(self) -> bool:
        return "out" in _names(self.operation)

    def __call__(
        self, *arrays: np.ndarray, out: np.ndarray | None = None, threads: int | None = None, **parameters: float
    ) -> np.ndarray:
        """The results for arrays of any strides, in ``out`` where that is given."""
        target = out if out is None or out.flags.c_contiguous else np.empty_like(out, order="C")
        given = [np.ascontiguousarray(a).reshape(a.shape) for a in arrays]
        call = self.prepare(*given, out=target, threads=threads, **parameters)
        result = call()
        if out is not None and self.peer.device == "cuda":
            out[...] = self.peer.to_numpy(self.peer.library, call.keywords["out"], out.dtype)
            return out
        got = self.peer.to_numpy(self.peer.library, result, arrays[-1].dtype)
        if out is None:
            return got
        if target is not out:
            out[...] = got
        return out if np.shares_memory(got, target) else got

    def prepare(
        self, *arrays: np.ndarray, out: np.ndarray | None = None, threads: int | None = None, **parameters: float
    ) -> Callable[[], Any]:
        """The operation on contiguous arrays, which are made the library's own here: what is timed."""
        peer, library = self.peer, self.peer.library
        if peer.set_threads:
            peer.set_threads(library, threads or cores())
        options = _named(self.operation, parameters)
        if self.takes_out and out is None:
            out = np.empty_like(arrays[-1])
        if self.takes_out:
            options["out"] = peer.from_numpy(library, out)
        *before, x = (peer.from_numpy(library, a) for a in arrays)
        if self.made_of_x:
            x = self.made_of_x(library, x, **_named(self.made_of_x, parameters))
        return functools.partial(self.operation, library, *before, x, **options)


def _names(operation: Operation) -> Collection[str]:
    """Those of its arguments."""
    return inspect.signature(operation).parameters


def _named(operation: Operation, parameters: Mapping[str, float]) -> dict[str, float]:
    """The parameters that it names."""
    return {name: value for name, value in parameters.items() if name in _names(operation)}
