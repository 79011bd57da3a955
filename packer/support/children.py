"""Processes that don't outlive the one that started them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SET_DEATH_SIGNAL = 1


def ends_with_this_one() -> Callable[[], None]:
    """What a child does first (``preexec_fn``), so that it doesn't outlive this process, which may be killed (prctl(2)).

    It ends with the thread that starts it; a process that has other threads can't safely start one so.
    """
    import ctypes  # noqa: PLC0415 - slow to import, and most commands start nothing

    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def begin() -> None:
        prctl(_SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return begin
