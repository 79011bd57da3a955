"""``whit system df``: what docker's has, of what uses the disk. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from whit.packer.showing.console import human_size
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.runtime.engine.sharing import Shared

TABLE = r"table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"
HEADERS = {"Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE"}
IMAGES = r"table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}"
CONTAINERS = (
    r"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}"
)
TOOLCHAINS = r"table {{.Tool}}\t{{.Version}}\t{{.Size}}"
VOLUMES = r"table {{.Name}}\t{{.Links}}\t{{.Size}}"
DETAIL_HEADERS = {
    "Repository": "REPOSITORY", "Tag": "TAG", "ID": "IMAGE ID", "CreatedSince": "CREATED", "Size": "SIZE",
    "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE", "Containers": "CONTAINERS", "Name": "VOLUME NAME",
    "Links": "LINKS", "Tool": "TOOLCHAIN", "Version": "VERSION",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """Things of one kind: how many, how many of them are in use, bytes, and bytes that pruning would free."""

    name: str
    total: int
    active: int
    size: int
    free: int

    def row(self) -> dict[str, object]:
        """A line of the table; of containers and volumes, too, docker gives the part that can be freed."""
        share = f" ({100 * self.free // self.size}%)" if self.size and self.name != "Build Cache" else ""
        return {
            "Type": self.name,
            "TotalCount": str(self.total),
            "Active": str(self.active),
            "Size": human_size(self.size),
            "Reclaimable": f"{human_size(self.free)}{share}",
        }


def kind(name: str, things: Iterable[tuple[int, bool]]) -> Kind:
    """Of (bytes, whether it is in use) of each."""
    known = list(things)
    return Kind(
        name,
        len(known),
        sum(used for _, used in known),
        sum(size for size, _ in known),
        sum(size for size, used in known if not used),
    )


def sharing_line(blobs: tuple[Shared, ...]) -> str:
    """What it saves that images have blobs in common; there is at least one such."""
    saved, most = sum(blob.saved for blob in blobs), max(blob.images for blob in blobs)
    what = "1 blob is" if len(blobs) == 1 else f"{len(blobs)} blobs are"
    images = f"{most}" if len(blobs) == 1 else f"up to {most}"
    return f"Sharing saves {human_size(saved)}: {what} stored once for {images} images"
