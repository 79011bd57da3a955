"""An image's layers: what each brings, and what of it no container sees. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.report.imagebytes import hidden_bytes, layer_titles
from whit.packer.report.markup import Markup, joined, table, tag
from whit.packer.showing.console import human_size
from whit.packer.support.counting import counted

if TYPE_CHECKING:
    from whit.packer.lint.image import Image
    from whit.packer.store.store import StoredImage

_LISTED = 40


def layers_section(image: Image, stored: StoredImage) -> Markup:
    """A row a layer, from the bottom up; then the largest files that a later layer replaces or deletes."""
    titles = layer_titles(stored)
    files, content, lost = (dict.fromkeys(titles, 0) for _ in range(3))
    for file in image.with_hidden:
        files[file.layer] += bool(file.size)
        content[file.layer] += file.size
    for one in image.hidden:
        lost[one.file.layer] += one.file.size
    rows = [
        (title, files[digest], human_size(content[digest]), human_size(lost[digest]) if lost[digest] else "none")
        for digest, title in titles.items()
    ]
    sizes = {layer.digest: layer.size for layer in stored.manifest.layers}
    with_sizes = [(*row, human_size(sizes[digest])) for row, digest in zip(rows, titles, strict=True)]
    head = ("Layer", "Files", "Bytes in them", "Of these unseen", "Compressed")
    return joined(
        (
            table("From the bottom to the top", head, with_sizes, frozenset({1, 2, 3, 4})),
            _unseen(image, titles, sum(content.values())),
        )
    )


def _unseen(image: Image, titles: dict[str, str], whole: int) -> Markup:
    lost = hidden_bytes(image)
    if not lost:
        return tag("p", "Every file that is sent is seen in a container of it.")
    found = sorted((one for one in image.hidden if one.file.size), key=lambda one: (-one.file.size, one.file.path))
    rows = [
        (one.file.path, human_size(one.file.size), titles[one.file.layer], "replaced" if one.replaced else "deleted")
        for one in found[:_LISTED]
    ]
    told = (
        f"{human_size(lost)} of its files no container sees ({lost / max(whole, 1):.1%} of all that is sent, in "
        f"{counted(len(found), 'file')}): a later layer deletes or replaces them."
    )
    title = "The largest of them" if len(found) > _LISTED else "They are"
    return joined((tag("p", told), table(title, ("File", "Bytes", "Sent in", "Later"), rows, frozenset({1}))))
