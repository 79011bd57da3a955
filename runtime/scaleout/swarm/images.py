"""The images of a stack: built, sent to their registries, and named by their digests, so that all nodes run the same."""

from __future__ import annotations

import sys

from whit.packer.image.reference import parse_reference
from whit.packer.showing.console import warn
from whit.packer.store.store import Store
from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.running.images import build_words, found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.image.reference import Reference
    from whit.packer.registry.registries import Registries
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


def pinned_images(
    project: Project, wishes: ImageWishes, build: Build, running: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """Service → ``NAME:TAG@DIGEST``, or ``NAME:TAG`` where no registry tells. ``running``: service → (the file's name, what runs).

    Raises :class:`WhitError` for what can't be built or sent.
    """
    store, hub = Store.open(), _registries(insecure=wishes.insecure)
    known: dict[str, str] = {}
    made: dict[str, str] = {}
    for name, service in project.services.items():
        image = service.image
        if image not in known:
            known[image] = _pinned(project, service, wishes, build, (store, hub), running.get(name))
        made[name] = known[image]
    return made


def _registries(*, insecure: bool) -> Registries:
    from whit.packer.registry.registries import Registries  # noqa: PLC0415
    from whit.packer.registry.settings import Settings  # noqa: PLC0415

    return Registries(Settings.read(insecure=insecure))


def _pinned(
    project: Project,
    service: Service,
    wishes: ImageWishes,
    build: Build,
    ends: tuple[Store, Registries],
    running: tuple[str, str] | None,
) -> str:
    store, hub = ends
    reference = parse_reference(service.image)
    if service.is_built:
        _check_name(service)
        if wishes.builds or found(service, store) is None:
            build(build_words(project, service))
        return _pushed(service, reference, ends, wishes)
    if wishes.pushes and not reference.digest and found(service, store) is not None:
        return _pushed(service, reference, ends, wishes)
    if reference.digest or wishes.resolve == "never":
        return service.image
    if wishes.resolve == "changed" and running and running[0] == service.image:
        return running[1]
    try:
        digest = hub.source(reference).root().descriptor.digest
    except WhitError as error:
        warn(f"{service.image} stays without a digest: {error.message}", "each node runs what it has by that name")
        return service.image
    return f"{service.image}@{digest}"


def _check_name(service: Service) -> None:
    if not service.values.get("image"):
        raise NotFoundError(
            f"service {service.name} is built, and has no name that nodes could pull it by",
            hint="image: HOST/NAME:TAG, at a registry that the nodes reach",
        )


def _pushed(service: Service, reference: Reference, ends: tuple[Store, Registries], wishes: ImageWishes) -> str:
    from whit.packer.verbs.push import send  # noqa: PLC0415 - not all stacks send something

    store, hub = ends
    if not wishes.quiet:
        sys.stderr.write(f"The push refers to repository [{reference.domain}/{reference.path}]\n")
    pushed = send(store, hub, reference, quiet=wishes.quiet, stream=sys.stderr)
    return f"{service.image}@{pushed.descriptor.digest}"
