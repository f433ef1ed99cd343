"""Keep glibc from holding on to memory that is not in use. Does nothing on other C libraries."""

import ctypes

M_ARENA_MAX = -8
"""glibc's malloc.h."""

_libc = ctypes.CDLL(None)


def bound_arenas() -> None:
    """Let threads share two heaps. By default each thread gets its own, and each holds on to the most it ever needed."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(M_ARENA_MAX, 2)


def trim() -> None:
    """Give back what is free. Tensors of ever different sizes leave holes, which add up to hundreds of megabytes an hour."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
