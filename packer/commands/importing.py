"""``whit import``: a root file system as a tar, made into an image."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.store.store import Store


@click.command("import", short_help="Make an image of a root file system's tar")
@click.option("-c", "--change", multiple=True, metavar="INSTRUCTION", help='A Dockerfile\'s line: CMD ["/x"], ENV A=b.')
@click.option("-m", "--message", default="", metavar="TEXT", help="Why, in the image's history.")
@click.option("--platform", metavar="OS/ARCH", help="What its programs run on.  [default: this machine]")
@click.argument("source", metavar="FILE|URL|-")
@click.argument("name", required=False)
def command(change: tuple[str, ...], message: str, platform: str | None, source: str, name: str | None) -> None:
    """Make an image of the files in a tar, compressed or not, and name it. Its ID is printed.

    A tar at a URL (http, https) is fetched, and kept like what a Dockerfile's ADD fetches. The tar becomes the image's one layer as it is: the same tar is the same layer.
    """
    import os

    from whit.packer.archives.importing import Wishes, import_tar
    from whit.packer.image.platform import machine_platform, parse_platform
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store

    wanted = parse_platform(platform) if platform else machine_platform(os.uname().machine)
    wishes = Wishes(wanted, parse_reference(name) if name else None, message, change)
    store = Store.open()
    with _source(store, source) as (chunks, what):
        click.echo(import_tar(store, chunks, what, wishes))


@contextlib.contextmanager
def _source(store: Store, source: str) -> Iterator[tuple[Iterator[bytes], str]]:
    """The tar's bytes, and what it is called in errors and in the image's history."""
    from pathlib import Path

    from whit.packer.commands.archive_source import archive_chunks

    if not source.lower().startswith(("http://", "https://")):
        with archive_chunks(None if source == "-" else source, "a tar", "whit import FILE") as chunks:
            yield chunks, Path(source).name
        return
    from whit.packer.buildfile.build.cache import StepCache
    from whit.packer.buildfile.remote.downloads import Downloads, shown
    from whit.packer.showing.console import end_progress, progress

    cache = StepCache(store)
    with cache.using():
        progress(f"fetching {shown(source)}")
        found = Downloads(cache.folder / "downloads", {}).fetch(source)
        end_progress()
        with archive_chunks(str(found.path), "a tar", "whit import FILE") as chunks:
            yield chunks, shown(source)
