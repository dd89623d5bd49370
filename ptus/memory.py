"""Memory of the process: what a frame gives back, the next one takes again."""

import ctypes
import sys

# Parameters of mallopt, of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_BLOCK = 32 << 20  # the most that glibc takes for the latter
_KEPT = (1 << 31) - 1


def keep_freed_memory() -> bool:
    """Let the C library keep memory that is freed, up to 2 GiB, instead of handing it back to the system.

    Otherwise many a large tensor is made of new pages, each of which the system has to clear first. It holds for the
    whole process, so that a program has to ask for it; `ptus` does.

    Returns:
        Whether the C library can do that: glibc can.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return all(
        mallopt(name, value) == 1 for name, value in ((_M_MMAP_THRESHOLD, _LARGEST_BLOCK), (_M_TRIM_THRESHOLD, _KEPT))
    )
