"""The report under axe-core, in light and dark, on a phone and a desk: what a machine can tell of what people with other senses meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.peers.browser import browser
from tests.programs.build import build
from tests.programs.registries import ProgramMissingError, from_npm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.browser import Page

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]

AXE = "4.14.1"


@pytest.fixture(scope="module")
def axe() -> str:
    try:
        return from_npm("axe-core", AXE, "package/axe.min.js").read_text()
    except ProgramMissingError as error:
        lacking(str(error))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as shown:
        yield shown


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_axe_finds_nothing(run_whit: RunWhit, page: Page, axe: str, tmp_path: Path, width: int, dark: bool) -> None:
    target = tmp_path / "report.html"
    program, old = build("exit", "go"), build("exit", "c-musl")
    assert run_whit("inspect", "--html", target, "--diff", old, program).returncode == 0
    page.show(target, width, 900, dark=dark)
    page.value("for (const one of document.querySelectorAll('details')) one.open = true")
    page.value(axe)
    found = page.value(
        "axe.run(document, {resultTypes: ['violations', 'incomplete']}).then(told => told.violations.map("
        "one => [one.id, one.help, one.nodes.slice(0, 3).map(node => node.html.slice(0, 200) + ' ' + node.failureSummary)]))"
    )
    assert found == []
