"""``config --resolve-image-digests`` and ``--lock-image-digests``: names of images with the digests that they have now. Pure."""

from __future__ import annotations

from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Plain = dict[str, Any]
    Resolve = Callable[[str], str]
    """An image's name → the same with its digest. Raises :class:`WhitError`."""

_SECTIONS = ("services", "jobs")


def pinned(configuration: Plain, resolve: Resolve) -> Plain:
    """A configuration in which each image of a service, of what runs before it and of its mounts has its digest. Raises :class:`WhitError`."""
    made = dict(configuration)
    for section in _SECTIONS:
        if section in made:
            made[section] = {name: _container(one, f"{section}.{name}", resolve) for name, one in made[section].items()}
    return made


def _container(values: Plain, path: str, resolve: Resolve) -> Plain:
    made = dict(values)
    if made.get("image"):
        made["image"] = _resolved(made["image"], f"{path}.image", resolve)
    if made.get("pre_start"):
        hooks = enumerate(made["pre_start"])
        made["pre_start"] = [_container(hook, f"{path}.pre_start[{number}]", resolve) for number, hook in hooks]
    if made.get("volumes"):
        mounts = enumerate(made["volumes"])
        made["volumes"] = [_mount(mount, f"{path}.volumes[{number}].source", resolve) for number, mount in mounts]
    return made


def _mount(values: object, path: str, resolve: Resolve) -> object:
    if not _is_image(values):
        return values
    return {**values, "source": _resolved(values["source"], path, resolve)}  # type: ignore[dict-item,index]  # _is_image has looked


def _is_image(mount: object) -> bool:
    return isinstance(mount, dict) and mount.get("type") == "image" and bool(mount.get("source"))


def _resolved(image: str, path: str, resolve: Resolve) -> str:
    try:
        return resolve(image)
    except WhitError as error:
        raise WhitError(f"{path}: {image}: {error.message}", hint=error.hint) from None


def locked(configuration: Plain) -> Plain:
    """What of a configuration says which images it is of: a file to be laid over the others."""
    made: Plain = {}
    for section in _SECTIONS:
        if section in configuration:
            made[section] = {name: _images_of(one) for name, one in configuration[section].items()}
    return made


def _images_of(values: Plain) -> Plain:
    mounts = [mount for mount in values.get("volumes") or () if _is_image(mount)]
    image = {"image": values["image"]} if values.get("image") else {}
    return {**image, **({"volumes": mounts} if mounts else {})}
