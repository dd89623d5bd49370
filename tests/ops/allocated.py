"""How much memory the C library has handed out."""

import ctypes

import pytest


class _Numbers(ctypes.Structure):
    """`struct mallinfo2` of glibc's malloc.h."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "free_chunks", "fast_chunks", "maps", "mapped", "_", "fast", "used", "free", "top")
    ]


def allocated_bytes() -> int:
    """What is in use of the process's heaps and maps; skips the test where the C library does not count it."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        pytest.skip("needs mallinfo2, which glibc has from 2.33 on")
    mallinfo2.restype = _Numbers
    numbers = mallinfo2()
    return int(numbers.used + numbers.mapped)
