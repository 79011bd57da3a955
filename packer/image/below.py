"""A base image as the packer needs it: its documents, its files, and a folder with them that a loader can search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.image.based import Base, on_base
from whit.packer.image.oci import WASM_CONFIG
from whit.packer.store.rootfs import prepare_rootfs
from whit.packer.store.seeing import files_of
from whit.packer.support.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from whit.packer.image.platform import Platform
    from whit.packer.image.spec import ImageSpec, PackOptions
    from whit.packer.resolution.choices import Choices
    from whit.packer.store.store import Store, StoredImage


@dataclass(frozen=True, slots=True)
class Below:
    """An image of the store that another one starts from; ``name`` is as it was asked for."""

    name: str
    image: StoredImage
    store: Store

    @classmethod
    def of(cls, store: Store, name: str, platform: Platform | None) -> Below:
        """By a name, digest or ID, for a platform or this machine; pulled if the store hasn't got it.

        Raises :class:`NotFoundError`.
        """
        try:
            image = store.resolve(name, platform)
        except NotFoundError as error:
            from whit.packer.registry.obtaining import obtain_missing  # noqa: PLC0415 - what is there isn't pulled

            obtain_missing(name, store, error, platform)
            image = store.resolve(name, platform)
        if image.manifest.config.media_type == WASM_CONFIG:
            raise UsageError(f"{name} is a Wasm artifact: it holds one module, and nothing can be put on it")
        return cls(name, image, store)

    def choices(self, choices: Choices) -> Choices:
        """A dynamic program gets the base's libraries, unless another system was chosen."""
        if choices.sysroot is not None:
            return choices
        return replace(choices, sysroot=str(prepare_rootfs(self.store, self.image, ())))

    def under(self, spec: ImageSpec, options: PackOptions) -> ImageSpec:
        """The image that is to be, with this one below."""
        files = files_of(self.store.layout, self.image)
        return on_base(spec, Base(self.name, self.image.digest, self.image.config, files), options)
