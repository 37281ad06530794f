# SPDX-License-Identifier: MIT
"""Exact results kept on disk: what mpmath has once computed is not computed again.

An entry is named by a hash of everything it depends on: the sources of this package, the versions of mpmath and gmpy2,
the function and its parameters, the format, and the inputs bit for bit. It begins with a digest of the rest, so that a
damaged one is not believed but computed anew.
"""

import functools
import hashlib
import io
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import gmpy2
import mpmath
import numpy as np

from reference.formats import Format
from reference.oracle import Exact

DIGEST_BYTES = hashlib.sha256().digest_size


@functools.cache
def sources_digest() -> str:
    """SHA-256 of this package's source files, and of the versions of the libraries that it reckons with."""
    digest = hashlib.sha256(f"mpmath {mpmath.__version__}, gmpy2 {gmpy2.version()}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Store:
    """A folder of exact results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(
        self,
        activation: str,
        direction: str,
        form: Format,
        parameters: Mapping[str, float],
        x: np.ndarray,
        dy: np.ndarray | None,
    ) -> Path:
        """Where the entry for these inputs is, or would be."""
        digest = hashlib.sha256(sources_digest().encode())
        digest.update(repr(sorted((k, float(v).hex()) for k, v in parameters.items())).encode())
        for array in (x, dy):
            digest.update(b"none" if array is None else array.tobytes())
        return self.folder / f"{activation}-{direction}-{form.name}-{digest.hexdigest()[:24]}.exact"

    def load(self, path: Path, form: Format) -> Exact | None:
        """The entry at ``path``, or None where there is none that can be read."""
        try:
            whole = path.read_bytes()
        except OSError:
            return None
        digest, content = whole[:DIGEST_BYTES], whole[DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            return None
        with np.load(io.BytesIO(content)) as columns:
            arrays = {f.name: columns[f.name] for f in fields(Exact)}
        return Exact(**arrays | {"nearest": form.from_patterns(arrays["nearest"])})

    def save(self, path: Path, exact: Exact, form: Format) -> None:
        """Write an entry whole or not at all; two processes may write the same one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{np.random.default_rng().integers(1 << 62):x}.part")
        arrays = {f.name: getattr(exact, f.name) for f in fields(Exact)}
        content = io.BytesIO()
        np.savez(content, **arrays | {"nearest": exact.nearest.view(form.pattern)})
        try:
            part.write_bytes(hashlib.sha256(content.getbuffer()).digest() + content.getvalue())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
