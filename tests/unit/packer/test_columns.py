"""Columns, as wide as a terminal."""

from __future__ import annotations

from whit.packer.present import columns

ROWS = [("/etc/passwd", "149B", "looks users up by name and by number"), ("/x", "1B", "")]


def test_without_a_width_every_row_is_one_line() -> None:
    assert list(columns(ROWS, indent="")) == [
        "/etc/passwd   149B   looks users up by name and by number",
        "/x            1B",
    ]


def test_the_last_column_is_wrapped_below_itself() -> None:
    assert list(columns(ROWS, indent="  ", width=50)) == [
        "  /etc/passwd   149B   looks users up by name and",
        "                       by number",
        "  /x            1B",
    ]


def test_a_terminal_too_narrow_to_wrap_in_gets_whole_lines() -> None:
    assert len(list(columns(ROWS, indent="  ", width=30))) == 2
