"""Real programs, whole: what they are, what their images hold, and that they do their work under whit, docker and podman.

Each does some real work on a folder that it is given, and says the same as when it is run directly on this machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.programs.real import real_program
from tests.programs.registries import ProgramMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.peers.dockerd import Dockerd

ALWAYS = ("/etc/group", "/etc/passwd")
NAMES = ("/etc/nsswitch.conf", "/etc/services")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PLACES = {"/home/nonroot", "/tmp"}
"""Folders that each image has, beside those that lead to its files."""

SOURCES = {
    "app.ts": 'import { greet } from "./greet"\nconsole.log(greet("whit"))\n',
    "greet.ts": "export const greet = (name: string): string => `hello, ${name}`\n",
    "app.py": "import os\nprint('hello')\n",
    "pyproject.toml": '[project]\nname = "demo"\nversion = "1.2.3"\nrequires-python = ">=3.11"\n',
    "bad.zig": "pub fn main() void {\n    const unused = 1;\n}\n",
    "count.sh": 'while read -r line; do ((n += ${#line})); done <app.ts; echo "$BASH_VERSION $n"; exit 3\n',
}
"""The folder that programs work on."""


@dataclass(frozen=True)
class Case:
    """What a program is known to be, which files it justifies beside itself, and some work for it, in that folder."""

    name: str
    language: str
    linkage: str
    libc: str | None
    files: tuple[str, ...]
    work: tuple[str, ...]
    exit_code: int = 0


CASES = (
    Case("esbuild", "go", "static", None, (*ALWAYS, *NAMES), ("--bundle", "--minify", "app.ts")),
    Case("crane", "go", "static", None, (*ALWAYS, *NAMES, CERTIFICATES), ("validate", "--tarball", "image.tar")),
    Case("ruff", "rust", "static-pie", "musl", ALWAYS, ("check", "--no-cache", "--isolated", "app.py"), 1),
    Case(
        "uv",
        "rust",
        "static-pie",
        "musl",
        (*ALWAYS, "/etc/services", CERTIFICATES),
        ("version", "--offline", "--no-cache", "--bump", "minor", "--dry-run", "--frozen"),
    ),
    Case("zig", "zig", "static", "musl", ALWAYS, ("ast-check", "bad.zig"), 1),
    Case("busybox", "c", "static", "glibc", (*ALWAYS, *NAMES, "/etc/protocols"), ("sha256sum", "app.ts", "app.py")),
    Case("bash-static", "c", "static", "glibc", (*ALWAYS, *NAMES, "/etc/protocols"), ("count.sh",), 3),
    Case("hello-rust", "rust", "static", "glibc", ALWAYS, ()),
    Case("hello-nim", "nim", "static", "glibc", ALWAYS, ()),
    Case("hello-nim-musl", "nim", "static", "musl", ALWAYS, ()),
    Case("hello-zig", "zig", "static", None, ALWAYS, ()),
    Case("hello-c-musl", "c", "static", "musl", ALWAYS, ()),
)

LONG_BUILT = frozenset({"crane"})
"""What is compiled from a hundred packages first."""

all_programs = pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[pytest.mark.slow] if case.name in LONG_BUILT else [], id=case.name) for case in CASES],
)


@dataclass(frozen=True)
class Said:
    """What a program said, and how it ended."""

    output: str
    errors: str
    exit_code: int


class Bench:
    """Packs each program once, and runs it directly."""

    def __init__(self, whit: Path, folder: Path) -> None:
        self._whit = whit
        self._folder = folder
        self.root = folder / "root"
        self.work = folder / "work"
        self.work.mkdir(mode=0o755)
        for name, text in SOURCES.items():
            (self.work / name).write_text(text)
        box = self.archive(next(case for case in CASES if case.name == "hello-c-musl"))
        shutil.copy(box, self.work / "image.tar")

    def whit(self, *arguments: str | Path) -> Said:
        return said([self._whit, *arguments], self.work, {**os.environ, "WHIT_ROOT": str(self.root)})

    def directly(self, case: Case) -> Said:
        return said([executable(case), *case.work], self.work, {"PATH": os.defpath, "HOME": "/nonexistent"})

    def packed(self, case: Case) -> dict[str, object]:
        done = self.whit("pack", "--json", executable(case), "-t", f"real/{case.name}")
        assert done.exit_code == 0, done.errors
        document: dict[str, object] = json.loads(done.output)
        return document

    def archive(self, case: Case) -> Path:
        """The image as ``-o FILE.tar`` writes it; its name in it is real/NAME:latest."""
        path = self._folder / f"{case.name}.tar"
        done = self.whit("pack", executable(case), "-t", f"real/{case.name}", "-o", path)
        assert done.exit_code == 0, done.errors
        return path


def said(command: list[str | Path], folder: Path, environment: dict[str, str]) -> Said:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Said(done.stdout, done.stderr, done.returncode)


def executable(case: Case) -> Path:
    try:
        return real_program(case.name)
    except ProgramMissingError as error:
        lacking(f"{case.name}: {error}")
        raise


@pytest.fixture(scope="module")
def bench(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(whit, tmp_path_factory.mktemp("real"))


@all_programs
def test_it_is_known_for_what_it_is(bench: Bench, case: Case) -> None:
    found = json.loads(bench.whit("inspect", "--json", executable(case)).output)

    assert found["language"]["name"] == case.language
    assert (found["linkage"], found["libc"], found["interpreter"]) == (case.linkage, case.libc, None)
    assert found["libraries"] == []
    assert found["language"]["evidence"]


@all_programs
def test_its_image_holds_what_the_rules_justify_and_nothing_else(bench: Bench, case: Case) -> None:
    packed = bench.packed(case)

    files, folders = _held(packed["files"])
    program = f"/{case.name}"
    assert files == {*case.files, program}
    assert folders == {*PLACES, *(str(parent) for path in (*files, *PLACES) for parent in Path(path).parents)} - {"/"}


def _held(files: object) -> tuple[set[str], set[str]]:
    assert isinstance(files, list)
    assert all(file["reason"] for file in files)
    folders = {file["path"] for file in files if file["kind"] == "directory"}
    return {file["path"] for file in files} - folders, folders


@all_programs
def test_it_works_under_whit_as_it_does_directly(bench: Bench, case: Case) -> None:
    bench.packed(case)
    alone = bench.directly(case)
    options = ("-v", f"{bench.work}:/work:ro", "-w", "/work")

    confined = [bench.whit("run", *options, f"real/{case.name}", *case.work) for _ in range(2)]

    assert alone.exit_code == case.exit_code
    assert confined == [alone, alone], "the first start compiles its plan, the second takes the kept one"


@pytest.mark.peer("dockerd")
@pytest.mark.root
@all_programs
def test_docker_loads_and_runs_it(bench: Bench, dockerd: Dockerd, case: Case) -> None:
    loaded = dockerd.docker("load", "-i", bench.archive(case)).stdout
    assert f"real/{case.name}:latest" in loaded
    options = ("--network", "none", "-v", f"{bench.work}:/work:ro", "-w", "/work")

    done = dockerd.docker("run", "--rm", *options, f"real/{case.name}", *case.work, check=False)

    assert Said(done.stdout, done.stderr, done.returncode) == bench.directly(case)
    dockerd.docker("rmi", f"real/{case.name}")


@pytest.fixture(scope="module")
def podman() -> Iterator[Callable[..., Said]]:
    """Podman with an image store of the tests' own; limits stay below what this machine's root may set."""
    # A socket's path has room for a hundred characters, of which podman takes its share.
    with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as short:
        places = ("--root", f"{short}/p", "--runroot", f"{short}/r", "--storage-driver", "vfs")
        command: list[str | Path] = ["podman", *places, "--cgroup-manager", "cgroupfs", "--log-level", "error"]
        yield lambda *arguments: said([*command, *arguments], Path(short), dict(os.environ))


@pytest.mark.peer("podman", "runc")
@pytest.mark.root
@all_programs
def test_podman_loads_and_runs_it(bench: Bench, podman: Callable[..., Said], case: Case) -> None:
    name = f"real/{case.name}"
    assert name in podman("load", "--quiet", "--input", bench.archive(case)).output
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    options = ("--runtime", "runc", "--network", "none", "-v", f"{bench.work}:/work:ro", "-w", "/work", *limits)

    done = podman("run", "--rm", *options, f"docker.io/{name}", *case.work)
    podman("rmi", "--force", f"docker.io/{name}")

    assert done == bench.directly(case)


@pytest.mark.peer("skopeo")
@all_programs
def test_skopeo_reads_it(bench: Bench, case: Case) -> None:
    packed = bench.packed(case)
    archive = bench.archive(case)

    for transport in ("docker-archive", "oci-archive"):
        done = said(["skopeo", "inspect", "--config", f"{transport}:{archive}"], bench.work, dict(os.environ))
        config = json.loads(done.output)
        assert config["architecture"] == "amd64"
        assert config["config"]["Entrypoint"] == [f"/{case.name}"]
        assert config["config"]["User"] == "65532:65532"
    raw = said(["skopeo", "inspect", "--format", "{{.Digest}}", f"oci-archive:{archive}"], bench.work, dict(os.environ))
    assert raw.output.strip() == packed["digest"]
