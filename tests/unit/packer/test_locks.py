"""Locks of which somebody may only ask whether they are held."""

from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING

from whit.packer.support.locks import is_locked, take_lock

if TYPE_CHECKING:
    from pathlib import Path


def test_a_lock_that_is_held_is_neither_taken_nor_lost(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as ours, (tmp_path / "lock").open("w") as theirs:
        assert take_lock(theirs.fileno())
        assert is_locked(tmp_path / "lock")
        assert not take_lock(ours.fileno())
        assert is_locked(tmp_path / "lock")
    assert not is_locked(tmp_path / "lock")


def test_who_only_looks_is_waited_for(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as ours, (tmp_path / "lock").open("w") as looking:
        # given somebody who is just asking whether it is held
        fcntl.flock(looking, fcntl.LOCK_SH)
        letting_go = threading.Timer(0.05, lambda: fcntl.flock(looking, fcntl.LOCK_UN))
        letting_go.start()
        # then it is taken nevertheless
        assert take_lock(ours.fileno())
        letting_go.join()


def test_a_process_that_was_forked_with_the_lock_is_waited_for(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as ours:
        theirs = os.open(tmp_path / "lock", os.O_RDWR)
        assert take_lock(theirs)
        # given that it is let go of, but for a copy in a process that has yet to execute its program
        copy = os.dup(theirs)
        os.close(theirs)
        executing = threading.Timer(0.05, lambda: os.close(copy))
        executing.start()
        assert take_lock(ours.fileno())
        executing.join()
