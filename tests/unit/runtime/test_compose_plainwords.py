"""Command lines of ``whit compose`` that are read without click mean what click makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from whit.runtime.compose import verbs
from whit.runtime.compose.commands.group import command
from whit.runtime.compose.plainwords import read

if TYPE_CHECKING:
    from collections.abc import Callable

KNOWN = (
    "up -d", "up --detach --build web db", "up --wait --no-deps --rolling web", "up --force-recreate --remove-orphans", "up",
    "up --no-recreate --no-build -d", "-f a.yaml --file=b.yaml -p shop up -d", "--profile x --profile y --env-file .e down",
    "down -v --remove-orphans", "down --timeout 3 web", "stop -t 0", "stop", "start web", "restart --no-deps web", "restart -t 5",
    "ps", "ps -a web", "ps --all --quiet", "--project-directory /p --progress json --project-name=shop down",
)  # fmt: skip
UNKNOWN = (
    "", "--help", "up --help", "up --scale web=2", "up --nonsense", "logs -f", "-f", "--ansi never up", "--progress loud up", "ps --format json",
    "down -t x", "stop -t", "config", "up --pull always",
)  # fmt: skip


@pytest.mark.parametrize("line", KNOWN)
def test_a_known_line_means_what_click_makes_of_it(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: dict[str, Any] = {}

    def remember(name: str) -> Callable[..., None]:
        def call(chosen: object, *_: object, **values: object) -> None:
            rest = dict(values)
            if name == "ps":
                rest = {key: rest.get(key, False) for key in ("everything", "quiet")}
            called.update(
                verb=name, chosen=chosen, values={key: value for key, value in rest.items() if value}, words=_[-1:]
            )

        return call

    for name in ("up", "down", "stop", "start", "restart"):
        monkeypatch.setattr(verbs, name, remember(name))
    found = read(line.split())
    assert found is not None
    if found.verb == "ps":
        assert found.values.keys() <= {"everything", "quiet", "services"}
        return
    command.main(line.split(), standalone_mode=False, obj={"image_builder": None})
    services = found.values["services"]
    assert called["verb"] == found.verb
    assert called["chosen"] == found.chosen
    assert called["values"] == {key: value for key, value in found.values.items() if value and key != "services"}
    assert called["words"] in {(services,), (), (None,)}


@pytest.mark.parametrize("line", UNKNOWN)
def test_what_is_of_no_known_form_is_left_to_click(line: str) -> None:
    assert read(line.split()) is None
