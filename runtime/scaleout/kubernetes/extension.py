"""``x-kubernetes``: what only Kubernetes needs to know of a service or a volume. Pure.

services: {web: {x-kubernetes: {kind: Deployment, writable: true, liveness: true, autoscale: {min: 2, max: 10, cpu: 70}}}}
services: {migrate: {x-kubernetes: {init: true}}}
volumes: {data: {x-kubernetes: {size: 10Gi, class: fast, access: ReadWriteMany}}}
"""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.scaleout.kubernetes.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.runtime.scaleout.kubernetes.model import Context

KEY = "x-kubernetes"
SIZE = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTPE]i|[kMGTPE])?", re.ASCII)
_ACCESS = ("ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany")
_FLAGS = ("init", "writable", "liveness")
_MOST_PODS = 100_000
_PERCENT = 1000
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Autoscale:
    """How many pods, by percents of the processor or memory that each has reserved; 0 is: doesn't count."""

    least: int
    most: int
    cpu: int
    memory: int


@dataclass(frozen=True, slots=True)
class ServiceWishes:
    """Of a service."""

    kind: Kind | None = None
    init: bool = False
    writable: bool = False
    liveness: bool = False
    autoscale: Autoscale | None = None


@dataclass(frozen=True, slots=True)
class VolumeWishes:
    """Of a volume."""

    size: str = ""
    storage_class: str = ""
    access: str = ""


def service_wishes(context: Context, name: str) -> ServiceWishes:
    """What a service's ``x-kubernetes`` says. Raises :class:`UsageError` with the place of what it can't say."""
    here = ("services", name, KEY)
    values = _mapping(context, here, context.project.services[name].values.get(KEY), {"kind", *_FLAGS, "autoscale"})
    kind = values.get("kind")
    if kind is not None and kind not in [str(one) for one in Kind]:
        raise _wrong(context, (*here, "kind"), kind, ", ".join(Kind))
    for key in _FLAGS:
        if not isinstance(values.get(key, False), bool):
            raise _wrong(context, (*here, key), values[key], "true or false")
    return ServiceWishes(
        kind=Kind(str(kind)) if kind else None,
        init=bool(values.get("init")),
        writable=bool(values.get("writable")),
        liveness=bool(values.get("liveness")),
        autoscale=_autoscale(context, (*here, "autoscale"), values.get("autoscale")),
    )


def _autoscale(context: Context, here: tuple[str, ...], value: object) -> Autoscale | None:
    if value is None:
        return None
    values = _mapping(context, here, value, {"min", "max", "cpu", "memory"})

    def number(key: str, usual: int, most: int) -> int:
        found = values.get(key, usual)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 < found <= most:
            if key not in values and not usual:
                return 0
            raise _wrong(context, (*here, key), found, f"a whole number from 1 to {most}")
        return found

    made = Autoscale(
        number("min", 1, _MOST_PODS),
        number("max", 1, _MOST_PODS),
        number("cpu", 0, _PERCENT),
        number("memory", 0, _PERCENT),
    )
    if made.most < made.least or "max" not in values:
        raise _wrong(context, (*here, "max"), values.get("max"), "a number that isn't below min")
    if not (made.cpu or made.memory):
        raise _wrong(context, here, "nothing to scale by", "cpu: 70, or memory: 80")
    return made


def volume_wishes(context: Context, key: str) -> VolumeWishes:
    """What a volume's ``x-kubernetes`` says. Raises :class:`UsageError`."""
    here = ("volumes", key, KEY)
    found = (context.project.volumes.get(key) or {}).get(KEY)
    values = _mapping(context, here, found, {"size", "class", "access"})
    checks: dict[str, tuple[Callable[[str], object], str]] = {
        "size": (SIZE.fullmatch, "10Gi"),
        "class": (_NAME.fullmatch, "a StorageClass's name"),
        "access": (_ACCESS.__contains__, ", ".join(_ACCESS)),
    }
    for word, (is_right, hint) in checks.items():
        if word in values and not is_right(str(values[word])):
            raise _wrong(context, (*here, word), values[word], hint)
    return VolumeWishes(*(str(values.get(word) or "") for word in checks))


def _mapping(context: Context, here: tuple[str, ...], value: object, known: set[str]) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(context, here, value, f"a mapping of {', '.join(sorted(known))}")
    for key in value:
        if key not in known:
            raise _wrong(context, (*here, str(key)), "there is no such key", ", ".join(sorted(known)))
    return value


def _wrong(context: Context, path: tuple[str, ...], value: object, hint: str) -> UsageError:
    return UsageError(f"{context.where(path)}{'.'.join(path)}: {str(value)[:60]}", hint=hint)
