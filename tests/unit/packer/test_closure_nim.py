"""The libraries that a Nim program names in its string literals."""

from __future__ import annotations

import pytest

from whit.packer.closure.nim import expanded, patterns


def literal(text: str) -> bytes:
    """As Nim's C code lays it out: the size, whose next to last bit marks a literal, then the text."""
    return (len(text) | 1 << 62).to_bytes(8, "little") + text.encode() + b"\0"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("libz.so", ("libz.so",)),
        ("libpcre.so(.3|.1|)", ("libpcre.so.3", "libpcre.so.1", "libpcre.so")),
        ("lib(a|b).so(.2|)", ("liba.so.2", "liba.so", "libb.so.2", "libb.so")),
        ("libopen.so(.1", ("libopen.so.1",)),
    ],
)
def test_alternatives_are_tried_from_the_left(pattern: str, names: tuple[str, ...]) -> None:
    assert expanded(pattern) == names


def test_names_that_come_of_a_pattern_are_not_asked_for_alone() -> None:
    data = b"".join(map(literal, ["libx.so.1", "libpcre.so(.3|)", "libpcre.so.3", "libpcre.so", "hello", "libx.so.1"]))
    assert patterns(data) == (("libpcre.so.3", "libpcre.so"), ("libx.so.1",))


def test_what_is_no_literal_of_a_library_s_name_is_passed_over() -> None:
    texts = (
        literal("lib$1.so"),
        literal("see libz.so.1"),
        b"\0libz.so.1\0",
        literal("library"),
        literal("libz.so.1 is"),
    )
    assert patterns(b"".join(texts)) == ()


def test_many_groups_make_no_more_names_than_any_program_has() -> None:
    assert len(expanded("lib" + "(a|b|c|d|e|f|g|h)" * 3 + ".so")) <= 64
