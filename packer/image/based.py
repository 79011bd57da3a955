"""An image that starts from another one: what whit adds goes on top of the base's files, and nothing of it breaks them. Pure.

A base has folders with owners and modes of their own, and links in the place of folders (``/lib`` → ``usr/lib``). So what is
added stands where the base's links lead, folders that are there stay as they are, and a file that a program needs isn't
brought where the base has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.image.spec import LIBRARIES_LAYER, NEEDS_LAYER, PARENT_REASON, Entry, EntryKind, LayerSpec
from whit.packer.support.errors import UsageError
from whit.packer.support.imagepath import parents
from whit.packer.support.light import replace
from whit.packer.tar.member import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.image.comparing import SeenFile
    from whit.packer.image.oci import ImageConfig
    from whit.packer.image.spec import ImageSpec, PackOptions, RunConfig

BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class Base:
    """The image below: its name as it was asked for, its manifest's digest, its configuration and its files by path."""

    name: str
    digest: str
    config: ImageConfig
    files: Mapping[str, SeenFile]


def on_base(spec: ImageSpec, base: Base, options: PackOptions) -> ImageSpec:
    """The image with the base below. Raises :class:`UsageError` where platforms or files don't go together."""
    if not base.config.platform.is_for(spec.platform):
        raise UsageError(
            f"{base.name} is for {base.config.platform}, and the program for {spec.platform}",
            hint="take a base for the program's platform",
        )
    layers = []
    for layer in spec.layers:
        optional = layer.created_by in (NEEDS_LAYER, LIBRARIES_LAYER)
        entries = _placed(layer.entries, base.files, optional=optional)
        if entries:
            layers.append(LayerSpec(layer.created_by, entries))
    annotations = {**dict(spec.annotations), BASE_NAME: base.name, BASE_DIGEST: base.digest}
    return replace(
        spec,
        layers=tuple(layers),
        config=_merged(base.config.run, spec.config, options),
        annotations=tuple(sorted(annotations.items())),
    )


def _placed(entries: tuple[Entry, ...], files: Mapping[str, SeenFile], *, optional: bool) -> tuple[Entry, ...]:
    """One layer's entries where they belong; ``optional`` ones only where the base has nothing."""
    wanted: dict[str, Entry] = {}
    given: dict[str, Entry] = {}
    for entry in entries:
        path = real_path(entry.path, files)
        if entry.reason == PARENT_REASON:
            given[path] = replace(entry, path=path)
            continue
        there = files.get(path)
        if there is None or not optional:
            _refuse_another_kind(entry, there)
            wanted[path] = replace(entry, path=path)
    for path in tuple(wanted):
        for parent in parents(path):
            wanted.setdefault(parent, _folder(parent, files.get(parent), given.get(parent)))
    return tuple(wanted[path] for path in sorted(wanted))


def _refuse_another_kind(entry: Entry, there: SeenFile | None) -> None:
    if there is not None and (entry.kind is EntryKind.DIRECTORY) is not (there.kind is Kind.DIRECTORY):
        raise UsageError(f"{entry.path}: the base has a {there.kind} there", hint="choose another path")


def _folder(path: str, there: SeenFile | None, given: Entry | None) -> Entry:
    """A folder above something: as the base has it, since a layer's own would change it."""
    if there is None:
        return given or Entry(path, EntryKind.DIRECTORY, 0o755, PARENT_REASON)
    if there.kind is not Kind.DIRECTORY:
        raise UsageError(f"{path}: the base has a {there.kind} there, and no folder", hint="choose another path")
    return Entry(path, EntryKind.DIRECTORY, there.mode, PARENT_REASON, there.uid, there.gid)


def real_path(path: str, files: Mapping[str, SeenFile]) -> str:
    """A path with the links among the folders above it followed. Raises :class:`UsageError` for links without an end."""
    done, pending, links = "", [part for part in reversed(path.split("/")) if part], 0
    while pending:
        part = pending.pop()
        if part == "..":
            done = done.rpartition("/")[0]
            continue
        there = files.get(f"{done}/{part}")
        if there is None or there.kind is not Kind.SYMLINK or not pending:
            done = f"{done}/{part}"
            continue
        links += 1
        if links > _MOST_LINKS:
            raise UsageError(f"{path}: the base has links there that lead to each other")
        done = "" if there.target.startswith("/") else done
        pending.extend(step for step in reversed(there.target.split("/")) if step not in ("", "."))
    return done


def _merged(base: RunConfig, own: RunConfig, options: PackOptions) -> RunConfig:
    """What the base says stays where nothing else was asked for: its variables, user, folder, labels, ports, volumes."""
    variables = {name: value for name, _, value in (item.partition("=") for item in base.env)}
    asked = {item.partition("=")[0] for item in options.env}
    for name, _, value in (item.partition("=") for item in own.env):
        if name in asked or name not in variables:
            variables[name] = value
    return replace(
        own,
        env=tuple(f"{name}={value}" for name, value in variables.items()),
        user=options.user or base.user or own.user,
        working_dir=options.working_dir or base.working_dir or own.working_dir,
        labels=tuple(sorted({**dict(base.labels), **dict(own.labels)}.items())),
        exposed_ports=tuple(sorted({*base.exposed_ports, *own.exposed_ports})),
        volumes=tuple(sorted({*base.volumes, *own.volumes})),
        stop_signal=own.stop_signal or base.stop_signal,
        health=own.health or base.health,
    )
