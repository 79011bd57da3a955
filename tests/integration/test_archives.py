"""``load``, ``save``, ``import``, ``history``, ``image diff``: beside docker, podman and skopeo, and with what is broken."""

from __future__ import annotations

import bz2
import functools
import gzip
import hashlib
import json
import lzma
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard

from tests.integration.kept import Engine
from tests.peers.web import web_server
from tests.unit.packer.images import EXIT, GOOD, Members, archive, folder, layer, write_layout
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd

BUSYBOX = Path("/bin/busybox")
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstandard.compress,
    "bz2": functools.partial(bz2.compress, compresslevel=1),
    "xz": functools.partial(lzma.compress, preset=0),
    "tar": bytes,
}


def run(*command: str | Path) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, timeout=120).stdout


def done(run_whit: RunWhit, *words: str | Path) -> str:
    result = run_whit(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def packed(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with me/box:1 and me/box:2: one program, two sets of arguments."""
    made = Engine(whit, tmp_path_factory.mktemp("packed") / "root")
    made("pack", BUSYBOX, "-t", "me/box:1", "--", "echo", "one")
    made("pack", BUSYBOX, "-t", "me/box:2", "--", "echo", "two")
    return made.root


@pytest.fixture
def images(packed: Path, whit_root: Path) -> None:
    """These, in the test's own store."""
    shutil.copytree(packed, whit_root, symlinks=True)


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("form", COMPRESSED)
def test_what_is_saved_is_loaded_as_it_was_however_it_is_compressed(
    run_whit: RunWhit, tmp_path: Path, form: str
) -> None:
    before = json.loads(done(run_whit, "images", "--json"))
    done(run_whit, "save", "-o", tmp_path / "box.tar", "me/box")
    packed = tmp_path / f"box.{form}"
    packed.write_bytes(COMPRESSED[form]((tmp_path / "box.tar").read_bytes()))
    done(run_whit, "rmi", "me/box:1", "me/box:2")

    said = done(run_whit, "load", "-i", packed)

    assert sorted(said.splitlines()) == ["Loaded image: me/box:1", "Loaded image: me/box:2"]
    assert json.loads(done(run_whit, "images", "--json"))["images"].sort(key=str) == before["images"].sort(key=str)
    assert done(run_whit, "run", "me/box:2") == "two\n"
    done(run_whit, "save", "-o", tmp_path / "again.tar", "me/box:1", "me/box:2")
    assert (tmp_path / "again.tar").read_bytes() == (tmp_path / "box.tar").read_bytes()


@pytest.mark.usefixtures("images")
@pytest.mark.peer("dockerd")
@pytest.mark.root
def test_docker_and_whit_load_what_the_other_saves(run_whit: RunWhit, dockerd: Dockerd, tmp_path: Path) -> None:
    done(run_whit, "save", "-o", tmp_path / "ours.tar", "me/box:1", "me/box:2")
    assert set(dockerd.docker("load", "-i", tmp_path / "ours.tar").stdout.splitlines()) == {
        "Loaded image: me/box:1",
        "Loaded image: me/box:2",
    }
    dockerd.docker("save", "-o", tmp_path / "theirs.tar", "me/box:1", "me/box:2")
    ids = {row["name"]: row["id"] for row in json.loads(done(run_whit, "images", "--json"))["images"]}
    done(run_whit, "rmi", "me/box:1", "me/box:2")

    loaded = json.loads(done(run_whit, "load", "--json", "-i", tmp_path / "theirs.tar"))

    assert {name: image["id"] for image in loaded["images"] for name in image["names"]} == ids
    assert done(run_whit, "run", "me/box:1") == "one\n"


@pytest.mark.usefixtures("images")
@pytest.mark.peer("podman")
@pytest.mark.root
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_whit_loads_what_podman_saves(run_whit: RunWhit, tmp_path: Path, form: str) -> None:
    done(run_whit, "save", "-o", tmp_path / "ours.tar", "me/box:1")
    with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as short:
        podman = ("podman", "--root", f"{short}/p", "--runroot", f"{short}/r", "--storage-driver", "vfs")
        run(*podman, "load", "-i", tmp_path / "ours.tar")
        run(*podman, "tag", "me/box:1", "example.org/team/box:3")
        run(*podman, "save", "--format", form, "-o", tmp_path / "theirs.tar", "example.org/team/box:3")

    assert done(run_whit, "load", "-i", tmp_path / "theirs.tar") == "Loaded image: example.org/team/box:3\n"
    assert done(run_whit, "run", "example.org/team/box:3") == "one\n"


@pytest.mark.usefixtures("images")
@pytest.mark.peer("skopeo")
def test_zstd_layers_that_skopeo_writes_are_run(run_whit: RunWhit, tmp_path: Path) -> None:
    done(run_whit, "save", "-o", tmp_path / "ours.tar", "me/box:1")
    zstd = ("--dest-compress-format", "zstd", "--dest-compress", "--dest-force-compress-format")
    source, target = f"oci-archive:{tmp_path}/ours.tar", f"oci-archive:{tmp_path}/zstd.tar:me/box:zstd"
    try:
        run("skopeo", "--insecure-policy", "copy", *zstd, source, target)
    except subprocess.CalledProcessError:  # skopeo before 1.12 compresses only what isn't compressed
        run("skopeo", "--insecure-policy", "copy", source, f"dir:{tmp_path}/dir", "--dest-decompress")
        run("skopeo", "--insecure-policy", "copy", *zstd[:2], f"dir:{tmp_path}/dir", target)
    with tarfile.open(tmp_path / "zstd.tar") as tar:
        texts = [tar.extractfile(item).read() for item in tar.getmembers() if item.isfile()]  # type: ignore[union-attr]
    assert any(b"layer.v1.tar+zstd" in text for text in texts)

    assert done(run_whit, "load", "-i", tmp_path / "zstd.tar") == "Loaded image: me/box:zstd\n"
    assert done(run_whit, "run", "me/box:zstd") == "one\n"


@pytest.mark.peer("skopeo")
@pytest.mark.parametrize("name", ["v2", "me/box", "me/box:1", "UPPER"])
def test_an_oci_archive_s_name_is_skopeo_s_both_ways(run_whit: RunWhit, tmp_path: Path, name: str) -> None:
    done(run_whit, "pack", BUSYBOX, "-o", f"{tmp_path}/box/", "-t", "box:1")
    ours, theirs = f"oci-archive:{tmp_path}/ours.tar:{name}", f"oci-archive:{tmp_path}/theirs.tar:{name}"
    layout = f"oci:{tmp_path}/box:box:1"

    done(run_whit, "copy", layout, ours)
    run("skopeo", "--insecure-policy", "copy", layout, theirs)

    digest = done(run_whit, "copy", "-q", theirs, f"oci:{tmp_path}/back:x")
    assert digest == done(run_whit, "copy", "-q", ours, f"oci:{tmp_path}/back:y")
    assert run("skopeo", "inspect", "--raw", ours) == run("skopeo", "inspect", "--raw", theirs)


@pytest.mark.root
def test_a_store_on_a_read_only_file_system_is_saved_and_copied_from(
    run_whit: RunWhit, whit: Path, whit_root: Path, tmp_path: Path
) -> None:
    done(run_whit, "pack", BUSYBOX, "-t", "box:1")
    mounted = f"mount --bind {whit_root} {whit_root} && mount -o remount,bind,ro {whit_root}"
    for words in (f"save -o {tmp_path}/box.tar box:1", f"copy store:box:1 oci:{tmp_path}/box:1"):
        run("unshare", "-m", "sh", "-ec", f"{mounted}; export WHIT_ROOT={whit_root}; {whit} {words}")
    assert done(run_whit, "load", "-q", "-i", tmp_path / "box.tar") == "Loaded image: box:1\n"


def _docker_form(content: bytes) -> Members:
    """docker's old form, of one plain layer."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    config = {"os": "linux", "architecture": "amd64", "config": GOOD, "rootfs": {"diff_ids": [digest]}}
    manifest = [{"Config": "c.json", "RepoTags": ["me/old:1"], "Layers": ["1/layer.tar"]}]
    return {
        "1/layer.tar": content,
        "c.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }


def _named(members: Members, names: list[str]) -> Members:
    """docker's form with other names."""
    manifest = json.loads(str(members["manifest.json"], "utf-8"))  # type: ignore[arg-type]
    return {**members, "manifest.json": json.dumps([{**manifest[0], "RepoTags": names}]).encode()}


def _artifact(path: Path) -> Path:
    """A layout with what is no image."""
    layout = write_layout(path, [{"x": b"x"}], GOOD)
    [entry] = json.loads((layout / "index.json").read_text())["manifests"]
    blob = layout / "blobs/sha256" / entry["digest"].removeprefix("sha256:")
    data = blob.read_bytes().replace(b"application/vnd.oci.image.config.v1+json", b"application/vnd.example.config.v1")
    digest = hashlib.sha256(data).hexdigest()
    blob.with_name(digest).write_bytes(data)
    entry |= {"digest": f"sha256:{digest}", "size": len(data)}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return layout


def test_a_plain_layer_of_dockers_form_is_compressed_the_same_way_each_time(run_whit: RunWhit, tmp_path: Path) -> None:
    (tmp_path / "old.tar").write_bytes(layer(_docker_form(layer({"exit": (EXIT, 0o555)}))))

    digests = {
        json.loads(run_whit("load", "--json", "-i", tmp_path / "old.tar", root=tmp_path / name).stdout)["images"][0][
            "digest"
        ]
        for name in ("one", "other")
    }

    assert len(digests) == 1
    assert verify(Store.open(tmp_path / "one")) == ()


def test_what_is_broken_is_told_in_one_line_and_changes_nothing(
    run_whit: RunWhit, tmp_path: Path, whit_root: Path
) -> None:
    layout = write_layout(tmp_path / "layout", [{"exit": (EXIT, 0o555)}], GOOD)
    good = archive(layout, tmp_path / "good.tar").read_bytes()
    at = good.index(b"ustar") + 4096
    old = _docker_form(layer({"exit": EXIT}))
    broken = {
        "cut": good[:at],
        "damaged": good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :],
        "garbage": b"no archive at all" * 100,
        "empty": b"",
        "lacking": layer({name: old[name] for name in ("c.json", "manifest.json")}),
        "lying": layer({**old, "1/layer.tar": layer({"other": b"x"})}),
        "no-image": layer({"etc": folder(), "etc/passwd": b"x"}),
        "many-names": layer(_named(old, [f"me/many:{number}" for number in range(1001)])),
        "large-index": layer({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": b" " * (5 << 20)}),
        "wrong-index": layer({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": b"[]"}),
        "empty-index": layer({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": b'{"manifests":[]}'}),
        "artifact": archive(_artifact(tmp_path / "artifact-layout"), tmp_path / "a.tar").read_bytes(),
    }
    for name, data in broken.items():
        path = tmp_path / name
        path.write_bytes(data)
        result = run_whit("load", "-i", path)
        assert result.returncode != 0, name
        assert result.stderr.startswith("whit: "), (name, result.stderr)
        assert "Traceback" not in result.stderr
        assert ".tmp-" not in result.stderr
        assert name in result.stderr.splitlines()[0], (name, result.stderr)
    assert not Store.open(whit_root).entries()
    assert [path.name for path in (whit_root / "images").iterdir() if path.name.startswith(".")] == []


def test_a_tar_becomes_an_image_of_one_layer(run_whit: RunWhit, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "text").write_text("from a tar\n")
    (root / "busybox").write_bytes(BUSYBOX.read_bytes())
    (root / "busybox").chmod(0o755)
    with tarfile.open(tmp_path / "root.tar.gz", "w:gz") as tar:
        tar.add(root, ".")
    change = 'ENTRYPOINT ["/busybox", "cat", "/text"]'

    image_id = done(run_whit, "import", "-c", change, "-m", "by hand", tmp_path / "root.tar.gz", "me/tar").strip()

    assert done(run_whit, "run", "me/tar") == "from a tar\n"
    [step] = json.loads(done(run_whit, "history", "--json", "me/tar"))["steps"]
    assert (step["created_by"], step["comment"]) == ("whit import root.tar.gz", "by hand")
    assert done(run_whit, "history", "-q", "--no-trunc", "me/tar") == f"{image_id}\n"
    result = run_whit("import", tmp_path / "root" / "text")
    assert (result.returncode, result.stderr.startswith("whit: text: the archive ")) == (1, True)


@pytest.mark.usefixtures("images")
def test_images_that_differ_are_told_apart(run_whit: RunWhit, tmp_path: Path) -> None:
    assert done(run_whit, "image", "diff", "me/box:1", "me/box:1") == ""
    result = run_whit("image", "diff", "me/box:1", "me/box:2")
    assert (result.returncode, result.stdout) == (
        1,
        "C [entrypoint] '/busybox' 'echo' 'one' → '/busybox' 'echo' 'two'\n",
    )
    first: Members = {"a": b"1", "b": (b"2", 0o600), "etc": folder(), "etc/c": b"3", "d": b"4"}
    second: Members = {"a": b"one", "b": (b"2", 0o644), "e": b"5", "etc": folder(), ".wh.d": b""}
    write_layout(tmp_path / "one", [first], {"Env": ["A=1"]})
    write_layout(tmp_path / "two", [first, second], {"Env": ["A=2"], "User": "1"})

    result = run_whit("image", "diff", tmp_path / "one", tmp_path / "two")

    assert result.stdout.splitlines() == [
        "C [env A] 1 → 2",
        "A [user] 1",
        "C /a  1B → 3B",
        "C /b  mode 0600 → 0644",
        "D /d  1B",
        "A /e  1B",
    ]
    assert result.returncode == 1
    document = json.loads(run_whit("image", "diff", "--json", tmp_path / "one", tmp_path / "two").stdout)
    assert document["files"][0]["differs"] == ["size", "digest"]


@pytest.mark.usefixtures("images")
@pytest.mark.peer("dockerd")
@pytest.mark.root
def test_history_has_dockers_columns(run_whit: RunWhit, dockerd: Dockerd, tmp_path: Path) -> None:
    done(run_whit, "save", "-o", tmp_path / "ours.tar", "me/box:1")
    dockerd.docker("load", "-i", tmp_path / "ours.tar")
    ours = done(run_whit, "history", "me/box:1").splitlines()
    theirs = dockerd.docker("history", "me/box:1").stdout.splitlines()

    assert ours[0].split() == theirs[0].split()
    assert [line.split()[0] for line in ours] == [line.split()[0] for line in theirs]
    for form in ("{{.ID}} {{.CreatedBy}}", "{{.Comment}}"):
        assert (
            done(run_whit, "history", "--format", form, "me/box:1")
            == dockerd.docker("history", "--format", form, "me/box:1").stdout
        )


def test_an_archive_is_not_read_from_a_terminal_or_written_to_one(whit: Path, tmp_path: Path) -> None:
    for words in (("load",), ("save", "x"), ("import", "-")):
        script = f"WHIT_ROOT={tmp_path}/root {whit} {' '.join(words)}"
        result = subprocess.run(
            ["script", "-qec", script, "/dev/null"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert "a terminal" in result.stdout, (words, result.stdout)
        assert result.returncode == 2, (words, os.fsencode(result.stdout))


@pytest.mark.usefixtures("images")
def test_a_tar_is_imported_from_a_url_as_from_a_file(run_whit: RunWhit, tmp_path: Path) -> None:
    tar = gzip.compress(layer({"exit": (EXIT, 0o755)}), mtime=0)
    (tmp_path / "root.tar.gz").write_bytes(tar)
    with web_server() as web:
        web.files["/of/root.tar.gz"] = (tar, {})
        done(run_whit, "import", f"{web.address}/of/root.tar.gz", "by/url")
        done(run_whit, "import", tmp_path / "root.tar.gz", "by/file")
        rows = {row["name"]: row["digest"] for row in json.loads(done(run_whit, "images", "--json"))["images"]}
        assert {"by/url:latest", "by/file:latest"} <= set(rows)
        assert f"{web.address}/of" in done(run_whit, "history", "--no-trunc", "by/url")
        assert run_whit("run", "by/url", "/exit").returncode == run_whit("run", "by/file", "/exit").returncode

        missing = run_whit("import", f"{web.address}/of/none.tar", "x")
        assert (missing.returncode, missing.stdout) == (1, "")
        assert "the server answers 404" in missing.stderr
        web.files["/text"] = (b"no tar" * 200, {})
        refused = run_whit("import", f"{web.address}/text", "x")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"whit: {web.address}/text")


@pytest.mark.usefixtures("images")
@pytest.mark.peer("dockerd", "podman")
@pytest.mark.root
def test_docker_and_podman_pass_over_what_is_attached_to_an_image_in_an_archive(
    run_whit: RunWhit, dockerd: Dockerd, tmp_path: Path
) -> None:
    done(run_whit, "sbom", "--attach", "-o", tmp_path / "x.json", "me/box:1")
    done(run_whit, "save", "--with-referrers", "-o", tmp_path / "ours.tar", "me/box:1")
    assert "Loaded image: me/box:1" in dockerd.docker("load", "-i", tmp_path / "ours.tar").stdout
    with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as short:
        podman = ("podman", "--root", f"{short}/p", "--runroot", f"{short}/r", "--storage-driver", "vfs")
        assert "me/box:1" in run(*podman, "load", "-i", tmp_path / "ours.tar")
