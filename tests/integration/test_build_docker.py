"""``whit build`` beside docker build's classic builder: the same files, the same configuration."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.builds import base_tar, seen, write_context

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.builds import Builder, Seen
    from tests.peers.dockerd import Dockerd

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("dockerd"),
    pytest.mark.peer("docker"),
    pytest.mark.peer("busybox-static"),
]


def archive() -> bytes:
    """A tar with an owner, a mode, a link."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, kind, mode in (
            ("in", tarfile.DIRTYPE, 0o700),
            ("in/a", tarfile.REGTYPE, 0o640),
            ("in/l", tarfile.SYMTYPE, 0o777),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid = kind, mode, 12, 34
            info.linkname = "a" if kind == tarfile.SYMTYPE else ""
            info.size = 2 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"a\n"))
    return made.getvalue()


FILES: dict[str, str | bytes] = {
    "a": "a\n", "b.sh@755": "#!/bin/sh\necho b\n", "dir/one": "1\n", "dir/two.txt": "2\n", "dir/deep/three": "3\n",
    "dir/link -> one": "", "docs/x.md": "x\n", "docs/y.txt": "y\n", "docs/z.md": "z\n", "in.tar.gz": archive(),
    ".hidden": "h\n", "skipped/s": "s\n", "skipped/but": "b\n", "space name": "s\n",
    ".dockerignore": "skipped\n!skipped/but\n*.bak\n", "x.bak": "no\n",
}  # fmt: skip

BUILDS = {
    "copying": """
        FROM base
        COPY a /
        COPY a /renamed
        COPY a b.sh /into/
        COPY dir /data
        COPY dir/ /new/place/
        COPY docs/*.md /docs/
        COPY ["space name", "/spaces/"]
        COPY dir /lib/through
        COPY a /lib/
        COPY --chown=app a /owned/by-name
        COPY --chown=7:8 dir /owned/dir
        COPY . /all/
        """,
    "adding": """
        FROM base
        ADD in.tar.gz /unpacked/
        ADD a /added
        ADD dir /data/old
        """,
    "running": """
        FROM base
        RUN echo new > /data/file && rm /data/old/gone && mkdir -m 700 /made && chown 5:6 /made
        RUN ["rm", "-r", "/data/old"]
        RUN mkdir /data/old && echo again > /data/old/again && ln /data/file /hard && ln -s file /data/soft
        WORKDIR /w/x
        RUN echo $PWD > where; id -u > who
        USER app
        RUN id -un > /tmp/name; id -gn > /tmp/group; echo $HOME > /tmp/home
        USER 1234:99
        RUN id -u > /tmp/u; id -g > /tmp/g
        """,
    "stages": """
        ARG NAME=base
        FROM $NAME AS build
        ARG WHAT=thing
        WORKDIR /src
        COPY dir .
        RUN echo $WHAT > made && cp -a deep /out
        FROM build AS unneeded
        RUN echo unneeded
        FROM scratch
        COPY --from=build /src/made /m
        COPY --from=0 /out /out/
        COPY --from=base /etc/passwd /etc/
        """,
    "settings": """
        FROM base
        ENV A=b C="d e" PATH=$PATH:/x
        ENV OLD style value
        LABEL one=1 two="2 2"
        EXPOSE 80 53/udp
        VOLUME /v
        USER app:staff
        WORKDIR /a
        WORKDIR b
        STOPSIGNAL SIGINT
        HEALTHCHECK --interval=5s --retries=2 CMD test -f /x
        ENTRYPOINT ["/bin/sh", "-c"]
        CMD ["echo", "$A"]
        SHELL ["/bin/sh", "-ec"]
        ONBUILD RUN echo triggered > /triggered
        """,
}  # fmt: skip


@pytest.fixture(scope="module")
def docker(dockerd: Dockerd, tmp_path_factory: pytest.TempPathFactory) -> Dockerd:
    dockerd.docker("import", base_tar(tmp_path_factory.mktemp("base") / "base.tar"), "base")
    return dockerd


def context(folder: Path, text: str) -> Path:
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    return write_context(folder, {**FILES, "Dockerfile": lines})


def docker_files(docker: Dockerd, name: str) -> Seen:
    made = docker.docker("create", name, "/none").stdout.strip()
    done = subprocess.run([docker.client, "export", made], env=docker.environment, capture_output=True, check=True)
    docker.docker("rm", made)
    return seen(done.stdout)


@pytest.mark.parametrize(
    "name", ["copying", "running", *(pytest.param(name, marks=pytest.mark.slow) for name in ("adding", "stages"))]
)
def test_the_files_are_docker_s(docker: Dockerd, builder: Builder, tmp_path: Path, name: str) -> None:
    folder = context(tmp_path, BUILDS[name])
    docker.docker("build", "--network", "none", "-t", name, folder)
    ours, theirs = builder.files(folder, "--network", "none"), docker_files(docker, name)
    assert sorted(ours) == sorted(theirs)
    differing = {path: (ours[path], theirs[path]) for path in ours if ours[path] != theirs[path]}
    assert differing == {}


@pytest.mark.slow
def test_the_configuration_is_docker_s(docker: Dockerd, builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, BUILDS["settings"])
    docker.docker("build", "-t", "settings", folder)
    builder.built(folder, "-t", "settings")
    ours: dict[str, Any] = json.loads(builder.engine("image", "inspect", "settings"))[0]["Config"]
    theirs: dict[str, Any] = json.loads(docker.docker("image", "inspect", "settings").stdout)[0]["Config"]
    for key in (
        "Env",
        "Cmd",
        "Entrypoint",
        "User",
        "WorkingDir",
        "Labels",
        "ExposedPorts",
        "Volumes",
        "StopSignal",
        "Healthcheck",
    ):
        assert ours.get(key) == theirs.get(key), key
    assert ours["OnBuild"] == theirs["OnBuild"]
