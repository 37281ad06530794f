# SPDX-License-Identifier: MIT
"""What people would otherwise call: a file for each library, which is an extra and may be missing.

Importing a file registers what its library has, and imports no library: that happens at the first call.
"""

import importlib
import pkgutil

from kernels.peers.adapter import Peer
from kernels.registry import Absent

PEERS: dict[str, Peer] = {}
_LACKING: list[Absent] = []  # what files say that they lack
for _info in pkgutil.iter_modules(__path__):
    if _info.name.startswith("_"):
        continue  # imports its library; the file that needs it does that
    _module = importlib.import_module(f"{__name__}.{_info.name}")
    if hasattr(_module, "PEER"):
        PEERS |= {peer.backend: peer for peer in (_module.PEER, *_module.PEER.also)}
    _LACKING += getattr(_module, "LACKING", ())


def absent() -> list[Absent]:
    """What can't be measured here: libraries, and variants of those that are here."""
    return [Absent(name, peer.why_absent) for name, peer in PEERS.items() if peer.why_absent] + _LACKING
