"""``whit commit``: a container's changes as one more layer on its image's. The layers below are the very same ones."""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from whit.packer.buildfile.dockerfile.changing import changed
from whit.packer.image.accounts import Accounts, identify
from whit.packer.image.layer import write_tar
from whit.packer.image.oci import CONFIG, MANIFEST, Descriptor, History, Manifest
from whit.packer.pipeline import source_date_epoch
from whit.packer.store.garbage import collect
from whit.packer.support.errors import LaunchError, NotFoundError, StoreError
from whit.packer.support.times import rfc3339
from whit.packer.tar.tree import TreeReader
from whit.runtime.engine import lifecycle, owners
from whit.runtime.engine.happened import container_event
from whit.runtime.engine.status import State
from whit.runtime.rootview import RootView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.oci import Layer
    from whit.packer.image.reference import Reference
    from whit.packer.image.spec import RunConfig
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import Store, StoredImage
    from whit.runtime.engine.folder import Kept

_MADE_FOR_IT = frozenset(("HOSTNAME", "HOME", "TERM", "PATH"))
"""Variables that a container has without being asked for; they aren't the image's unless it had them."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the new image is to have beside the changes."""

    reference: Reference | None = None
    author: str = ""
    message: str = ""
    changes: tuple[str, ...] = ()
    pauses: bool = True


def commit(store: Store, kept: Kept, wishes: Wishes) -> str:
    """Make the image and name it; its ID. Raises :class:`StoreError`, :class:`UsageError`."""
    image = _image(store, kept)
    run = changed(_run_of(kept, image.config.run), wishes.changes)
    now = source_date_epoch() or int(time.time())
    created = rfc3339(now)
    with store.adding() as layout:
        with _standing_still(kept) if wishes.pauses else contextlib.nullcontext():
            layer = _layer(layout, kept)
        step = History(shlex.join(kept.container.command), created, layer is None, wishes.author, wishes.message)
        config = replace(
            image.config,
            run=run,
            created=created,
            author=wishes.author or image.config.author,
            history=(*image.config.history, step),
            diff_ids=(*image.config.diff_ids, *([layer.diff_id] if layer else [])),
        )
        layers = (*image.manifest.layers, *([layer.descriptor] if layer else []))
        manifest = Manifest(layout.put(config.to_json(), CONFIG), layers)
        descriptor = layout.put(manifest.to_json(), manifest.media_type)
        store.keep(descriptor, wishes.reference)
    collect(store)
    name = wishes.reference.familiar if wishes.reference else ""
    made = {"imageID": manifest.config.digest, "imageRef": name, "comment": wishes.message}
    container_event(store.root, kept.container, "commit", **made)
    return manifest.config.digest


def _image(store: Store, kept: Kept) -> StoredImage:
    """By its manifest: its name may be another's by now."""
    try:
        return store.image(Descriptor(MANIFEST, kept.container.image_digest, 0))
    except StoreError:
        raise NotFoundError(
            f"the image of container {kept.container.name} isn't in the store any more", hint="pack it again"
        ) from None


def _layer(layout: Layout, kept: Kept) -> Layer | None:
    """Everything that the container has changed; None where that is nothing."""
    upper = kept.folder / "upper"
    if not kept.container.root.is_writable or not any(upper.iterdir()):
        return None
    descriptor = os.open(upper, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        reader = TreeReader(owners.into(kept), source_date_epoch() or None, is_layer=True)
        return write_tar(layout, reader.tar(descriptor, b""))
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _standing_still(kept: Kept) -> Iterator[None]:
    """Its files don't change meanwhile."""
    if kept.status.state is not State.RUNNING:
        yield
        return
    try:
        lifecycle.pause(kept)
    except LaunchError:
        # A user's container that has no cgroup can't stand still.
        if not kept.container.users:
            raise
        yield
        return
    try:
        yield
    finally:
        lifecycle.unpause(kept)


def _run_of(kept: Kept, run: RunConfig) -> RunConfig:
    """The image's configuration with what was asked of the container, as docker has it."""
    container = kept.container
    process: dict[str, Any] = owners.process_of(kept)
    entrypoint, words = run.entrypoint, container.command
    if words[: len(entrypoint)] == entrypoint:
        cmd = words[len(entrypoint) :]
    else:
        entrypoint, cmd = (), words
    own = {item.partition("=")[0] for item in run.env}
    names = own | {item.partition("=")[0] for item in process["env"]} - _MADE_FOR_IT
    view = RootView(container.root.rootfs)
    known = identify(run.user, Accounts(view.text("/etc/passwd"), view.text("/etc/group")))
    user = process["user"]
    same = (known.uid, known.gid) == (user["uid"], user["gid"])
    return replace(
        run,
        entrypoint=entrypoint,
        cmd=cmd,
        env=tuple(item for item in process["env"] if item.partition("=")[0] in names),
        user=run.user if same else f"{user['uid']}:{user['gid']}",
        working_dir=run.working_dir if process["cwd"] == (run.working_dir or "/") else process["cwd"],
        labels=tuple(sorted(container.labels)),
    )
