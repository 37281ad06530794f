# SPDX-License-Identifier: MIT
"""What is true: the activations in mpmath, and the oracle that rounds them correctly.

One file an activation: every module of this package that has an ``ACTIVATION`` is one.
"""

import functools
import importlib
import pkgutil

from reference.activation import Activation

_added: dict[str, Activation] = {}


@functools.cache
def own() -> dict[str, Activation]:
    """The suite's own activations by name."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    found = [m.ACTIVATION for m in modules if hasattr(m, "ACTIVATION")]
    return {a.name: a for a in found}


def activations() -> dict[str, Activation]:
    """Every activation by name: the suite's own, then those that a user added."""
    return own() | _added


def add(activation: Activation) -> None:
    """Let the suite measure an activation of the user's own.

    Raises:
        ValueError: there is one of that name.
    """
    if activation.name in activations():
        raise ValueError(f"there is an activation {activation.name!r} already: choose another name")
    _added[activation.name] = activation
