"""Where lint finds images: layouts and archives, by whomever they were written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.packer.images import (
    EXIT,
    GOOD,
    Members,
    archive,
    folder,
    ids,
    image_at,
    layer,
    link,
    write_layout,
)
from tests.unit.packer.test_lint_traces import pem
from whit.packer.lint import fetch, lint_image
from whit.packer.store.layout import Layout
from whit.packer.store.store import read_image
from whit.packer.support.errors import InvalidFileError, UnsupportedError, UsageError, WhitError

if TYPE_CHECKING:
    from pathlib import Path


def test_an_archive_is_read_as_its_layout_is(tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout", [{"exit": (EXIT, 0o555)}], {"Entrypoint": ["/exit"]})
    tar = archive(layout, tmp_path / "image.tar")
    assert fetch.is_archive(tar)
    with fetch.layout_of(str(tar)) as found:
        assert found is not None
        assert read_image(found, fetch.only_image(found, "x")).config.run.entrypoint == ("/exit",)
    with (
        pytest.raises(UnsupportedError, match="not of an image"),
        fetch.layout_of(str(archive(layout, tmp_path / "old.tar", without="index.json"))),
    ):
        pass


@pytest.mark.peer("skopeo")
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_archives_that_others_write(tmp_path: Path, form: str) -> None:
    layers: list[Members] = [{"exit": (EXIT, 0o555)}, {"etc": folder(), "etc/key": pem("PRIVATE KEY")}]
    layout = write_layout(tmp_path / "layout", layers, GOOD)
    target = tmp_path / "image.tar"
    subprocess.run(["skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{layout}", f"{form}:{target}"], check=True)
    with fetch.layout_of(str(target)) as found:
        assert found is not None
        image = fetch.image_of("x", read_image(found, fetch.only_image(found, "x")), found)
    assert ids(list(lint_image(image, {"ignores-sigterm", "not-pie"}))) == ["private-key"]
    assert image.main is not None


def test_dockers_old_archives_name_a_layer_twice_by_links(tmp_path: Path) -> None:
    tar = tmp_path / "old.tar"
    content = layer({"exit": (EXIT, 0o555)})
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    config = {"os": "linux", "architecture": "amd64", "config": GOOD, "rootfs": {"diff_ids": [digest, digest]}}
    manifest = [{"Config": "abc.json", "RepoTags": ["x:1"], "Layers": ["1/layer.tar", "2/layer.tar"]}]
    members: Members = {
        "1/layer.tar": content,
        "2/layer.tar": link("../1/layer.tar"),
        "abc.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    tar.write_bytes(layer(members))
    with fetch.layout_of(str(tar)) as found:
        assert found is not None
        image = fetch.image_of("x", read_image(found, fetch.only_image(found, "x")), found)
    assert list(image.files) == ["/exit"]
    for broken in ({**members, "2/layer.tar": link("2/layer.tar")}, {**members, "manifest.json": b"[{}]"}):
        tar.write_bytes(layer(broken))
        with pytest.raises(InvalidFileError), fetch.layout_of(str(tar)):
            pass
    tar.write_bytes(
        layer(
            {**members, "manifest.json": json.dumps([manifest[0], {**manifest[0], "Layers": ["1/layer.tar"]}]).encode()}
        )
    )
    with fetch.layout_of(str(tar)) as found, pytest.raises(UsageError, match="2 images"):
        fetch.only_image(found or Layout(tmp_path), "x")


def test_an_archive_leads_nowhere_outside(tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout", [{"exit": EXIT}], GOOD)
    tar = archive(layout, tmp_path / "image.tar")
    with tarfile.open(tar, "a") as more:
        for name in ("../outside", "/outside", "blobs/sha256/../../outside", "blobs/sha256/" + "../" * 21 + "x"):
            info = tarfile.TarInfo(name)
            more.addfile(info)
    with fetch.layout_of(str(tar)) as found:
        assert found is not None
        written = {path.name for path in found.folder.rglob("*") if path.is_file()}
    assert "outside" not in written
    assert not (tmp_path / "outside").exists()


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidFileError, match="not an OCI image layout"), fetch.layout_of(str(tmp_path / "empty")):
        pass
    layout = write_layout(tmp_path / "two", [{"exit": EXIT}], GOOD)
    index = layout / "index.json"
    index.write_text(
        index.read_text().replace(
            '"manifests": [', '"manifests": [{"mediaType": "a/b", "digest": "sha256:' + "0" * 64 + '", "size": 1}, '
        )
    )
    with pytest.raises(UsageError, match="2 images"):
        fetch.only_image(Layout(layout), "two")
    with pytest.raises(InvalidFileError, match="leads out"):
        image_at(tmp_path / "hostile", {"../x": b""})


def whole_image(target: Path) -> None:
    """Everything that lint does with an image's archive."""
    with fetch.layout_of(str(target)) as found:
        if found is not None:
            fetch.image_of("x", read_image(found, fetch.only_image(found, "x")), found)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """A folder to write to; an OCI archive, and docker's old form, of an image of a few small files."""
    place = tmp_path_factory.mktemp("archives")
    members: Members = {"run": (b"#!/bin/sh\n", 0o755), "etc": folder(), "etc/passwd": b"a:x:1:1::/:\n"}
    layout = write_layout(place / "layout", [members, {".wh.etc": b""}], {"Entrypoint": ["/run"], "User": "a"})
    content = layer(members)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    config = {"os": "linux", "architecture": "amd64", "config": {"Cmd": ["/run"]}, "rootfs": {"diff_ids": [digest]}}
    old: Members = {
        "a/layer.tar": content,
        "c.json": json.dumps(config).encode(),
        "manifest.json": json.dumps([{"Config": "c.json", "Layers": ["a/layer.tar"]}]).encode(),
    }
    return place, [archive(layout, place / "oci.tar").read_bytes(), layer(old)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 1), st.lists(st.tuples(st.integers(0), st.binary(min_size=1, max_size=6)), max_size=5), st.booleans()
)
def test_damaged_archives_are_read_or_refused(
    archives: tuple[Path, list[bytes]], form: int, changes: list[tuple[int, bytes]], summed: bool
) -> None:
    place, forms = archives
    data = bytearray(forms[form])
    for at, value in changes:
        start = at % len(data)
        data[start : start + len(value)] = value
    if summed:
        for header in range(0, len(data) - 512, 512):
            if data[header + 257 : header + 262] == b"ustar":
                data[header + 148 : header + 156] = b" " * 8
                data[header + 148 : header + 156] = b"%06o\0 " % sum(data[header : header + 512])
    target = place / "damaged.tar"
    target.write_bytes(data)
    with contextlib.suppress(WhitError):
        whole_image(target)


def test_archives_that_are_not_damaged_are_read(archives: tuple[Path, list[bytes]]) -> None:
    place, forms = archives
    for data in forms:
        (place / "whole.tar").write_bytes(data)
        whole_image(place / "whole.tar")
