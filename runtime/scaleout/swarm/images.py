"""The images of a stack: built, sent to their registries, and named by their digests, so that all nodes run the same."""

from __future__ import annotations

import sys

from whit.packer.image.reference import parse_reference
from whit.packer.registry.registries import Registries
from whit.packer.registry.settings import Settings
from whit.packer.showing.console import tell, warn
from whit.packer.store.store import Store
from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.running.images import Obtaining, build_image, found
from whit.runtime.compose.running.places import changing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.image.reference import Reference
    from whit.runtime.compose.keys import Where
    from whit.runtime.compose.project import Project, Service
    from whit.runtime.compose.running.images import Build


@dataclass(frozen=True, slots=True)
class ImageWishes:
    """``builds``: what can be built is built anew; ``pushes``: also images that aren't built go from the store to their registries.

    ``resolve`` is docker's: ``always``, ``never`` or ``changed``, which keeps what runs where the file names the same image.
    """

    builds: bool = False
    pushes: bool = False
    resolve: str = "always"
    insecure: bool = False
    quiet: bool = False


class Images:
    """The images of one project."""

    def __init__(self, project: Project, wishes: ImageWishes, build: Build, where: Where) -> None:
        self.project, self.wishes, self.build, self.where = project, wishes, build, where
        self.store = Store.open()
        self.hub = Registries(Settings.read(insecure=wishes.insecure))
        self.built: set[str] = set()

    def pinned(self, running: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """Service → ``NAME:TAG@DIGEST``, or ``NAME:TAG`` where no registry tells.

        ``running``: service → (the file's name, what runs). Raises :class:`WhitError` for what can't be built or sent.
        """
        known: dict[str, str] = {}
        for name in self.project.order():
            service = self.project.services[name]
            if service.image not in known:
                known[service.image] = self._pinned(service, running.get(name))
        return {name: known[service.image] for name, service in self.project.services.items()}

    def _pinned(self, service: Service, running: tuple[str, str] | None) -> str:
        reference, wishes = parse_reference(service.image), self.wishes
        if service.is_built:
            _check_name(service)
            if wishes.builds or found(service, self.store) is None:
                with changing(self.store.root, self.project.name) as folder:
                    how = Obtaining(self.store, self.build, folder, self.where)
                    build_image(self.project, service, how, self.built)
            return self._pushed(service, reference)
        if wishes.pushes and not reference.digest and found(service, self.store) is not None:
            return self._pushed(service, reference)
        if reference.digest or wishes.resolve == "never":
            return service.image
        if wishes.resolve == "changed" and running and running[0] == service.image:
            return running[1]
        try:
            digest = self.hub.source(reference).root().descriptor.digest
        except WhitError as error:
            warn(f"{service.image} stays without a digest: {error.message}", "each node runs what it has by that name")
            return service.image
        return f"{service.image}@{digest}"

    def _pushed(self, service: Service, reference: Reference) -> str:
        from whit.packer.verbs.push import send  # noqa: PLC0415 - not all stacks send something

        if not self.wishes.quiet:
            tell(f"The push refers to repository [{reference.domain}/{reference.path}]\n")
        pushed = send(self.store, self.hub, reference, quiet=self.wishes.quiet, stream=sys.stderr)
        return f"{service.image}@{pushed.descriptor.digest}"


def _check_name(service: Service) -> None:
    if not service.values.get("image"):
        raise NotFoundError(
            f"service {service.name} is built, and has no name that nodes could pull it by",
            hint="image: HOST/NAME:TAG, at a registry that the nodes reach",
        )
