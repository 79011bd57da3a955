"""``whit build`` with a ``whit.yaml``: one image for each platform, and an index above them where there are several."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer import pipeline
from whit.packer.buildfile.whityaml.located import MAX_SIZE, BuildFileError, locate
from whit.packer.buildfile.whityaml.orders import order_of
from whit.packer.buildfile.whityaml.reading import KEYS, read, read_frame
from whit.packer.image.oci import INDEX, Index
from whit.packer.image.platform import machine_platform
from whit.packer.image.reference import reference_from_file_name
from whit.packer.support.errors import StoreError, UsageError, WhitError
from whit.packer.support.imagepath import shown
from whit.packer.support.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.packer.buildfile.whityaml.located import Located
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.packcache import Record
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.layout import Follower
    from whit.packer.store.store import Store


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says: it comes before what the file says."""

    names: tuple[Reference, ...] = ()
    platforms: tuple[Platform, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """What is in the store now: an image's manifest, or an index of one for each platform."""

    descriptor: Descriptor
    references: tuple[Reference, ...]
    records: tuple[Record, ...]


def build(
    store: Store,
    file: Path,
    folder: Path,
    asked: Asked,
    follower: Callable[[tuple[Reference, ...]], Follower | None] = lambda _: None,
) -> Built:
    """Build what a file says; paths in it are relative to ``folder``. All platforms, or nothing is named.

    ``follower`` gives, by the image's names, who is told how layers grow that have to be written.

    Raises :class:`BuildFileError`, and what packing raises.
    """
    root = locate(_data(file), str(file))
    frame = read_frame(root)
    _refuse_unknown(asked.variables, dict(frame.variables), root)
    platforms = asked.platforms or frame.platforms
    records, references = [], list(asked.names)
    with store.adding() as layout:
        for platform in platforms or (None,):
            variables = {**dict(frame.variables), **dict(asked.variables), **_target(platform)}
            found = read(root, variables)
            order = order_of(found, str(folder), platform, pipeline.source_date_epoch())
            _refuse_missing_sysroot(order, root)
            references += () if asked.names else found.names
            told = f"{file}: {platform}" if len(platforms) > 1 else str(file)
            records.append(_packed(store, order, follower(tuple(references)), told))
        descriptor = records[0].manifest
        if len(records) > 1:
            index = Index(tuple(record.descriptor for record in records))
            descriptor = layout.put(index.to_json(), INDEX)
        unique = tuple(dict.fromkeys(references)) or (reference_from_file_name(folder.absolute().name),)
        store.add(descriptor, unique)
    return Built(descriptor, unique, tuple(records))


def _refuse_missing_sysroot(order: pipeline.Order, root: Located) -> None:
    sysroot = order.choices.sysroot
    if sysroot and not os.path.isdir(sysroot):  # noqa: PTH112 - a text until here
        place = root.members(KEYS)["sysroot"]
        raise place.wrong(f"sysroot: {shown(sysroot)} is no folder", hint="name the folder that holds the other system")


def _packed(store: Store, order: pipeline.Order, follower: Follower | None, told: str) -> Record:
    """One platform's image; whose file and which platform stands before what is wrong with it."""
    try:
        return pipeline.pack(order, store, (), follower)
    except StoreError:
        raise
    except WhitError as error:
        raise type(error)(f"{told}: {error.message}", hint=error.hint, exit_code=error.exit_code) from None


def _data(file: Path) -> bytes:
    try:
        return read_regular(file, MAX_SIZE)
    except OSError as error:
        raise BuildFileError(f"{file} can't be read: {(error.strerror or str(error)).lower()}") from None


def _target(platform: Platform | None) -> dict[str, str]:
    """The variables that say what an image is built for, by BuildKit's names."""
    wanted = platform or machine_platform(os.uname().machine)
    return {
        "TARGETPLATFORM": str(wanted),
        "TARGETOS": wanted.os,
        "TARGETARCH": wanted.architecture,
        "TARGETVARIANT": wanted.variant or "",
    }


def _refuse_unknown(given: tuple[tuple[str, str], ...], declared: dict[str, str], root: Located) -> None:
    for name, _ in given:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            hint = f"did you mean {near[0]}?" if near else "declare it with its default: 'variables: {NAME: value}'"
            raise UsageError(f"--build-arg {name}: {root.file} has no variable {name}", hint=hint)
