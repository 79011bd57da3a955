"""The images that services are made of: in the store, pulled, or built."""

from __future__ import annotations

import time
from pathlib import Path

from whit.packer.showing.console import tell
from whit.packer.support import durable
from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.refreshing import When, policy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.packer.image.platform import Platform
    from whit.packer.store.store import Store, StoredImage
    from whit.runtime.compose.keys import Where
    from whit.runtime.compose.project import Project, Service
    from whit.runtime.compose.refreshing import PullPolicy

    Build = Callable[[list[str]], None]
    """Builds an image: the words of ``whit build``."""


def platform_of(service: Service) -> Platform | None:
    """The platform that a service asks for."""
    text = service.values.get("platform")
    if not text:
        return None
    from whit.packer.image.platform import parse_platform  # noqa: PLC0415 - few name one

    return parse_platform(str(text))


def found(service: Service, store: Store) -> StoredImage | None:
    """The image in the store; None where there is none."""
    try:
        return store.resolve(service.image, platform_of(service))
    except NotFoundError:
        return None


@dataclass(frozen=True, slots=True)
class Obtaining:
    """With what images are had. ``folder`` is the project's; ``pull`` a policy that counts instead of the file's; ``builds``: all that can be built is.

    ``dry``: what would be built or pulled is only told.
    """

    store: Store
    build: Build
    folder: Path
    where: Where
    pull: str = ""
    builds: bool = False
    never_builds: bool = False
    dry: bool = False
    quiet: bool = False
    """Whether nothing is told of builds."""


def obtain_images(project: Project, names: Iterable[str], how: Obtaining) -> dict[str, str]:
    """Digest of the image of each service; what isn't there is built or pulled. Raises :class:`WhitError`."""
    digests: dict[str, str] = {}
    pulled: set[str] = set()
    built: set[str] = set()
    for name in names:
        service = project.services[name]
        policy = policy_of(service.values, how.pull)
        image = found(service, how.store)
        wants = how.builds or policy.when is When.BUILD or (image is None and not how.never_builds)
        builds = service.is_built and wants
        if builds or image is None or (not service.is_built and _is_due(service, policy, how)):
            if how.dry:
                tell(f" DRY-RUN MODE -  Image {service.image}  {'Built' if builds else 'Pulled'}\n")
                digests[name] = image.digest if image else ""
                continue
            if builds:
                build_image(project, service, how, built)
            else:
                _pull(service, policy, how, pulled)
            image = found(service, how.store)
        if image is None:
            raise NotFoundError(
                f"service {name}: there is no image {service.image}", hint="whit compose build, or pull"
            )
        digests[name] = image.digest
        for hook in service.hooks:
            if hook.image != service.image:
                _obtain_hook(hook, how, pulled)
    return digests


def _obtain_hook(hook: Service, how: Obtaining, pulled: set[str]) -> None:
    """The image of what runs before a service, where it is another one."""
    policy = policy_of(hook.values, how.pull)
    if found(hook, how.store) is not None and not _is_due(hook, policy, how):
        return
    if how.dry:
        tell(f" DRY-RUN MODE -  Image {hook.image}  Pulled\n")
        return
    _pull(hook, policy, how, pulled)


def _is_due(service: Service, policy: PullPolicy, how: Obtaining) -> bool:
    if policy.when is not When.REFRESH:
        return policy.is_due(None, 0)
    from whit.packer.image.reference import parse_reference  # noqa: PLC0415 - few services ask for it
    from whit.packer.store.pulls import last_pull  # noqa: PLC0415

    last = last_pull(how.store.root, parse_reference(service.image), platform_of(service))
    return policy.is_due(last, time.time())


def _pull(service: Service, policy: PullPolicy, how: Obtaining, pulled: set[str]) -> None:
    if service.image in pulled:
        return
    if policy.when is When.NEVER:
        raise NotFoundError(
            f"service {service.name}: there is no image {service.image}, and its pull_policy is never",
            hint=f"whit pull {service.image}, or another pull_policy",
        )
    pull_image(service, how.store)
    pulled.add(service.image)


def pull_image(service: Service, store: Store) -> None:
    """Have the image that the registry has now. Raises :class:`WhitError`."""
    from whit.packer.registry.obtaining import obtain  # noqa: PLC0415 - what is there needs none of it

    try:
        obtain(service.image, store, platform_of(service))
    except WhitError as error:
        raise type(error)(f"service {service.name}: {error.message}", hint=error.hint) from None


def build_image(
    project: Project, service: Service, how: Obtaining, built: set[str], more: tuple[str, ...] = ()
) -> None:
    """Build a service's image after those that it is built on; each once. Raises :class:`WhitError`."""
    from whit.runtime.compose.building import build_words, builds_first  # noqa: PLC0415 - most starts build nothing

    if service.name in built:
        return
    built.add(service.name)
    for name in builds_first(service):
        other = project.services.get(name)
        if other and other.is_built:
            build_image(project, other, how, built, more)
    silence = ("--progress", "quiet") if how.quiet else ()
    how.build([*more, *silence, *build_words(project, service, how.where, _dockerfile(service, how.folder))])


def _dockerfile(service: Service, folder: Path) -> str | None:
    """Where its Dockerfile is, None for the usual one; what stands in the Compose file is written below the project's folder."""
    from whit.runtime.compose.building import build_of, inline_of  # noqa: PLC0415 - as above

    inline, build = inline_of(service), build_of(service)
    if inline is not None:
        place = folder / "contents" / f"build-{service.name}.Dockerfile"
        with durable.store_errors(f"write {place}"):
            durable.private_folder(place.parent)
            durable.write_whole(place, inline.encode())
        return str(place)
    file, context = str(build.get("dockerfile") or ""), str(build.get("context") or ".")
    if not file or (file == "Dockerfile" and not (Path(context) / file).exists()):
        return None
    return file if file.startswith("/") else f"{context}/{file}"
