"""``whit system df``: how much of the disk is used, by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from whit.packer.store.store import Store
    from whit.runtime.engine.diskusage import ImageUse
    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.sharing import Shared
    from whit.runtime.engine.usedform import Kind


@click.command("df", short_help="Show how much of the disk is used")
@click.option("-v", "--verbose", is_flag=True, help="Each image, container and volume.")
@click.option("--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/store.md).")
def command(verbose: bool, form: str | None, as_json: bool) -> None:
    """Show how much of the disk images, containers, volumes and kept answers use, and what images' sharing saves."""
    from whit.packer.showing.console import print_json
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError
    from whit.packer.template import render_rows
    from whit.runtime.engine import usedform

    if (verbose or as_json) and form:
        other = "--json" if as_json else "--verbose"
        raise UsageError(f"{other} and --format contradict each other", hint="leave one of them out")
    found = _Found(Store.open())
    if as_json:
        print_json(found.document())
        return
    if verbose:
        click.echo(found.details(), nl=False)
        return
    rows = [one.row() for one in found.kinds()]
    click.echo(render_rows(form or usedform.TABLE, rows, usedform.HEADERS, usual=usedform.TABLE), nl=False, color=True)
    if form is None and found.shared:
        click.echo(f"\n{usedform.sharing_line(found.shared)}")


class _Found:
    """What there is, measured once."""

    def __init__(self, store: Store) -> None:
        from whit.packer.store.fetched import fetched_folder, fetched_in
        from whit.runtime.engine.diskusage import (
            cache_size,
            container_size,
            image_files_size,
            image_uses,
            sources_size,
            unfinished,
        )
        from whit.runtime.engine.folder import Containers
        from whit.runtime.engine.sharing import shared_blobs
        from whit.runtime.engine.volumes import Volumes, names_in, tree_size

        self.images: list[ImageUse] = image_uses(store)
        self.shared: tuple[Shared, ...] = shared_blobs(image.blobs for image in self.images)
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
        self.unfinished = unfinished(store)
        self.sources = sources_size(store)
        self.toolchains = [(one, tree_size(one.folder)) for one in fetched_in(fetched_folder(store))]

    def kinds(self) -> list[Kind]:
        from whit.runtime.engine.sharing import freed
        from whit.runtime.engine.usedform import Kind, kind

        free = freed((image.blobs, image.containers > 0) for image in self.images)
        free += sum(image.unpacked for image in self.images if not image.containers)
        active = sum(image.containers > 0 for image in self.images)
        return [
            Kind("Images", len(self.images), active, self.files, min(free, self.files)),
            kind("Containers", ((size, kept.status.is_up) for kept, size in self.containers)),
            kind("Local Volumes", ((size, links > 0) for _, size, links in self.volumes)),
            Kind("Build Cache", self.cached, 0, self.cache, self.cache),
            *([kind("Toolchains", ((size, False) for _, size in self.toolchains))] if self.toolchains else []),
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
            f"Build cache usage: {human_size(self.cache)}\n{self._details_of_blobs()}"
        )

    def _details_of_blobs(self) -> str:
        from whit.packer.showing.console import human_size
        from whit.packer.template import render_rows
        from whit.runtime.engine import usedform

        count, size = self.unfinished
        some = "blob that hasn't" if count == 1 else "blobs that haven't"
        fetched = f"Of it {human_size(size)} are {count} {some} come whole yet\n" if count else ""
        built = f"Of it {human_size(self.sources)} are programs built from sources, and what their compilers keep\n"
        fetched += built if self.sources else ""
        tools = [{"Tool": one.name, "Version": one.version, "Size": human_size(size)} for one, size in self.toolchains]
        if tools:
            table = render_rows(usedform.TOOLCHAINS, tools, usedform.DETAIL_HEADERS)
            fetched += f"\nToolchains space usage:\n\n{table}"
        return fetched + (f"\n{usedform.sharing_line(self.shared)}\n" if self.shared else "")

    def document(self) -> dict[str, object]:
        """As docs/store.md has it."""
        images = [
            {
                "names": list(image.names),
                "id": image.id,
                "digest": image.digest,
                "size": image.size,
                "shared": image.shared,
                "unique": image.unique,
                "unpacked": image.unpacked,
                "containers": image.containers,
            }
            for image in self.images
        ]
        blobs = [{"digest": blob.digest, "size": blob.size, "images": blob.images} for blob in self.shared]
        count, size = self.unfinished
        return {
            "schema": "whit-df/1",
            "images": images,
            "files": self.files,
            "sharing": {"saved": sum(blob.saved for blob in self.shared), "blobs": blobs},
            "containers": [
                {"id": kept.container.id, "name": kept.container.name, "size": written}
                for kept, written in self.containers
            ],
            "volumes": [{"name": name, "size": used, "links": links} for name, used, links in self.volumes],
            "cache": {
                "entries": self.cached,
                "size": self.cache,
                "unfinished": {"blobs": count, "size": size},
                "sources": self.sources,
            },
            "toolchains": [{"name": one.name, "version": one.version, "size": used} for one, used in self.toolchains],
        }


def _image_row(image: ImageUse, name: str) -> dict[str, object]:
    from whit.packer.commands.images import age
    from whit.packer.showing.console import human_size

    repository, _, tag = name.rpartition(":")
    return {
        "Repository": repository,
        "Tag": tag,
        "ID": short_id(image.id),
        "CreatedSince": age(image.created),
        "Size": human_size(image.size),
        "SharedSize": human_size(image.shared),
        "UniqueSize": human_size(image.unique),
        "Containers": str(image.containers),
    }
