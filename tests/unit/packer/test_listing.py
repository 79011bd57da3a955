"""Listings by --format and as tables, in docker's columns."""

from __future__ import annotations

import pytest

from whit.packer.showing.tabular import aligned, display_width, shortened
from whit.packer.template import TemplateError, render_rows

HEADERS = {"ID": "CONTAINER ID", "Names": "NAMES", "Status": "STATUS"}
ROWS = [{"Names": "web", "ID": "0123", "Status": "Up 2 hours"}, {"Names": "a-longer-name", "ID": "4567", "Status": ""}]


def test_a_template_makes_a_line_a_row() -> None:
    assert render_rows("{{.Names}}", ROWS, HEADERS) == "web\na-longer-name\n"
    assert render_rows("{{.Names}}", [], HEADERS) == ""


def test_json_is_a_line_a_row_with_sorted_fields() -> None:
    first, second = render_rows("json", ROWS, HEADERS).splitlines()
    assert first == '{"ID":"0123","Names":"web","Status":"Up 2 hours"}'
    assert render_rows("{{json .}}", ROWS[1:], HEADERS) == f"{second}\n"


def test_a_table_has_docker_s_header_and_columns() -> None:
    assert render_rows(r"table {{.ID}}\t{{.Status}}\t{{upper .Names}}", ROWS, HEADERS).splitlines() == [
        "CONTAINER ID   STATUS       NAMES",
        "0123           Up 2 hours   WEB",
        "4567                        A-LONGER-NAME",
    ]


def test_table_alone_is_the_usual_one() -> None:
    assert render_rows("table", ROWS[:1], HEADERS, usual=r"table {{.ID}}\t{{.Names}}").splitlines() == [
        "CONTAINER ID   NAMES",
        "0123           web",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    assert render_rows(r"table {{.ID}}\t{{.Names}}", [], HEADERS) == "CONTAINER ID   NAMES\n"


def test_a_label_s_column_is_headed_by_the_end_of_its_name() -> None:
    methods = {"Label": lambda _row, _name: "x"}
    shown = render_rows(r'table {{.Names}}\t{{.Label "org.example.my-team"}}', ROWS[:1], HEADERS, methods)
    assert shown.splitlines() == ["NAMES     my team", "web       x"]


def test_backslashes_of_the_shell_are_tabs_and_line_feeds() -> None:
    assert render_rows(r"{{.ID}}\t{{.Names}}\n", ROWS[:1], HEADERS) == "0123\tweb\n\n"


def test_an_unknown_field_is_told_with_those_there_are() -> None:
    with pytest.raises(TemplateError) as caught:
        render_rows("{{.Name}}", ROWS, HEADERS)
    assert caught.value.hint == "known fields: Names, ID, Status"


def test_columns_are_ten_wide_at_least_and_end_where_a_line_has_none() -> None:
    assert aligned("a\tb\nlong-long-long\tc\nalone\nx\ty\n").splitlines() == [
        "a                b",
        "long-long-long   c",
        "alone",
        "x         y",
    ]


def test_columns_are_as_wide_as_a_terminal_shows_them() -> None:
    assert display_width("日本") == 4
    assert display_width("e\u0301") == 1
    assert aligned("日本日本日本\tx\nabc\ty\n").splitlines() == ["日本日本日本   x", "abc            y"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/a short command", "/a short command"),
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 19 + "…"),
        ("日" * 11, "日" * 9 + "…"),
    ],
)
def test_what_is_too_wide_ends_in_an_ellipsis(text: str, shown: str) -> None:
    assert shortened(text, 20) == shown
