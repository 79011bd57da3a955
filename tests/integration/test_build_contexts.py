"""``--build-context``: folders, images, layouts, repositories and URLs in the place of images and stages (BuildKit's rules)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import Builder, write_context
from tests.peers.web import repository, web_server
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

NO_NETWORK = ("--network", "none")


def context(folder: Path, *lines: str, **files: str) -> Path:
    return write_context(folder, {"Dockerfile": "\n".join(lines), **files})


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return write_context(
        tmp_path / "other", {"a": "other\n", "ignored": "x", ".dockerignore": "ignored\n", "sub/b@755": "b\n"}
    )


def test_a_folder_is_what_copy_mounts_and_from_take(builder: Builder, tmp_path: Path, other: Path) -> None:
    lines = (
        "FROM base", "COPY --from=more . /copied/", "RUN --mount=from=more,target=/m cp -r /m /mounted",
        "RUN --mount=type=cache,from=more,target=/k,id=named cp /k/a /cached",
    )  # fmt: skip
    folder = context(tmp_path / "c", *lines)
    files = builder.files(folder, *NO_NETWORK, "--build-context", f"more={other}")
    assert {name for name in files if name.startswith(("copied/", "mounted/"))} == {
        "copied/a", "copied/sub", "copied/sub/b", "copied/.dockerignore", "mounted/a", "mounted/sub", "mounted/sub/b", "mounted/.dockerignore",
    }  # fmt: skip
    assert files["copied/sub/b"][1:4] == ("0o755", 0, 0)
    assert files["cached"][-1] == b"other\n"
    based = context(tmp_path / "d", "FROM more", "COPY --from=base /etc/passwd /passwd", "ENV X=1")
    files = builder.files(based, "--build-context", f"more={other}", "-t", "based")
    assert {"a", "sub/b", "passwd"} <= set(files)
    image = Store(builder.engine.root).resolve("based")
    assert len(image.config.diff_ids) == sum(not line.empty_layer for line in image.config.history) == 2
    (other / "a").write_text("changed\n")
    assert builder.files(folder, *NO_NETWORK, "--build-context", f"more={other}")["copied/a"][-1] == b"changed\n"


def test_images_and_stages_of_that_name_are_replaced(builder: Builder, tmp_path: Path, other: Path) -> None:
    folder = context(
        tmp_path / "c",
        "FROM nosuch.example/image:1 AS first",
        "RUN false",
        "FROM base AS second",
        "RUN false",
        "FROM scratch",
        "COPY --from=second /a /",
        "COPY --from=first /etc/group /group",
    )
    words: tuple[str, ...] = (
        "--build-context",
        "nosuch.example/image:1=docker-image://base",
        "--build-context",
        f"second={other}",
        "--build-context",
        "first=docker-image://base:latest",
    )
    assert set(builder.files(folder, *NO_NETWORK, *words)) == {"a", "group"}
    trigger = context(tmp_path / "t", "FROM base", "ONBUILD RUN false")
    builder.built(trigger, "-t", "trigger")
    replaced = context(tmp_path / "d", "FROM base AS x", "RUN false", "FROM x", "COPY --from=library/y:latest /a /")
    words = ("--build-context", "x=docker-image://trigger", "--build-context", f"docker.io/library/y={other}")
    assert "a" in builder.files(replaced, *NO_NETWORK, *words)
    empty = context(tmp_path / "e", "FROM thing", "COPY a /", a="a")
    assert set(builder.files(empty, "--build-context", "thing=docker-image://scratch")) == {"a"}


def test_images_of_layouts_are_taken_by_tag_or_digest(builder: Builder, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    made = context(tmp_path / "m", "FROM base", "COPY a /marked", "LABEL from=layout", a="a\n")
    builder.built(made, "-t", "made:1", "-o", f"{layout}/")
    digest = Store(builder.engine.root).resolve("made:1").digest
    builder.engine("rmi", "-f", "made:1")
    folder = context(tmp_path / "c", "FROM fancy", "RUN cat /marked > /seen")
    for place in (f"{layout}:1", f"{layout}@{digest}", f"{layout}"):
        files = builder.files(folder, *NO_NETWORK, "-t", "of-layout", "--build-context", f"fancy=oci-layout://{place}")
        assert files["seen"][-1] == b"a\n"
    assert builder.config("of-layout").labels == (("from", "layout"),)
    refused = builder(folder, "--build-context", f"fancy=oci-layout://{layout}:2@sha256:{'0' * 64}")
    assert "has no image" in refused.stderr


@pytest.mark.peer("git")
def test_repositories_and_urls(builder: Builder, tmp_path: Path) -> None:
    repository(tmp_path, {"a": "of git\n", "docs/b": "b\n"})
    with web_server() as web:
        web.repositories = tmp_path
        web.files["/file.txt"] = (b"of http\n", {})
        folder = context(tmp_path / "c", "FROM scratch", "COPY --from=src /b /b", "COPY --from=file context /f")
        words = (
            "--build-context",
            f"src={web.address}/git/r.git#main:docs",
            "--build-context",
            f"file={web.address}/file.txt",
        )
        files = builder.files(folder, *words)
    assert (files["b"][-1], files["f"][-1]) == (b"b\n", b"of http\n")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("x", "isn't NAME=PLACE"), ("=y", "isn't NAME=PLACE"), ("x=/no/such", "there is no such folder"), ("A B=.", "can be called"),
        ("x=ftp://host/x", "there is no such folder"), ("x=oci-layout:///no/such", "is not an OCI image layout"), ("x=docker-image://A!", "A!"),
    ],
)  # fmt: skip
def test_what_is_no_context_is_refused(builder: Builder, tmp_path: Path, word: str, told: str) -> None:
    done = builder(context(tmp_path, "FROM scratch", "COPY --from=x a /"), "--build-context", word)
    assert done.returncode in (1, 2)
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_one_that_nothing_takes_does_no_harm(builder: Builder, tmp_path: Path, other: Path) -> None:
    folder = context(tmp_path, "FROM scratch", "COPY a /", a="own\n")
    assert builder.files(folder, "--build-context", f"unused={other}")["a"][-1] == b"own\n"
