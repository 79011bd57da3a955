"""What an image says reaches a terminal as text: it drives nothing, hides nothing and makes up no lines."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.at_terminal import AtTerminal
from tests.unit.packer.images import archive, write_layout

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

HOSTILE = "\x1b[31mR\x1b]0;x\x07\u009b32m\u202eb\nL2"


@pytest.fixture
def hostile(run_whit: RunWhit, tmp_path: Path) -> Path:
    """An image that says it everywhere, in the store as ``evil:1``, and the layout it came from."""
    config = {"Cmd": [HOSTILE], "Entrypoint": [HOSTILE], "Labels": {"a": HOSTILE}, "Env": ["A=1"]}
    history = [{"created_by": HOSTILE, "comment": HOSTILE}]
    layout = write_layout(tmp_path / "evil", [{f"a{HOSTILE}": b"1"}], config, history=history)
    loaded = run_whit("load", "-i", archive(layout, tmp_path / "evil.tar"))
    assert loaded.returncode == 0, loaded.stderr
    assert run_whit("tag", loaded.stdout.split()[-1], "evil:1").returncode == 0
    return layout


def _harmful(text: str) -> list[str]:
    return [char for char in text if not char.isprintable() and char != "\n"]


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("options", [(), ("--no-trunc",), ("--format", "table {{.Comment}}")])
def test_a_history_has_a_line_a_step(run_whit: RunWhit, options: tuple[str, ...]) -> None:
    shown = run_whit("history", *options, "evil:1").stdout
    assert _harmful(shown) == []
    assert len(shown.splitlines()) == 2
    assert "\\x1b[31mR" in shown


def test_an_image_s_difference_has_a_line_a_file(run_whit: RunWhit, tmp_path: Path, hostile: Path) -> None:
    write_layout(tmp_path / "good", [{"b": b"1"}], {"Cmd": ["x"]})
    shown = run_whit("image", "diff", tmp_path / "good", hostile).stdout
    assert _harmful(shown) == []
    assert all(line.startswith(("A ", "C ", "D ")) for line in shown.splitlines())


def test_lint_s_heading_drives_nothing(run_whit: RunWhit, hostile: Path) -> None:
    assert _harmful(run_whit("lint", hostile).stdout) == []


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize(
    "words",
    [("inspect", "evil:1"), ("inspect", "--format", "json", "evil:1"), ("history", "--json", "evil:1"),
     ("history", "--format", "json", "evil:1")],
)  # fmt: skip
def test_json_means_the_same_and_drives_nothing(run_whit: RunWhit, words: tuple[str, ...]) -> None:
    shown = run_whit(*words).stdout
    assert _harmful(shown) == []
    assert "\\u009b32m\\u202e" in shown
    assert json.dumps(HOSTILE)[1:-1] in json.dumps(json.loads(shown))


@pytest.mark.usefixtures("hostile")
def test_a_template_s_text_is_raw_in_a_pipe_and_harmless_on_a_terminal(
    run_whit: RunWhit, whit: Path, whit_root: Path
) -> None:
    words = ("inspect", "--format", "{{index .Config.Cmd 0}}", "evil:1")
    assert run_whit(*words).stdout == f"{HOSTILE}\n"
    person = AtTerminal([whit, *words], {**os.environ, "WHIT_ROOT": str(whit_root)})
    assert person.end() == 0
    shown = person.shown.replace("\r\n", "\n")
    assert _harmful(shown) == []
    assert "\\x1b[31mR" in shown


@pytest.mark.parametrize("verb", ["inspect", "lint", "syscalls"])
def test_a_terminal_has_colours_unless_it_is_told_or_can_t(whit: Path, tmp_path: Path, verb: str) -> None:
    said = {**os.environ, "WHIT_ROOT": str(tmp_path / "root"), "TERM": "xterm"}
    said.pop("NO_COLOR", None)
    cases: tuple[tuple[dict[str, str], bool], ...] = (
        ({}, True),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    )
    for more, has_colours in cases:
        at = AtTerminal([whit, verb, "/bin/busybox"], {**said, **more})
        at.end()
        at.close()
        assert "busybox" in at.shown
        assert ("\x1b[" in at.shown) == has_colours, more
