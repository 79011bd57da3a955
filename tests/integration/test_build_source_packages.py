"""Packages that sources are built from: brought in the box, over its network, then built without one; and files that decide what they become."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tarfile
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.kept import Engine, until
from tests.integration.netlab import CLIENT
from tests.integration.sources import done, write
from tests.peers.web import repository, web_server
from whit.toolchains.tools import locate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.integration.netlab import Lab
    from tests.peers.web import Web

pytestmark = [pytest.mark.root, pytest.mark.peer("nft", "ip", "nsenter")]

PORT, LONG = 8000, 600
AT = f"http://{CLIENT}:{PORT}"


def needing(*tools: str) -> None:
    for tool in tools:
        if locate(tool) is None:
            lacking(f"{tool} isn't installed; tests/setup.sh peers installs it")


@pytest.fixture
def served(place: Lab, tmp_path: Path) -> Iterator[Path]:
    """A folder that a server outside of the host gives away over HTTP."""
    folder = tmp_path / "served"
    folder.mkdir()
    words = ["nsenter", f"--net=/proc/{place.client.pid}/ns/net", sys.executable, "-m", "http.server", str(PORT)]
    with subprocess.Popen(
        [*words, "--directory", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            until(lambda: place.host.do(listens), "a server")
            yield folder
        finally:
            server.kill()


def listens() -> bool:
    try:
        socket.create_connection((CLIENT, PORT), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def builder(whit: Path, place: Lab, tmp_path: Path) -> Engine:
    """A whit on the host that reaches the server."""
    return Engine(whit, tmp_path / "root", ("nsenter", f"--net=/proc/{place.host.pid}/ns/net"))


def built(engine: Engine, *words: str | Path) -> dict[str, object]:
    result = engine.run("build", "--json", *words, timeout=LONG)
    assert result.returncode == 0, result.stderr
    document: dict[str, object] = json.loads(result.stdout)
    return document


# Zig


def zon(name: str, dependencies: str = "") -> str:
    """A manifest; a fingerprint has its name's checksum in it (ziglang.org, build.zig.zon)."""
    fingerprint = zlib.crc32(name.encode()) << 32 | 0x12345678
    return (
        f'.{{ .name = .{name}, .version = "1.0.0", .fingerprint = 0x{fingerprint:x}, .paths = .{{""}},'
        f" .dependencies = .{{ {dependencies} }} }}\n"
    )


PACKAGE = {
    "build.zig.zon": zon("words"),
    "build.zig": """pub fn build(b: *@import("std").Build) void {
    _ = b.addModule("words", .{ .root_source_file = b.path("words.zig") });
}
""",
    "words.zig": 'pub const said = "from a package";\n',
}
PROGRAM = {
    "build.zig": """pub fn build(b: *@import("std").Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const root = b.createModule(.{ .root_source_file = b.path("main.zig"), .target = target, .optimize = optimize, .link_libc = true });
    root.addImport("words", b.dependency("words", .{}).module("words"));
    b.installArtifact(b.addExecutable(.{ .name = "svc", .root_module = root }));
}
""",
    "main.zig": """const words = @import("words");
extern fn puts([*:0]const u8) c_int;
pub fn main() void {
    _ = puts(words.said);
}
""",
}


@pytest.fixture
def zig_program(served: Path, tmp_path: Path) -> Path:
    """A program whose package is on the server."""
    needing("zig")
    write(tmp_path / "words", PACKAGE)
    archive = served / "words.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        # Without a folder above, which Zig 0.17.1 leaves in what "zig fetch" keeps, and then takes for another package.
        for path in sorted((tmp_path / "words").iterdir()):
            tar.add(path, path.name)
    words = [str(locate("zig")), "fetch", str(archive)]
    fetched = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=LONG)
    assert fetched.returncode == 0, fetched.stderr
    wanted = f'.words = .{{ .url = "{AT}/words.tar.gz", .hash = "{fetched.stdout.strip()}" }}'
    return write(tmp_path / "svc", {**PROGRAM, "build.zig.zon": zon("svc", wanted)})


@pytest.mark.slow
def test_zig_s_packages_are_brought_and_built_without_a_network(builder: Engine, zig_program: Path) -> None:
    """Given a package on a server, when its program is built confined, then it has it, and the tree stays as it was."""
    before = sorted(path.name for path in zig_program.iterdir())
    confined = built(builder, "--hermetic", zig_program)
    assert builder.run("run", "svc").stdout == "from a package\n"
    assert sorted(path.name for path in zig_program.iterdir()) == before
    again = built(builder, "--hermetic", zig_program)
    assert again["source"]["built"] == [False]  # type: ignore[index]
    assert built(builder, zig_program)["digest"] == confined["digest"]


@pytest.mark.slow
def test_zig_s_packages_in_the_tree_are_sources(builder: Engine, zig_program: Path, served: Path) -> None:
    """Given packages that are in the tree already, when one is changed, then the program is another one, and no server is asked."""
    built(builder, zig_program)
    shutil.rmtree(served)
    first = built(builder, zig_program)
    assert builder.run("run", "svc").stdout == "from a package\n"
    (words,) = zig_program.glob("zig-pkg/*/words.zig")
    words.write_text('pub const said = "changed";\n')
    second = built(builder, "--hermetic", zig_program)
    assert builder.run("run", "svc").stdout == "changed\n"
    assert second["digest"] != first["digest"]


# Nim

SAYS = 'version = "1.0.0"\nauthor = "x"\ndescription = "x"\nlicense = "MIT"\n'
"""What nimble wants of every package."""


@pytest.fixture
def repositories(place: Lab, tmp_path: Path) -> Iterator[Web]:
    """A server outside of the host that speaks git's smart protocol, which nimble's shallow clones want."""
    server = web_server(host=CLIENT)
    web = place.client.do(server.__enter__)
    web.repositories = tmp_path / "repositories"
    try:
        yield web
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def nimble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of nimble's own; it wants its list of all packages, whatever a package is named by."""
    needing("nim", "zig")
    if shutil.which("nimble") is None or shutil.which("git") is None:
        lacking("nimble or git isn't installed; tests/setup.sh peers installs them")
    monkeypatch.setenv("NIMBLE_DIR", str(tmp_path / "nimble"))
    return write(tmp_path / "nimble", {"packages_official.json": "[]"})


@pytest.mark.slow
def test_nim_s_packages_are_brought_and_built_without_a_network(
    builder: Engine, repositories: Web, nimble: Path, tmp_path: Path
) -> None:
    """Given a package in a repository on a server, when what requires it is built confined, then it is in the program."""
    package = {"words.nimble": SAYS, "words.nim": 'const said* = "from a package"\n'}
    bare, (commit,) = repository(tmp_path / "repositories", package, name="words")
    subprocess.run(["git", "-C", bare, "tag", "v1.0.0", commit], check=True, timeout=60)
    requires = f'bin = @["svc"]\nrequires "{repositories.address}/git/words >= 1.0.0"\n'
    project = write(tmp_path / "svc", {"svc.nimble": SAYS + requires, "svc.nim": "import words\necho said\n"})
    # Nobody here has nimble's list of all packages.
    assert "Downloading Official package list" in builder.run("build", "--hermetic", project, timeout=LONG).stderr
    (kept,) = (builder.root / "build" / "caches").glob("hermetic-*/nimble")
    shutil.copy(nimble / "packages_official.json", kept)
    confined = built(builder, "--hermetic", project)
    assert builder.run("run", "svc").stdout == "from a package\n"
    assert built(builder, "--hermetic", project)["source"]["built"] == [False]  # type: ignore[index]
    assert built(builder, project)["digest"] == confined["digest"]
    # What was brought is kept: without its server it is the same.
    shutil.rmtree(bare)
    write(project, {"svc.nim": "import words\necho said, 2\n"})
    assert built(builder, "--hermetic", "--offline", project)["digest"] != confined["digest"]
    assert builder.run("run", "svc").stdout == "from a package2\n"


@pytest.mark.slow
def test_nim_s_packages_of_a_person_decide_what_becomes_of_a_program(
    run_whit: RunWhit, nimble: Path, tmp_path: Path
) -> None:
    """Given a package that nimble has here, when there is a newer one, or it is changed, then it is built anew, and not for others."""
    requires = 'bin = @["svc"]\nrequires "words >= 1.0.0"\n'
    project = write(tmp_path / "svc", {"svc.nimble": SAYS + requires, "svc.nim": "import words\necho said\n"})

    def has(name: str, version: str, said: str) -> None:
        about = SAYS.replace("1.0.0", version)
        write(
            nimble / "pkgs" / f"{name}-{version}", {f"{name}.nimble": about, f"{name}.nim": f"const said* = {said}\n"}
        )

    def says() -> tuple[str, bool]:
        document = json.loads(done(run_whit, "build", "--json", project))
        return done(run_whit, "run", "svc").strip(), document["source"]["built"] == [True]

    has("words", "1.0.0", "1")
    assert says() == ("1", True)
    has("others", "1.0.0", "9")
    assert says() == ("1", False)
    has("words", "1.1.0", "2")
    assert says() == ("2", True)
    has("words", "1.1.0", "33")
    assert says() == ("33", True)
    shutil.rmtree(nimble / "pkgs" / "words-1.1.0")
    assert says() == ("1", True)
    assert says() == ("1", False)


@pytest.mark.slow
def test_nim_s_configuration_above_a_package_decides_confined_or_not(run_whit: RunWhit, tmp_path: Path) -> None:
    """Given a package, when there is configuration above it, or that changes or is gone again, then it is built by what is there."""
    needing("nim", "zig")
    project = write(
        tmp_path / "above" / "svc",
        {"svc.nimble": 'bin = @["svc"]\n', "svc.nim": 'const said {.strdefine.} = "nothing"\necho said\n'},
    )

    def says(*options: str) -> tuple[str, str]:
        document = json.loads(done(run_whit, "build", "--json", "--source", *options, project))
        return done(run_whit, "run", "svc").strip(), document["digest"]

    plain = says()
    assert plain[0] == "nothing"
    (tmp_path / "above" / "nim.cfg").write_text("-d:said=above\n")
    assert says()[0] == "above"
    assert says("--hermetic") == says()
    moved = tmp_path / "moved" / "svc"
    shutil.copytree(project, moved)
    project = moved
    assert says() == plain
    (tmp_path / "moved" / "config.nims").write_text('switch("define", "said=script")\n')
    assert says()[0] == "script"


@pytest.mark.peer("cargo")
def test_cargo_s_configuration_above_a_package_that_has_moved_is_that_of_its_new_place(
    run_whit: RunWhit, tmp_path: Path
) -> None:
    files = {
        "Cargo.toml": '[package]\nname = "svc"\nversion = "1.0.0"\nedition = "2021"\n',
        "src/main.rs": 'fn main() { println!("{}", option_env!("SAID").unwrap_or("nothing")) }\n',
    }
    for place in ("one", "two"):
        write(tmp_path / place / "svc", files)
    write(tmp_path / "two" / ".cargo", {"config.toml": '[env]\nSAID = "above"\n'})
    said = []
    for place in ("one", "two", "one"):
        done(run_whit, "build", tmp_path / place / "svc")
        said.append(done(run_whit, "run", "svc").strip())
    assert said == ["nothing", "above", "nothing"]
