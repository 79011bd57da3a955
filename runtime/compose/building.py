"""A service's ``build`` → the words of ``whit build``. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.compose.keys import Where
    from whit.runtime.compose.project import Project, Service, Values

_SERVICE = "service:"
_LISTS = (
    ("cache_from", "--cache-from"),
    ("cache_to", "--cache-to"),
    ("ssh", "--ssh"),
    ("no_cache_filter", "--no-cache-filter"),
)
_TEXTS = (("target", "--target"), ("network", "--network"))
_FLAGS = (("no_cache", "--no-cache"), ("pull", "--pull"))
_PAIRS = (("args", "--build-arg"), ("labels", "--label"))


def build_of(service: Service) -> Values:
    """A service's ``build`` as a mapping."""
    build: str | Values = service.values["build"]
    return {"context": build} if isinstance(build, str) else build


def inline_of(service: Service) -> str | None:
    """The Dockerfile that stands in the Compose file itself."""
    text = build_of(service).get("dockerfile_inline")
    return None if text is None else str(text)


def builds_first(service: Service) -> tuple[str, ...]:
    """The services whose images it is built on: ``additional_contexts: {base: service:NAME}``."""
    contexts = _items(build_of(service).get("additional_contexts"))
    return tuple(value.removeprefix(_SERVICE) for _, value in contexts if value and value.startswith(_SERVICE))


def build_words(project: Project, service: Service, where: Where, file: str | None) -> list[str]:
    """What ``whit build`` is told. ``file`` is its Dockerfile, None for the usual one of the folder's. Raises :class:`UsageError` with the place."""
    build = build_of(service)
    words = ["--tag", service.image]
    words += [word for tag in build.get("tags") or () if tag != service.image for word in ("--tag", str(tag))]
    words += ["--file", file] if file else []
    for key, option in _PAIRS:
        words += [word for name, value in _items(build.get(key)) for word in (option, _pair(name, value))]
    for name, value in _items(build.get("additional_contexts")):
        words += ["--build-context", f"{name}={_context(project, service, str(value or ''), where)}"]
    for key, option in _LISTS:
        words += [word for value in build.get(key) or () for word in (option, str(value))]
    platforms = build.get("platforms") or filter(None, (service.values.get("platform"),))
    for platform in platforms:
        words += ["--platform", str(platform)]
    for key, option in _TEXTS:
        words += [option, str(build[key])] if build.get(key) else []
    words += [flag for key, flag in _FLAGS if build.get(key)]
    words += _attested(service, build, where)
    for number, one in enumerate(build.get("secrets") or ()):
        words += ["--secret", _secret(project, service, one, where, number)]
    return [*words, str(build.get("context") or ".")]


def _items(value: object) -> Iterator[tuple[str, str | None]]:
    """Names and values, however they are written; None for a name alone."""
    if isinstance(value, dict):
        yield from ((str(name), None if one is None else str(one)) for name, one in value.items())
    elif isinstance(value, list):
        for text in map(str, value):
            name, equals, one = text.partition("=")
            yield name, one if equals else None


def _pair(name: str, value: str | None) -> str:
    return name if value is None else f"{name}={value}"


def _context(project: Project, service: Service, value: str, where: Where) -> str:
    if not value.startswith(_SERVICE):
        return value
    name = value.removeprefix(_SERVICE)
    if name not in project.services:
        raise _wrong(
            service,
            where,
            ("additional_contexts",),
            f"there is no service {name}",
            "service:NAME, with a service of this file that is switched on",
        )
    return f"docker-image://{project.services[name].image}"


def _attested(service: Service, build: Values, where: Where) -> list[str]:
    """``provenance`` and ``sbom``: switched on or off, or, in docker's words, how."""
    words = []
    for key, option, known in (
        ("provenance", ["--provenance"], ("mode=min", "mode=max")),
        ("sbom", ["--sbom", "spdx"], ()),
    ):
        text = str(build.get(key) or "").lower()
        if text in {"true", "1", *known}:
            words += option
        elif text not in {"", "false", "0"}:
            hint = " or ".join(("true", "false", *known))
            raise _wrong(service, where, (key,), f"whit build can't do '{key}: {text[:60]}'", hint)
    return words


def _secret(project: Project, service: Service, one: object, where: Where, number: int) -> str:
    values = one if isinstance(one, dict) else {"source": str(one)}
    key = str(values["source"])
    target = str(values.get("target") or key)
    source = project.secrets.get(key) or {}
    if source.get("file"):
        return f"id={target},src={source['file']}"
    if source.get("environment"):
        return f"id={target},env={source['environment']}"
    raise _wrong(service, where, ("secrets", number), f"{key} has no source", "file: or environment:")


def _wrong(service: Service, where: Where, path: tuple[str | int, ...], text: str, hint: str) -> UsageError:
    key = ".".join(str(part) for part in path if isinstance(part, str))
    return UsageError(
        f"{where(('services', service.name, 'build', *path))}service {service.name}: build.{key}: {text}", hint=hint
    )
