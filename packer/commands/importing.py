"""``whit import``: a root file system as a tar, made into an image."""

from __future__ import annotations

import click


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

    from whit.packer.archives.importing import Wishes, import_tar
    from whit.packer.commands.archive_source import archive_chunks
    from whit.packer.image.platform import machine_platform, parse_platform
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store

    wanted = parse_platform(platform) if platform else machine_platform(os.uname().machine)
    wishes = Wishes(wanted, parse_reference(name) if name else None, message, change)
    store = Store.open()
    given = None if source == "-" else source
    with archive_chunks(given, "a tar", "whit import FILE") as chunks:
        click.echo(import_tar(store, chunks, Path(source).name, wishes))
