"""A service → what is asked of the engine: the words of a launch, and the wishes of a container that is kept. Pure.

Both are what ``whit run -d`` makes of its options; so all that docs/engine.md says of those holds here too.
"""

from __future__ import annotations

import json
from functools import partial

from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.packer.support.times import duration
from whit.runtime.compose import powering
from whit.runtime.compose.mounting import mounts_of, secrets_of, volumes_from
from whit.runtime.compose.networking import networks_of, ports_of
from whit.runtime.compose.project import is_off
from whit.runtime.engine import asked
from whit.runtime.engine.creating import Wishes
from whit.runtime.engine.model import NO_LIMIT, MountKind
from whit.runtime.engine.mounting import AskedMount
from whit.runtime.engine.networks.hosts import parse_add_host
from whit.runtime.engine.networks.ports import parse_exposed
from whit.runtime.request import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from whit.runtime.compose.project import Project, Service, Values
    from whit.runtime.engine.model import LogOptions, Restart

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container is to be. ``names`` tells a service's first container; ``contents`` where a config's or secret's text is.

    ``kept`` are volumes without a name that it takes over, by their targets; ``free`` chooses a port of a range.
    """

    name: str
    number: int
    labels: tuple[tuple[str, str], ...]
    names: Callable[[str], str]
    contents: Mapping[tuple[str, str], str]
    kept: tuple[tuple[str, str], ...] = ()
    free: Callable[[range, int], int] = lambda ports, number: ports[(number - 1) % len(ports)]


def wishes_of(project: Project, service: Service, place: Place) -> tuple[Words, Wishes]:
    """What is asked for one of its containers. Raises :class:`WhitError`."""
    return _words(service), _wishes(project, service, place)


def _words(service: Service) -> Words:
    values = service.values
    limits: Values = ((values.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    entrypoint, command = values.get("entrypoint"), tuple(values.get("command") or ())
    first = None
    if entrypoint is not None:
        first, command = (entrypoint[0], (*entrypoint[1:], *command)) if entrypoint else ("", command)
    cpus = values.get("cpus") or limits.get("cpus")
    pids = values.get("pids_limit") or limits.get("pids")
    memory = values.get("mem_limit") or limits.get("memory")
    return Words(
        target=service.image,
        arguments=("--", *command) if command else (),
        entrypoint=first,
        env=_pairs((values.get("environment") or {}).items()),
        user=_text(values.get("user")),
        workdir=_text(values.get("working_dir")),
        hostname=_text(values.get("hostname")),
        memory=None if not memory else str(memory),
        cpus=None if not cpus else f"{float(cpus):g}",
        pids_limit=None if not pids else "max" if int(pids) < 0 else str(pids),
        ulimit=tuple(f"{name}={_limit(value)}" for name, value in (values.get("ulimits") or {}).items()),
        cap_add=tuple(values.get("cap_add") or ()),
        init=bool(values.get("init")),
        sandbox=_text(values.get("x-sandbox")),
        platform=_text(values.get("platform")),
    )


def _text(value: object) -> str | None:
    return None if value in {None, ""} else str(value)


def _pairs(items: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """``NAME=VALUE``; what has no value, and none where the file was read, isn't set."""
    return tuple(f"{name}={value}" for name, value in items if value is not None)


def _limit(value: object) -> str:
    if isinstance(value, dict):
        return f"{value.get('soft', value.get('hard'))}:{value.get('hard', value.get('soft'))}"
    return str(value)


def _wishes(project: Project, service: Service, place: Place) -> Wishes:
    from whit.packer.support.signals import parse_signal  # noqa: PLC0415 - few name one

    values = service.values
    mode, networks = networks_of(project, service, place.names)
    signal = _text(values.get("stop_signal"))
    return Wishes(
        name=place.name,
        restart=_restart(values),
        stop_signal=parse_signal(signal) if signal else None,
        stop_seconds=grace_of(service),
        interactive=bool(values.get("stdin_open")),
        terminal=bool(values.get("tty")),
        network=mode,
        networks=networks,
        ports=ports_of(service, place.number, place.free) if networks else (),
        exposed=tuple(port for text in values.get("expose") or () for port in parse_exposed(str(text))),
        hosts=tuple(map(parse_add_host, _hosts(values.get("extra_hosts")))),
        dns=tuple(values.get("dns") or ()),
        dns_search=tuple(values.get("dns_search") or ()),
        dns_options=tuple(values.get("dns_opt") or ()),
        labels=(*((key, str(value)) for key, value in (values.get("labels") or {}).items()), *place.labels),
        mounts=_mounts(project, service, place),
        volumes_from=volumes_from(service, place.names),
        secrets=secrets_of(service, place.contents),
        health=health_of(values.get("healthcheck") or {}),
        log=log_of(values.get("logging") or {}),
        read_only=True if values.get("read_only") else None,
        size=asked.parse_storage(_pairs((values.get("storage_opt") or {}).items())),
        powers=partial(powering.powers_of, values, place.names) if powering.is_asked(values) else None,
        profiles=powering.profiles_of(values, project.directory),
    )


def _mounts(project: Project, service: Service, place: Place) -> tuple[AskedMount, ...]:
    """What the service mounts, on volumes without a name that the container before had where there are any."""
    kept = dict(place.kept)
    asked = tuple(
        replace(one, source=kept[one.target])
        if one.kind is MountKind.VOLUME and not one.source and one.target in kept
        else one
        for one in mounts_of(project, service)
    )
    targets = {one.target for one in asked}
    more = (AskedMount(MountKind.VOLUME, name, target) for target, name in place.kept if target not in targets)
    return (*asked, *more)


def _hosts(value: object) -> list[str]:
    """In either form: a list of ``NAME=ADDRESS``, or NAME → addresses."""
    if isinstance(value, dict):
        return [f"{name}={one}" for name, many in value.items() for one in (many if isinstance(many, list) else [many])]
    return [str(one) for one in value] if isinstance(value, list) else []


def _restart(values: Values) -> Restart:
    policy: Values = (values.get("deploy") or {}).get("restart_policy") or {}
    if not policy:
        return asked.parse_restart(str(values.get("restart") or "no"))
    word = {"none": "no", "on-failure": "on-failure", "any": "always"}.get(
        str(policy.get("condition") or "any"), "always"
    )
    most = policy.get("max_attempts")
    return asked.parse_restart(f"{word}:{most}" if most and word == "on-failure" else word)


def log_of(values: Values) -> LogOptions:
    """``logging``. Raises :class:`UsageError`."""
    return asked.parse_log(values.get("driver") or None, _pairs((values.get("options") or {}).items()))


def grace_of(service: Service) -> int:
    """Seconds that a container may take to stop."""
    text = _text(service.values.get("stop_grace_period"))
    if text is None:
        return 10
    time = duration(text)
    return NO_LIMIT if time < 0 else -(-time // SECOND)


def health_of(check: Values) -> asked.HealthWords:
    """A ``healthcheck``, as the engine reads one. ``x-http`` and ``x-tcp`` are whit's own: probes that need no program in the image."""
    if is_off(check):
        return asked.HealthWords(off=True) if check else asked.HealthWords()
    test = list(check.get("test") or ())
    words = ["/bin/sh", "-c", *test[1:]] if test[:1] == ["CMD-SHELL"] else test[1:] if test[:1] == ["CMD"] else test
    return asked.HealthWords(
        cmd=json.dumps(words) if words else None,
        http=_text(check.get("x-http")),
        tcp=_text(check.get("x-tcp")),
        interval=_text(check.get("interval")),
        timeout=_text(check.get("timeout")),
        start_period=_text(check.get("start_period")),
        start_interval=_text(check.get("start_interval")),
        retries=None if check.get("retries") is None else int(check["retries"]),
    )
