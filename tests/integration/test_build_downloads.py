"""ADD of URLs, from servers of our own: BuildKit's rules (source/http/source.go; Dockerfile reference, "ADD")."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import write_context
from tests.peers.certificates import make_certificates
from tests.peers.web import web_server
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.builds import Builder
    from tests.peers.web import Web

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

WHEN = "Wed, 21 Oct 2015 07:28:00 GMT"
SECONDS = 1445412480
BODY = b"of the server\n"
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
SHA512 = f"sha512:{hashlib.sha512(BODY).hexdigest()}"


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        server.files["/some/file.txt"] = (BODY, {"Last-Modified": WHEN, "ETag": '"1"'})
        yield server


def context(folder: Path, *lines: str, **files: str) -> Path:
    return write_context(folder, {"Dockerfile": "\n".join(lines), **files})


def times(builder: Builder, folder: Path, *words: str) -> dict[str, int]:
    out = builder.scratch / f"{os.urandom(4).hex()}.tar"
    builder.built(folder, "-q", "-o", f"type=tar,dest={out}", *words)
    with tarfile.open(out) as tar:
        return {member.name: int(member.mtime) for member in tar.getmembers()}


def test_a_file_has_its_urls_name_the_servers_time_and_mode_600(builder: Builder, web: Web, tmp_path: Path) -> None:
    url = f"{web.address}/some/file.txt"
    web.files["/"] = (b"root", {"Content-Disposition": "attachment; filename=other"})
    lines = (
        f"ADD {url}?a=b#c /in/",
        f"ADD {url} /named",
        f"ADD --chown=7:8 --chmod=644 {url} /own/",
        f"ADD --link {url} /l/",
        f"ADD {web.address} /u/",
    )
    folder = context(tmp_path, "FROM scratch", *lines)
    files = builder.files(folder)
    assert files["in/file.txt"][1:4] == ("0o600", 0, 0)
    assert files["in/file.txt"][-1] == files["named"][-1] == files["l/file.txt"][-1] == BODY
    assert files["own/file.txt"][1:4] == ("0o644", 7, 8)
    assert files["u/__unnamed__"][-1] == b"root", "BuildKit names it so, and asks no header"
    found = times(builder, folder)
    assert (found["in/file.txt"], found["named"], found["u/__unnamed__"]) == (SECONDS, SECONDS, 0)


def test_no_time_is_later_than_source_date_epoch(
    builder: Builder, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    folder = context(tmp_path, "FROM scratch", f"ADD {web.address}/some/file.txt /a/")
    assert times(builder, folder)["a/file.txt"] == 1_000_000_000


def test_what_has_not_changed_at_the_server_is_cached(builder: Builder, web: Web, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM scratch", f"ADD {web.address}/some/file.txt /again", "COPY a /", a="a")
    builder.built(folder, "-t", "first")
    assert builder.built(folder, "-t", "second").count("CACHED") == 2
    assert web.statuses == [200, 304], "one file was sent"
    assert Store(builder.engine.root).resolve("first").digest == Store(builder.engine.root).resolve("second").digest
    web.files["/some/file.txt"] = (b"other\n", {"ETag": '"2"'})
    assert "CACHED" not in builder.built(folder)
    web.files["/some/file.txt"] = (BODY, {})
    assert builder.built(folder).count("CACHED") == 2, "the same bytes, whatever their time"


def test_a_checksum_is_looked_at_and_spares_the_server(builder: Builder, web: Web, tmp_path: Path) -> None:
    url = f"{web.address}/some/file.txt"
    wrong = builder(context(tmp_path / "1", "FROM scratch", f"ADD --checksum=sha256:{'0' * 64} {url} /sum"))
    assert wrong.returncode == 1
    assert f"Dockerfile:2: digest mismatch for {url}: {SHA256} (expected: sha256:000" in wrong.stderr
    folder = context(tmp_path / "2", "FROM scratch", f"ADD --checksum={SHA256} {url} /sum")
    builder.built(folder)
    asked = len(web.asked)
    assert "CACHED" in builder.built(folder)
    builder.built(folder, "--no-cache")
    assert len(web.asked) == asked, "it is known what it is"
    builder.built(context(tmp_path / "3", "FROM scratch", f"ADD --checksum={SHA512} {url} /sum"))
    refused = builder(context(tmp_path / "4", "FROM scratch", f"ADD --checksum=md5:{'0' * 32} {url} /sum"))
    assert "is no digest" in refused.stderr


def test_archives_are_unpacked_only_where_that_is_asked_for(builder: Builder, web: Web, tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        info = tarfile.TarInfo("inner/x")
        info.size, info.uid = 2, 5
        tar.addfile(info, io.BytesIO(b"x\n"))
    web.files["/a.tar.gz"] = (made.getvalue(), {})
    lines = (
        f"ADD {web.address}/a.tar.gz /kept/",
        f"ADD --unpack {web.address}/a.tar.gz /out",
        f"ADD --unpack=true {web.address}/some/file.txt /none/",
    )
    files = builder.files(context(tmp_path, "FROM scratch", *lines))
    assert "kept/a.tar.gz" in files
    assert (files["out/inner/x"][-1], files["out/inner/x"][2], files["none/file.txt"][-1]) == (b"x\n", 5, BODY)


def test_redirects_lead_on_and_what_a_server_says_is_told_with_its_line(
    builder: Builder, web: Web, tmp_path: Path
) -> None:
    web.moved["/moved"] = "/some/file.txt"
    web.moved["/circle"] = "/circle"
    files = builder.files(context(tmp_path / "1", "FROM scratch", f"ADD {web.address}/moved /in/"))
    assert files["in/moved"][-1] == BODY
    circle = builder(context(tmp_path / "2", "FROM scratch", f"ADD {web.address}/circle /in/"))
    assert "redirects in circles" in circle.stderr
    absent = builder(context(tmp_path / "3", "FROM scratch", f"ADD {web.address}/absent /in/"))
    assert f"Dockerfile:2: {web.address}/absent: the server answers 404" in absent.stderr
    nobody = builder(context(tmp_path / "4", "FROM scratch", "ADD http://host.invalid/x /in/"))
    assert "Dockerfile:2: http://host.invalid/x: there is no host host.invalid" in nobody.stderr


def test_a_server_that_fails_or_breaks_off_is_asked_again(builder: Builder, web: Web, tmp_path: Path) -> None:
    web.fails, web.cuts = 1, 1
    assert builder.files(context(tmp_path, "FROM scratch", f"ADD {web.address}/some/file.txt /t"))["t"][-1] == BODY
    assert web.statuses == [503, 200]


def test_secrets_and_addresses_tell_who_asks(
    builder: Builder, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "t0")
    plain = context(tmp_path / "1", "FROM scratch", f"ADD {web.address}/some/file.txt /t")
    builder.built(plain, "--secret", "id=HTTP_AUTH_TOKEN_localhost,env=TOKEN")
    address = web.address.replace("http://", "http://me:secret@")
    told = builder.built(context(tmp_path / "2", "FROM scratch", f"ADD {address}/some/file.txt /t2"), "--no-cache")
    assert web.authorizations == ["Bearer t0", "Basic bWU6c2VjcmV0"]
    assert "ADD" in told


def test_https_by_a_private_authority(builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_certificates(tmp_path)
    with web_server((made.server, made.server_key)) as server:
        server.files["/x"] = (BODY, {})
        folder = context(tmp_path / "1", "FROM scratch", f"ADD {server.address}/x /t")
        refused = builder(folder)
        assert "can't be trusted" in refused.stderr
        assert "--insecure" not in refused.stderr
        place = tmp_path / "config" / "containers" / "certs.d" / server.address.removeprefix("https://")
        place.mkdir(parents=True)
        (place / "ca.crt").write_bytes(made.authority.read_bytes())
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        assert builder.files(folder)["t"][-1] == BODY


@pytest.mark.parametrize("name", ["file", "tar", "alone"])
def test_a_context_may_be_a_url_or_a_tar_on_standard_input(
    builder: Builder, web: Web, tmp_path: Path, name: str
) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for path, text in {
            "Dockerfile": "FROM scratch\nCOPY a /a\n",
            "other": "FROM scratch\nCOPY a /b\n",
            "a": "a\n",
            ".dockerignore": "a",
        }.items():
            info = tarfile.TarInfo(path)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    web.files["/context.tar.gz"] = (made.getvalue(), {})
    web.files["/Dockerfile"] = (f"FROM scratch\nCOPY context /it\nADD {web.address}/some/file.txt /t\n".encode(), {})
    out = tmp_path / "out"
    if name == "alone":
        builder.engine("build", "-o", f"type=local,dest={out}", f"{web.address}/Dockerfile")
        assert (out / "t").read_bytes() == BODY
        assert b"FROM scratch" in (out / "it").read_bytes()
    elif name == "file":
        builder.engine("build", "-o", f"type=local,dest={out}", "-f", "other", f"{web.address}/context.tar.gz")
        assert (out / "b").read_text() == "a\n"
    else:
        import subprocess  # noqa: PLC0415 - standard input in bytes

        words: list[str | Path] = [builder.engine.program, "build", "-o", f"type=local,dest={out}", "-"]
        subprocess.run(words, env=builder.engine.environment, input=made.getvalue(), check=True, timeout=60)
        assert (out / "a").read_text() == "a\n"
