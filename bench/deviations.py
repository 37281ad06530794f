# SPDX-License-Identifier: MIT
"""Results as their deviations from the correctly rounded ones: mostly 0, and so short enough for a baseline to keep.

With the exact results at hand they are the results again, so that a later run can tell which of them got worse.
"""

import base64
import zlib

import numpy as np

LONGEST = 2000  # characters: results as irregular as those of a printed formula at its worst are not kept


def packed(got: np.ndarray, due: np.ndarray) -> str | None:
    """Bit patterns of results, as text; None where it would be too long.

    Args:
        got: unsigned patterns of the results.
        due: those of the correctly rounded results, of the same type.
    """
    deviations = (got - due).astype(got.dtype.newbyteorder("<"))  # they wrap, and so do the patterns unpacked
    by_significance = deviations.view(np.uint8).reshape(len(got), -1).T  # the upper bytes are 0: they pack well
    text = base64.b85encode(zlib.compress(by_significance.tobytes(), 9)).decode()
    return text if len(text) <= LONGEST else None


def unpacked(text: str, due: np.ndarray) -> np.ndarray | None:
    """The bit patterns that ``packed`` got, given the same ``due``; None where they were of other inputs."""
    flat = np.frombuffer(zlib.decompress(base64.b85decode(text)), np.uint8)
    if len(flat) != due.nbytes:
        return None
    by_significance = np.ascontiguousarray(flat.reshape(due.itemsize, -1).T)
    return due + by_significance.view(due.dtype.newbyteorder("<")).ravel().astype(due.dtype)
