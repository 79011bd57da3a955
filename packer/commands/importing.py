"""``whit import``: a root file system as a tar, made into an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

_PIECE = 1 << 20


@click.command("import", short_help="Make an image of a root file system's tar")
@click.option("-c", "--change", multiple=True, metavar="INSTRUCTION", help='A Dockerfile\'s line: CMD ["/x"], ENV A=b.')
@click.option("-m", "--message", default="", metavar="TEXT", help="Why, in the image's history.")
@click.option("--platform", metavar="OS/ARCH", help="What its programs run on.  [default: this machine]")
@click.argument("source", metavar="FILE|-")
@click.argument("name", required=False)
def command(change: tuple[str, ...], message: str, platform: str | None, source: str, name: str | None) -> None:
    """Make an image of the files in a tar, compressed or not, and name it. Its ID is printed.

    The tar becomes the image's one layer as it is: the same tar is the same layer.
    """
    import os
    from pathlib import Path

    from whit.packer.errors import InvalidFileError
    from whit.packer.importing import Wishes, import_tar
    from whit.packer.platform import machine_platform, parse_platform
    from whit.packer.reference import parse_reference
    from whit.packer.store import Store

    wanted = parse_platform(platform) if platform else machine_platform(os.uname().machine)
    wishes = Wishes(wanted, parse_reference(name) if name else None, message, change)
    store = Store.open()
    if source == "-":
        click.echo(import_tar(store, _stdin(), "-", wishes))
        return
    try:
        file = Path(source).open("rb")  # noqa: SIM115 - closed by the block below
    except OSError as error:
        raise InvalidFileError(f"{source} can't be read: {(error.strerror or str(error)).lower()}") from None
    with file:
        click.echo(import_tar(store, _chunks(file), Path(source).name, wishes))


def _stdin() -> Iterator[bytes]:
    import sys

    from whit.packer.errors import UsageError

    if sys.stdin.isatty():
        raise UsageError("a tar isn't read from a terminal", hint="whit import FILE")
    return _chunks(sys.stdin.buffer)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_PIECE), b"")
