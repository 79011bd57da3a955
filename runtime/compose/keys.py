"""What is said of a project's keys before anything is made of it. Pure.

A key is honoured, refused by its name and place, or, where it has no effect here, told of once: never passed over. fates.py has the tables.
"""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.fates import HONOURED, ONLY, REFUSED, TOLD
from whit.runtime.compose.refreshing import policy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from whit.runtime.compose.project import Project, Service, Values

    Path = tuple[str | int, ...]
    Where = Callable[[Path], str]
    """A path in the configuration → ``FILE:LINE:COLUMN: ``, or nothing."""

_OFF: tuple[object, ...] = (None, False, "", [], {}, ())
_NAMED = ".*"


def check_keys(project: Project, services: tuple[str, ...], where: Where) -> tuple[str, ...]:
    """Notes for people; raises :class:`UnsupportedError` for the first key that can't be honoured."""
    notes: list[str] = []
    for name in services:
        service = project.services[name]
        notes += _walk("service", service.values, ("services", name), where)
        notes += _check_service(service, where)
    for kind, record in (("secrets", "secret"), ("configs", "config")):
        notes += _files(project, services, kind, record, where)
    for kind, record, known in (("networks", "network", project.networks), ("volumes", "volume", project.volumes)):
        for key, values in known.items():
            if not (values or {}).get("external"):
                notes += _walk(record, values or {}, (kind, key), where)
    for key, values in project.networks.items():
        if (values or {}).get("enable_ipv4") is False:
            raise refused(where, ("networks", key, "enable_ipv4"), "a network has IPv4 in any case")
    for kind, names in (("jobs", project.jobs), ("models", project.models)):
        notes += [_note(where, (kind, name), TOLD["project"][kind]) for name in names]
    return tuple(notes)


def refused(where: Where, path: Path, hint: str = "", value: str = "") -> UnsupportedError:
    """What is said of a key that can't be honoured."""
    what = f"{path[-1]}: {value}" if value else path[-1]
    return UnsupportedError(
        f"{where(path)}{dotted(path[:-1])}: whit can't do '{what}'", hint=hint or "take it out of the file"
    )


def dotted(path: Path) -> str:
    """A path as people read it: ``services.web.ports[0]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _note(where: Where, path: Path, text: str) -> str:
    return f"{where(path)}{dotted(path)} {text}"


def _walk(record: str, values: Values, path: Path, where: Where) -> Iterator[str]:
    """What is to be told of a record's keys, and of those below. Raises for the first that can't be honoured."""
    for key, value in values.items():
        at = (*path, key)
        if key.startswith("x-") or is_off(value):
            continue
        told = TOLD.get(record, {}).get(key)
        if told is not None:
            yield _note(where, at, told)
        elif key not in HONOURED[record]:
            raise refused(where, at, REFUSED.get(record, {}).get(key, ""))
        else:
            allowed, hint = ONLY.get((record, key), ((), ""))
            if allowed and value not in allowed:
                raise refused(where, at, hint, str(value))
            for name, entry, place in below(HONOURED, f"{record}.{key}", value, at):
                yield from _walk(name, entry, place, where)


def is_off(value: object) -> bool:
    """Whether a key says nothing; 0 says something."""
    return value in _OFF and not (isinstance(value, (int, float)) and not isinstance(value, bool))


def below(
    known: Container[str], record: str, value: object, at: Path
) -> Iterator[tuple[str, Mapping[str, object], Path]]:
    """The records below a key, as far as they are known: one, each of a list, or each by its name."""
    if record in known:
        entries: Iterator[tuple[Path, object]] = (
            ((*at, number), one) for number, one in enumerate(value)
        ) if isinstance(value, list) else iter([(at, value)])  # fmt: skip
    elif record + _NAMED in known and isinstance(value, dict):
        entries = (((*at, name), one) for name, one in value.items())
        record += _NAMED
    else:
        return
    for place, one in entries:
        if isinstance(one, dict):
            yield record, one, place


def _check_service(service: Service, where: Where) -> Iterator[str]:
    """What tables can't say."""
    values, path = service.values, ("services", service.name)
    try:
        policy_of(values)
    except UsageError as error:
        key = next(name for name in ("pull_refresh_after", "pull_policy") if values.get(name))
        raise UsageError(f"{where((*path, key))}service {service.name}: {error.message}", hint=error.hint) from None
    policy: Values = (values.get("deploy") or {}).get("restart_policy") or {}
    if policy.get("max_attempts") and policy.get("condition") != "on-failure":
        at = (*path, "deploy", "restart_policy", "max_attempts")
        yield _note(where, at, "counts for condition: on-failure; any is without end")


def _files(project: Project, services: tuple[str, ...], kind: str, record: str, where: Where) -> Iterator[str]:
    used = {key for name in services for what, key in project.services[name].files() if what == kind}
    known = project.secrets if kind == "secrets" else project.configs
    for key in sorted(used & set(known)):
        values = known[key] or {}
        if values.get("external"):
            hint = "file:, environment:" + (", content:" if kind == "configs" else "")
            raise refused(where, (kind, key, "external"), f"nobody keeps {kind} for all projects here: {hint}")
        yield from _walk(record, values, (kind, key), where)
