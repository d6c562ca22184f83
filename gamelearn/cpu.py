"""Memory on CPUs. This file tunes the C library's allocator for training."""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # the numbers of glibc's <malloc.h>
_NEVER = 2**31 - 1
_TOP = 256 * 2**20


def tune_allocator() -> bool:
    """Keep freed memory in the process instead of giving it back to the system; return whether that worked.

    glibc maps every large block afresh and unmaps it when it is freed, so that each activation of each step is paid for in
    page faults. Without that, a round at large batches takes about half the time. It has an effect on Linux with glibc alone,
    and may be called again.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return all([mallopt(_MMAP_MAX, 0) == 1, mallopt(_TRIM_THRESHOLD, _NEVER) == 1, mallopt(_TOP_PAD, _TOP) == 1])
