"""What helps where a compiler has failed."""

from __future__ import annotations

import pytest

from whit.toolchains.advice import hint_for


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("a.c:1:10: fatal error: 'zlib.h' file not found\n", "the library of zlib.h must be in the tree, for musl"),
        ("a.c:1:10: fatal error: zlib.h: No such file or directory\n", "the library of zlib.h must be in the tree"),
        ("ld.lld: error: undefined symbol: sqrt\n>>> referenced", "the library that has sqrt isn't linked"),
        ("undefined reference to `sqrt'\n", "the library that has sqrt isn't linked"),
        ("error: unable to find dynamic system library 'z' using strategy\n", "the library z must be in the tree"),
        ("ld: cannot find -lz\n", "the library z must be in the tree"),
        ("write /x: no space left on device\n", "free some space"),
        ("a.c:3:1: error: expected ';'\n", "its own words stand above"),
        ("", "it said nothing"),
    ],
)
def test_what_a_compiler_said_tells_what_helps(said: str, hint: str) -> None:
    assert hint_for(1, said).startswith(hint)


@pytest.mark.parametrize("code", [-9, 137])
def test_one_that_was_killed_may_have_wanted_more_memory_than_there_is(code: int) -> None:
    assert "out of memory" in hint_for(code, "anything")
