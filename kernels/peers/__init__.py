# SPDX-License-Identifier: MIT
"""What people would otherwise call: a file for each library, which is an extra and may be missing.

Importing a file registers what its library has, and imports no library: that happens at the first call.
"""

import importlib
import pkgutil

from kernels.peers.adapter import Peer
from kernels.registry import Absent, Lacks

PEERS: dict[str, Peer] = {}
_ABSENT: list[Absent] = []  # variants that files say can't be had here
_LACKS: list[Lacks] = []  # what they say that their libraries do not have
for _info in pkgutil.iter_modules(__path__):
    if _info.name.startswith("_"):
        continue  # imports its library; the file that needs it does that
    _module = importlib.import_module(f"{__name__}.{_info.name}")
    if hasattr(_module, "PEER"):
        PEERS |= {peer.backend: peer for peer in (_module.PEER, *_module.PEER.also)}
    _ABSENT += getattr(_module, "ABSENT", ())
    _LACKS += getattr(_module, "LACKS", ())


def absent() -> list[Absent]:
    """What can't be measured here: libraries, and variants of those that are here."""
    return [Absent(name, peer.why_absent) for name, peer in PEERS.items() if peer.why_absent] + _ABSENT


def lacking() -> list[Lacks]:
    """What the libraries that are here do not have."""
    return [it for it in _LACKS if not PEERS[it.backend].why_absent]
