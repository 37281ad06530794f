# SPDX-License-Identifier: MIT
"""Which element of an array it is at which a call hangs or ends its process.

A process that is lost tells nothing. So the array is cut into parts, and these are called one after the other until one
is lost; that part is cut up in turn, until it is a single element. Each round costs one process, and four rounds are
enough for 2^24 elements. Where other elements alone are lost as well, that one is nothing special, and is not named.
"""

import itertools
import time
from collections.abc import Callable

PARTS = 64  # of what is cut up
OTHERS = 4  # single elements tried beside the one that was found
SEARCH_S = 120.0  # for all of it
SLOWER = 4.0  # times as long as the slowest call that returned, its process's start included: a call hangs


def culprit(size: int, is_lost: Callable[[slice, float], bool], patience_s: float) -> int | None:
    """The place of an element on which alone a call is lost, as it is not on each element.

    Args:
        size: of the array on which a call was lost.
        is_lost: whether a call on a part of it hangs for so many seconds, or ends its process; the next call is then
            in a new one.
        patience_s: how long a call may take where nothing is known yet.

    Returns:
        None where each part alone does no harm, each element tried alone does, or `SEARCH_S` were not enough.
    """
    lost, limit_s, slowest_s, is_special = slice(0, size), patience_s, 0.0, False
    end = time.monotonic() + SEARCH_S
    while lost.stop - lost.start > 1:
        for part in _cut(lost):
            begin = time.monotonic()
            if begin + limit_s > end:  # a call that this cuts short would only seem to hang
                return None
            if is_lost(part, limit_s):
                lost = part
                break
            is_special |= part.stop - part.start == 1
            slowest_s = max(slowest_s, time.monotonic() - begin)
            limit_s = min(patience_s, SLOWER * slowest_s)
        else:
            return None
    others = (slice(i, i + 1) for i in range(0, size, -(-size // OTHERS)) if i != lost.start)
    in_time = itertools.takewhile(lambda _: time.monotonic() + limit_s <= end, others)
    is_special = is_special or not all(is_lost(other, limit_s) for other in in_time)
    return lost.start if is_special else None


def _cut(whole: slice) -> list[slice]:
    """Parts of about the same size, the first a quarter in: zeros and NaNs, which trouble most, are elsewhere."""
    step = -(-(whole.stop - whole.start) // PARTS)
    parts = [slice(i, min(i + step, whole.stop)) for i in range(whole.start, whole.stop, step)]
    quarter = len(parts) // 4
    return parts[quarter:] + parts[:quarter]
