"""Reading of processes: this one, in the place of a traced one."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from whit.runtime.trace.process import MAX_PATH, MOST_OPEN, Processes


@pytest.fixture
def own() -> int:
    return threading.get_native_id()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def address(buffer: ctypes.Array[ctypes.c_char]) -> int:
    return ctypes.addressof(buffer)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 4000, MAX_PATH - 1])
def test_a_text_is_read_up_to_its_end(own: int, length: int) -> None:
    buffer = ctypes.create_string_buffer(b"a" * length)
    assert Processes().text(own, address(buffer)) == b"a" * length


def test_a_text_that_is_longer_than_any_path_is_none(own: int) -> None:
    buffer = ctypes.create_string_buffer(b"a" * (MAX_PATH + 10))
    assert Processes().text(own, address(buffer)) is None


@pytest.mark.parametrize("where", [0, 16, (1 << 64) - 16, (1 << 56) - 1])
def test_an_address_of_nothing_is_none(own: int, where: int) -> None:
    assert Processes().text(own, where) is None


def test_the_tag_of_an_address_is_no_part_of_it(own: int) -> None:
    buffer = ctypes.create_string_buffer(b"tagged")
    assert Processes().text(own, address(buffer) | 0xAB << 56) == b"tagged"


def test_the_first_words_of_a_command(own: int) -> None:
    words = (ctypes.c_char_p * 4)(b"git", b"clone", b"url", None)
    assert Processes().words(own, ctypes.addressof(words), 2) == ("git", "clone")
    assert Processes().words(own, ctypes.addressof(words), 9)[:3] == ("git", "clone", "url")
    assert Processes().words(own, 0, 2) == ()


def test_a_process_that_is_gone_says_nothing() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    child = ended.pid
    processes = Processes()
    assert processes.text(child, 4096) is None
    assert processes.directory(child) is None
    assert processes.descriptor(child, 0) is None
    assert processes.program(child) == ""
    assert processes.process_of(child) is None


def test_a_thread_belongs_to_its_process(own: int) -> None:
    found: list[int | None] = []
    thread = threading.Thread(target=lambda: found.append(Processes.process_of(threading.get_native_id())))
    thread.start()
    thread.join()
    assert found == [os.getpid()]
    assert Processes.process_of(own) == os.getpid()


def test_threads_by_the_thousand_keep_few_files_open(own: int) -> None:
    before = open_files()
    processes = Processes()
    buffer = ctypes.create_string_buffer(b"x")
    done = threading.Event()
    threads = [threading.Thread(target=done.wait) for _ in range(MOST_OPEN * 2)]
    for thread in threads:
        thread.start()
    try:
        assert all(processes.text(thread.native_id or own, address(buffer)) == b"x" for thread in threads)
        assert open_files() - before <= MOST_OPEN
    finally:
        done.set()
        for thread in threads:
            thread.join()
        processes.forget()
    assert open_files() <= before
