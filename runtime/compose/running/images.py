"""The images that services are made of: in the store, pulled, or built."""

from __future__ import annotations

from pathlib import Path

from whit.packer.support.errors import NotFoundError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.packer.image.platform import Platform
    from whit.packer.store.store import Store, StoredImage
    from whit.runtime.compose.project import Project, Service

    Build = Callable[[list[str]], None]
    """Builds an image: the words of ``whit build``."""

_POLICIES = ("always", "missing", "if_not_present", "never", "build", "daily", "weekly")


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


def obtain_images(
    project: Project,
    names: Iterable[str],
    store: Store,
    build: Build,
    *,
    pull: str = "",
    builds: bool = False,
    never_builds: bool = False,
) -> dict[str, str]:
    """Digest of the image of each service; what isn't there is built or pulled. Raises :class:`WhitError`.

    ``pull`` is a policy that counts instead of the file's; ``builds``: all that can be built is built anew.
    """
    digests: dict[str, str] = {}
    pulled: set[str] = set()
    for name in names:
        service = project.services[name]
        policy = pull or str(service.values.get("pull_policy") or "missing")
        _check(service, policy)
        image = found(service, store)
        if service.is_built and (builds or policy == "build" or (image is None and not never_builds)):
            build(build_words(project, service))
            image = found(service, store)
        elif (policy == "always" and not service.is_built) or image is None:
            _pull(service, store, policy, pulled)
            image = found(service, store)
        if image is None:
            raise NotFoundError(
                f"service {name}: there is no image {service.image}", hint="whit compose build, or pull"
            )
        digests[name] = image.digest
    return digests


def _check(service: Service, policy: str) -> None:
    if policy not in _POLICIES and not policy.startswith("every_"):
        raise UsageError(f"service {service.name}: there is no pull_policy {policy}", hint=", ".join(_POLICIES))


def _pull(service: Service, store: Store, policy: str, pulled: set[str]) -> None:
    if service.image in pulled:
        return
    if policy == "never":
        raise NotFoundError(
            f"service {service.name}: there is no image {service.image}, and its pull_policy is never",
            hint=f"whit pull {service.image}, or another pull_policy",
        )
    from whit.packer.registry.obtaining import obtain  # noqa: PLC0415 - what is there needs none of it

    try:
        obtain(service.image, store, platform_of(service))
    except WhitError as error:
        raise type(error)(f"service {service.name}: {error.message}", hint=error.hint) from None
    pulled.add(service.image)


def build_words(project: Project, service: Service) -> list[str]:
    """What ``whit build`` is told of a service's ``build``. Raises :class:`UsageError` for what it can't do."""
    build = service.values["build"]
    if isinstance(build, str):
        build = {"context": build}
    words = ["--tag", service.image, *(word for tag in build.get("tags") or () for word in ("--tag", str(tag)))]
    context = str(build.get("context") or ".")
    if build.get("dockerfile_inline") is not None:
        raise UsageError(
            f"service {service.name}: build.dockerfile_inline: whit builds from a file", hint="dockerfile:"
        )
    if build.get("dockerfile"):
        file = str(build["dockerfile"])
        usual = file == "Dockerfile" and not (Path(context) / file).exists()
        words += [] if usual else ["--file", file if file.startswith("/") else f"{context}/{file}"]
    for key, option in (("args", "--build-arg"), ("labels", "--label"), ("additional_contexts", "--build-context")):
        values = build.get(key) or {}
        items = values.items() if isinstance(values, dict) else (str(text).partition("=")[::2] for text in values)
        words += [word for name, value in items for word in (option, name if value is None else f"{name}={value}")]
    for key, option in (
        ("cache_from", "--cache-from"),
        ("cache_to", "--cache-to"),
        ("ssh", "--ssh"),
        ("platforms", "--platform"),
    ):
        words += [word for value in build.get(key) or () for word in (option, str(value))]
    for key, option in (("target", "--target"), ("network", "--network")):
        words += [option, str(build[key])] if build.get(key) else []
    words += [flag for key, flag in (("no_cache", "--no-cache"), ("pull", "--pull")) if build.get(key)]
    for one in build.get("secrets") or ():
        words += ["--secret", _secret(project, service, one)]
    for key in ("entitlements", "extra_hosts", "isolation", "privileged", "shm_size", "ulimits"):
        if build.get(key):
            raise UsageError(
                f"service {service.name}: build.{key}: whit build can't do that", hint="take it out of the file"
            )
    return [*words, context]


def _secret(project: Project, service: Service, one: object) -> str:
    key, target = (
        (str(one), str(one))
        if not isinstance(one, dict)
        else (str(one["source"]), str(one.get("target") or one["source"]))
    )
    values = project.secrets.get(key) or {}
    if values.get("file"):
        return f"id={target},src={values['file']}"
    if values.get("environment"):
        return f"id={target},env={values['environment']}"
    raise UsageError(f"service {service.name}: build.secrets: {key} has no source", hint="file: or environment:")
