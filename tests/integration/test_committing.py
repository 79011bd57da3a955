"""``whit diff``, ``export`` and ``commit``: what a container has changed, told, taken out, and made an image."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import Engine
from tests.integration.madeimage import entry, make_image
from whit.packer.image.spec import RunConfig
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

OPTIONS = ("--network", "none", "--cap-add", "DAC_OVERRIDE", "--cap-add", "CHOWN", "--cap-add", "FOWNER")
FILES = {
    entry("base", tarfile.DIRTYPE): b"",
    entry("base/kept"): b"kept\n",
    entry("base/changed"): b"old\n",
    entry("base/gone"): b"gone\n",
    entry("base/tree", tarfile.DIRTYPE): b"",
    entry("base/tree/a"): b"a\n",
    entry("base/tree/b"): b"b\n",
    entry("base/file"): b"file\n",
    entry("base/touched"): b"same\n",
}
SCRIPT = """cd /base; echo new > changed; rm gone; rm -r tree; mkdir tree; echo c > tree/c; rm file; mkdir file; echo d > file/d
    echo x > /added; chown 7:8 /added; chmod 600 /added; ln -s changed link; mkfifo pipe; : >> touched"""
CHANGES = """A /added
C /base
C /base/changed
C /base/file
A /base/file/d
D /base/gone
A /base/link
A /base/pipe
C /base/tree
D /base/tree/a
D /base/tree/b
A /base/tree/c"""
CONFIG = RunConfig(entrypoint=("/bin/busybox",), cmd=("sh",), env=("A=b",), labels=(("from", "image"),))


@pytest.fixture(scope="module")
def engine(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(whit, tmp_path_factory.mktemp("committing") / "root")
    make_image(made.root, "base", FILES, CONFIG)
    made("create", "--name", "box", *OPTIONS, "base", "sh", "-c", f"{SCRIPT}; sleep 1000")
    made("start", "box")
    while "A /base/pipe" not in made("diff", "box"):
        pass
    yield made
    made.clean()


def export(engine: Engine, name: str) -> dict[str, tarfile.TarInfo]:
    done = subprocess.run(
        [str(engine.program), "export", name], env=engine.environment, capture_output=True, check=True, timeout=60
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        return {member.name: member for member in tar.getmembers()}


def test_changes_are_told_in_docker_s_letters_running_or_not(engine: Engine) -> None:
    told = engine("diff", "box").splitlines()
    # A file that was opened to be written and wasn't is copied up, and is as it was.
    assert told == CHANGES.splitlines()


def test_one_that_can_not_write_has_changed_nothing(engine: Engine) -> None:
    engine("create", "--name", "reader", "--read-only", "base", "true")
    assert engine("diff", "reader") == ""
    assert "base/kept" in export(engine, "reader")
    engine("rm", "reader")


def test_an_export_is_the_root_without_what_is_mounted_in_it(engine: Engine, tmp_path: Path) -> None:
    found = export(engine, "box")
    assert {"base/kept", "base/tree/c", "base/file/d", "added", "base/pipe", "proc", "etc/hosts"} <= set(found)
    assert not {"base/gone", "base/tree/a", "base/.wh.gone"} & set(found)
    assert not [name for name in found if name.startswith(("proc/", "sys/", "dev/null"))]
    added = found["added"]
    assert (added.uid, added.gid, added.mode, found["etc/hosts"].size) == (
        7,
        8,
        0o600,
        len("127.0.0.1\tlocalhost\n::1\tlocalhost\n"),
    )
    engine("export", "-o", tmp_path / "root.tar", "box")
    with tarfile.open(tmp_path / "root.tar") as tar:
        assert set(tar.getnames()) == set(found)


def test_a_committed_image_has_the_changes_on_the_very_layers_of_the_image(engine: Engine) -> None:
    image_id = engine("commit", "-m", "why", "-a", "me", "box", "new:1")
    store = Store(engine.root)
    base, new = store.resolve("base"), store.resolve("new:1")
    assert image_id == new.image_id
    assert new.manifest.layers[:-1] == base.manifest.layers
    assert new.config.diff_ids[:-1] == base.config.diff_ids
    assert (new.config.history[-1].comment, new.config.history[-1].author) == ("why", "me")
    assert engine.state()["Status"] == "running", "it goes on"
    script = "cat /base/changed /base/tree/c /base/file/d; ls /base /base/tree; stat -c '%u %g %a' /added"
    told = engine("run", "--rm", "--network", "none", "-u", "0", "new:1", "sh", "-c", script)
    assert told.split() == [
        "new", "c", "d", "/base:", "changed", "file", "kept", "link", "pipe", "touched", "tree", "/base/tree:", "c", "7", "8", "600",
    ]  # fmt: skip


def test_the_same_changes_make_the_same_image(engine: Engine) -> None:
    environment = {**engine.environment, "SOURCE_DATE_EPOCH": "1000000000"}
    command = [str(engine.program), "commit", "box", "same"]
    ids = {subprocess.run(command, env=environment, capture_output=True, check=True).stdout for _ in range(2)}
    assert len(ids) == 1
    layer = Store(engine.root).resolve("same").manifest.layers[-1]
    data = (engine.root / "images" / "blobs" / "sha256" / layer.hex).read_bytes()
    assert hashlib.sha256(data).hexdigest() == layer.hex
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert max(member.mtime for member in tar.getmembers()) == 1_000_000_000
        assert {"base/.wh.gone", "base/tree/.wh..wh..opq", "base/file/.wh..wh..opq"} & set(tar.getnames()) >= {
            "base/.wh.gone"
        }


def test_other_engines_read_it_as_we_do(engine: Engine, tmp_path: Path) -> None:
    """GNU tar unpacks the layer, whose whiteouts are files to it."""
    engine("commit", "box", "layered")
    layer = Store(engine.root).resolve("layered").manifest.layers[-1]
    blob = engine.root / "images" / "blobs" / "sha256" / layer.hex
    subprocess.run(["tar", "-xzf", blob, "-C", tmp_path], check=True)
    assert (tmp_path / "base" / "changed").read_text() == "new\n"
    assert (tmp_path / "base" / ".wh.gone").stat().st_size == 0


def test_how_it_is_run_is_what_was_asked_of_the_container_and_of_commit(engine: Engine) -> None:
    engine("create", "--name", "asked", "-e", "C=d", "-l", "own=1", "-w", "/base", "-u", "5:6", "base", "cat", "kept")
    engine("commit", "asked", "asked")
    run = Store(engine.root).resolve("asked").config.run
    assert (run.entrypoint, run.cmd, run.working_dir, run.user) == (("/bin/busybox",), ("cat", "kept"), "/base", "5:6")
    assert (run.env, run.labels) == (("A=b", "C=d"), (("from", "image"), ("own", "1")))
    assert engine("run", "--rm", "asked") == "kept"
    changes = ("-c", 'CMD ["echo", "changed"]', "-c", "ENV A='two words' E=f", "-c", "USER 0", "-c", "EXPOSE 80 53/udp")
    engine("commit", *changes, "-c", "WORKDIR /x", "-c", "LABEL l=m", "asked", "asked:2")
    run = Store(engine.root).resolve("asked:2").config.run
    assert (run.cmd, run.user, run.working_dir) == (("echo", "changed"), "0", "/x")
    assert run.env == ("A=two words", "C=d", "E=f")
    assert (run.exposed_ports, dict(run.labels)["l"]) == (("53/udp", "80/tcp"), "m")
    engine("rm", "asked")


def test_one_without_a_name_is_found_by_its_id(engine: Engine) -> None:
    image_id = engine("commit", "-c", "LABEL nameless=1", "box")
    assert Store(engine.root).resolve(image_id).reference is None
    assert engine("run", "--rm", "--network", "none", image_id, "cat", "/base/changed") == "new"
    engine("rmi", image_id)


def test_a_container_without_changes_makes_an_image_without_a_layer(engine: Engine) -> None:
    engine("create", "--name", "fresh", "base", "true")
    engine("commit", "fresh", "fresh")
    store = Store(engine.root)
    assert store.resolve("fresh").manifest.layers == store.resolve("base").manifest.layers
    document = json.loads(store.layout.read(store.resolve("fresh").manifest.config))
    assert document["history"][-1]["empty_layer"] is True
    engine("rm", "fresh")
