"""Memory of the process: what a frame gives back, the next one takes again."""

import ctypes
import sys

# Parameters of mallopt, of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
_KEPT = (1 << 31) - 1


def keep_freed_memory() -> bool:
    """Let the C library keep memory that is freed, up to 2 GiB, instead of handing it back to the system.

    Otherwise many a large tensor is made of new pages, each of which the system has to clear first. All threads share
    one heap, the only one that keeps large blocks. It holds for the whole process, and for threads that begin after
    it, so that a program has to ask for it at its start; `ptus` does.

    Returns:
        Whether the C library can do that: glibc can.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    settings = {_M_ARENA_MAX: 1, _M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: _KEPT}
    return all(mallopt(name, value) == 1 for name, value in settings.items())
