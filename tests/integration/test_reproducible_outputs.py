"""Everything that whit makes, made twice: elsewhere, by somebody else, at another time, and still the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.converting import EPOCH, foreign_image
from tests.integration.registries import ARM64, make_image, make_index
from tests.programs.build import build
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static"), pytest.mark.peer("openssl")]

SHARED_MEMORY = Path("/dev/shm")
FILES = {"a": "1\n", "b/one": "one\n", "b/two": "two\n", "b/ü": "three\n", "b/deep/er/x": "x\n", "z.sh": "#!/bin/sh\n"}
DOCKERFILE = """\
FROM scratch AS tools
COPY busybox /bin/busybox
COPY . /src/
RUN ["/bin/busybox", "sh", "-c", "cd /src && /bin/busybox cat a b/[otü]* > /made && /bin/busybox chmod 600 a && /bin/busybox ln z.sh b/hard && /bin/busybox mkdir -p n/e/w"]
FROM scratch
WORKDIR /srv/app
COPY --from=tools /src /made ./
COPY --chown=7:8 --chmod=640 b/ /etc/b/
ADD z.sh /
LABEL team=core
ENTRYPOINT ["/z.sh"]
"""
WHIT_YAML = """\
binaries: [server, {path: other, target: /usr/bin/other}]
files: [b/:/etc/b, {source: a, target: /etc/a, mode: 0640, owner: "7:8"}, {target: /var/lib/x, mode: 0700}]
env: {MODE: production}
needs: [+zones, +tmp]
labels: {team: core}
health: {http: ":8080/healthz"}
"""
FORMS = ("spdx", "spdx3", "cyclonedx")
PACK = (
    "pack",
    "./server",
    "-t",
    "me/server:1",
    "--needs",
    "+zones",
    "--add",
    "b:/etc/b",
    "-e",
    "A=b",
    "--label",
    "x=y",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are made, and how it is there; ``epoch``: when foreign images were built there."""

    whit: Path
    folder: Path
    root: Path
    umask: str
    variables: Mapping[str, str]
    prefix: tuple[str, ...]
    epoch: int

    def __call__(self, *words: str | Path) -> bytes:
        """What whit prints."""
        script = f'umask {self.umask}; cd "$0"; exec "$@"'
        done = subprocess.run(
            [*self.prefix, "sh", "-c", script, self.folder, self.whit, *words],
            env={"PATH": os.environ["PATH"], "WHIT_ROOT": str(self.root), **self.variables},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def json(self, *words: str | Path) -> dict[str, Any]:
        """What whit prints as a document."""
        found: dict[str, Any] = json.loads(self(words[0], "--json", *words[1:]))
        return found

    def digest(self, name: str) -> str:
        """What a name points to."""
        return Store(self.root).entry(name).digest


def of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def of_folder(path: Path) -> list[tuple[str, str]]:
    return sorted((str(file.relative_to(path)), of_file(file)) for file in path.rglob("*") if file.is_file())


def packed(at: Place) -> object:
    return at.json(*PACK)["digest"]


def packed_on_a_base(at: Place) -> object:
    make_image(at.root, "base:1", (100_000,))
    return at.json("pack", "./server", "--base", "base:1", "-t", "based", "--compression", "zstd")["digest"]


def built_by_whit_yaml(at: Place) -> object:
    (at.folder / "whit.yaml").write_text(WHIT_YAML)
    return at.json("build", "-f", "whit.yaml", "-t", "yaml:1", ".")["digest"]


def built_by_dockerfile(at: Place) -> object:
    context = at.folder / "context"
    shutil.copyfile("/bin/busybox", context / "busybox")
    (context / "busybox").chmod(0o755)
    words = ("build", "--network", "none", "--rewrite-timestamps", "--no-cache", "-t", "docker:1", "context")
    return at.json(*words)["digest"]


def saved(form: str) -> Callable[[Place], object]:
    def made(at: Place) -> object:
        at(*PACK)
        make_image(at.root, "second:1", (5_000,), platform=ARM64)
        at("save", "--format", form, "-o", f"{form}.tar", "me/server:1", "second")
        return of_file(at.folder / f"{form}.tar")

    return made


def written_as_a_layout(at: Place) -> object:
    at(*PACK[:2], "-t", "me/server:2", "-o", "layout/")
    return of_folder(at.folder / "layout")


def copied_and_converted(at: Place) -> object:
    at(*PACK)
    at("copy", "-q", "--compression", "zstd", "store:me/server:1", "oci-archive:zstd.tar:me/server:1")
    at("copy", "-q", "--format", "docker", "store:me/server:1", "oci:docker:x")
    return of_file(at.folder / "zstd.tar"), of_folder(at.folder / "docker")


def rewritten(at: Place) -> object:
    path = foreign_image(at.folder / "foreign", at.epoch)
    words = ("copy", "-q", "--rewrite-timestamps", "--timestamp", str(EPOCH))
    at(*words, f"oci:{path}", "docker-archive:rewritten.tar:me/foreign:1")
    return of_file(at.folder / "rewritten.tar")


def bills_of_materials(at: Place) -> object:
    at(*PACK)
    return [hashlib.sha256(at("sbom", "--format", form, "me/server:1")).hexdigest() for form in FORMS]


def attached(at: Place) -> object:
    words = ("--sbom", ",".join(FORMS), "--provenance", "--sign", "../key.pem")
    found = at.json(*PACK, *words)["attached"]
    assert len(found) == 5
    return found


def signed(at: Place) -> object:
    make_image(at.root, "signed:1", (100,))
    at("sign", "--key", "../key.pem", "-a", "team=core", "signed:1")
    return at.json("referrers", "signed:1")["referrers"]


def indexed(at: Place) -> object:
    make_index(
        at.root, "ready:1", make_image(at.root, "x:1", (100,)), make_image(at.root, "y:1", (100,), platform=ARM64)
    )
    at("manifest", "create", "made:1", "ready:1", "x:1")
    at("save", "-o", "index.tar", "made:1")
    return at.digest("made:1"), of_file(at.folder / "index.tar")


OUTPUTS: dict[str, Callable[[Place], object]] = {
    "pack": packed,
    "pack --base": packed_on_a_base,
    "build whit.yaml": built_by_whit_yaml,
    "build Dockerfile": built_by_dockerfile,
    "save oci": saved("oci"),
    "save docker": saved("docker"),
    "pack -o layout": written_as_a_layout,
    "copy converted": copied_and_converted,
    "rewrite-timestamps": rewritten,
    "sbom": bills_of_materials,
    "sbom, provenance, signature attached": attached,
    "sign": signed,
    "manifest": indexed,
}


def prepared(folder: Path, *, reverse: bool, time: int) -> Path:
    """The same files, made in one order or the other: file systems list them by that, or by hashes of their own."""
    work = folder / ("ein Ordner, mit ü" if reverse else "one")
    for at in (work, work / "context"):
        for name in sorted(FILES, reverse=reverse):
            (at / name).parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            (at / name).write_text(FILES[name])
            (at / name).chmod(0o755 if name.endswith(".sh") else 0o644)
            os.utime(at / name, (time, time))
    for name, language in sorted({"server": "client", "other": "exit"}.items(), reverse=reverse):
        shutil.copyfile(build(language, "go" if language == "client" else "c-musl"), work / name)
        (work / name).chmod(0o700 if reverse else 0o755)
        os.utime(work / name, (time, time))
    (work / "context" / "Dockerfile").write_text(DOCKERFILE)
    (work / "context" / ".dockerignore").write_text("Dockerfile\n.dockerignore\n")
    for path in (work, *work.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
            os.utime(path, (time, time))
    return work


@pytest.fixture(scope="module")
def places(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    """Two that differ in all that shouldn't matter."""
    key = tmp_path_factory.mktemp("key") / "key.pem"
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", key], check=True, capture_output=True
    )
    first = tmp_path_factory.mktemp("first")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None, prefix="whit-") as second:
        for folder in (first, Path(second)):
            shutil.copyfile(key, folder / "key.pem")
        calm = {"HOME": str(first), "USER": "root", "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"}
        wild = {
            "HOME": "/nonexistent", "USER": "somebody", "LOGNAME": "somebody", "PYTHONHASHSEED": "4242", "PYTHONUTF8": "0",
            "TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "COLUMNS": "40", "TMPDIR": "/var/tmp",
        }  # fmt: skip
        elsewhere = (
            "unshare",
            "--uts",
            "sh",
            "-c",
            'hostname elsewhere; exec "$@"',
            "sh",
            "taskset",
            "--cpu-list",
            "0",
        )
        yield (
            Place(whit, prepared(first, reverse=False, time=1), first / "root", "000", calm, (), EPOCH),
            Place(
                whit, prepared(Path(second), reverse=True, time=2**31 - 1), Path(second) / "root", "077", wild,
                elsewhere, EPOCH + 50_000_000,
            ),
        )  # fmt: skip


@pytest.mark.parametrize("output", OUTPUTS)
def test_it_has_one_digest_wherever_and_by_whomever_it_is_made(places: tuple[Place, Place], output: str) -> None:
    make = OUTPUTS[output]
    one, other = (make(place) for place in places)
    assert one
    assert one == other
