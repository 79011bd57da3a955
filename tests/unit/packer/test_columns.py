"""Columns, as wide as a terminal."""

from __future__ import annotations

from whit.packer.showing.present import columns

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


def test_where_there_is_no_room_beside_the_last_column_comes_below() -> None:
    assert list(columns(ROWS, indent="  ", width=40)) == [
        "  /etc/passwd   149B",
        "      looks users up by name and by",
        "      number",
        "  /x            1B",
    ]


def test_columns_that_fit_stay_beside_each_other_however_narrow() -> None:
    assert list(columns([("data", "1B"), ("code", "20kB")], width=16)) == ["  data   1B", "  code   20kB"]


def test_a_terminal_too_narrow_to_wrap_in_gets_whole_lines() -> None:
    assert len(list(columns(ROWS, indent="  ", width=20))) == 3
