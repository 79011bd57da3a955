"""The report in a real browser: no complaint, no request, no sideways scrolling on a phone, and a map for the keyboard."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.peers.browser import browser
from tests.programs.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.browser import Page

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
