"""From sources to an image: whit beside ko, cargo, make and docker; all anew, with nothing changed, and with one file changed.

One service of Go, one of Rust, one of C. What others build is static, too, as somebody would write it down who knows how, and small
where whit's is; cargo alone, by its own release profile, gives no image and nothing static, and is the floor. All have what they
compile with: Go's standard library compiled, crates fetched, zig's libc.

ko puts its image on a base, which is an image of one small file in a registry on loopback; docker copies the program to an empty one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import Command, print_table, run_timed
from tests.bench.programs import go_program
from tests.peers import PROJECT, find_peer
from tests.peers.dockerd import start_dockerd
from tests.peers.registry import docker_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.peers.dockerd import Dockerd

KO = "github.com/google/ko@v0.18.0"
AGAIN = 4
EXAMPLES = PROJECT / "examples"
TARGET = f"{os.uname().machine}-unknown-linux-gnu"
CARGO = f'CARGO_TARGET_DIR="$0/target" cargo build --quiet --release --locked --target {TARGET}'
STATIC_CARGO = (
    "RUSTFLAGS='-C target-feature=+crt-static' CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_PROFILE_RELEASE_LTO=thin "
    f"CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 {CARGO}"
)
STATIC_MAKE = 'mkdir -p "$0/out" && cp -ru . "$0/out" && make -s -C "$0/out" CC=musl-gcc LDFLAGS="-static -s" c-http'
DOCKERFILE = 'FROM scratch\nCOPY program /program\nENTRYPOINT ["/program"]\n'


def whit(source: Path, folder: Path) -> Command:
    """Into its store."""
    program = str(Path(sys.executable).with_name("whit"))
    return Command((program, "build", "-q", str(source)), {**os.environ, "WHIT_ROOT": str(folder / "store")})


def by_hand(line: str) -> Callable[[Path, Path], Command]:
    """A shell's line in the sources; ``$0`` is the folder for what it makes."""

    def make(source: Path, folder: Path) -> Command:
        return Command(("sh", "-c", f'cd "{source}" && {line}', str(folder)))

    return make


def docker(engine: Dockerd, line: str, program: str) -> Callable[[Path, Path], Command]:
    """The same, and then an image of the program that it has made."""

    def make(source: Path, folder: Path) -> Command:
        (folder / "image").mkdir(exist_ok=True)
        (folder / "image" / "Dockerfile").write_text(DOCKERFILE)
        copied = f'cp "$0/{program}" "$0/image/program"'
        built = f'"{engine.client}" build --quiet --tag bench "$0/image"'
        return Command(("sh", "-c", f'cd "{source}" && {line} && {copied} && {built}', str(folder)), engine.environment)

    return make


def ko(program: Path, base: str, flags: str = "") -> Callable[[Path, Path], Command]:
    """Into an OCI layout; ``flags`` are Go's."""

    def make(source: Path, folder: Path) -> Command:
        line = f'cd "{source}" && exec "{program}" build --push=false --oci-layout-path="{folder}/layout" --sbom=none .'
        environment = {**os.environ, "KO_DEFAULTBASEIMAGE": base, "KOCACHE": str(folder / "cache"), "GOFLAGS": flags}
        return Command(("sh", "-c", line), environment)

    return make


@dataclass(frozen=True, slots=True)
class Subject:
    """A project: the folder of its name in examples, the file that is changed, and how often all is done anew."""

    name: str
    file: str
    change: str
    rounds: int = 5

    def changed(self, source: Path, number: int) -> None:
        """Another program."""
        with (source / self.file).open("a") as file:
            file.write(f"\n// {source}\n{self.change.format(number)}\n")


GO = Subject("go-http", "main.go", "var _ = {}")
RUST = Subject("rust-http", "src/main.rs", "const _: u32 = {};", rounds=2)
C = Subject("c-http", "main.c", "int changed_{0} = {0};")


@dataclass
class Measured:
    """One contender and its seconds: the first time, again with nothing changed, after a change."""

    name: str
    make: Callable[[Path, Path], Command]
    subject: Subject
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)

    def round(self, folder: Path, number: int) -> None:
        """Once each, of a copy of the sources."""
        place = folder / f"{self.subject.name}-{self.name}"
        source = place / self.subject.name
        if not number:
            shutil.copytree(EXAMPLES / self.subject.name, source)
        own = place / str(number)
        own.mkdir()
        command = self.make(source, own)
        self.first.append(run_timed(command))
        self.again += [run_timed(command) for _ in range(AGAIN)]
        self.subject.changed(source, number)
        self.changed.append(run_timed(command))


def ko_program() -> Path | None:
    """None where it can't be had."""
    try:
        return go_program(KO)
    except subprocess.CalledProcessError:
        return None


def _empty(folder: Path) -> Path:
    """An image as small as can be, as a tar."""
    (folder / "empty").mkdir()
    tar = folder / "empty.tar"
    subprocess.run(["tar", "-cf", tar, "-C", folder, "empty"], check=True)
    return tar


def brought(held: contextlib.ExitStack, folder: Path, tar: Path) -> str:
    """A base image of a tar, in a registry that keeps what it has in ``folder``: its name there."""
    folder.mkdir()
    registry = held.enter_context(docker_registry(folder))
    reference = f"{registry.name}/base:1"
    environment = {**os.environ, "WHIT_ROOT": str(folder / "store")}
    for words in (["import", str(tar), reference], ["push", "-q", reference]):
        subprocess.run(
            [str(Path(sys.executable).with_name("whit")), *words],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return reference


def contenders(folder: Path, held: contextlib.ExitStack) -> list[Measured]:
    """Those that are here."""
    found = [Measured("whit", whit, GO)]
    program = ko_program()
    if program and find_peer("docker-registry"):
        found.append(Measured("ko", ko(program, brought(held, folder / "registry", _empty(folder))), GO))
    engine = None
    if find_peer("dockerd"):
        (folder / "dockerd").mkdir()
        engine = held.enter_context(start_dockerd(folder / "dockerd"))
    if find_peer("cargo"):
        found += [Measured("whit", whit, RUST), Measured("cargo", by_hand(CARGO), RUST)]
        found += _static(engine, RUST, STATIC_CARGO, f"target/{TARGET}/release/rust-http")
    found.append(Measured("whit", whit, C))
    if find_peer("musl-gcc"):
        found += _static(engine, C, STATIC_MAKE, "out/c-http")
    return found


def _static(engine: Dockerd | None, subject: Subject, line: str, program: str) -> list[Measured]:
    """By hand, as a program and as an image."""
    alone = Measured("by hand", by_hand(line), subject)
    return [alone, Measured("by hand, docker", docker(engine, line, program), subject)] if engine else [alone]


def main() -> None:
    """Print the tables: the best of all rounds, in which the contenders take turns, as others work on the machine, too."""
    with tempfile.TemporaryDirectory(prefix="whit-bench-") as name, contextlib.ExitStack() as held:
        folder = Path(name)
        found = contenders(folder, held)
        for number in range(max(one.subject.rounds for one in found)):
            for contender in found:
                if number < contender.subject.rounds:
                    contender.round(folder, number)
    for subject in (GO, RUST, C):
        rows = [
            [one.name, *(f"{min(seconds):.2f}" for seconds in (one.first, one.again, one.changed))]
            for one in found
            if one.subject is subject
        ]
        if rows:
            title = f"{subject.name}, from its sources: first, nothing changed, one file changed"
            print_table(title, ["seconds", "first", "again", "changed"], rows)


if __name__ == "__main__":
    main()
