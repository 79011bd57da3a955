"""Where an image's bytes are: by layer and folder, its program's by what it is made of. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.lint.image import Image
    from whit.packer.report.tree import Sizes
    from whit.packer.store.store import StoredImage

_EMPTY = "nothing but names"
_REPLACED, _DELETED = "replaced by a later layer", "deleted by a later layer"
_SHOWN = 40


def image_sizes(image: Image, stored: StoredImage, inside: Sizes | None) -> Sizes:
    """Path (layer, folders, file) → bytes of content, uncompressed; ``inside`` is the program's own. Hidden files count."""
    titles = layer_titles(stored)
    sizes: dict[tuple[str, ...], int] = {}
    main = image.main.path if image.main else None
    for file in image.files.values():
        path = (titles[file.layer], *file.path.strip("/").split("/"))
        if inside is not None and file.path == main:
            sizes.update({(*path, *rest): size for rest, size in inside.items()})
        elif file.size:
            sizes[path] = file.size
    for hidden in image.hidden:
        file = hidden.file
        *folders, name = file.path.strip("/").split("/")
        path = (titles[file.layer], *folders, f"{name} ({_REPLACED if hidden.replaced else _DELETED})")
        if file.size:
            sizes[path] = sizes.get(path, 0) + file.size
    return sizes or {(_EMPTY,): 0}


def hidden_bytes(image: Image) -> int:
    """Bytes of content that are sent and stored, and that no container sees."""
    return sum(hidden.file.size for hidden in image.hidden)


def layer_titles(stored: StoredImage) -> dict[str, str]:
    """Digest → ``layer 2: COPY server /``; two layers of the same content are one."""
    steps = [step.created_by for step in stored.config.history if not step.empty_layer]
    layers = stored.manifest.layers
    titles: dict[str, str] = {}
    for number, layer in enumerate(layers):
        words = " ".join(steps[number].split()) if len(steps) == len(layers) else ""
        short = words if len(words) <= _SHOWN else f"{words[: _SHOWN - 1]}…"
        titles.setdefault(layer.digest, f"layer {number + 1}{f': {short}' if short else ''}")
    return titles
