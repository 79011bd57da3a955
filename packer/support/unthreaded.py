"""numpy as whit needs it: its library for matrices, which nothing asks for, makes threads and buffers for each processor as it is loaded."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_THREADS = "OPENBLAS_NUM_THREADS"


@contextlib.contextmanager
def without_threads() -> Iterator[None]:
    """Where numpy is loaded within, it takes none: little room for addresses is enough (RLIMIT_AS)."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before
