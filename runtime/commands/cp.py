"""``whit cp``: files into a container and out of it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.engine.folder import Kept

STREAM = "-"


@click.command()
@click.option(
    "-a",
    "--archive",
    is_flag=True,
    help="Files keep their owners on the way out; on the way in they get the container's user.",
)
@click.option("-L", "--follow-link", is_flag=True, help="Copy what a link in SOURCE leads to, not the link.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of what was copied.")
@click.argument("source", metavar="[CONTAINER:]SOURCE|-")
@click.argument("target", metavar="[CONTAINER:]TARGET|-")
def command(archive: bool, follow_link: bool, quiet: bool, source: str, target: str) -> None:
    """Copy a file or folder into a container, or out of one; whether it runs doesn't matter.

    A folder goes into a TARGET that is there, and becomes one that isn't; FOLDER/. means what is in it. With - a tar
    is read from standard input, or written to standard output.
    """
    from whit.packer.support.errors import UsageError
    from whit.runtime.engine.copying import split

    origin, destination = (None if text == STREAM else split(text) for text in (source, target))
    if (origin is None) == (destination is None):
        raise UsageError(
            "one of the two is to be in a container, and the other one not", hint="whit cp FILE CONTAINER:/PATH"
        )
    size = (
        _out(*origin, target, archive, follow_link)
        if origin
        else _in(source, *_both(destination), archive, follow_link)
    )
    if not quiet and target != STREAM and sys.stderr.isatty():
        from whit.packer.showing.console import human_size

        click.echo(f"Successfully copied {human_size(size)} to {target}", err=True)


def _both(place: tuple[str, str] | None) -> tuple[str, str]:
    return place or ("", "")


@contextlib.contextmanager
def _root(name: str) -> Iterator[tuple[Kept, int]]:
    from whit.packer.store.store import Store
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.roots import opened
    from whit.runtime.engine.within import go_in

    containers = Containers(Store.open().root)
    kept = containers.find(name)
    go_in(kept)
    with opened(containers, kept, with_mounts=True) as root:
        yield kept, root


def _out(name: str, path: str, target: str, archive: bool, follow: bool) -> int:
    import os

    from whit.packer.showing.console import put_bytes
    from whit.runtime.engine import copying, owners

    with _root(name) as (kept, root):
        origin = copying.Side(path, root)
        if target != STREAM:
            mine = os.geteuid(), os.getegid()
            owner = None if archive else lambda _uid, _gid: mine
            with _told(target, "copy it elsewhere"):
                return copying.copy(origin, copying.Side(target), owner, follow=follow)
        with copying.source(origin, follow=follow) as descriptor:
            for chunk in copying.archive(descriptor, copying.name_of(origin), owners.into(kept)):
                put_bytes(chunk)
    return 0


def _in(source: str, name: str, path: str, archive: bool, follow: bool) -> int:
    from whit.runtime.engine import copying, owners

    with _root(name) as (kept, root), _told(f"{path} in container {name}", "copy into a volume of it"):
        destination = copying.Side(path, root)
        if source != STREAM:
            user = _user(kept)
            owner = (lambda _uid, _gid: user) if archive or kept.container.users else None
            return copying.copy(copying.Side(source), destination, owner, follow=follow)
        with copying.folder_for_archive(destination) as folder, _told_of_archive():
            copying.unpack(iter(lambda: sys.stdin.buffer.read(1 << 16), b""), folder, owners.out_of(kept))
    return 0


def _user(kept: Kept) -> tuple[int, int]:
    """The user that the container's program runs as, in the numbers of whoever copies."""
    from whit.runtime.engine import owners

    change, user = owners.out_of(kept), owners.user_of(kept)
    return change(*user) if change else user


@contextlib.contextmanager
def _told(where: str, elsewhere: str) -> Iterator[None]:
    """What the kernel says of writing there, in words; ``elsewhere`` is what to do where nothing can be written."""
    import errno

    from whit.packer.support.errors import WhitError

    room = "free some space; what was copied until then is there"
    said = {
        errno.EROFS: ("it is read-only", elsewhere),
        errno.ENOSPC: ("no space left on the device", room),
        errno.EDQUOT: ("the disk quota is used up", room),
    }
    try:
        yield
    except OSError as error:
        if error.errno not in said:
            raise
        what, hint = said[error.errno]
        raise WhitError(f"{where} can't be written: {what}", hint=hint) from None


@contextlib.contextmanager
def _told_of_archive() -> Iterator[None]:
    """What is wrong with an archive from elsewhere, which is no layer."""
    from whit.packer.support.errors import InvalidFileError

    try:
        yield
    except InvalidFileError as error:
        raise InvalidFileError(
            error.message.replace("a layer", "the archive", 1),
            hint=error.hint or "what came before that in the archive has been copied",
        ) from None
