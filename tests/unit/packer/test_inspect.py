"""``whit inspect``: the page and the document."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import jsonschema
import pytest
from click.testing import CliRunner

from tests.programs.build import build
from tests.unit.packer.analyses import PROGRAM, component, go, host, native, unstripped, wasm
from whit.packer.commands.inspect import command
from whit.packer.executable.analysis import (
    Analysis,
    BuildInfo,
    Evidence,
    EvidenceKind,
    Language,
    Libc,
    Linkage,
    WasmInfo,
)
from whit.packer.executable.file import open_executable
from whit.packer.image.spec import PackOptions, image_spec
from whit.packer.needs import DETAILS
from whit.packer.resolution.resolve import resolve, resolve_executable
from whit.packer.showing.inspectpage import page
from whit.packer.showing.present import file_lines, printable
from whit.packer.showing.report import SCHEMA, document
from whit.packer.support.errors import InvalidFileError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCS = Path(__file__).resolve().parents[3] / "docs"
DYNAMIC = dataclasses.replace(
    native(libc=Libc.GLIBC), linkage=Linkage.DYNAMIC, interpreter="/lib/ld.so", libraries=("libc.so.6",)
)
EVERY_KIND: dict[str, Analysis] = {
    "go": go("crypto/x509.loadSystemRoots", "crypto/tls.dial", "time.LoadLocation", "os.StartProcess"),
    "build info": go(
        build=BuildInfo("a/b", "a", "v1", (("c", "v2"),), (("vcs.revision", "abc"), ("CGO_ENABLED", "0")), "id")
    ),
    "stripped": native(b"/tmp", libc=Libc.GLIBC),
    "symbols": unstripped("getpwnam", "iconv_open"),
    "dynamic": DYNAMIC,
    "wasm": dataclasses.replace(wasm(), wasm=WasmInfo("wasip1", ("a",), ("_start",), 2, None)),
}


def text(analysis: Analysis, name: str = "server") -> str:
    import click  # noqa: PLC0415 - for unstyle alone

    return click.unstyle("\n".join(page(name, analysis, resolve(analysis, host=host()))))


def valid(found: Any) -> Any:
    schema = json.loads((DOCS / "inspect.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema, cls=jsonschema.Draft202012Validator)
    return found


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_document_is_what_its_schema_says(kind: str) -> None:
    analysis = EVERY_KIND[kind]
    found = valid(json.loads(json.dumps(document("server", analysis, resolve(analysis, host=host())))))
    assert found["schema"] == SCHEMA == "whit-inspect/1"


def test_the_schema_allows_no_document_without_its_members() -> None:
    found = document("server", go(), resolve(go(), host=host()))
    for member in found:
        with pytest.raises(jsonschema.ValidationError):
            valid({key: value for key, value in found.items() if key != member})


def test_every_member_is_described() -> None:
    described = (DOCS / "inspect.md").read_text()
    for member in document("server", go(), resolve(go(), host=host())):
        assert f"`{member}`" in described
    for need in resolve(go(), host=host()).needs:
        assert f"`{need.name}`" in described


def test_a_need_tells_its_files_and_their_size() -> None:
    analysis = EVERY_KIND["go"]
    needs = {need["need"]: need for need in document("x", analysis, resolve(analysis, host=host()))["needs"]}
    assert needs["ca"]["files"] == ["/etc/ssl/certs/ca-certificates.crt"]
    assert needs["ca"]["bytes"] == 28
    assert len(needs["zones"]["files"]) == 3
    assert needs["exec"]["evidence"] == [{"kind": "function", "detail": "os.StartProcess", "offset": None}]


def test_a_name_that_is_not_unicode_is_escaped_in_json() -> None:
    assert document("a\udcff", go(), resolve(go(), host=host()))["name"] == "a\\xff"


def test_the_page_says_what_it_is_what_it_needs_and_what_it_gets() -> None:
    shown = text(EVERY_KIND["go"])
    assert shown.startswith("server: static Go program, linux/amd64, 1MB\n")
    for line in (
        "  language   Go go1.26.0",
        "  ca          needed     connects by TLS and verifies servers against the system's certificates (28B)",
        "                         crypto/tls.dial, crypto/x509.loadSystemRoots",
        "  /etc/ssl/certs/ca-certificates.crt   28B    ca",
        "  taken from certifi 2026.10.18, tzdata 2026.6",
        "  exec   It can run other programs, and the image has none, not even a shell.",
    ):
        assert line in shown.splitlines()
    assert "nothing else: no localtime, users" in shown


def test_a_program_without_needs_has_a_short_page() -> None:
    shown = text(go())
    assert "nothing: no ca, zones" in shown
    assert "Advice" not in shown
    assert "Missing" not in shown


def test_a_dynamic_executable_is_shown_with_what_is_missing() -> None:
    shown = text(DYNAMIC)
    assert "Missing, so it can't start in an image\n  /lib/ld.so, libc.so.6\n" in shown
    assert "-static" in shown


def test_webassembly_stands_alone() -> None:
    shown = text(EVERY_KIND["wasm"], "app.wasm")
    assert shown.startswith("app.wasm: WebAssembly module, wasip1/wasm, 1MB")
    assert "Nothing stands beside it in an image: a WebAssembly program gets everything from its host." in shown


def test_a_component_that_asks_others_has_certificates_beside_it() -> None:
    shown = text(component("wasi:http/outgoing-handler@0.2.3"), "app.wasm")
    assert "needed     asks others over HTTP, and its host verifies them against the image's certificates" in shown
    assert "Nothing stands beside it" not in shown


def test_a_hostile_name_or_module_does_not_reach_the_terminal() -> None:
    hostile = dataclasses.replace(
        go(language=Language("go", "\x1b[2J", (Evidence(EvidenceKind.STRING, "\x9b\r\n"),))),
        build=BuildInfo(module="\x1b]0;x\x07", settings=(("a", "\u202e"),)),
    )
    shown = text(hostile, "\x1b[31m\udcff")
    assert all(char.isprintable() for char in shown if char != "\n")
    assert "\\x1b[2J" in shown
    assert printable("größe ok") == "größe ok"


def lines(analysis: Analysis) -> Iterable[tuple[str, str, str]]:
    made = image_spec("server", PROGRAM, analysis, resolve(analysis, host=host()), PackOptions())
    return [(line.path, line.size, line.reason) for line in file_lines(made)]


def test_files_of_an_image_are_listed_with_reasons_folders_in_between_left_out() -> None:
    found = list(lines(go("mime.TypeByExtension")))
    assert found == [
        ("/etc/group", "43B", "names the group, in every image"),
        ("/etc/mime.types", "2.364kB", "finds MIME types by file name"),
        ("/etc/passwd", "149B", "names the user, in every image"),
        ("/home/nonroot/", "-", "the user's home, in every image"),
        ("/tmp/", "-", "programs expect it, in every image"),
        ("/server", "1MB", "the program"),
    ]


def test_many_files_for_one_reason_are_one_line() -> None:
    zones = {f"/site/tzdata/zoneinfo/Asia/{number}": b"TZif" for number in range(20)}
    analysis = go("time.LoadLocation")
    made = image_spec("x", PROGRAM, analysis, resolve(analysis, host=host(zones)), PackOptions())
    [line] = [line for line in file_lines(made) if "zoneinfo" in line.path]
    assert (line.path, line.reason) == ("/usr/share/zoneinfo/", "loads time zones by name (23 files)")


def test_the_command_shows_a_real_program() -> None:
    shown = CliRunner().invoke(command, [str(build("client", "go", stripped=True))])
    assert shown.exit_code == 0
    assert shown.output.startswith("client: static Go program, linux/amd64, ")
    assert "\x1b" not in shown.output


def test_a_page_fits_a_narrow_terminal_but_for_what_can_t_be_broken() -> None:
    executable = open_executable(str(build("client", "go", stripped=True)), DETAILS)
    lines = page(executable.name, executable.analysis, resolve_executable(executable), 40)
    wide = [line for line in map(click.unstyle, lines) if len(line) > 40]
    assert all(line.startswith(("client: ", "  /etc/")) for line in wide), wide


def test_the_command_gives_a_valid_document() -> None:
    for name, language in (("client", "go"), ("hello", "c-dynamic")):
        shown = CliRunner().invoke(command, ["--json", str(build(name, language))])
        assert shown.exit_code == 0
        assert valid(json.loads(shown.output))["name"] == name


def test_what_is_not_an_executable_is_refused_in_the_error_family(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello")
    for path, error in ((tmp_path / "none", NotFoundError), (tmp_path / "x.txt", InvalidFileError)):
        shown = CliRunner().invoke(command, [str(path)])
        assert isinstance(shown.exception, error)
        assert not shown.output
