"""``whit image diff``: two images → what one has that the other hasn't, file by file and setting by setting. Pure.

Of a file everything counts that a container could see of it but its time: kind, mode, owner, content, target, device,
extended attributes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.packer.image.oci import ImageConfig
    from whit.packer.tar.member import Kind


class Change(StrEnum):
    """What became of a path, in ``docker diff``'s letters."""

    ADDED = "A"
    CHANGED = "C"
    DELETED = "D"


@dataclass(frozen=True, slots=True)
class SeenFile:
    """One file as a container sees it. ``digest`` is a regular file's content's; ``layer`` isn't compared."""

    path: str
    kind: Kind
    layer: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    digest: str = ""
    target: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path that isn't the same: both states, and which of their properties differ."""

    change: Change
    path: str
    before: SeenFile | None
    after: SeenFile | None
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that isn't the same, as JSON values would print it; an empty text is none."""

    name: str
    before: str
    after: str


_COMPARED = tuple(field.name for field in fields(SeenFile) if field.name not in ("path", "layer"))


def file_changes(before: Mapping[str, SeenFile], after: Mapping[str, SeenFile]) -> Iterator[FileChange]:
    """What happened to files from one image to the other, by path."""
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old is None:
            yield FileChange(Change.ADDED, path, None, new)
        elif new is None:
            yield FileChange(Change.DELETED, path, old, None)
        elif differs := tuple(name for name in _COMPARED if getattr(old, name) != getattr(new, name)):
            yield FileChange(Change.CHANGED, path, old, new, differs)


def setting_changes(before: ImageConfig, after: ImageConfig) -> Iterator[SettingChange]:
    """What happened to how the image's program is run; lists of names and values one by one."""
    one, other = dict(_settings(before)), dict(_settings(after))
    for name in sorted({*one, *other}):
        if one.get(name, "") != other.get(name, ""):
            yield SettingChange(name, one.get(name, ""), other.get(name, ""))


def _settings(config: ImageConfig) -> Iterator[tuple[str, str]]:
    run = config.run
    yield "platform", str(config.platform)
    yield "entrypoint", " ".join(map(repr, run.entrypoint))
    yield "cmd", " ".join(map(repr, run.cmd))
    yield "user", run.user
    yield "workdir", run.working_dir
    yield "stop signal", run.stop_signal or ""
    yield (
        "health",
        " ".join(map(str, (*run.health.test, run.health.interval, run.health.retries))) if run.health else "",
    )
    for item in run.env:
        name, _, value = item.partition("=")
        yield f"env {name}", value
    for name, value in run.labels:
        yield f"label {name}", value
    for port in run.exposed_ports:
        yield f"port {port}", "exposed"
    for path in run.volumes:
        yield f"volume {path}", "declared"
