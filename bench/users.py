# SPDX-License-Identifier: MIT
"""Kernels of the user's own: the files and modules after ``--kernels``, whose decorators register them."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

import reference
from bench import fenv
from bench.calling import KernelError, described
from bench.remote import Host
from kernels.registry import Kernel, registered
from reports import wording

HOW = "decorate a function with halfulp.implementation(...)"


class LoadError(Exception):
    """Kernels can't be had from where a user said; the message is one line, and says what to do."""


def hosted(places: Sequence[str]) -> dict[str, Host]:
    """Import files and modules as `load` does; returns the host that calls each kernel that they registered, by its id.

    The host of a file imports it first: what ends that process, or never ends, is not tried in this one.

    Raises:
        LoadError: as for `load`; or an import ended its process, or did not end within its time.
    """
    hosts = {place: Host([place]) for place in dict.fromkeys(places)}
    with ExitStack() as unused:
        for host in hosts.values():
            unused.callback(host.close)
            try:
                host.start()
            except KernelError as error:
                raise LoadError(error.failure.message) from error
        with fenv.kept(), _surroundings_kept():  # the host tells on a file that changes the mode
            loaded = load(places)
        unused.pop_all()
    for place, there in loaded.items():
        if not there:
            hosts[place].close()
    return {kernel.id: hosts[place] for place, there in loaded.items() for kernel in there}


@contextmanager
def _surroundings_kept() -> Iterator[None]:
    """What a block does to the environment and to the working directory, which other processes get, is undone."""
    environment, folder = dict(os.environ), os.getcwd()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)


def load(places: Sequence[str], failed: dict[str, str] | None = None) -> dict[str, list[Kernel]]:
    """Import files (``FILE.py``) and modules by their names; returns the kernels that each registered.

    The folder of a file is where its own imports are looked for first, as if Python ran it, and last once it is
    imported: what its kernels import when they are called may lie there too. What another one of them has imported
    already registers nothing more.

    Args:
        failed: where given, an error of a place is noted here by its name, and the others are loaded all the same.

    Raises:
        LoadError: there is no such file or module, it raised, or it registers nothing.
    """
    found: dict[str, list[Kernel]] = {}
    before = dict(sys.modules)
    for place in dict.fromkeys(places):
        try:
            found[place] = _load(place, before, is_first=not found)
        except LoadError as error:
            if failed is None:
                raise
            failed[place] = str(error)
    return found


def _load(place: str, before: Mapping[str, ModuleType], *, is_first: bool) -> list[Kernel]:
    kernels, activations, modules = set(_ids()), set(reference.activations()), set(map(id, sys.modules.values()))
    module = _import(place, before)
    new = [k for k in registered() if k.id not in kernels]
    if not new and (is_first or id(module) not in modules):
        alone = sorted(set(reference.activations()) - activations)
        what = f"only the activation {', '.join(alone)}, and no kernel of it" if alone else "no kernel"
        raise LoadError(f"--kernels {place} registers {what}: {HOW}")
    return new


def _ids() -> list[str]:
    return [k.id for k in registered()]


def _import(place: str, before: Mapping[str, ModuleType]) -> ModuleType:
    path = Path(place)
    is_name = all(part.isidentifier() for part in place.split("."))
    is_package = is_name and (path / "__init__.py").is_file()
    is_file = path.suffix == ".py" or (path.exists() and not is_package)
    if is_file and not path.is_file():
        raise LoadError(
            f"--kernels {place}: {'it is a folder: name a file' if path.exists() else 'there is no such file'}"
        )
    if is_file and path.suffix != ".py":
        raise LoadError(f"--kernels {place}: it is no Python file: its name has to end in .py")
    no_module = LoadError(f"--kernels {place}: there is no such module; a file's name ends in .py")
    if not is_file and not is_name:
        raise no_module
    try:
        return _import_file(path.resolve(), before) if is_file else importlib.import_module(place)
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) and not is_file else None
        if missing and f"{place}.".startswith(f"{missing}."):  # itself, or a package that it is said to be in
            raise no_module from error
        raise LoadError(f"--kernels {place}: {wording.one_line(described(error), None)}") from error


def _import_file(path: Path, before: Mapping[str, ModuleType]) -> ModuleType:
    """Import a file, unless another one has since the modules were those of ``before``."""
    name = _module_name(path)
    known = sys.modules.get(name)
    if known is not None and known is not before.get(name) and _origin(name) == path:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.parent)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(folder)
        if folder not in sys.path:
            sys.path.append(folder)
    return module


def _module_name(path: Path) -> str:
    """What other files import it as, where that is no name of another module, such as torch.py would have."""
    free = path.stem.isidentifier() and _origin(path.stem) in (None, path)
    return path.stem if free else f"kernels_of_{path.stem}"


def _origin(name: str) -> Path | None:
    """The file of the module of a name; None where there is no such module."""
    if name in sys.modules:
        return Path(getattr(sys.modules[name], "__file__", None) or "built in").resolve()
    spec = importlib.util.find_spec(name)
    return spec and Path(spec.origin or "built in").resolve()
