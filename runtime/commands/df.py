"""``whit system df``: how much of the disk is used, by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from whit.packer.store.store import Store
    from whit.runtime.engine.diskusage import ImageUse
    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.usedform import Kind


@click.command("df", short_help="Show how much of the disk is used")
@click.option("-v", "--verbose", is_flag=True, help="Each image, container and volume.")
@click.option("--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
def command(verbose: bool, form: str | None) -> None:
    """Show how much of the disk images, containers, volumes and kept answers use."""
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError
    from whit.packer.template import render_rows
    from whit.runtime.engine import usedform

    if verbose and form:
        raise UsageError("--verbose and --format contradict each other", hint="leave one of them out")
    found = _Found(Store.open())
    if verbose:
        click.echo(found.details(), nl=False)
        return
    rows = [one.row() for one in found.kinds()]
    click.echo(render_rows(form or usedform.TABLE, rows, usedform.HEADERS, usual=usedform.TABLE), nl=False, color=True)


class _Found:
    """What there is, measured once."""

    def __init__(self, store: Store) -> None:
        from whit.runtime.engine.diskusage import cache_size, container_size, image_files_size, image_uses
        from whit.runtime.engine.folder import Containers
        from whit.runtime.engine.volumes import Volumes, names_in, tree_size

        self.images: list[ImageUse] = image_uses(store)
        self.containers: list[tuple[Kept, int]] = [
            (kept, container_size(kept)) for kept in Containers(store.root).list()
        ]
        used = [name for kept, _ in self.containers for name in names_in(kept)]
        volumes = Volumes(store.root)
        self.volumes = [
            (volume.name, tree_size(volumes.data(volume.name)), used.count(volume.name)) for volume in volumes.every()
        ]
        self.files = image_files_size(store)
        self.cached, self.cache = cache_size(store)

    def kinds(self) -> list[Kind]:
        from whit.runtime.engine.usedform import Kind, kind

        images = kind("Images", ((image.unique, image.containers > 0) for image in self.images))
        return [
            Kind("Images", images.total, images.active, self.files, min(images.free, self.files)),
            kind("Containers", ((size, kept.status.is_up) for kept, size in self.containers)),
            kind("Local Volumes", ((size, links > 0) for _, size, links in self.volumes)),
            Kind("Build Cache", self.cached, 0, self.cache, self.cache),
        ]

    def details(self) -> str:
        import time

        from whit.packer.showing.console import human_size
        from whit.packer.template import render_rows
        from whit.runtime.engine import columns, usedform

        now = time.time_ns()
        images = [_image_row(image, name) for image in self.images for name in image.names or ("<none>:<none>",)]
        containers = [
            columns.row(columns.Listed(kept.container, kept.status, (), now, size=human_size(size)))
            for kept, size in self.containers
        ]
        volumes = [{"Name": name, "Size": human_size(size), "Links": str(links)} for name, size, links in self.volumes]
        return (
            f"Images space usage:\n\n{render_rows(usedform.IMAGES, images, usedform.DETAIL_HEADERS)}\n"
            f"Containers space usage:\n\n{render_rows(usedform.CONTAINERS, containers, columns.HEADERS)}\n"
            f"Local Volumes space usage:\n\n{render_rows(usedform.VOLUMES, volumes, usedform.DETAIL_HEADERS)}\n"
            f"Build cache usage: {human_size(self.cache)}\n"
        )


def _image_row(image: ImageUse, name: str) -> dict[str, object]:
    from whit.packer.commands.images import age
    from whit.packer.showing.console import human_size

    repository, _, tag = name.rpartition(":")
    return {
        "Repository": repository,
        "Tag": tag,
        "ID": image.id.removeprefix("sha256:")[:12],
        "CreatedSince": age(image.created),
        "Size": human_size(image.size),
        "SharedSize": human_size(image.shared),
        "UniqueSize": human_size(image.unique),
        "Containers": str(image.containers),
    }
