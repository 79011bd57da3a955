from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from whit.packer.archives.archive import name_in, output_layout, write_archive
from whit.packer.image.assemble import write_image
from whit.packer.image.platform import Platform
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import Entry, EntryKind, ImageSpec, Inline, LayerSpec, RunConfig
from whit.packer.store.garbage import collect, verify
from whit.packer.store.rootfs import MountPoint, lock_path, prepare_rootfs
from whit.packer.store.store import Store, StoredImage
from whit.packer.support import durable
from whit.packer.support.errors import NotFoundError, StoreError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "root")


def add(store: Store, *names: str, data: bytes = b"data") -> StoredImage:
    entry = Entry("/file", EntryKind.FILE, 0o644, "test", content=Inline(data))
    spec = ImageSpec(Platform("linux", "amd64"), (LayerSpec("test", (entry,)),), RunConfig(entrypoint=("/file",)))
    with store.adding() as layout:
        manifest, _ = write_image(layout, spec)
        descriptor = layout.put(manifest.to_json(), manifest.media_type)
        store.add(descriptor, tuple(map(parse_reference, names)))
    return store.image(descriptor)


def identity(path: Path) -> tuple[int, int, int]:
    state = path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns


def test_an_image_is_found_by_name_digest_and_the_beginning_of_its_id(store: Store) -> None:
    image = add(store, "me/a:1")
    for text in (
        "me/a:1",
        "docker.io/me/a:1",
        f"me/a@{image.digest}",
        image.digest,
        image.image_id,
        image.image_id[7:19],
    ):
        assert store.resolve(text).digest == image.digest
    assert store.resolve("me/a:1").reference == parse_reference("me/a:1")


@pytest.mark.parametrize(
    ("text", "hint"),
    [("me/serve:1", "me/server:1"), ("me/server:3", "me/server:1"), ("x", "whit images"), ("cat:1", "whit images")],
)
def test_an_image_that_is_not_there_is_answered_with_the_nearest_names(store: Store, text: str, hint: str) -> None:
    add(store, "me/server:1")
    add(store, "at/x:1")
    with pytest.raises(NotFoundError) as raised:
        store.resolve(text)
    assert hint in (raised.value.hint or "")


def test_a_program_by_that_name_is_told_by_its_path(store: Store) -> None:
    with pytest.raises(NotFoundError) as raised:
        store.resolve("sh")
    assert raised.value.hint == f"for this machine's program give its path: {shutil.which('sh')}"


def test_an_empty_store_is_one_too(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no image a"):
        store.resolve("a")
    assert store.list() == ()
    assert not store.root.exists()


def test_what_can_be_no_name_is_a_usage_error(store: Store) -> None:
    with pytest.raises(UsageError):
        store.resolve("No")


def test_a_name_moves_to_what_was_added_last_and_the_old_image_goes(store: Store) -> None:
    old, new = add(store, "a", data=b"1"), add(store, "a", data=b"2")
    assert store.resolve("a").digest == new.digest
    assert collect(store)
    assert not store.layout.has(old.descriptor)
    assert verify(store) == ()


def test_the_index_is_replaced_when_something_changes_and_only_then(store: Store) -> None:
    add(store, "a")
    before = identity(store.index_path)
    add(store, "a")
    assert identity(store.index_path) == before
    store.tag("a", parse_reference("b"))
    assert identity(store.index_path) != before


def test_removing_a_name_keeps_the_image_while_another_name_has_it(store: Store) -> None:
    image = add(store, "a", "b")
    first = store.remove("a")
    assert (first.untagged, first.deleted) == (("a:latest",), ())
    assert store.resolve("b").digest == image.digest
    last = store.remove("b")
    assert last.deleted == (image.image_id,)
    assert collect(store)
    assert list(store.layout.blob_folder.iterdir()) == []


def test_removing_an_image_of_several_names_by_id_needs_force(store: Store) -> None:
    image = add(store, "a", "b")
    with pytest.raises(UsageError, match="several names"):
        store.remove(image.image_id[7:])
    assert store.remove(image.image_id[7:], force=True).deleted == (image.image_id,)


def test_nothing_is_collected_while_somebody_adds(store: Store) -> None:
    add(store, "a")
    with store.adding() as layout:
        blob = layout.put(b"new", "text/plain")
        assert not collect(store)
        assert layout.has(blob)
    assert collect(store)
    assert not store.layout.has(blob)


def test_what_killed_processes_left_is_swept(store: Store) -> None:
    add(store, "a")
    left = [folder / f"{durable.TEMPORARY}x" for folder in (store.layout.folder, store.layout.blob_folder)]
    for path in left:
        path.write_bytes(b"half")
    (store.rootfs_folder / f"{durable.TEMPORARY}y" / "d").mkdir(parents=True)
    assert collect(store)
    assert not any(path.exists() for path in left)
    assert list(store.rootfs_folder.iterdir()) == []


def test_damage_is_told_of_and_healed_by_packing_again(store: Store) -> None:
    image = add(store, "a")
    layer = store.layout.blob_path(image.manifest.layers[0].digest)
    layer.write_bytes(bytes(layer.stat().st_size))
    assert "damaged" in verify(store)[0]
    with pytest.raises(StoreError, match="damaged"):
        prepare_rootfs(store, image, ())
    assert [path.name for path in store.rootfs_folder.iterdir() if path.is_dir()] == []
    add(store, "a")
    assert verify(store) == ()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"manifests":[{}]}'])
def test_a_damaged_index_is_one_clear_line(store: Store, damage: bytes) -> None:
    add(store, "a")
    store.index_path.write_bytes(damage)
    with pytest.raises(StoreError) as raised:
        store.resolve("a")
    assert str(store.index_path) in raised.value.message
    assert "\n" not in raised.value.message
    assert store.index_path.read_bytes() == damage


def test_only_the_owner_can_read_the_store_whatever_the_umask(store: Store) -> None:
    old = os.umask(0)
    try:
        add(store, "a")
    finally:
        os.umask(old)
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (store.root, *store.root.rglob("*"))} == {0}


def test_a_store_that_others_can_write_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "open"
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(StoreError, match="other users"):
        Store.open(root)


def test_an_image_is_unpacked_once_with_the_places_to_mount_over(store: Store) -> None:
    image = add(store, "a")
    points = (MountPoint("/proc"), MountPoint("/etc/hosts", is_directory=False, content=b"127.0.0.1 localhost\n"))
    rootfs = prepare_rootfs(store, image, points)
    assert (rootfs / "file").read_bytes() == b"data"
    assert (rootfs / "proc").is_dir()
    assert (rootfs / "etc/hosts").read_bytes() == b"127.0.0.1 localhost\n"
    assert lock_path(rootfs).exists()
    before = rootfs.stat().st_ino
    assert prepare_rootfs(store, image, points).stat().st_ino == before
    assert prepare_rootfs(store, image, ()) != rootfs


def test_an_unpacked_image_stays_while_a_container_uses_it(store: Store) -> None:
    rootfs = prepare_rootfs(store, add(store, "a"), ())
    store.remove("a")
    with durable.locked(lock_path(rootfs), exclusive=False):
        assert collect(store)
        assert rootfs.is_dir()
    assert collect(store)
    assert not rootfs.exists()


def test_a_folder_with_other_things_in_it_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(StoreError, match="not an image layout"), output_layout(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_new_layout_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    with pytest.raises(StopError), output_layout(tmp_path / "out") as layout:  # noqa: PT012
        layout.put(b"x", "text/plain")
        raise StopError
    assert list(tmp_path.iterdir()) == []


def test_equal_images_make_equal_archives(store: Store, tmp_path: Path) -> None:
    image = add(store, "a")
    for name in ("1.tar", "2.tar"):
        write_archive(store.layout, image.descriptor, (parse_reference("a"),), tmp_path / name)
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_names_in_a_layout_that_others_made_keep_what_whit_does_not_know(store: Store, tmp_path: Path) -> None:
    image = add(store, "a")
    with output_layout(tmp_path / "out") as layout:
        name_in(layout, image.descriptor, (parse_reference("a"),))
    index = tmp_path / "out" / "index.json"
    index.write_bytes(index.read_bytes().replace(b'"manifests":[{', b'"other":1,"manifests":[{"urls":["x"],'))
    with output_layout(tmp_path / "out") as layout:
        name_in(layout, image.descriptor, (parse_reference("b"),))
    assert b'"other":1' in index.read_bytes()
    assert b'"urls":["x"]' in index.read_bytes()


def test_an_index_that_could_not_be_read_again_is_not_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    image = add(store, "a:1")
    before = store.index_path.read_bytes()
    monkeypatch.setattr("whit.packer.store.layout.MAX_DOCUMENT", len(before) + 100)

    with store.adding(), pytest.raises(StoreError, match="can't hold 3 names"):
        store.add(image.descriptor, (parse_reference("b:1"), parse_reference("c:1")))

    assert store.index_path.read_bytes() == before


def test_nothing_is_collected_while_the_index_is_gone(store: Store, tmp_path: Path) -> None:
    add(store, "a:1")
    away = store.index_path.rename(tmp_path / "away")

    collect(store)

    away.rename(store.index_path)
    assert verify(store) == ()


def test_no_image_is_named_as_a_digest(store: Store) -> None:
    image = add(store, "a:1")
    with store.adding(), pytest.raises(UsageError, match="taken for a digest"):
        store.add(image.descriptor, (parse_reference("sha256:abc"),))
