"""What a person decides: the words of --needs and --add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.packer.analyses import go, host, wasm
from whit.packer.needs.model import Grade, Verdict
from whit.packer.resolution.choices import Addition, Choices, parse_addition, parse_needs
from whit.packer.resolution.resolve import resolve
from whit.packer.support.errors import UsageError

if TYPE_CHECKING:
    from whit.packer.resolution.model import Resolution


def test_needs_are_given_and_left_out_by_name_or_nickname_and_the_last_word_counts() -> None:
    assert parse_needs(("+tz,-mime", "+certs, +mime")) == (("ca", True), ("mime", True), ("zones", True))


@pytest.mark.parametrize("text", ["tz", "+", "-", "+nothing", "+tz,,-mime", "", "+tz -mime"])
def test_a_word_that_is_no_need_is_refused_and_the_needs_are_named(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_needs((text,))
    assert "zones" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("text", "addition"),
    [
        ("a:/b", Addition("a", "/b")),
        ("x/a:/", Addition("x/a", "/a")),
        ("a:/b:", Addition("a", "/b")),
        ("/x/a.yaml:/etc/", Addition("/x/a.yaml", "/etc/a.yaml")),
        ("dir/:/srv/", Addition("dir/", "/srv/dir")),
        ("a:/b:0755", Addition("a", "/b", 0o755)),
        ("a:/b:4755", Addition("a", "/b", 0o4755)),
        ("a\udcff:/b", Addition("a\udcff", "/b")),
        ("a:/development", Addition("a", "/development")),
    ],
)
def test_an_addition_is_a_source_a_target_and_perhaps_a_mode(text: str, addition: Addition) -> None:
    assert parse_addition(text) == addition


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a:b", ":/b", "./:/", "a:/b/../c", "a://b", "a:/b:9", "a:/b:rwx", "a:/b:10000"),
        *("a:/b\udcff", "a\udcff:/", "a:/" + "x" * 256, "a:/etc/.wh.passwd", "a:/x/.wh..wh..opq"),
        *("a:/proc", "a:/dev/x", "a:/sys/kernel/x", "a\0:/b"),
    ],
)
def test_an_addition_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--add"):
        parse_addition(text)


def paths(resolution: Resolution) -> set[str]:
    return {file.path for file in resolution.files}


def test_the_person_has_the_last_word_on_needs() -> None:
    client = go("crypto/x509.loadSystemRoots", "net/http.(*Transport).dialConn")
    found = resolve(client, Choices(needs=(("ca", False), ("mime", True), ("users", False))), host())
    needs = {need.name: need for need in found.needs}
    assert (needs["ca"].verdict, needs["ca"].grade) == (Verdict.NOT, Grade.ASKED)
    assert needs["ca"].evidence
    assert (needs["mime"].verdict, needs["mime"].reason) == (Verdict.NEEDED, "asked for: --needs +mime")
    assert paths(found) == {"/etc/group", "/etc/mime.types", "/home/nonroot", "/tmp"}


def test_what_no_file_can_serve_is_refused_when_asked_for_and_may_be_left_out() -> None:
    with pytest.raises(UsageError, match="exec") as refused:
        resolve(go(), Choices(needs=(("exec", True),)), host())
    assert "--add" in (refused.value.hint or "")
    assert resolve(go("os.StartProcess"), Choices(needs=(("exec", False),)), host()).advice == ()


def test_webassembly_gets_what_is_asked_for_and_nothing_else() -> None:
    found = resolve(wasm(), Choices(needs=(("zones", True),)), host())
    assert paths(found) == {f"/usr/share/zoneinfo/{zone}" for zone in ("UTC", "Europe/Berlin", "Etc/GMT+1")}
