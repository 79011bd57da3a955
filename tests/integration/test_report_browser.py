"""The report in a real browser: no complaint, no request, no sideways scrolling on a phone, and a map for the keyboard."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.peers.browser import browser
from tests.programs.build import build
from tests.unit.packer.images import EXIT, GOOD, write_layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.browser import Page
    from tests.unit.packer.images import Members

pytestmark = pytest.mark.peer("chromium")

PHONE, DESKTOP = (360, 740), (1280, 900)
HOSTILE = "<img src=http:x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as shown:
        yield shown


@pytest.fixture
def report(run_whit: RunWhit, tmp_path: Path) -> Path:
    """Of a Go program, compared with a smaller one, under a name that would like to be markup."""
    program = tmp_path / HOSTILE
    program.write_bytes(build("exit", "go").read_bytes())
    target = tmp_path / "report.html"
    done = run_whit("inspect", "--html", target, "--diff", build("exit", "c-musl"), program)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return target


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_it_is_whole_and_quiet_at_any_size(page: Page, report: Path, size: tuple[int, int], dark: bool) -> None:
    page.requests.clear()
    page.complaints.clear()
    page.show(report, *size, dark=dark)
    assert page.requests == [report.as_uri()]
    assert page.complaints == []
    assert page.value("document.title") == f"{HOSTILE}: whit inspect"
    assert page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.value("document.querySelectorAll('#map > button').length") > 3
    covered = page.value(
        "[...document.querySelectorAll('#map > button')].reduce((all, one) => all + one.offsetWidth * one.offsetHeight, 0)"
        " / (document.getElementById('map').clientWidth * document.getElementById('map').clientHeight)"
    )
    assert 0.97 < covered < 1.03
    background = page.value("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(21, 24, 28)") is dark


def test_the_map_can_be_walked_by_keys(page: Page, report: Path) -> None:
    page.show(report, *DESKTOP)
    page.value("document.querySelector('#map > button').focus()")
    first = page.value("document.activeElement.getAttribute('aria-label')")
    page.press("ArrowRight", 39)
    second = page.value("document.activeElement.getAttribute('aria-label')")
    assert second != first
    assert page.value("document.getElementById('about').textContent") in second
    page.press("Home", 36)
    assert page.value("document.activeElement.getAttribute('aria-label')") == first
    page.press("Enter", 13)
    assert page.value("document.querySelectorAll('#crumbs button').length") == 2
    assert page.value("document.getElementById('map').contains(document.activeElement)")
    page.press("Escape", 27)
    assert page.value("document.querySelectorAll('#crumbs button').length") == 1


def test_every_stop_of_the_tab_key_has_a_name_and_follows_the_page(page: Page, report: Path) -> None:
    page.show(report, *PHONE)
    tops, names = [], []
    for _ in range(20):
        page.press("Tab", 9)
        told = page.value(
            "(one => [one.getBoundingClientRect().top + scrollY, one.getAttribute('aria-label') || one.labels?.[0]?.textContent"
            " || one.textContent])(document.activeElement)"
        )
        tops.append(told[0])
        names.append(told[1])
    assert all(names)
    below = [one for one in tops[1:] if one >= 0]  # the first, to the report, stands above all until it is reached
    assert all(later >= earlier - 40 for earlier, later in pairwise(below))


def test_without_a_script_the_lists_are_there(page: Page, report: Path) -> None:
    page.show(report, *PHONE, scripts=False)
    assert page.value("getComputedStyle(document.getElementById('map')).display") == "none"
    assert page.value("document.querySelectorAll('.tree li').length") > 20


def centre(page: Page, selector: str) -> tuple[float, float]:
    x, y, w, h = page.value(
        f"(one => {{ one.scrollIntoView({{block: 'center'}}); const r = one.getBoundingClientRect();"
        f" return [r.x, r.y, r.width, r.height]; }})(document.querySelector({selector!r}))"
    )
    return x + w / 2, y + h / 2


CRUMBS = "[...document.querySelectorAll('#crumbs button')].map(one => one.textContent)"
FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"


def test_a_tap_and_a_click_look_into_a_box_and_the_trail_leads_back(page: Page, report: Path) -> None:
    page.show(report, *PHONE)
    x, y = centre(page, "#map > button")
    page.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
    page.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.value("new Promise(done => setTimeout(done, 400))")  # a tap is a click once it can't be the first of two
    assert len(page.value(CRUMBS)) == 2
    page.value("document.querySelector('#crumbs button').click()")
    page.show(report, *DESKTOP)
    x, y = centre(page, "#map > button")
    for kind in ("mousePressed", "mouseReleased"):
        page.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    assert len(page.value(CRUMBS)) == 2


def test_escape_goes_back_to_the_box_that_one_came_from(page: Page, report: Path) -> None:
    page.show(report, *DESKTOP)
    page.value("document.querySelectorAll('#map > button')[1].focus()")
    came_from = page.value(FOCUSED)
    page.press("Enter", 13)
    assert page.value(FOCUSED) != came_from
    page.press("Escape", 27)
    assert page.value(FOCUSED) == came_from
    assert page.value("document.querySelectorAll('#map > button[tabindex=\"0\"]').length") == 1


def test_arrows_go_to_the_box_on_that_side(page: Page, report: Path) -> None:
    page.show(report, *DESKTOP)
    middle = "(r => [r.x + r.width / 2, r.y + r.height / 2])(document.activeElement.getBoundingClientRect())"
    page.value("document.querySelector('#map > button').focus()")
    for key, code, axis, sign in (("ArrowRight", 39, 0, 1), ("ArrowLeft", 37, 0, -1), ("ArrowDown", 40, 1, 1)):
        before = page.value(middle)
        page.press(key, code)
        after = page.value(middle)
        assert (after[axis] - before[axis]) * sign >= 0, key


def test_the_table_below_tells_what_the_map_shows(page: Page, report: Path) -> None:
    page.show(report, *DESKTOP)
    boxes = page.value("[...document.querySelectorAll('#map > button')].map(one => one.getAttribute('aria-label'))")
    rows = page.value(
        "[...document.querySelectorAll('#rows tbody tr')].map(row => [row.cells[0].textContent, row.cells[1].textContent])"
    )
    assert [box.startswith(f"{name} {size}") for box, (name, size) in zip(boxes, rows, strict=False)] == [True] * len(
        rows
    )
    page.value("document.querySelector('#rows tbody button').click()")
    assert len(page.value(CRUMBS)) == 2


def test_a_name_can_be_searched_for_and_is_gone_to(page: Page, report: Path) -> None:
    page.show(report, *PHONE)
    page.value("document.getElementById('find').focus()")
    page.ask("Input.insertText", text="RUNTIME")
    assert "found" in page.value("document.getElementById('said').textContent")
    assert page.value("document.querySelectorAll('#map > .hit').length") > 0
    first = page.value("document.querySelector('#hits button').textContent")
    assert "runtime" in first.lower()
    page.press("Enter", 13)
    assert page.value(FOCUSED).startswith(first.split(" \u203a ")[-1])
    page.value("document.getElementById('find').value = 'no such name'")
    page.value("document.getElementById('find').dispatchEvent(new Event('input'))")
    assert page.value("document.getElementById('said').textContent") == "Nothing has that in its name."
    assert page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_on_paper_all_is_open_and_nothing_is_cut_off(page: Page, report: Path) -> None:
    page.show(report, *DESKTOP)
    page.value("window.dispatchEvent(new Event('beforeprint'))")
    page.ask("Emulation.setEmulatedMedia", media="print")
    try:
        assert page.value("getComputedStyle(document.getElementById('map')).display") == "none"
        shut = "[...document.querySelectorAll('main details:not([open])')].filter(one => !one.closest('.whole, .calls')).length"
        assert page.value(shut) == 0
        assert page.value("document.querySelectorAll('table').length") > 6
    finally:
        page.ask("Emulation.setEmulatedMedia", media="")
    page.value("window.dispatchEvent(new Event('afterprint'))")
    assert page.value("document.querySelectorAll('details[open]').length") == 0


def test_no_name_of_a_file_in_an_image_breaks_out(page: Page, run_whit: RunWhit, tmp_path: Path) -> None:
    names = (
        "</script><script>document.title='taken'</script>",
        "--><svg onload=document.title='taken'>",
        "\u202egnp.exe",
        "line\nbreak\ttab",
        "x" * 240,
        "\U0001f469\u200d\U0001f680",
        "\udcff\udcfe",
        "${document.title='taken'}`'\"\\u003c",
    )
    members: Members = {"exit": (EXIT, 0o555)}
    members.update({name: (b"y" * 50_000, 0o644) for name in names if "/" not in name})
    members["a</script>/<b>/c"] = (b"z" * 90_000, 0o755)
    image = write_layout(tmp_path / "image", [members], GOOD)
    target = tmp_path / "report.html"
    done = run_whit("inspect", "--html", target, image)
    assert done.returncode == 0, done.stderr
    page.requests.clear()
    page.complaints.clear()
    for size in (PHONE, DESKTOP):
        page.show(target, *size)
        assert page.value("document.title") == f"{image}: whit inspect"
        assert page.value("document.scripts.length") == 2
        assert page.value("document.querySelectorAll('svg [onload], body > svg').length") == 0
        assert page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        page.value("document.querySelector('#map > button').click()")
        assert page.value("document.querySelectorAll('#map > button').length") >= len(members) - 2
        assert page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.complaints == []
    assert page.requests == [target.as_uri()] * 2
    text = target.read_text()
    assert not any(unseen in text for unseen in ("\u202e", "\u200d", "\udcff"))
