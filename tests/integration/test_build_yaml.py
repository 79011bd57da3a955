"""``whit build`` with a whit.yaml, and images that start from others: built, looked at and run."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs.build import build
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd

BUSYBOX = Path("/bin/busybox")
pytestmark = pytest.mark.peer("busybox")
LOADER = "/lib64/ld-linux-x86-64.so.2"


def done(run_whit: RunWhit, *words: str | Path) -> str:
    result = run_whit(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an executable, and files for its image."""
    folder = tmp_path / "project"
    (folder / "conf").mkdir(parents=True)
    (folder / "busybox").write_bytes(BUSYBOX.read_bytes())
    (folder / "busybox").chmod(0o755)
    (folder / "conf" / "app.toml").write_text("a = 1\n")
    return folder


def test_an_image_is_built_as_the_file_says_and_found_again(run_whit: RunWhit, project: Path) -> None:
    (project / "whit.yaml").write_text(
        """
name: me/app:${VERSION}
variables: {VERSION: "1"}
binary: busybox
entrypoint: [/busybox, sh, -c, "cat /etc/app/* && stat -c '%a %u:%g' /etc/app/note /data && id -u && echo $$MODE"]
files:
  - conf/:/etc/app
  - {target: /etc/app/note, content: "version ${VERSION}\\n", mode: 0604, owner: "1:2"}
  - {target: /data, mode: 0700, owner: 7}
env: {MODE: yes}
user: "0"
volumes: [/data]
stop_signal: SIGINT
health: {http: ":8080/ok", interval: 1s}
"""
    )
    first = json.loads(done(run_whit, "build", "--json", project))
    assert done(run_whit, "run", "me/app:1") == "a = 1\nversion 1\n604 1:2\n700 7:7\n0\nyes\n"
    assert json.loads(done(run_whit, "build", "--json", project))["digest"] == first["digest"]

    assert done(run_whit, "build", "--build-arg", "VERSION=2", "-t", "other", project).endswith("as other:latest\n")
    assert "version 2\n" in done(run_whit, "run", "other")
    [page] = json.loads(done(run_whit, "image", "inspect", "me/app:1"))
    assert page["Config"]["StopSignal"] == "SIGINT"
    assert page["Config"]["Labels"] == {"dev.whit.health": "http :8080/ok interval=1000000000ns"}


@pytest.mark.peer("go")
def test_several_platforms_and_programs_become_an_index(run_whit: RunWhit, project: Path, tmp_path: Path) -> None:
    for machine in ("amd64", "arm64"):
        (project / machine).mkdir()
        for name in ("app", "tool"):
            source = project / f"{name}.go"
            source.write_text(f'package main\n\nfunc main() {{ println("{name}") }}\n')
            environment = {"GOARCH": machine, "CGO_ENABLED": "0"}
            go = ["go", "build", "-trimpath", "-o", str(project / machine / name), str(source)]
            subprocess.run(go, env={**os.environ, **environment}, check=True, timeout=240)
    file = project / "whit.yaml"
    file.write_text('binaries: ["${TARGETARCH}/app", "${TARGETARCH}/tool"]\nplatforms: [linux/amd64, linux/arm64]\n')

    built = json.loads(done(run_whit, "build", "--json", "-t", "me/two", "-o", tmp_path / "two.tar", project))

    assert [image["platform"]["architecture"] for image in built["images"]] == ["amd64", "arm64"]
    assert run_whit("run", "--entrypoint", "/tool", "me/two").stderr == "tool\n"
    done(run_whit, "rmi", "me/two")
    loaded = json.loads(done(run_whit, "load", "--json", "-i", tmp_path / "two.tar"))
    assert [image["digest"] for image in loaded["images"]] == [built["digest"]]
    (project / "arm64" / "tool").write_bytes((project / "amd64" / "tool").read_bytes())
    result = run_whit("build", "-t", "me/wrong", project)
    assert result.stderr.startswith(f"whit: {project}/whit.yaml: linux/arm64: ")
    assert "is for linux/amd64, and the image for linux/arm64" in result.stderr
    assert run_whit("run", "me/wrong").returncode == 125


def _base(path: Path) -> Path:
    """A root file system as distributions have it: /lib is a link, folders have owners, a libc is there."""
    with tarfile.open(path, "w") as tar:

        def put(name: str, kind: bytes, data: bytes = b"", **more: Any) -> None:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.mode = kind, len(data), 0o755
            for key, value in more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))

        for folder in ("usr", "usr/lib", "usr/lib64", "usr/lib/x86_64-linux-gnu", "etc", "bin"):
            put(folder, tarfile.DIRTYPE, mode=0o711 if folder == "etc" else 0o755, gid=5 if folder == "etc" else 0)
        put("lib", tarfile.SYMTYPE, linkname="usr/lib")
        put("lib64", tarfile.SYMTYPE, linkname="usr/lib64")
        put("bin/busybox", tarfile.REGTYPE, BUSYBOX.read_bytes())
        put("etc/passwd", tarfile.REGTYPE, b"root:x:0:0::/:/bin/sh\n")
        put("usr/lib64/ld-linux-x86-64.so.2", tarfile.REGTYPE, Path(LOADER).read_bytes())
        libc = Path("/lib/x86_64-linux-gnu/libc.so.6").read_bytes()
        put("usr/lib/x86_64-linux-gnu/libc.so.6", tarfile.REGTYPE, libc)
    return path


@pytest.mark.peer("gcc")
def test_what_is_added_to_a_base_breaks_nothing_of_it(run_whit: RunWhit, tmp_path: Path, whit_root: Path) -> None:
    changes = ("-c", "ENV FROM=base", "-c", "WORKDIR /etc", "-c", "LABEL a=b")
    done(run_whit, "import", *changes, _base(tmp_path / "base.tar"), "me/base")
    program = build("hello", "c-glibc")
    (tmp_path / "extra").write_text("x\n")
    add = ("--add", f"{tmp_path / 'extra'}:/lib/extra/file", "--add", f"{tmp_path / 'extra'}:/etc/extra")

    packed = json.loads(done(run_whit, "pack", program, "--base", "me/base", "-t", "me/based", *add, "--json"))

    # The libc is the base's, the base's accounts stay, and links lead where they led.
    paths = [file["path"] for file in packed["files"]]
    assert not [path for path in paths if "libc.so" in path or "ld-linux" in path or path == "/etc/passwd"]
    assert "/usr/lib/extra/file" in paths
    assert run_whit("run", "me/based").returncode == 0
    script = "cat /lib/extra/file /etc/extra; stat -c '%a %g' /etc; readlink /lib; echo $FROM; pwd; wc -l </etc/passwd"
    shown = done(run_whit, "run", "--entrypoint", "/bin/busybox", "me/based", "sh", "-c", script)
    assert shown.split() == ["x", "x", "711", "5", "usr/lib", "base", "/etc", "1"]
    [page] = json.loads(done(run_whit, "image", "inspect", "me/based"))
    assert page["Annotations"]["org.opencontainers.image.base.name"] == "me/base"
    [base] = json.loads(done(run_whit, "image", "inspect", "me/base"))
    assert page["RootFS"]["Layers"][:1] == base["RootFS"]["Layers"]
    assert page["Config"]["Labels"] == {"a": "b"}
    again = json.loads(done(run_whit, "pack", program, "--base", "me/base", "-o", tmp_path / "x.tar", *add, "--json"))
    assert again["digest"] == packed["digest"]
    assert verify(Store.open(whit_root)) == ()


@pytest.mark.peer("dockerd")
@pytest.mark.root
def test_docker_runs_what_was_put_on_a_base(run_whit: RunWhit, dockerd: Dockerd, tmp_path: Path, project: Path) -> None:
    dockerd.docker("import", _base(tmp_path / "base.tar"), "me/their-base")
    dockerd.docker("save", "-o", tmp_path / "their-base.tar", "me/their-base")
    done(run_whit, "load", "-i", tmp_path / "their-base.tar")
    (project / "whit.yaml").write_text(
        "from: me/their-base\nbinary: busybox\nfiles: [conf/:/lib/app]\nentrypoint: [/bin/busybox, cat, /usr/lib/app/app.toml]\n"
    )

    done(run_whit, "build", "-t", "me/on-theirs", "-o", tmp_path / "ours.tar", project)
    dockerd.docker("load", "-i", tmp_path / "ours.tar")

    assert dockerd.docker("run", "--rm", "--network", "none", "me/on-theirs").stdout == "a = 1\n"
    assert done(run_whit, "run", "me/on-theirs") == "a = 1\n"


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_layers_are_compressed_as_asked_and_run(run_whit: RunWhit, compression: str, tmp_path: Path) -> None:
    words = ("pack", BUSYBOX, "--compression", compression, "--json", "-t", "me/c")
    first = json.loads(done(run_whit, *words, "-o", f"{tmp_path}/c/", "--", "echo", compression))
    other = json.loads(run_whit(*words, "--", "echo", compression, root=tmp_path / "other").stdout)
    assert first["digest"] == other["digest"]
    assert done(run_whit, "run", "me/c") == f"{compression}\n"
    manifest = json.loads((tmp_path / "c/blobs/sha256" / first["digest"].removeprefix("sha256:")).read_text())
    suffix = {"gzip": "+gzip", "zstd": "+zstd", "none": ".tar"}[compression]
    assert all(layer["mediaType"].endswith(suffix) for layer in manifest["layers"])


def test_the_filter_of_the_program_s_own_calls_is_asked_for_in_the_file(run_whit: RunWhit, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(build("hello", "c-zig").read_bytes())
        (tmp_path / name).chmod(0o755)
    (tmp_path / "whit.yaml").write_text(
        "binaries: [first, second]\nseccomp: ${FILTER}\nvariables: {FILTER: auto:kill}\n"
    )
    told = done(run_whit, "build", "-t", "own", tmp_path)
    (line,) = (line for line in told.splitlines() if line.startswith("seccomp filter: the "))
    annotations = json.loads(done(run_whit, "manifest", "inspect", "own"))["annotations"]
    assert annotations["dev.whit.syscalls.program"] == "/first"
    assert annotations["dev.whit.syscalls.else"] == "kill"
    assert (
        line == f"seccomp filter: the {len(annotations['dev.whit.syscalls'].split())} system calls that its code makes"
    )
    assert done(run_whit, "run", "--network", "none", "own") == done(
        run_whit, "run", "--network", "none", tmp_path / "first"
    )
    # a call that the code doesn't show
    (tmp_path / "more.yaml").write_text("binary: first\nseccomp: auto:kill\nadd_calls: [ptrace, writev]\n")
    assert f"{line}, and 1 more" in done(run_whit, "build", "-t", "more", "-f", tmp_path / "more.yaml", tmp_path)
    (tmp_path / "none.yaml").write_text("binary: first\nadd_calls: ptrace\n")
    refused = run_whit("build", "-t", "none", "-f", tmp_path / "none.yaml", tmp_path)
    assert (refused.returncode, "there is no filter that calls could be added to" in refused.stderr) == (2, True)
    # said again where it is built already, and another image without
    assert line in done(run_whit, "build", "-t", "own", tmp_path)
    assert "seccomp" not in done(run_whit, "build", "-t", "own", "--build-arg", "FILTER=default", tmp_path)


def test_what_is_wrong_is_told_in_one_line_and_nothing_is_named(run_whit: RunWhit, project: Path) -> None:
    wrong = {
        "binary: nothing": "no such file",
        "binary: conf/app.toml": "conf/app.toml: ",
        "binary: busybox\nfrom: me/missing": "me/missing",
        "binary: busybox\nfiles: [nowhere:/x]": "nowhere: no such file",
        "binary: busybox\nfiles: ['conf:/busybox/x']": "/busybox",
        "binary: busybox\nsysroot: /nonexist": "whit.yaml:2:10: sysroot: /nonexist is no folder",
        "binary: [busybox, busybox]": "/busybox: the image has something else there",
        "binary: busybox\nplatforms: [linux/arm64]": "is for linux/amd64, and the image for linux/arm64",
    }
    for text, message in wrong.items():
        (project / "whit.yaml").write_text(text)
        result = run_whit("build", "-t", "me/wrong", project)
        assert result.returncode != 0, text
        said = next(line for line in result.stderr.splitlines() if line.startswith("whit: "))
        assert message in said, (text, result.stderr)
        assert said.startswith(f"whit: {project}/whit.yaml:"), (text, result.stderr)
        assert "Traceback" not in result.stderr
    assert run_whit("build", project / "conf").stderr.startswith(
        f"whit: {project}/conf: there is no whit.yaml, no Dockerfile, and no source that whit can build\nhint: "
    )
    assert done(run_whit, "images", "-q") == ""
