# SPDX-License-Identifier: MIT
"""What people would otherwise call: one file a library, each of which is an extra and may be missing.

Importing a file registers what its library has, and imports no library: that happens at the first call.
"""

import importlib
import pkgutil

from kernels.peers.adapter import Peer

PEERS: dict[str, Peer] = {}
for _module in pkgutil.iter_modules(__path__):
    _found = getattr(importlib.import_module(f"{__name__}.{_module.name}"), "PEER", None)
    if _found:
        PEERS[_found.backend] = _found


def absent() -> dict[str, str]:
    """Why the backends are absent that are: a sentence for each that says what to do."""
    return {name: peer.why_absent for name, peer in PEERS.items() if peer.why_absent}
