"""``x-kubernetes``: what only Kubernetes needs to know of a service or a volume. Pure.

services: {web: {x-kubernetes: {kind: Deployment, writable: true, liveness: true, autoscale: {min: 2, max: 10, cpu: 70}}}}
services: {web: {x-kubernetes: {ingress: {host: shop.example.org, path: /, port: 80, class: nginx, tls: a-secret}, publish: node-port}}}
services: {web: {x-kubernetes: {service_account: reader, pull_secret: a-secret}}}
services: {migrate: {x-kubernetes: {init: true}}, backup: {x-kubernetes: {schedule: "0 3 * * *", concurrency: Forbid}}}
volumes: {data: {x-kubernetes: {size: 10Gi, class: fast, access: ReadWriteMany}}}
"""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.scaleout.kubernetes.model import Kind, Publish
from whit.runtime.scaleout.kubernetes.naming import is_host
from whit.runtime.scaleout.kubernetes.schedules import is_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.runtime.scaleout.kubernetes.model import Context

KEY = "x-kubernetes"
SIZE = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTPE]i|[kMGTPE])?", re.ASCII)
_ACCESS = ("ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany")
_CONCURRENCY = ("Allow", "Forbid", "Replace")
_FLAGS = ("init", "writable", "liveness")
_WORDS = ("kind", "schedule", "concurrency", "publish", "service_account", "pull_secret")
_MOST_PODS = 100_000
_PERCENT = 1000
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_PATH = re.compile(r"(?!.*(//|/\.\.?(/|$)))/[!-~]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Autoscale:
    """How many pods, by percents of the processor or memory that each has reserved; 0 is: doesn't count."""

    least: int
    most: int
    cpu: int
    memory: int


@dataclass(frozen=True, slots=True)
class Ingress:
    """What is asked for by HTTP from outside. Empty is: any host, the cluster's usual class, no TLS; port 0: the first one."""

    host: str = ""
    path: str = "/"
    port: int = 0
    class_name: str = ""
    tls: str = ""
    """The Secret with its certificate."""


@dataclass(frozen=True, slots=True)
class ServiceWishes:
    """Of a service. Empty texts are: not said."""

    kind: Kind | None = None
    init: bool = False
    writable: bool = False
    liveness: bool = False
    autoscale: Autoscale | None = None
    ingress: Ingress | None = None
    publish: Publish | None = None
    schedule: str = ""
    concurrency: str = ""
    service_account: str = ""
    pull_secret: str = ""


@dataclass(frozen=True, slots=True)
class VolumeWishes:
    """Of a volume."""

    size: str = ""
    storage_class: str = ""
    access: str = ""


def service_wishes(context: Context, name: str) -> ServiceWishes:
    """What a service's ``x-kubernetes`` says. Raises :class:`UsageError` with the place of what it can't say."""
    here = ("services", name, KEY)
    known = {*_WORDS, *_FLAGS, "autoscale", "ingress"}
    values = _mapping(context, here, context.project.services[name].values.get(KEY), known)
    _check_words(context, here, values)
    for key in _FLAGS:
        if not isinstance(values.get(key, False), bool):
            raise _wrong(context, (*here, key), values[key], "true or false")
    kind, publish, schedule = (str(values.get(key) or "") for key in ("kind", "publish", "schedule"))
    if kind and (kind == Kind.CRON) != bool(schedule):
        raise _wrong(
            context, (*here, "schedule"), schedule or "isn't said", "a CronJob has a schedule, and nothing else"
        )
    return ServiceWishes(
        kind=Kind.CRON if schedule else Kind(kind) if kind else None,
        init=bool(values.get("init")),
        writable=bool(values.get("writable")),
        liveness=bool(values.get("liveness")),
        autoscale=_autoscale(context, (*here, "autoscale"), values.get("autoscale")),
        ingress=_ingress(context, (*here, "ingress"), values.get("ingress")),
        publish=Publish(publish) if publish else None,
        schedule=schedule,
        concurrency=str(values.get("concurrency") or ""),
        service_account=str(values.get("service_account") or ""),
        pull_secret=str(values.get("pull_secret") or ""),
    )


def _check_words(context: Context, here: tuple[str, ...], values: Mapping[str, object]) -> None:
    checks: dict[str, tuple[Callable[[str], object], str]] = {
        "kind": ([str(one) for one in Kind].__contains__, ", ".join(Kind)),
        "publish": ([str(one) for one in Publish].__contains__, ", ".join(Publish)),
        "schedule": (is_schedule, "'0 3 * * *', or @daily"),
        "concurrency": (_CONCURRENCY.__contains__, ", ".join(_CONCURRENCY)),
        "service_account": (_NAME.fullmatch, "a ServiceAccount's name"),
        "pull_secret": (_NAME.fullmatch, "a Secret's name"),
    }
    _check(context, here, values, checks)
    if values.get("concurrency") and not values.get("schedule"):
        raise _wrong(context, (*here, "concurrency"), "nothing is run again", "say schedule, too")


def _ingress(context: Context, here: tuple[str, ...], value: object) -> Ingress | None:
    if value is None:
        return None
    values = _mapping(context, here, value, {"host", "path", "port", "class", "tls"})
    port = values.get("port", 0)
    if isinstance(port, bool) or not isinstance(port, int) or port < 0:
        raise _wrong(context, (*here, "port"), port, "the number of a port that the service listens at")
    checks: dict[str, tuple[Callable[[str], object], str]] = {
        "host": (lambda text: is_host(text.removeprefix("*.")), "shop.example.org, *.example.org"),
        "path": (_PATH.fullmatch, "a path that begins with '/'"),
        "class": (_NAME.fullmatch, "an IngressClass's name"),
        "tls": (_NAME.fullmatch, "the name of the Secret with the certificate"),
    }
    _check(context, here, values, checks)
    host, class_name, tls = (str(values.get(key) or "") for key in ("host", "class", "tls"))
    return Ingress(host, str(values.get("path") or "/"), port, class_name, tls)


def _check(
    context: Context,
    here: tuple[str, ...],
    values: Mapping[str, object],
    checks: Mapping[str, tuple[Callable[[str], object], str]],
) -> None:
    for word, (is_right, hint) in checks.items():
        if values.get(word) is not None and not is_right(str(values[word])):
            raise _wrong(context, (*here, word), values[word], hint)


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
    _check(context, here, values, checks)
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
