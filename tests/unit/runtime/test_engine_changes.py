"""What a container has changed, from its upper layer; and lines that change how an image is run."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.buildfile.dockerfile.changing import changed
from whit.packer.image.spec import HealthCheck, RunConfig
from whit.packer.support.errors import UsageError
from whit.runtime.engine.changes import changes

if TYPE_CHECKING:
    from pathlib import Path

BASE = RunConfig(entrypoint=("/x",), cmd=("y",), env=("A=b",), labels=(("l", "m"),))


@pytest.mark.root
def test_changes_are_found_without_the_container(tmp_path: Path) -> None:
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    for folder in (lower, upper):
        (folder / "same").mkdir(parents=True)
        (folder / "same" / "file").write_text("same\n")
        os.utime(folder / "same" / "file", (1, 1))
    (lower / "opaque").mkdir()
    (lower / "opaque" / "old").touch()
    (upper / "opaque").mkdir()
    (upper / "opaque" / "new").touch()
    os.setxattr(upper / "opaque", "trusted.overlay.opaque", b"y")
    (lower / "gone").touch()
    for name in ("gone", "never"):
        os.mknod(upper / name, 0o020000, os.makedev(0, 0))
    assert list(changes(upper, str(lower))) == [
        ("D", b"/gone"),
        ("C", b"/opaque"),
        ("A", b"/opaque/new"),
        ("D", b"/opaque/old"),
    ]


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ('CMD ["a", "b c"]', "cmd", ("a", "b c")),
        ("cmd a b", "cmd", ("/bin/sh", "-c", "a b")),
        ('ENTRYPOINT ["/z"]', "entrypoint", ("/z",)),
        ("ENTRYPOINT []", "entrypoint", ()),
        ("ENV A=c D='e f'", "env", ("A=c", "D=e f")),
        ("ENV A two words", "env", ("A=two words",)),
        ('ENV B="$A c" D=${E:-f}', "env", ("A=b", "B=b c", "D=f")),
        ("HEALTHCHECK NONE", "health", HealthCheck(("NONE",))),
        ("ONBUILD RUN make", "on_build", ("RUN make",)),
        ("EXPOSE 80 53/udp", "exposed_ports", ("53/udp", "80/tcp")),
        ("LABEL l=n o=p", "labels", (("l", "n"), ("o", "p"))),
        ("STOPSIGNAL SIGINT", "stop_signal", "SIGINT"),
        ("USER 5:6", "user", "5:6"),
        ('VOLUME ["/a b"]', "volumes", ("/a b",)),
        ("VOLUME /a /b", "volumes", ("/a", "/b")),
        ("WORKDIR w", "working_dir", "/w"),
    ],
)
def test_a_line_changes_one_thing(line: str, field: str, value: object) -> None:
    assert getattr(changed(BASE, [line]), field) == value


@pytest.mark.parametrize("line", ["", "CMD", "RUN x", "ENV a=b c", "ENV 'a=b", "EXPOSE http", "LABEL =x", "USER \0"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(UsageError):
        changed(BASE, [line])


@given(st.text(), st.sampled_from(["CMD", "ENV", "EXPOSE", "LABEL", "VOLUME", "WORKDIR"]))
def test_no_line_does_anything_else_than_change_or_be_refused(text: str, word: str) -> None:
    with contextlib.suppress(UsageError):
        assert changed(BASE, [f"{word} {text}"]).env[0].startswith("A=")
