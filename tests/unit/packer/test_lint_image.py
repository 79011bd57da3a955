"""Images under lint: every rule for images both ways."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.programs.build import build
from tests.unit.packer.images import (
    EXIT,
    GOOD,
    Members,
    findings,
    folder,
    ids,
    image_at,
    link,
)
from tests.unit.packer.test_lint_traces import REAL, pem
from whit.packer.lint import fetch, lint_image
from whit.packer.store.store import read_image

if TYPE_CHECKING:
    from pathlib import Path


def test_a_good_image_has_nothing_to_mend(tmp_path: Path) -> None:
    assert findings(tmp_path / "image", {"exit": (EXIT, 0o555)}) == []


def test_what_whit_packs_has_only_its_labels_to_add(tmp_path: Path) -> None:
    from click.testing import CliRunner  # noqa: PLC0415 - only here

    from whit.packer.commands.pack import command  # noqa: PLC0415

    program = build("exit", "c-musl", stripped=True)
    done = CliRunner().invoke(command, [str(program), "-o", f"{tmp_path / 'packed'}/"], catch_exceptions=False)
    assert done.exit_code == 0
    with fetch.layout_of(str(tmp_path / "packed")) as layout:
        assert layout is not None
        found = lint_image(fetch.image_of("x", read_image(layout, fetch.only_image(layout, "x")), layout))
    assert [finding.id for finding in found if finding.id != "not-pie"] == ["missing-labels"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"User": ""}, "root-user"),
        ({"User": "0:0"}, "root-user"),
        ({"User": "root"}, "root-user"),
        ({"User": "admin"}, "root-user"),
        ({"User": "nobody"}, "unknown-user"),
        ({"Labels": {}}, "missing-labels"),
        ({"Entrypoint": []}, "no-command"),
        ({"Entrypoint": ["/absent"]}, "missing-program"),
        ({"Entrypoint": ["/etc"]}, "missing-program"),
        ({"Entrypoint": ["/etc/passwd"]}, "missing-program"),
        ({"Entrypoint": ["/bin/sh", "-c", "/exit"]}, "shell-form"),
        ({"Entrypoint": ["/bin/sh", "-c", "exec /exit"], "Cmd": ["a"]}, "unused-command"),
        ({"ExposedPorts": {"80/tcp": {}}}, "low-port"),
        ({"Env": ["DB_PASSWORD=hunter2"]}, "secret-in-environment"),
        ({"Env": [f"X={REAL['GitHub token'].decode()}"]}, "secret-in-environment"),
        ({"Env": ["URL=postgres://me:secret@db/x"]}, "secret-in-environment"),
    ],
)
def test_a_configuration(tmp_path: Path, change: dict[str, Any], rule: str) -> None:
    files: Members = {
        "exit": (EXIT, 0o555),
        "bin/sh": (EXIT, 0o755),
        "etc": folder(),
        "etc/passwd": b"root:x:0:0::/:\nadmin:x:0:0::/:\napp:x:65532:65532::/:\n",
    }
    found = findings(tmp_path / "image", files, config={**GOOD, **change})
    assert rule in ids(found)
    assert set(ids(found)) <= {rule, "root-user", "unknown-user"}
    assert ("root-user" in ids(found)) is (rule == "root-user")


@pytest.mark.parametrize(
    "change",
    [
        {"User": "app"},
        {"User": "1000"},
        {"ExposedPorts": {"8080/tcp": {}}},
        {"Env": ["DB_PASSWORD_FILE=/run/secrets/x", "TOKEN=", "API_KEY=${KEY}", "SECRET=/x", "TOKEN_TTL=5"]},
        {"Entrypoint": [], "Cmd": ["/exit"]},
        {"Entrypoint": ["exit"], "Env": ["PATH=/"]},
        {"Entrypoint": ["/bin/sh", "-c", "exec /exit"]},
    ],
)
def test_a_configuration_with_nothing_to_mend(tmp_path: Path, change: dict[str, Any]) -> None:
    files: Members = {"exit": (EXIT, 0o555), "bin/sh": (EXIT, 0o755), "etc/passwd": b"app:x:65532:65532::/:\n"}
    assert findings(tmp_path / "image", files, config={**GOOD, **change}) == []


@pytest.mark.parametrize(
    ("line", "missing"),
    [(b"#!/bin/sh\n", False), (b"#! /bin/sh -e\n", False), (b"#!/bin/sh\r\n", True), (b"#!/usr/bin/env sh\n", True)],
)
def test_a_script_needs_its_interpreter(tmp_path: Path, line: bytes, missing: bool) -> None:
    files: Members = {"run": (line, 0o755), "bin/sh": (EXIT, 0o755)}
    assert (
        ids(findings(tmp_path / "x", files, config={**GOOD, "Entrypoint": ["/run"]})) == ["missing-program"] * missing
    )


def test_a_shell_form_without_a_shell_is_an_error(tmp_path: Path) -> None:
    config = {**GOOD, "Entrypoint": ["/bin/sh", "-c", "/exit"]}
    found = {finding.id: finding.level for finding in findings(tmp_path / "x", {"exit": EXIT}, config=config)}
    assert found == {"shell-form": "error", "missing-program": "error"}


def test_rights_of_files(tmp_path: Path) -> None:
    files: Members = {
        "exit": (EXIT, 0o555),
        "su": (b"x", 0o4755),
        "wall": (b"x", 0o2755),
        "open": (b"x", 0o666),
        "shared": folder(0o777),
        "tmp": folder(0o1777),
    }
    found = findings(tmp_path / "image", files)
    assert sorted((finding.id, finding.where.path) for finding in found) == [
        ("set-id", "/su"),
        ("set-id", "/wall"),
        ("world-writable", "/open"),
        ("world-writable", "/shared"),
    ]


def test_a_secret_is_found_in_a_file_that_a_later_layer_deletes(tmp_path: Path) -> None:
    lower: Members = {"exit": (EXIT, 0o555), "root/.ssh/id": pem("OPENSSH PRIVATE KEY") + bytes(100_000)}
    (hidden, key) = sorted(findings(tmp_path / "x", lower, {"root/.ssh/.wh.id": b""}), key=lambda found: found.id)
    assert (key.id, key.level, key.where.path) == ("private-key", "error", "/root/.ssh/id")
    assert key.where.layer is not None
    assert (hidden.id, hidden.where.path) == ("hidden-file", "/root/.ssh/id")


@pytest.mark.parametrize("path", ["usr/lib/python3/test/certdata/key.pem", "usr/share/doc/x/examples/key.pem"])
def test_a_key_that_a_package_brings_for_its_tests_is_a_note(tmp_path: Path, path: str) -> None:
    (found,) = findings(tmp_path / "x", {"exit": (EXIT, 0o555), path: pem("RSA PRIVATE KEY")})
    assert (found.id, found.level) == ("private-key", "note")
    (real,) = findings(tmp_path / "y", {"exit": (EXIT, 0o555), "etc/latest/key.pem": pem("RSA PRIVATE KEY")})
    assert (real.id, real.level) == ("private-key", "error")


def test_a_secret_in_the_history(tmp_path: Path) -> None:
    step = {"created_by": f"RUN |1 TOKEN={REAL['npm token'].decode()} /bin/sh -c make", "empty_layer": True}
    assert ids(findings(tmp_path / "x", {"exit": (EXIT, 0o555)}, history=[step])) == ["secret-in-history"]


def test_a_program_for_another_machine(tmp_path: Path) -> None:
    found = findings(tmp_path / "x", {"exit": (EXIT, 0o555)}, architecture="arm64")
    assert [(finding.id, finding.level) for finding in found] == [("wrong-architecture", "error")]
    beside = build("hello", "go", stripped=True, arch="arm64").read_bytes()
    (other,) = findings(tmp_path / "y", {"exit": (EXIT, 0o555), "share/helper": (beside, 0o555)})
    assert (other.id, other.level, other.where.path) == ("wrong-architecture", "note", "/share/helper")


def test_a_dynamic_program_without_its_loader(tmp_path: Path) -> None:
    data = build("hello", "c-dynamic", stripped=True, flags=("-Wl,-z,now", "-fstack-protector-all")).read_bytes()
    config = {**GOOD, "Entrypoint": ["/hello"]}
    loader = "lib64/ld-linux-x86-64.so.2"
    without = findings(tmp_path / "a", {"hello": (data, 0o555)}, config=config)
    library = findings(tmp_path / "b", {"hello": (data, 0o555), loader: (b"", 0o755)}, config=config)
    whole: Members = {"hello": (data, 0o555), "lib/ld": (b"", 0o755), loader: link("/lib/ld"), "lib/libc.so.6": b"x"}
    assert "asks for /lib64/ld-linux" in next(found.what for found in without if found.id == "missing-loader")
    assert "libc.so.6" in next(found.what for found in library if found.id == "missing-loader")
    assert "missing-loader" not in ids(findings(tmp_path / "c", whole, config=config))


def test_a_client_without_certificates_zones_and_a_place_for_files(tmp_path: Path) -> None:
    data = build("everything", "go", stripped=True).read_bytes()
    config = {**GOOD, "Entrypoint": ["/everything"]}
    bare: Members = {"everything": (data, 0o555)}
    rules = {"missing-certificates", "missing-zones", "no-temporary-folder"}
    assert rules <= set(ids(findings(tmp_path / "a", bare, config=config)))
    whole: Members = {
        **bare,
        "etc/ssl/certs/ca-certificates.crt": b"x",
        "usr/share/zoneinfo": folder(),
        "usr/share/zoneinfo/UTC": b"TZif2",
        "tmp": folder(0o1777),
    }
    assert not rules & set(ids(findings(tmp_path / "b", whole, config=config)))
    closed = {**whole, "tmp": folder(0o755)}
    assert "no-temporary-folder" in ids(findings(tmp_path / "c", closed, config=config))
    told = {**config, "Env": ["SSL_CERT_FILE=/x", "ZONEINFO=/y", "TMPDIR=/z"]}
    assert not rules & set(ids(findings(tmp_path / "d", bare, config=told)))


def test_a_program_behind_links_is_judged(tmp_path: Path) -> None:
    files: Members = {"bin": link("usr/bin"), "usr/bin/real": (EXIT, 0o555), "usr/bin/app": link("real")}
    found = image_at(tmp_path / "a", files, config={**GOOD, "Entrypoint": ["/bin/app"]})
    assert found.main is not None
    assert found.main.path == "/usr/bin/real"
    hard: Members = {"real": (EXIT, 0o555), "app": link("real", hard=True)}
    assert "missing-program" not in ids(findings(tmp_path / "b", hard, config={**GOOD, "Entrypoint": ["/app"]}))


def test_a_large_file_goes_through_the_disk(tmp_path: Path) -> None:
    large = bytes(5 << 20) + REAL["GitLab token"]
    (found,) = findings(tmp_path / "x", {"exit": (EXIT, 0o555), "large": large})
    assert (found.id, found.where.offset) == ("token", 5 << 20)


@given(st.binary(max_size=600))
def test_any_content_is_survived(data: bytes) -> None:
    for content in (data, b"\x7fELF" + data, b"\0asm" + data):
        assert fetch._program(content) is None
        fetch._platform(content)


def test_an_image_with_a_shell_and_many_programs_leaves_them_within_reach(tmp_path: Path) -> None:
    tools: Members = {f"usr/bin/tool{number}": (EXIT, 0o755) for number in range(7)}
    found = findings(tmp_path / "image", {"exit": (EXIT, 0o555), "bin/sh": (EXIT, 0o755), **tools})
    said = next(finding.what for finding in found if finding.id == "attack-surface")
    assert re.fullmatch(
        r"52 of the [0-9]+ points of its attack surface under docker's defaults could go: a shell \(20\), 8 other programs \(32\)",
        said,
    )
    less = findings(tmp_path / "less", {"exit": (EXIT, 0o555), "bin/sh": (EXIT, 0o755)})
    assert "attack-surface" not in ids(less)
