"""``whit export``: a container's root as a tar."""

from __future__ import annotations

import click


@click.command("export")
@click.option("-o", "--output", metavar="FILE", help="Write it there.  [default: standard output]")
@click.argument("container")
def command(output: str | None, container: str) -> None:
    """Write all files of a container's root as a tar, without what is mounted in it."""
    import sys
    from pathlib import Path

    from whit.packer.showing.console import put_bytes
    from whit.packer.store.store import Store
    from whit.packer.support import durable
    from whit.packer.support.errors import UsageError
    from whit.packer.tar.tree import TreeReader
    from whit.runtime.engine import owners
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.roots import opened
    from whit.runtime.engine.within import go_in

    containers = Containers(Store.open().root)
    kept = containers.find(container)
    go_in(kept)
    if output is None and sys.stdout.isatty():
        raise UsageError("an archive isn't written to a terminal", hint=f"whit export -o FILE {container}")
    with opened(containers, kept, with_mounts=False) as root:
        chunks = TreeReader(owners.into(kept)).tar(root, b"")
        if output is None:
            for chunk in chunks:
                put_bytes(chunk)
            return
        with durable.output_errors(output), durable.atomic_file(Path(output), private=False) as file:
            for chunk in chunks:
                durable.write_all(file, chunk)
