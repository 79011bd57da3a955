"""A bundle as an image: what reads images then tells of what is in it, and not of the launcher. Nothing of it is executed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import stat
import tarfile
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from whit.packer.executable.bundled import names_bundle
from whit.packer.image.callsclaim import Calls, annotated
from whit.packer.image.oci import CONFIG, LAYER_TAR, Descriptor, ImageConfig, Manifest
from whit.packer.image.platform import parse_platform
from whit.packer.image.spec import RunConfig
from whit.packer.lint import fetch
from whit.packer.store.layout import Layout
from whit.packer.store.targets import names_file
from whit.runtime.bundle.form import damaged
from whit.runtime.bundle.reading import Reading, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.bundle.form import Entry

_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}


@contextlib.contextmanager
def layout_of(target: str) -> Iterator[Layout | None]:
    """As :func:`whit.packer.lint.fetch.layout_of`, which knows folders and archives; of a bundle it is a temporary one.

    Raises :class:`InvalidFileError` for a bundle that is damaged.
    """
    if not (names_file(target) and names_bundle(target)):
        with fetch.layout_of(target) as layout:
            yield layout
        return
    with opened(target) as bundle, tempfile.TemporaryDirectory(prefix="whit-bundle-") as folder:
        layout = Layout(Path(folder), private=False)
        layout.create()
        _write(bundle, layout)
        yield layout


def _write(bundle: Reading, layout: Layout) -> None:
    hashed = hashlib.sha256()
    with layout.new_blob() as writer:

        class _Both(io.RawIOBase):
            def write(self, data: object) -> int:
                piece = cast("bytes", data)
                hashed.update(piece)
                writer.write(piece)
                return len(piece)

        with tarfile.open(fileobj=cast("IO[bytes]", _Both()), mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for entry in bundle.head.entries:
                _add(bundle, tar, entry)
    layer = Descriptor(LAYER_TAR, writer.digest, writer.size)
    config, annotations = _config(bundle, writer.digest)
    manifest = Manifest(layout.put(config.to_json(), CONFIG), (layer,), annotations=annotations)
    described = layout.put(manifest.to_json(), manifest.media_type)
    layout.edit_index(lambda _: (described,))


def _add(bundle: Reading, tar: tarfile.TarFile, entry: Entry) -> None:
    name = entry.path.decode("utf-8", "surrogateescape")
    info = tarfile.TarInfo(name)
    info.type, info.mode = _TYPES.get(stat.S_IFMT(entry.mode), tarfile.DIRTYPE), stat.S_IMODE(entry.mode)
    info.uid, info.gid, info.mtime = entry.uid, entry.gid, entry.mtime
    content = b""
    if entry.target:
        info.type = tarfile.LNKTYPE if info.type == tarfile.REGTYPE else info.type
        info.linkname = entry.target.decode("utf-8", "surrogateescape")
    elif info.type == tarfile.REGTYPE:
        content = bundle.part(entry.content, f"/{name}")
        info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _config(bundle: Reading, diff_id: str) -> tuple[ImageConfig, tuple[tuple[str, str], ...]]:
    """What the bundle says of itself, as an image's configuration and annotations. Its sum is right, its form need not be."""
    try:
        said = json.loads(bundle.document)
        plan = {item["operation"]: item["arguments"] for item in said["plans"]["root"]}
        words, fixed = tuple(map(str, said["command"])), int(said["entrypoint_words"])
        ids, program = plan["set_ids"], str(plan["exec"]["path"])
        config = RunConfig(
            entrypoint=words[:fixed],
            cmd=words[fixed:],
            env=tuple(map(str, plan["exec"]["environment"])),
            user=f"{int(ids['uid'])}:{int(ids['gid'])}",
            working_dir=str(plan["change_directory"]["path"]),
            exposed_ports=tuple(map(str, said["exposed_ports"])),
        )
        calls = said["calls"]
        annotations = () if calls is None else annotated(program, Calls(frozenset(map(str, calls))))
        platform = parse_platform(str(said["platform"]))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise damaged(bundle.path, "what it says of itself") from None
    return ImageConfig(platform, config, diff_ids=(diff_id,)), annotations
