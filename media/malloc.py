"""Make glibc return unused memory to the system. Does nothing on other C libraries."""

import ctypes

M_ARENA_MAX = -8
"""From glibc's malloc.h."""

_libc = ctypes.CDLL(None)


def bound_arenas() -> None:
    """Limit malloc to two arenas. By default each thread gets one, which keeps its peak size."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(M_ARENA_MAX, 2)


def trim() -> None:
    """Return free memory. Tensors of varying sizes fragment the heap by hundreds of megabytes an hour."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
