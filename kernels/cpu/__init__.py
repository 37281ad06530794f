# SPDX-License-Identifier: MIT
"""The activations on the CPU: ``from kernels.cpu import silu; silu(x)``, ``silu.backward(dy, x)``.

One file an activation: every module of this package that defines an ``Activation`` of its own name is one, and the
package has that activation under the name. Importing compiles nothing.
"""

import importlib
import pkgutil

from kernels.cpu.define import Activation, Direction


def _find() -> dict[str, Activation]:
    names = sorted(m.name for m in pkgutil.iter_modules(__path__))
    found = {name: getattr(importlib.import_module(f"{__name__}.{name}"), name, None) for name in names}
    return {name: a for name, a in found.items() if isinstance(a, Activation)}


ACTIVATIONS = _find()
globals().update(ACTIVATIONS)  # after every import: importing a module has bound its name here to the module

__all__ = ["ACTIVATIONS", "Activation", "Direction", *ACTIVATIONS]
